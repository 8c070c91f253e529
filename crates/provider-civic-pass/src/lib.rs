//! The Civic Pass plug-in: requests for a user's information, over both generations of the partner
//! API.
//!
//! The user's browser runs Civic's widget and brings back the name of a request; Civic is then looked
//! at. Everything that judges what browser and Civic say is a pure function of bytes: [`reference`]
//! (what a browser brings back), [`answer`] (what a look shows), [`fields`] (what is offered, in our
//! words), [`words`] (what a status means), [`subject`] (whom a request is about),
//! [`links`] (where evidence lies) and [`prepare`] (a caller's wish). [`CivicPass`] asks, authorised by
//! [`access`] tokens or [`partner_jwt`]s. [`Settings`] is what an operator says about an account.

mod access;
pub mod answer;
pub mod fields;
pub mod links;
mod partner_jwt;
mod plugin;
pub mod prepare;
pub mod reference;
mod refusal;
mod settings;
pub mod subject;
pub mod words;

pub use plugin::{CivicPass, PROVIDER};
pub use settings::{Generation, OauthClient, Partner, Settings, SettingsFault};
