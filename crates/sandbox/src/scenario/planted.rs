//! Requests that others made before: another system on the same connector, or an earlier month.

use serde::{Deserialize, Serialize};

use crate::status::Status;

/// A request that somebody else made of the same user for the same items. Its callbacks go to them:
/// the sandbox sends none. It stands in the slot, and in what `status` and `all-statuses` answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Planted {
    /// How long ago it was made, in seconds of the sandbox's clock. Its statuses came a second
    /// after each other.
    pub seconds_ago: u64,
    /// How long its QR code lives from then on, in seconds.
    #[serde(default = "ten_minutes")]
    pub lifetime: u64,
    /// How far it has come. `PENDING` and `ACCEPTED` hold the slot while the QR code lives, what
    /// follows `INITIATE_SUBMITTED` holds it for ever, and `FINISH_SUCCESS` and `FINISH_FAILED`
    /// leave it.
    pub status: Status,
}

const fn ten_minutes() -> u64 {
    600
}

impl Planted {
    /// Its statuses, oldest first: the shortest way to where it has come.
    pub(crate) fn statuses(&self) -> Vec<Status> {
        let to = match self.status {
            Status::InitiatedFailed => Some(Status::InitiateSubmitted),
            Status::ValidityFailed => Some(Status::ValidityCheck),
            Status::ConfirmFailed | Status::ConfirmedFailed => Some(Status::ConfirmSubmitted),
            Status::CallbackSucceed
            | Status::CallbackFailed
            | Status::FinishSuccess
            | Status::FinishFailed => Some(Status::Confirmed),
            _ => None,
        };
        let mut way = vec![Status::Pending];
        if self.status == Status::Pending {
            return way;
        }
        let mut next = Some(Status::Accepted);
        while let Some(status) = next {
            way.push(status);
            if Some(status) == to || status == self.status {
                break;
            }
            next = status.next();
        }
        if to.is_some() {
            if self.status == Status::FinishSuccess {
                way.push(Status::CallbackSucceed);
            }
            way.push(self.status);
        }
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(status: Status) -> String {
        let planted = Planted {
            seconds_ago: 0,
            lifetime: 600,
            status,
        };
        let words: Vec<_> = planted.statuses().into_iter().map(Status::as_str).collect();
        words.join(" ")
    }

    #[test]
    fn the_way_to_a_status_is_the_documented_one() {
        assert_eq!(words(Status::Pending), "PENDING");
        assert_eq!(
            words(Status::InitiateSubmitted),
            "PENDING ACCEPTED INITIATE_SUBMITTED"
        );
        assert_eq!(
            words(Status::InitiatedFailed),
            "PENDING ACCEPTED INITIATE_SUBMITTED INITIATED_FAILED"
        );
        assert!(
            words(Status::FinishSuccess).ends_with("CONFIRMED CALLBACK_SUCCEED FINISH_SUCCESS")
        );
        assert!(words(Status::FinishFailed).ends_with("CONFIRMED FINISH_FAILED"));
    }
}
