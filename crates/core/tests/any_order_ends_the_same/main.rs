//! Whatever order a provider's news of the attempts comes in, and however often, the verification
//! ends the same: state, reason, claims, warnings, the provider's status, and timers.
//!
//! The news is that of a CorePass transfer: its sixteen statuses, the data, a failure report. What
//! must come out is computed apart from the code under test, from the provider's state table.

#[cfg(test)]
mod calling_off;
#[cfg(test)]
mod keeper;
#[cfg(test)]
mod model;
#[cfg(test)]
mod news;
#[cfg(test)]
mod order;
#[cfg(test)]
mod retrying;
#[cfg(test)]
mod running_out;
