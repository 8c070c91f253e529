//! What can be read, each within one short transaction of a connection that is lent.

pub(crate) mod claims;
pub(crate) mod events;
pub(crate) mod jobs;
pub(crate) mod list;
pub(crate) mod slots;
pub(crate) mod verification;
