//! The Civic SIP plug-in: authorization codes that a user's browser brings back, exchanged for what the
//! user has granted.
//!
//! The user's browser runs Civic's script, which gives the page a code in a token; the code is given to
//! Civic, once, for the user's data. Everything that judges what browser and Civic say is a pure function
//! of bytes, keys and time: [`token`] (whether a token is Civic's and for us), [`code`] (what a browser
//! brings back), [`answer`] (what an exchange gives), [`payload`] (what is sealed in it), [`fields`] and
//! [`scope`] (what is offered, and in which sets), [`subject`] (whom a verification is about) and
//! [`prepare`] (a caller's wish). [`CivicSip`] exchanges codes, each time authorised by a fresh token of
//! its own ([`order`]). [`Settings`] is what an operator says about an application.

pub mod answer;
pub mod code;
pub mod fields;
#[cfg(test)]
mod forge;
pub mod order;
pub mod payload;
mod plugin;
pub mod prepare;
mod refusal;
pub mod scope;
mod settings;
pub mod subject;
pub mod token;

pub use plugin::{CivicSip, PROVIDER};
pub use settings::{Environment, HttpClients, PinnedKeySetting, Settings, SettingsFault};
