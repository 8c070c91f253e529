//! What the scripted user does, and what goes wrong on the way.
//!
//! A scenario is plain data, given by names, by JSON, or both: faults compose freely. Which way a
//! shuffle or a chance falls comes from the sandbox's seed. A user can have a scenario of their own,
//! which then counts instead of the sandbox's.

mod answers;
mod course;
mod faults;
mod named;
mod planted;
mod signing;

use serde::{Deserialize, Serialize};

pub use answers::{AnswerFault, AnswerTrouble, Endpoint};
pub(crate) use course::Next;
pub use course::{Course, Notice, Stage};
pub use faults::{CallbackFault, CallbackTrouble, Faults, Forgery};
pub use named::NamedScenario;
pub(crate) use named::named;
pub use planted::Planted;
pub use signing::{Digest, Encoding, Scheme, Signing};

use crate::status::Status;

/// What the end user does with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "does", deny_unknown_fields)]
pub enum UserBehaviour {
    /// What the user's own role says.
    #[default]
    AsScripted,
    /// Accepts one step after the request.
    Accept,
    /// Leaves the QR code unscanned until it lapses.
    Ignore,
    /// Accepts after a while; never, if the QR code lapses first.
    AcceptAfter {
        /// How long, in seconds of the sandbox's clock.
        seconds: u64,
    },
}

/// How a data callback is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataShape {
    /// One JSON body.
    Json,
    /// `multipart/form-data` with a part for each member; `infos` holds JSON. What the
    /// documentation's text says.
    #[default]
    MultipartMembers,
    /// `multipart/form-data` with one part that holds the whole JSON.
    MultipartWhole,
}

/// What a retried callback looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetrySigning {
    /// Signed again, with a deadline of three minutes from then.
    #[default]
    Anew,
    /// The first attempt's bytes, whose deadline may have passed.
    Verbatim,
}

/// When `FINISH_SUCCESS` comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    /// Once the data callback was answered 200, or its last retry was not.
    #[default]
    AfterDelivery,
    /// After the first try of the data callback, whatever was answered.
    AfterFirstTry,
}

/// All of it together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Scenario {
    /// What the user does.
    pub user: UserBehaviour,
    /// How the transfer goes on after that.
    pub course: Course,
    /// What goes wrong with callbacks.
    pub faults: Faults,
    /// What goes wrong with the connector's own endpoints.
    pub answers: Vec<AnswerFault>,
    /// The fields that data callbacks lack, although they were asked for.
    pub data_lacks: Vec<String>,
    /// The fields that data callbacks hold besides, although nobody asked for them.
    pub data_adds: Vec<String>,
    /// How data and failure callbacks are written.
    pub data_shape: DataShape,
    /// The `Content-Type` of data and failure callbacks that are one JSON body; `application/json`
    /// if left out, none if empty.
    pub json_content_type: Option<String>,
    /// How callbacks are signed.
    pub signing: Signing,
    /// From which status of a request on its callbacks are signed with the connector's next keys.
    pub rotate_at: Option<Status>,
    /// What retried callbacks look like.
    pub retry_signing: RetrySigning,
    /// When the request finishes.
    pub finish: Finish,
    /// What others have asked of the user for the same items before the first request.
    pub planted: Vec<Planted>,
    /// Of what the user's role has verified, only these count: fields, or documents such as
    /// `Passport`. Everything if left out.
    pub verified_only: Option<Vec<String>>,
    /// Whether the connector has `/api/v1/blockchain/valid`.
    pub has_valid: bool,
    /// The fields that `/api/v1/blockchain/valid` calls no longer valid, whatever it is shown.
    pub revoked: Vec<String>,
}

impl Scenario {
    /// Whether a field that the user's role has verified counts as verified.
    pub(crate) fn lets_verify(&self, field: &str) -> bool {
        let Some(only) = &self.verified_only else {
            return true;
        };
        only.iter().any(|name| {
            name == field
                || crate::fields::split(field).is_some_and(|(document, _)| name == document)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_may_leave_out_what_is_usual_but_not_invent_members() {
        let text =
            r#"{"user":{"does":"accept-after","seconds":9},"faults":{"forge":["tampered"]}}"#;
        let scenario: Scenario = serde_json::from_str(text).unwrap();
        assert_eq!(scenario.user, UserBehaviour::AcceptAfter { seconds: 9 });
        assert_eq!(scenario.faults.forge, [Forgery::Tampered]);
        assert!(serde_json::from_str::<Scenario>(r#"{"fault":{}}"#).is_err());
        assert!(serde_json::from_str::<Scenario>(r#"{"faults":{"dupes":1}}"#).is_err());
    }
}
