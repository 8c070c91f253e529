//! What the connector answers to requests, and the plain sentences with which it refuses them.
//!
//! Answers are read tolerantly: members that are not documented are passed over. What is missing
//! or of another type makes an answer unusable.

use serde::Deserialize;
use serde_json::Value;
use verilane_core::Reason;
use verilane_provider::Revalidated;

/// Answer of `POST /api/v1/blockchain/verified`. Either list is absent when empty.
#[derive(Debug, Deserialize)]
pub struct VerifiedAnswer {
    /// Names of fields that the user has verified.
    #[serde(rename = "verifiedItems")]
    pub verified: Option<Vec<String>>,
    /// Names of fields that he has not.
    #[serde(rename = "unVerifiedItems")]
    pub unverified: Option<Vec<String>>,
}

/// Answer of `POST /api/v1/kyc/all-statuses`. The list is absent or null when empty.
#[derive(Deserialize)]
pub struct HistoryAnswer {
    /// What the connector has noted of this user and these items in the last month, newest first; each
    /// entry a [`NotedStatus`], or something odd that says nothing about the others.
    #[serde(rename = "AllStatuses")]
    pub statuses: Option<Vec<Value>>,
}

/// One status that the connector has noted.
#[derive(Deserialize)]
pub struct NotedStatus {
    /// The status word.
    pub status: String,
    /// When the connector noted it, Unix seconds.
    pub created_at: i64,
    /// The transaction on the chain that belongs to the status. Nothing depends on it.
    #[serde(default)]
    pub tx_hash: Value,
}

/// Answer of `POST /api/v1/kyc/qrcode`.
#[derive(Deserialize)]
pub struct QrAnswer {
    /// The code as a picture in base64. Absent if the first request asked for none. Nothing depends on
    /// it, so it may be anything.
    pub qrcode: Option<Value>,
    /// The link that the code holds.
    pub link: String,
    /// When the user's time to accept ends, Unix seconds.
    pub expiration: i64,
    /// Whether the connector held this request before.
    #[serde(rename = "alreadySent", default)]
    pub already_sent: bool,
}

/// Answer of `POST /api/v1/blockchain/valid`. Either list is absent when empty.
#[derive(Debug, Deserialize)]
pub struct ValidAnswer {
    /// What holds.
    pub valids: Option<Vec<CheckedField>>,
    /// What does not hold.
    #[serde(rename = "unValids")]
    pub invalids: Option<Vec<CheckedField>>,
}

/// A field that was checked: by its name, or as it was asked about.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum CheckedField {
    /// Its name.
    Name(String),
    /// An object with its name.
    Info {
        /// Its name.
        field: String,
    },
}

impl ValidAnswer {
    /// What the answer says of which field; nothing if it says nothing at all.
    #[must_use]
    pub fn fields(self) -> Option<Revalidated> {
        if self.valids.is_none() && self.invalids.is_none() {
            return None;
        }
        let names = |fields: Option<Vec<CheckedField>>| {
            let fields = fields.unwrap_or_default().into_iter();
            fields.map(|field| match field {
                CheckedField::Name(field) | CheckedField::Info { field } => field,
            })
        };
        Some(Revalidated {
            valid: names(self.valids).collect(),
            invalid: names(self.invalids).collect(),
        })
    }
}

impl VerifiedAnswer {
    /// The fields that the user holds: those named as verified, and not as unverified too. Nothing
    /// if the answer says nothing at all.
    #[must_use]
    pub fn held(self) -> Option<Vec<String>> {
        if self.verified.is_none() && self.unverified.is_none() {
            return None;
        }
        let unverified = self.unverified.unwrap_or_default();
        let mut held = self.verified.unwrap_or_default();
        held.retain(|field| !unverified.contains(field));
        Some(held)
    }
}

/// The documented sentence of a refusal with status 400.
#[must_use]
pub fn refusal_reason(text: &str) -> Option<Reason> {
    let text = text.to_lowercase();
    let sentences = [
        (
            "expiration time is invalid",
            Reason::ActionLifetimeOutOfRange,
        ),
        (
            "does not have the requested items verified",
            Reason::ClaimsNotHeld,
        ),
        (
            "ongoing request for this user and items",
            Reason::RequestAlreadyOpen,
        ),
    ];
    sentences
        .into_iter()
        .find_map(|(sentence, reason)| text.contains(sentence).then_some(reason))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn held(json: &str) -> Option<Vec<String>> {
        serde_json::from_str::<VerifiedAnswer>(json).unwrap().held()
    }

    #[test]
    fn either_list_may_be_absent() {
        let both = r#"{"verifiedItems":["SH_EMAIL"],"unVerifiedItems":["SH_IDCard_DOB"]}"#;
        assert_eq!(held(both).unwrap(), ["SH_EMAIL"]);
        assert_eq!(
            held(r#"{"verifiedItems":["A","B"],"x":1}"#).unwrap(),
            ["A", "B"]
        );
        assert!(held(r#"{"unVerifiedItems":["A"]}"#).unwrap().is_empty());
        assert!(
            held(r#"{"verifiedItems":null,"unVerifiedItems":[]}"#)
                .unwrap()
                .is_empty()
        );
        assert_eq!(held("{}"), None);
    }

    #[test]
    fn either_list_of_checked_fields_may_be_absent_and_hold_names_or_objects() {
        let fields = |json: &str| serde_json::from_str::<ValidAnswer>(json).unwrap().fields();
        let both = fields(r#"{"valids":["A"],"unValids":[{"field":"B","data":"x"}]}"#).unwrap();
        assert_eq!(
            (both.valid, both.invalid),
            (vec!["A".to_owned()], vec!["B".to_owned()])
        );
        assert!(fields(r#"{"valids":["A"]}"#).unwrap().invalid.is_empty());
        assert!(
            fields(r#"{"unValids":["A"],"valids":null}"#)
                .unwrap()
                .valid
                .is_empty()
        );
        assert_eq!(fields("{}"), None);
    }

    #[test]
    fn an_item_on_both_lists_is_not_held() {
        let torn = r#"{"verifiedItems":["A","B"],"unVerifiedItems":["B"]}"#;
        assert_eq!(held(torn).unwrap(), ["A"]);
    }

    #[test]
    fn the_documented_sentences_are_known() {
        let cases = [
            (
                "expiration time is invalid, it should be unix time in seconds and between 5-15 minutes",
                Some(Reason::ActionLifetimeOutOfRange),
            ),
            (
                "user does not have the requested items verified",
                Some(Reason::ClaimsNotHeld),
            ),
            (
                "there is an ongoing request for this user and items\n",
                Some(Reason::RequestAlreadyOpen),
            ),
            (
                "\"There is an ongoing request for this user and items\"",
                Some(Reason::RequestAlreadyOpen),
            ),
            ("something else", None),
            ("", None),
        ];
        for (text, reason) in cases {
            assert_eq!(refusal_reason(text), reason, "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_answered(text in any::<String>()) {
            let _ = refusal_reason(&text);
        }
    }
}
