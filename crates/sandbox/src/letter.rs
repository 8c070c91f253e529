//! A callback's content, and what of it is signed.
//!
//! The members stand in wire order. What is signed is the compact JSON of all of them but
//! `signature`: strings escaped as Go's encoder does, nothing added, nothing sorted. Since the wire
//! body is put together from the same pieces, it signs itself. A multipart body signs the JSON that
//! its parts, put together in their order, would be. Other encodings are the same members, written
//! otherwise; `sealed` makes the bytes that go over the wire.

mod go;
mod sealed;

use openssl::error::ErrorStack;
use sha2::{Digest as _, Sha256};

use crate::keys::Pairs;
use crate::scenario::{DataShape, Digest, Encoding, Forgery, Scheme};
use crate::seed::sha3;
use go::go_string;
pub use sealed::Sealed;

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

    /// A field of a Go structure without JSON names: the same name, capitalised.
    fn go_field(&self) -> String {
        let mut letters = self.name.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        let name: String = first.into_iter().chain(letters).collect();
        format!("\"{name}\":{}", self.json())
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

/// How a letter is signed and written.
#[derive(Clone, Debug, Default)]
pub struct Writing {
    /// The shape on the wire.
    pub shape: DataShape,
    /// The content type of a body that is plain JSON; `application/json` if none.
    pub json_content_type: Option<String>,
    /// What is signed.
    pub encoding: Encoding,
    /// What that is digested with.
    pub digest: Digest,
    /// What the digest is signed with.
    pub scheme: Scheme,
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

    /// A failure callback. `expiration` and `deadline` are Unix seconds.
    pub fn failure(
        user: &str,
        items: &[String],
        error: &str,
        deadline: i64,
        expiration: i64,
    ) -> Self {
        let items: Vec<String> = items.iter().map(|item| go_string(item)).collect();
        let members = vec![
            Member::string("user", user),
            Member::raw("items", format!("[{}]", items.join(","))),
            Member::string("error", error),
            Member::raw("deadline", deadline.to_string()),
            Member::raw("expiration", expiration.to_string()),
        ];
        Self {
            before_signature: members.len(),
            members,
        }
    }

    /// The text that is signed.
    fn signed_text(&self, encoding: Encoding) -> String {
        match encoding {
            Encoding::Wire => object(self.members.iter()),
            Encoding::WithoutExpiration => {
                let members = self.members.iter();
                object(members.filter(|member| member.name != "expiration"))
            }
            // The structure's fields stand in the order of the body's members.
            Encoding::GoStruct => {
                let members: Vec<String> = self.members.iter().map(Member::go_field).collect();
                format!("{{{}}}\n", members.join(","))
            }
        }
    }

    fn digest(&self, writing: &Writing) -> [u8; 32] {
        let text = self.signed_text(writing.encoding);
        match writing.digest {
            Digest::Sha3 => sha3(text.as_bytes()),
            Digest::Sha256 => Sha256::digest(text).into(),
        }
    }

    /// The same letter with something changed that would matter if it were believed: another
    /// status, another first value, or another error.
    fn tampered(&self) -> Self {
        let mut letter = self.clone();
        for member in &mut letter.members {
            match member.name {
                "error" => member.text.push_str(", and more"),
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

    /// Signs the letter with `key` and writes it.
    pub fn seal(&self, key: &Pairs, writing: &Writing) -> Result<Sealed, ErrorStack> {
        let signature = key.sign(writing.scheme, &self.digest(writing), key)?;
        Ok(self.write(&signature, writing))
    }

    /// Writes an imitation of what [`Letter::seal`] makes with `key`.
    pub fn forge(
        &self,
        forger: &Pairs,
        key: &Pairs,
        forgery: Forgery,
        writing: &Writing,
    ) -> Result<Sealed, ErrorStack> {
        let digest = self.digest(writing);
        Ok(match forgery {
            Forgery::OtherKey => {
                let signature = forger.sign(writing.scheme, &digest, forger)?;
                self.write(&signature, writing)
            }
            Forgery::OtherKeyPosingAsOurs => {
                let signature = forger.sign(writing.scheme, &digest, key)?;
                self.write(&signature, writing)
            }
            Forgery::Tampered => {
                let signature = key.sign(writing.scheme, &digest, key)?;
                self.tampered().write(&signature, writing)
            }
        })
    }

    /// The JSON without a signature, as a connector would hand it out.
    pub fn unsigned(&self) -> String {
        object(self.members.iter())
    }

    fn write(&self, signature: &str, writing: &Writing) -> Sealed {
        let mut members = self.members.clone();
        let place = self.before_signature.min(members.len());
        members.insert(place, Member::string("signature", signature));
        let whole = object(members.iter());
        match writing.shape {
            DataShape::Json => Sealed::json(whole, writing.json_content_type.as_deref()),
            DataShape::MultipartMembers => {
                let parts = members.iter().map(|m| (m.name, m.text.as_str()));
                Sealed::multipart(&whole, parts)
            }
            DataShape::MultipartWhole => Sealed::multipart(&whole, [("data", whole.as_str())]),
        }
    }
}

fn object<'a>(members: impl Iterator<Item = &'a Member>) -> String {
    let members: Vec<String> = members
        .map(|member| format!("\"{}\":{}", member.name, member.json()))
        .collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests;
