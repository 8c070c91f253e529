//! What goes wrong with an upstream's own endpoints.

use serde::{Deserialize, Serialize};

/// An endpoint of the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// `/api/v1/blockchain/verified`
    Verified,
    /// `/api/v1/blockchain/valid`
    Valid,
    /// `/api/v1/kyc/qrcode`
    Qrcode,
    /// `/api/v1/kyc/status`
    Status,
    /// `/api/v1/kyc/all-statuses`
    AllStatuses,
}

impl Endpoint {
    /// The endpoint at a path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path {
            "/api/v1/blockchain/verified" => Some(Self::Verified),
            "/api/v1/blockchain/valid" => Some(Self::Valid),
            "/api/v1/kyc/qrcode" => Some(Self::Qrcode),
            "/api/v1/kyc/status" => Some(Self::Status),
            "/api/v1/kyc/all-statuses" => Some(Self::AllStatuses),
            _ => None,
        }
    }
}

/// Something that happens to some calls of an upstream. Calls are counted for each rule and whom
/// they are about (a user of the connector, a request of Civic Pass). The first rule that applies
/// decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AnswerFault<E = Endpoint> {
    /// What happens.
    pub does: AnswerTrouble,
    /// Only at this endpoint.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<E>,
    /// So many calls are answered well first.
    #[serde(default)]
    pub skip: u32,
    /// To so many calls; to all that follow if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Of these, only to one in so many, drawn from the seed; to all if 0 or 1.
    #[serde(default)]
    pub one_in: u32,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum AnswerTrouble {
    /// It is answered with an HTTP status such as 429, 500 or 504.
    Http {
        /// The status.
        code: u16,
        /// The `Retry-After` header, seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        /// The body.
        #[serde(default)]
        text: String,
        /// Whether the call takes effect all the same.
        #[serde(default)]
        handled: bool,
    },
    /// It is answered after a while.
    Slow {
        /// Milliseconds of real time.
        millis: u64,
    },
    /// It is answered in ten pieces.
    Dripping {
        /// Milliseconds of real time between them.
        millis: u64,
    },
    /// It takes effect and is never answered.
    Silent,
    /// It takes effect, and the connection breaks when half of the answer is sent.
    Half,
    /// The connection breaks before the call takes effect.
    CutBefore,
    /// The connection breaks after the call has taken effect.
    CutAfter,
    /// The upstream goes down before the call takes effect.
    DiesBefore {
        /// For how many seconds of the sandbox's clock; until told to come up again if left out.
        #[serde(default)]
        seconds: Option<u64>,
    },
    /// The upstream goes down after the call has taken effect.
    DiesAfter {
        /// For how many seconds of the sandbox's clock; until told to come up again if left out.
        #[serde(default)]
        seconds: Option<u64>,
    },
}

impl AnswerTrouble {
    /// It is answered with an HTTP status, and nothing else happens.
    #[must_use]
    pub const fn http(code: u16) -> Self {
        Self::Http {
            code,
            retry_after: None,
            text: String::new(),
            handled: false,
        }
    }
}

impl<E> AnswerFault<E> {
    /// It happens to every call.
    #[must_use]
    pub const fn always(does: AnswerTrouble) -> Self {
        Self {
            does,
            endpoint: None,
            skip: 0,
            times: None,
            one_in: 1,
        }
    }

    /// Whether it concerns the `nth` call (1, 2, …) of those at its endpoint. Chance aside.
    pub(crate) const fn is_for(&self, nth: u32) -> bool {
        let past = nth.saturating_sub(self.skip);
        past > 0
            && match self.times {
                Some(times) => past <= times,
                None => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_skips_some_calls_and_ends_after_its_number() {
        let rule: AnswerFault<Endpoint> =
            serde_json::from_str(r#"{"does":{"http":{"code":500}},"skip":1,"times":2}"#).unwrap();
        let hit: Vec<u32> = (1..=6).filter(|nth| rule.is_for(*nth)).collect();
        assert_eq!(hit, [2, 3]);
        let rule: AnswerFault<Endpoint> = serde_json::from_str(r#"{"does":"cut-after"}"#).unwrap();
        assert!((1..=6).all(|nth| rule.is_for(nth)));
    }
}
