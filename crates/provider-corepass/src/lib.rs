//! The CorePass Connector plug-in: KYC transfer over the Connector's API v1.
//!
//! Everything that judges what the connector says is a pure function of bytes, keys and time:
//! [`ican`] (Core IDs), [`fields`] (the 46 fields), [`wire`] (bodies as they came), [`signature`]
//! (who signed them), [`timeline`] (what a status means), [`report`] (when two reports are one and
//! the same), [`attempt`] (which attempt is meant), and [`callback`], which puts these together, as
//! [`history`] does for what is pulled. [`prepare`] turns a wish into a request, and [`CorePass`]
//! sends it. [`Settings`] is what an operator says about a connector.

pub mod attempt;
pub mod callback;
pub mod fields;
pub mod history;
pub mod ican;
mod plugin;
pub mod prepare;
mod qr;
mod refusal;
pub mod report;
mod settings;
pub mod signature;
pub mod timeline;
pub mod wire;

pub use plugin::{CorePass, PROVIDER};
pub use settings::{KeyUse, PinnedKeySetting, Settings, SettingsFault};
