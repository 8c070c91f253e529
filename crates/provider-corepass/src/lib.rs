//! The CorePass Connector plug-in: KYC transfer over the Connector's API v1.
//!
//! Everything that judges what the connector says is a pure function of bytes, keys and time:
//! [`ican`] (Core IDs), [`fields`] (the 46 fields), [`wire`] (bodies as they came), [`signature`]
//! (who signed them), [`timeline`] (what a status means).

pub mod fields;
pub mod ican;
pub mod signature;
pub mod timeline;
pub mod wire;
