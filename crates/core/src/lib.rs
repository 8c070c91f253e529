//! The domain of Verilane, pure: what a verification is, how it moves, and what is said about it.
//!
//! Nothing here does I/O but the clock, which waits. Every other crate points here, and this one
//! points nowhere.

pub mod clock;
mod pii;
mod timestamp;

pub use clock::{Clock, SharedClock};
pub use pii::Pii;
pub use timestamp::Timestamp;
