//! A callback's content, and the bytes it goes out as.
//!
//! The members stand in wire order. What is signed is the compact JSON of all of them but
//! `signature`: strings escaped as Go's encoder does, nothing added, nothing sorted. Since the wire
//! body is put together from the same pieces, it signs itself. A multipart body signs the JSON that
//! its parts, put together in their order, would be.

use std::fmt::Write as _;

use bytes::Bytes;
use openssl::error::ErrorStack;

use crate::keys::{KeyPair, Keys};
use crate::scenario::{DataShape, Forgery};
use crate::seed::sha3;

/// One member of the JSON object.
#[derive(Clone, Debug)]
struct Member {
    name: &'static str,
    /// The text itself for a string, else the raw JSON.
    text: String,
    is_string: bool,
}

impl Member {
    fn string(name: &'static str, text: &str) -> Self {
        Self {
            name,
            text: text.to_owned(),
            is_string: true,
        }
    }

    fn raw(name: &'static str, json: String) -> Self {
        Self {
            name,
            text: json,
            is_string: false,
        }
    }

    fn json(&self) -> String {
        if self.is_string {
            go_string(&self.text)
        } else {
            self.text.clone()
        }
    }
}

/// One field of the person's, as it is transferred.
#[derive(Clone, Debug)]
pub struct Info {
    /// The field's name.
    pub field: String,
    /// What it says.
    pub value: String,
    /// Its pepper, in hex.
    pub pepper: String,
}

/// The content of a status callback.
#[derive(Debug)]
pub struct StatusContent<'a> {
    /// The user's Core ID.
    pub user: &'a str,
    /// The names of the fields asked for.
    pub items: &'a [String],
    /// The status, in the connector's word.
    pub status: &'a str,
    /// Unix seconds until which the request could be accepted.
    pub expiration: i64,
    /// Unix seconds until which the callback counts.
    pub deadline: i64,
    /// The hash of the transaction that belongs to the status.
    pub tx_hash: Option<&'a str>,
}

/// A callback before it is signed.
#[derive(Clone, Debug)]
pub struct Letter {
    members: Vec<Member>,
    /// How many members stand before `signature` on the wire.
    before_signature: usize,
}

/// A callback as it goes over the wire.
#[derive(Clone)]
pub struct Sealed {
    /// The `Content-Type`.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.body.len())
    }
}

impl Letter {
    /// A status callback. `tx_hash` stands after `signature`, as in the documented sample.
    pub fn status(content: &StatusContent<'_>) -> Self {
        let hashes: Vec<String> = content
            .items
            .iter()
            .map(|name| format!("\"{}\"", hex::encode(sha3(name.as_bytes()))))
            .collect();
        let mut members = vec![
            Member::string("user", content.user),
            Member::raw("fields", format!("[{}]", hashes.join(","))),
            Member::string("status", content.status),
            Member::raw("expiration", content.expiration.to_string()),
            Member::raw("deadline", content.deadline.to_string()),
        ];
        let before_signature = members.len();
        if let Some(hash) = content.tx_hash {
            members.push(Member::string("tx_hash", hash));
        }
        Self {
            members,
            before_signature,
        }
    }

    /// A data callback. `expiration` and `deadline` are Unix seconds.
    pub fn data(user: &str, infos: &[Info], deadline: i64, expiration: i64) -> Self {
        let infos: Vec<String> = infos
            .iter()
            .map(|info| {
                format!(
                    r#"{{"fieldID":{},"fieldValue":{},"pepper":{}}}"#,
                    go_string(&info.field),
                    go_string(&info.value),
                    go_string(&info.pepper)
                )
            })
            .collect();
        let members = vec![
            Member::string("user", user),
            Member::raw("infos", format!("[{}]", infos.join(","))),
            Member::raw("deadline", deadline.to_string()),
            Member::raw("expiration", expiration.to_string()),
        ];
        Self {
            before_signature: members.len(),
            members,
        }
    }

    /// The text that is signed.
    fn signed_text(&self) -> String {
        object(self.members.iter())
    }

    /// The same letter with something changed that would matter if it were believed: another
    /// status, or another first value.
    fn tampered(&self) -> Self {
        let mut letter = self.clone();
        for member in &mut letter.members {
            match member.name {
                "status" if member.text == "CONFIRMED" => member.text = "ACCEPTED".to_owned(),
                "status" => member.text = "CONFIRMED".to_owned(),
                "infos" => {
                    member.text =
                        member
                            .text
                            .replacen(r#""fieldValue":""#, r#""fieldValue":"Not "#, 1);
                }
                _ => {}
            }
        }
        letter
    }

    /// Signs the letter with `key` and writes it in the given shape.
    pub fn seal(&self, key: &KeyPair, shape: DataShape) -> Result<Sealed, ErrorStack> {
        let signature = key.sign(&self.signed_text(), key.public())?;
        Ok(self.write(&signature, shape))
    }

    /// Writes an imitation of what [`Letter::seal`] makes with `key`.
    pub fn forge(
        &self,
        keys: &Keys,
        key: &KeyPair,
        forgery: Forgery,
        shape: DataShape,
    ) -> Result<Sealed, ErrorStack> {
        let text = self.signed_text();
        Ok(match forgery {
            Forgery::OtherKey => {
                let signature = keys.forger.sign(&text, keys.forger.public())?;
                self.write(&signature, shape)
            }
            Forgery::OtherKeyPosingAsOurs => {
                let signature = keys.forger.sign(&text, key.public())?;
                self.write(&signature, shape)
            }
            Forgery::Tampered => {
                let signature = key.sign(&text, key.public())?;
                self.tampered().write(&signature, shape)
            }
        })
    }

    fn write(&self, signature: &str, shape: DataShape) -> Sealed {
        let mut members = self.members.clone();
        let place = self.before_signature.min(members.len());
        members.insert(place, Member::string("signature", signature));
        let whole = object(members.iter());
        let boundary = {
            let digest = hex::encode(sha3(whole.as_bytes()));
            format!("----sandbox{}", digest.get(..24).unwrap_or_default())
        };
        match shape {
            DataShape::Json => Sealed {
                content_type: "application/json".to_owned(),
                body: whole.into(),
            },
            DataShape::MultipartMembers => {
                let parts = members.iter().map(|m| (m.name, m.text.as_str()));
                multipart(&boundary, parts)
            }
            DataShape::MultipartWhole => multipart(&boundary, [("data", whole.as_str())]),
        }
    }
}

fn object<'a>(members: impl Iterator<Item = &'a Member>) -> String {
    let members: Vec<String> = members
        .map(|member| format!("\"{}\":{}", member.name, member.json()))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn multipart<'a>(boundary: &str, parts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Sealed {
    let mut body = String::new();
    for (name, text) in parts {
        let _ = write!(
            body,
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
        );
    }
    let _ = write!(body, "--{boundary}--\r\n");
    Sealed {
        content_type: format!("multipart/form-data; boundary={boundary}"),
        body: body.into(),
    }
}

/// A JSON string as Go's encoder writes it: besides what JSON demands, `&`, `<`, `>`, U+2028 and
/// U+2029 are escaped.
fn go_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{0}'..='\u{1f}' | '&' | '<' | '>' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn status(tx_hash: Option<&str>) -> Letter {
        Letter::status(&StatusContent {
            user: "ab148af5f9cdad10beddb05fbec4a3bef02577130e56",
            items: &["SH_EMAIL".to_owned()],
            status: "ACCEPTED",
            expiration: 1_677_255_563,
            deadline: 1_677_255_437,
            tx_hash,
        })
    }

    #[test]
    fn a_status_letter_has_the_documented_members_in_order_and_hashes_field_names() {
        let keys = Keys::derive(Seed(1)).unwrap();
        let sealed = status(Some("0xd90e"))
            .seal(&keys.status, DataShape::Json)
            .unwrap();
        let text = std::str::from_utf8(&sealed.body).unwrap();
        let (before, after) = text.split_once(r#""signature":""#).unwrap();
        assert_eq!(
            before,
            concat!(
                r#"{"user":"ab148af5f9cdad10beddb05fbec4a3bef02577130e56","fields":["#,
                r#""21148787cbc13cfc8acde462c822ff431af96aa2edf714fdc82f90e4c2918824"],"#,
                r#""status":"ACCEPTED","expiration":1677255563,"deadline":1677255437,"#,
            )
        );
        assert!(after.ends_with(r#"","tx_hash":"0xd90e"}"#), "{after}");
    }

    #[test]
    fn the_signed_text_is_what_a_real_connector_signed() {
        use base64::Engine;
        use openssl::pkey::{Id, PKey};
        use openssl::sign::Verifier;

        let initiated = Letter::status(&StatusContent {
            user: "ab148af5f9cdad10beddb05fbec4a3bef02577130e56",
            items: &["SH_EMAIL".to_owned()],
            status: "INITIATE_SUBMITTED",
            expiration: 1_677_255_563,
            deadline: 1_677_255_497,
            tx_hash: Some("0xd90eb185877e47238380f613e3ac77f4cdb6a293ae21019fea7ac1b9ce12a94e"),
        });
        for (letter, signature) in [
            (
                status(None),
                concat!(
                    "nNDY/bcxyo744eJVYj2l3vHuntrPwf+clgVhW1oalfBA5fJKCcuEHAnO+vonA8egSgH9dK3T8LUA",
                    "mdR3obb4DzAoOIOxL/K/dbtTloDNAQ4Njjfvo306GDdEwEI9hv532awZ7VBrYcuoIuqWcyk5cTAA",
                    "7LznAvTYVI74s/5nLVpY6D4j9V1pqQc5kE5Xk+Mrutqs75GcKE1VXYTpXxHyHaYH5IgNmue2FDmA",
                ),
            ),
            (
                initiated,
                concat!(
                    "LUkjuWEDaLNxY0kbUJ5XkluGnq05OEqPNJi0e3YS8fk5EUW+vwj0ke2y5sPFxJLnGew14hRZ4ziA",
                    "DkeuyaC9QNOYft15uRdA4L/ES+ny+kBOZyN3jAqHsX8thSbs1j8rsu2Qb7HSRpR9SwcJ/eDPkwkA",
                    "7LznAvTYVI74s/5nLVpY6D4j9V1pqQc5kE5Xk+Mrutqs75GcKE1VXYTpXxHyHaYH5IgNmue2FDmA",
                ),
            ),
        ] {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(signature)
                .unwrap();
            let key = PKey::public_key_from_raw_bytes(&bytes[114..], Id::ED448).unwrap();
            let mut verifier = Verifier::new_without_digest(&key).unwrap();
            let digest = sha3(letter.signed_text().as_bytes());
            assert!(verifier.verify_oneshot(&bytes[..114], &digest).unwrap());
        }
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        assert_eq!(
            go_string("a\"\\\n\u{1}&<>\u{2028}é"),
            r#""a\"\\\n\u0001\u0026\u003c\u003e\u2028é""#
        );
    }

    #[test]
    fn each_forgery_differs_from_the_genuine_letter_in_what_it_says_and_no_more() {
        let keys = Keys::derive(Seed(1)).unwrap();
        let letter = status(None);
        let json =
            |sealed: Sealed| -> serde_json::Value { serde_json::from_slice(&sealed.body).unwrap() };
        let genuine = json(letter.seal(&keys.status, DataShape::Json).unwrap());
        let forged = |forgery| {
            json(
                letter
                    .forge(&keys, &keys.status, forgery, DataShape::Json)
                    .unwrap(),
            )
        };
        let tampered = forged(Forgery::Tampered);
        assert_eq!(tampered["signature"], genuine["signature"]);
        assert_ne!(tampered["status"], genuine["status"]);
        for forgery in [Forgery::OtherKey, Forgery::OtherKeyPosingAsOurs] {
            let forged = forged(forgery);
            assert_ne!(forged["signature"], genuine["signature"]);
            assert_eq!(forged["status"], genuine["status"]);
        }
    }

    #[test]
    fn a_tampered_data_letter_says_another_value() {
        let info = Info {
            field: "SH_EMAIL".to_owned(),
            value: "a@b".to_owned(),
            pepper: "00".to_owned(),
        };
        let letter = Letter::data("ab22", &[info], 5, 6);
        assert_eq!(
            letter.signed_text(),
            concat!(
                r#"{"user":"ab22","infos":[{"fieldID":"SH_EMAIL","fieldValue":"a@b","pepper":"00"}],"#,
                r#""deadline":5,"expiration":6}"#
            )
        );
        assert!(letter.tampered().signed_text().contains(r#""Not a@b""#));
    }
}
