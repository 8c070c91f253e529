//! Between wire and domain. What comes in is checked here as far as it can be without knowing what
//! is stored or who the provider is; what goes out is written here alone.

pub(crate) mod admin;
pub(crate) mod asking;
pub(crate) mod claims;
pub(crate) mod connection;
pub(crate) mod create;
pub(crate) mod event;
pub(crate) mod evidence;
mod identity_assurance;
pub(crate) mod query;
pub(crate) mod review;
pub(crate) mod subject;
pub(crate) mod verification;
pub(crate) mod violations;
pub(crate) mod watch;
pub(crate) mod words;
