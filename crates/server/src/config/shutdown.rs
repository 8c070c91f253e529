//! `[shutdown]`: how long the end may take.

use std::time::Duration;

use super::section::{Asked, Section};

/// The end of the process.
#[derive(Clone, Copy, Debug)]
pub struct Shutdown {
    /// From the signal to the end, whatever is still going on.
    pub deadline: Duration,
}

impl Shutdown {
    /// Reads the section.
    pub fn read(mut section: Section<'_>) -> (Option<Self>, Asked) {
        let deadline = section.within(
            "deadline",
            Duration::from_secs(1)..=Duration::from_secs(3_600),
        );
        let asked = section.finish();
        (deadline.map(|deadline| Self { deadline }), asked)
    }
}
