//! The three bodies with which the connector calls back: a status, the data, a failure.
//!
//! Types and lengths are checked here; whether a body is genuine and fits its attempt is not.
//! Members that are not known are left alone: they matter to the signature only.

use serde_json::value::RawValue;
use verilane_core::Pii;

use super::Malformed;
use super::json::{Object, elements};

/// Most entries in `fields`, `items` or `infos`. There are 46 fields.
pub const MAX_ENTRIES: usize = 128;
/// Most bytes of a status word.
const MAX_STATUS: usize = 64;
/// Most bytes of a user, a field's name or hash, or a transaction's hash.
const MAX_NAME: usize = 128;
/// Most bytes of an error's text.
const MAX_ERROR: usize = 4 * 1024;
/// Most bytes of a pepper.
const MAX_PEPPER: usize = 4 * 1024;

/// `statusCallback`: the request has reached a status.
#[derive(Clone, Debug)]
pub struct StatusBody {
    /// The Core ID, as written.
    pub user: Pii,
    /// Hashes of the items' names, lower-case hex.
    pub fields: Vec<String>,
    /// The status word, as written.
    pub status: String,
    /// When the user's time to accept ends, Unix seconds.
    pub expiration: i64,
    /// When this message ceases to be fresh, Unix seconds.
    pub deadline: i64,
    /// The transaction on the chain that belongs to the status.
    pub tx_hash: Option<Pii>,
}

/// One field of a data callback.
#[derive(Clone, Debug)]
pub struct Info {
    /// The field's name.
    pub field: String,
    /// Its value: the text, or the JSON of what is not text. Nothing for `null`.
    pub value: Option<Pii>,
    /// The pepper that its fingerprint was made with, as written.
    pub pepper: Option<Pii>,
}

/// `callback`, when the transfer succeeded.
#[derive(Clone, Debug)]
pub struct DataBody {
    /// The Core ID, as written.
    pub user: Pii,
    /// The fields.
    pub infos: Vec<Info>,
    /// When this message ceases to be fresh, Unix seconds.
    pub deadline: i64,
    /// When the user's time to accept ended, Unix seconds.
    pub expiration: Option<i64>,
}

/// `callback`, when the transfer failed.
#[derive(Clone, Debug)]
pub struct FailureBody {
    /// The Core ID, as written.
    pub user: Pii,
    /// Names of the fields asked for.
    pub items: Vec<String>,
    /// A status word, or free text.
    pub error: Pii,
    /// When this message ceases to be fresh, Unix seconds.
    pub deadline: i64,
    /// When the user's time to accept ended, Unix seconds.
    pub expiration: Option<i64>,
}

/// What comes to the path given as `callback`.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The data.
    Data(DataBody),
    /// No data.
    Failure(FailureBody),
}

impl StatusBody {
    /// Reads the members of a status callback.
    ///
    /// # Errors
    /// [`Malformed::Member`] with the name of the first one that is not as documented.
    pub fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        let status: String = object.read("status")?;
        if status.is_empty() || status.len() > MAX_STATUS {
            return Err(Malformed::Member("status"));
        }
        let tx_hash = object.read_optional::<String>("tx_hash")?;
        if tx_hash.as_ref().is_some_and(|hash| hash.len() > MAX_NAME) {
            return Err(Malformed::Member("tx_hash"));
        }
        Ok(Self {
            user: user(object)?,
            fields: names(object, "fields")?,
            status,
            expiration: object.read("expiration")?,
            deadline: object.read("deadline")?,
            tx_hash: tx_hash.filter(|hash| !hash.is_empty()).map(Pii::new),
        })
    }
}

impl Outcome {
    /// Reads the members of a data or failure callback.
    ///
    /// # Errors
    /// [`Malformed`] when it is neither or both, or a member is not as documented.
    pub fn read(object: &Object<'_>) -> Result<Self, Malformed> {
        match (object.get("infos"), object.get("error")) {
            (Some(infos), None) => Ok(Self::Data(DataBody {
                user: user(object)?,
                infos: read_infos(infos)?,
                deadline: object.read("deadline")?,
                expiration: object.read_optional("expiration")?,
            })),
            (None, Some(_)) => {
                let error: String = object.read("error")?;
                if error.len() > MAX_ERROR {
                    return Err(Malformed::Member("error"));
                }
                Ok(Self::Failure(FailureBody {
                    user: user(object)?,
                    items: names(object, "items")?,
                    error: Pii::new(error),
                    deadline: object.read("deadline")?,
                    expiration: object.read_optional("expiration")?,
                }))
            }
            _ => Err(Malformed::UnknownShape),
        }
    }
}

fn user(object: &Object<'_>) -> Result<Pii, Malformed> {
    let user: Pii = Pii::new(object.read("user")?);
    if user.expose().len() > MAX_NAME {
        return Err(Malformed::Member("user"));
    }
    Ok(user)
}

fn names(object: &Object<'_>, member: &'static str) -> Result<Vec<String>, Malformed> {
    let raw = object.get(member).ok_or(Malformed::Member(member))?;
    let names: Vec<String> = elements(raw, member, MAX_ENTRIES)?;
    if names.iter().any(|name| name.len() > MAX_NAME) {
        return Err(Malformed::Member(member));
    }
    Ok(names)
}

fn read_infos(raw: &str) -> Result<Vec<Info>, Malformed> {
    let raw: Vec<&RawValue> = elements(raw, "infos", MAX_ENTRIES)?;
    raw.into_iter().map(|info| read_info(info.get())).collect()
}

fn read_info(raw: &str) -> Result<Info, Malformed> {
    let info = Object::parse(raw.as_bytes())?;
    // The document spells it both ways. Both at once would leave open which one counts.
    let field: String = match (info.get("fieldID"), info.get("fieldId")) {
        (Some(_), None) => info.read("fieldID")?,
        (None, Some(_)) => info.read("fieldId")?,
        (Some(_), Some(_)) => return Err(Malformed::DuplicateName),
        (None, None) => return Err(Malformed::Member("fieldID")),
    };
    if field.len() > MAX_NAME {
        return Err(Malformed::Member("fieldID"));
    }
    let value = match info.get("fieldValue") {
        None => return Err(Malformed::Member("fieldValue")),
        Some("null") => None,
        Some(text) if text.starts_with('"') => Some(Pii::new(info.read("fieldValue")?)),
        Some(other) => Some(Pii::from(other)),
    };
    let pepper: Option<Pii> = info.read_optional("pepper")?.map(Pii::new);
    if pepper
        .as_ref()
        .is_some_and(|pepper| pepper.expose().len() > MAX_PEPPER)
    {
        return Err(Malformed::Member("pepper"));
    }
    Ok(Info {
        field,
        value,
        pepper,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcome(body: &str) -> Result<Outcome, Malformed> {
        Outcome::read(&Object::parse(body.as_bytes())?)
    }

    fn status(body: &str) -> Result<StatusBody, Malformed> {
        StatusBody::read(&Object::parse(body.as_bytes())?)
    }

    #[test]
    fn a_data_body_is_read_with_its_values() {
        let body = r#"{"user":"u","infos":[{"fieldID":"F","fieldValue":"a\u0026b","pepper":"00"},
            {"fieldId":"G","fieldValue":{"hits": []}},{"fieldID":"H","fieldValue":null}],
            "deadline":1667137346,"expiration":1667137340,"signature":"x","new":true}"#;
        let Ok(Outcome::Data(data)) = outcome(body) else {
            panic!("not data");
        };
        assert_eq!(data.user.expose(), "u");
        assert_eq!(data.deadline, 1_667_137_346);
        assert_eq!(data.expiration, Some(1_667_137_340));
        let seen: Vec<_> = data
            .infos
            .iter()
            .map(|info| {
                (
                    &*info.field,
                    info.value.as_ref().map(|v| v.expose().as_str()),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("F", Some("a&b")),
                ("G", Some(r#"{"hits":[]}"#)),
                ("H", None)
            ]
        );
        assert_eq!(data.infos[0].pepper.as_ref().unwrap().expose(), "00");
        assert!(data.infos[1].pepper.is_none());
    }

    #[test]
    fn a_failure_body_is_read_with_its_error() {
        let body = r#"{"user":"u","items":["SH_EMAIL"],"error":"INITIATED_FAILED","deadline":1}"#;
        let Ok(Outcome::Failure(failure)) = outcome(body) else {
            panic!("not a failure");
        };
        assert_eq!(failure.items, ["SH_EMAIL"]);
        assert_eq!(failure.error.expose(), "INITIATED_FAILED");
        assert_eq!(failure.expiration, None);
    }

    #[test]
    fn data_and_failure_at_once_is_neither() {
        for body in [
            r#"{"user":"u","infos":[],"error":"x","deadline":1}"#,
            r#"{"user":"u","deadline":1}"#,
        ] {
            assert_eq!(outcome(body).err(), Some(Malformed::UnknownShape));
        }
    }

    #[test]
    fn malformed_members_are_named() {
        let cases = [
            (r#"{"infos":[],"deadline":1}"#, "user"),
            (r#"{"user":7,"infos":[],"deadline":1}"#, "user"),
            (r#"{"user":"u","infos":{},"deadline":1}"#, "infos"),
            (r#"{"user":"u","infos":[],"deadline":"1"}"#, "deadline"),
            (r#"{"user":"u","infos":[],"deadline":1.5}"#, "deadline"),
            (
                r#"{"user":"u","infos":[],"deadline":99999999999999999999}"#,
                "deadline",
            ),
            (
                r#"{"user":"u","infos":[{"fieldValue":"v"}],"deadline":1}"#,
                "fieldID",
            ),
            (
                r#"{"user":"u","infos":[{"fieldID":"F"}],"deadline":1}"#,
                "fieldValue",
            ),
            (
                r#"{"user":"u","items":"x","error":"e","deadline":1}"#,
                "items",
            ),
            (
                r#"{"user":"u","items":[],"error":{},"deadline":1}"#,
                "error",
            ),
        ];
        for (body, member) in cases {
            assert_eq!(
                outcome(body).err(),
                Some(Malformed::Member(member)),
                "{body}"
            );
        }
        let both =
            r#"{"user":"u","infos":[{"fieldID":"F","fieldId":"G","fieldValue":"v"}],"deadline":1}"#;
        assert_eq!(outcome(both).err(), Some(Malformed::DuplicateName));
        let twice = r#"{"user":"u","infos":[{"fieldID":"F","fieldValue":"v","fieldValue":"w"}],"deadline":1}"#;
        assert_eq!(outcome(twice).err(), Some(Malformed::DuplicateName));
    }

    #[test]
    fn a_status_is_any_word_of_bounded_length() {
        let body = |word: &str| {
            format!(r#"{{"user":"u","fields":[],"status":"{word}","expiration":2,"deadline":1}}"#)
        };
        assert_eq!(
            status(&body("SOMETHING_NEW")).unwrap().status,
            "SOMETHING_NEW"
        );
        for wrong in ["", &"A".repeat(65)] {
            assert_eq!(
                status(&body(wrong)).err(),
                Some(Malformed::Member("status")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn debug_shows_nothing_about_the_person() {
        let body = r#"{"user":"MARK","infos":[{"fieldID":"F","fieldValue":"MARK","pepper":"MARK"}],"deadline":1}"#;
        assert!(!format!("{:?}", outcome(body)).contains("MARK"));
    }

    proptest! {
        #[test]
        fn arbitrary_members_are_answered(value in "[\\[\\]{}\",:0-9a-z]{0,60}") {
            for member in ["user", "infos", "error", "items", "deadline", "status"] {
                let body = format!(r#"{{"{member}":{value}}}"#);
                let _ = outcome(&body);
                let _ = status(&body);
            }
        }
    }
}
