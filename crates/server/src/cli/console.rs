//! What people read: lines on stdout. Logs go to stderr, and are not made here.
//!
//! A reader that goes away (`verilane watch | head`) is no fault: the writer learns of it as an
//! error of its own kind and stops.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line, and sees to it that it arrives.
pub fn line(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints a complaint.
pub fn complain(text: impl Display) {
    // There is nobody left to tell that this failed.
    let _ = writeln!(io::stderr().lock(), "verilane: {text}");
}

/// Whether an error means that the reader has gone.
pub fn reader_gone(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
