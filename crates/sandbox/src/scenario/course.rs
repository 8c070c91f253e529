//! How a transfer goes on once the user has accepted: well, not at all, or to one of its failures.

use serde::{Deserialize, Serialize};

use crate::status::Status;

/// How a transfer goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    tag = "ends",
    deny_unknown_fields
)]
pub enum Course {
    /// The data is delivered, and `FINISH_SUCCESS` ends it.
    #[default]
    Well,
    /// It comes to a status and no further. From `INITIATE_SUBMITTED` on, that is a request which
    /// is "ongoing" without end.
    Stalled {
        /// The last one.
        at: Status,
    },
    /// It fails.
    Failed {
        /// Where.
        at: Stage,
        /// What the failure callback says.
        #[serde(default)]
        notice: Notice,
        /// Whether the failure callback goes out before the status callback, not after it.
        #[serde(default)]
        notice_first: bool,
        /// Whether no `FINISH_FAILED` follows, so that the request is "ongoing" without end.
        #[serde(default)]
        unfinished: bool,
    },
}

/// Where a transfer fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// `INITIATED_FAILED` in place of `INITIATED`.
    Initiation,
    /// `VALIDITY_FAILED` in place of `VALIDITY_SUCCEED`.
    Validity,
    /// `CONFIRM_FAILED` in place of `CONFIRMED`.
    Confirmation,
    /// The same, spelt `CONFIRMED_FAILED`.
    ConfirmationSpeltOtherwise,
    /// `FINISH_FAILED` in place of the data.
    FinishWithoutData,
    /// `FINISH_FAILED` a step before the data.
    FinishBeforeData,
    /// `FINISH_FAILED` in place of `FINISH_SUCCESS`, once the data was delivered.
    FinishAfterData,
}

/// What a failure callback says as its error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// The status.
    #[default]
    Status,
    /// A text.
    Text(String),
    /// Nothing: there is no failure callback.
    None,
}

/// What comes one step after a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another status.
    Status(Status),
    /// The data callback.
    Data,
}

impl Course {
    /// What comes one step after `status` by itself.
    pub(crate) fn next(&self, status: Status) -> Option<Next> {
        let (stage, unfinished) = match self {
            Self::Well => (None, false),
            Self::Stalled { at } if *at == status => return None,
            Self::Stalled { .. } => (None, false),
            Self::Failed { at, unfinished, .. } => (Some(*at), *unfinished),
        };
        let failed = match (stage, status) {
            (Some(Stage::Initiation), Status::InitiateSubmitted) => Some(Status::InitiatedFailed),
            (Some(Stage::Validity), Status::ValidityCheck) => Some(Status::ValidityFailed),
            (Some(Stage::Confirmation), Status::ConfirmSubmitted) => Some(Status::ConfirmFailed),
            (Some(Stage::ConfirmationSpeltOtherwise), Status::ConfirmSubmitted) => {
                Some(Status::ConfirmedFailed)
            }
            (Some(Stage::FinishWithoutData | Stage::FinishBeforeData), Status::Confirmed) => {
                Some(Status::FinishFailed)
            }
            _ => None,
        };
        if let Some(failed) = failed {
            return Some(Next::Status(failed));
        }
        match status {
            Status::InitiatedFailed
            | Status::ValidityFailed
            | Status::ConfirmFailed
            | Status::ConfirmedFailed => {
                (!unfinished).then_some(Next::Status(Status::FinishFailed))
            }
            Status::FinishFailed => (stage == Some(Stage::FinishBeforeData)).then_some(Next::Data),
            Status::Confirmed => Some(Next::Data),
            other => other.next().map(Next::Status),
        }
    }

    /// What ends it once the data was delivered or given up, if anything does.
    pub(crate) fn end(&self, newest: Status) -> Option<Status> {
        match self {
            Self::Stalled { at } if *at == newest => None,
            Self::Failed {
                at: Stage::FinishAfterData,
                ..
            } => Some(Status::FinishFailed),
            _ => Some(Status::FinishSuccess),
        }
    }

    /// What the failure callback that goes with a status says, and whether it goes first.
    pub(crate) fn notice(&self, status: Status) -> Option<(String, bool)> {
        let Self::Failed {
            at,
            notice,
            notice_first,
            ..
        } = self
        else {
            return None;
        };
        let is_the_failure = match status {
            Status::InitiatedFailed
            | Status::ValidityFailed
            | Status::ConfirmFailed
            | Status::ConfirmedFailed => true,
            Status::FinishFailed => {
                matches!(at, Stage::FinishWithoutData | Stage::FinishAfterData)
            }
            _ => false,
        };
        let text = match notice {
            Notice::Status => status.as_str().to_owned(),
            Notice::Text(text) => text.clone(),
            Notice::None => return None,
        };
        is_the_failure.then_some((text, *notice_first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(at: Stage) -> Course {
        Course::Failed {
            at,
            notice: Notice::Status,
            notice_first: false,
            unfinished: false,
        }
    }

    fn way(course: &Course) -> Vec<&'static str> {
        let mut words = vec!["ACCEPTED"];
        let mut status = Status::Accepted;
        loop {
            match course.next(status) {
                Some(Next::Status(next)) => {
                    words.push(next.as_str());
                    status = next;
                }
                Some(Next::Data) => {
                    words.push("(data)");
                    return words;
                }
                None => return words,
            }
        }
    }

    #[test]
    fn each_stage_fails_with_its_status_and_then_finishes() {
        for (stage, end) in [
            (
                Stage::Initiation,
                "INITIATE_SUBMITTED INITIATED_FAILED FINISH_FAILED",
            ),
            (
                Stage::Validity,
                "VALIDITY_CHECK VALIDITY_FAILED FINISH_FAILED",
            ),
            (
                Stage::Confirmation,
                "CONFIRM_SUBMITTED CONFIRM_FAILED FINISH_FAILED",
            ),
            (
                Stage::ConfirmationSpeltOtherwise,
                "CONFIRM_SUBMITTED CONFIRMED_FAILED FINISH_FAILED",
            ),
            (
                Stage::FinishWithoutData,
                "CONFIRM_SUBMITTED CONFIRMED FINISH_FAILED",
            ),
            (Stage::FinishBeforeData, "CONFIRMED FINISH_FAILED (data)"),
            (Stage::FinishAfterData, "CONFIRM_SUBMITTED CONFIRMED (data)"),
        ] {
            let way = way(&failed(stage)).join(" ");
            assert!(way.ends_with(end), "{way}");
        }
        assert_eq!(
            failed(Stage::FinishAfterData).end(Status::CallbackSucceed),
            Some(Status::FinishFailed)
        );
    }

    #[test]
    fn a_stalled_one_goes_no_further_than_it_is_told_to() {
        let stalled = |at| way(&Course::Stalled { at }).last().copied();
        assert_eq!(
            stalled(Status::InitiateSubmitted),
            Some("INITIATE_SUBMITTED")
        );
        assert_eq!(stalled(Status::Confirmed), Some("CONFIRMED"));
        let course = Course::Stalled {
            at: Status::CallbackSucceed,
        };
        assert_eq!(course.end(Status::CallbackSucceed), None);
    }

    #[test]
    fn a_failure_says_its_status_its_text_or_nothing() {
        assert_eq!(
            failed(Stage::Validity).notice(Status::ValidityFailed),
            Some(("VALIDITY_FAILED".to_owned(), false))
        );
        assert_eq!(failed(Stage::Validity).notice(Status::FinishFailed), None);
        assert_eq!(
            failed(Stage::FinishBeforeData).notice(Status::FinishFailed),
            None
        );
        assert!(
            failed(Stage::FinishAfterData)
                .notice(Status::FinishFailed)
                .is_some()
        );
        let silent = Course::Failed {
            at: Stage::Initiation,
            notice: Notice::None,
            notice_first: false,
            unfinished: true,
        };
        assert_eq!(silent.notice(Status::InitiatedFailed), None);
        assert_eq!(silent.next(Status::InitiatedFailed), None);
    }
}
