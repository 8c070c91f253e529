//! What the connector may have signed: encodings of a body's content, in the order tried.
//!
//! The first is established for status callbacks: SHA3-256 over the compact JSON of the body
//! without `signature`, members in wire order, values as received. For data and failure callbacks
//! nothing is established, so the document's other readings follow. Each candidate encodes just
//! what is read from the body, or says what it leaves out; a further one is a further entry.

use std::fmt;

use serde_json::value::RawValue;
use sha3::{Digest as _, Sha3_256};

use super::keys::Channel;
use crate::wire::callback::MAX_ENTRIES;
use crate::wire::go;
use crate::wire::json::{Object, elements};

/// An encoding and a digest over it.
pub struct Candidate {
    /// Its name, for records.
    pub name: &'static str,
    /// Whether it covers `expiration`. Where it does not, that member can't be believed.
    pub covers_expiration: bool,
    encode: Encode,
    digest: Hash,
}

/// Writes an encoding piece by piece. False where the body has no such encoding, or the same as an
/// earlier candidate's.
type Encode = fn(&Object<'_>, &mut dyn FnMut(&str)) -> bool;

#[derive(Clone, Copy)]
enum Hash {
    Sha3,
    Sha2,
}

static STATUS: [Candidate; 1] = [Candidate {
    name: "wire-sha3",
    covers_expiration: true,
    encode: wire,
    digest: Hash::Sha3,
}];

static DATA: [Candidate; 6] = [
    Candidate {
        name: "wire-sha3",
        covers_expiration: true,
        encode: wire,
        digest: Hash::Sha3,
    },
    Candidate {
        name: "wire-sha256",
        covers_expiration: true,
        encode: wire,
        digest: Hash::Sha2,
    },
    Candidate {
        name: "wire-without-expiration-sha3",
        covers_expiration: false,
        encode: wire_without_expiration,
        digest: Hash::Sha3,
    },
    Candidate {
        name: "wire-without-expiration-sha256",
        covers_expiration: false,
        encode: wire_without_expiration,
        digest: Hash::Sha2,
    },
    Candidate {
        name: "go-struct-sha3",
        covers_expiration: true,
        encode: go_struct,
        digest: Hash::Sha3,
    },
    Candidate {
        name: "go-struct-sha256",
        covers_expiration: true,
        encode: go_struct,
        digest: Hash::Sha2,
    },
];

/// The candidates for a channel, in the order tried.
#[must_use]
pub fn of(channel: Channel) -> &'static [Candidate] {
    match channel {
        Channel::Status => &STATUS,
        Channel::Data => &DATA,
    }
}

impl Candidate {
    /// The digest that would have been signed, if the body has this encoding.
    #[must_use]
    pub fn digest(&self, object: &Object<'_>) -> Option<[u8; 32]> {
        match self.digest {
            Hash::Sha3 => {
                let mut hash = Sha3_256::new();
                let has = (self.encode)(object, &mut |text| hash.update(text.as_bytes()));
                has.then(|| hash.finalize().into())
            }
            Hash::Sha2 => {
                let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
                let has = (self.encode)(object, &mut |text| hash.update(text.as_bytes()));
                if !has {
                    return None;
                }
                hash.finish().as_ref().try_into().ok()
            }
        }
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Candidate {}

fn wire(object: &Object<'_>, out: &mut dyn FnMut(&str)) -> bool {
    write_without(object, &["signature"], out);
    true
}

fn wire_without_expiration(object: &Object<'_>, out: &mut dyn FnMut(&str)) -> bool {
    if object.get("expiration").is_none() {
        return false;
    }
    write_without(object, &["signature", "expiration"], out);
    true
}

fn write_without(object: &Object<'_>, left_out: &[&str], out: &mut dyn FnMut(&str)) {
    out("{");
    let mut separator = "";
    for member in object.members() {
        if left_out.contains(&member.name.as_str()) {
            continue;
        }
        out(separator);
        out(&member.raw_name);
        out(":");
        out(&member.value);
        separator = ",";
    }
    out("}");
}

/// The document's Go fragment: a structure without JSON names, encoded with a line end. Members
/// that it does not have are not covered, and nothing reads them.
fn go_struct(object: &Object<'_>, out: &mut dyn FnMut(&str)) -> bool {
    let Some(text) = go_struct_text(object) else {
        return false;
    };
    out(&text);
    true
}

fn go_struct_text(object: &Object<'_>) -> Option<String> {
    let user: String = object.read("user").ok()?;
    let deadline: i64 = object.read("deadline").ok()?;
    let expiration: i64 = object.read("expiration").ok()?;
    let mut out = format!("{{\"User\":{}", go::string(&user));
    if let Some(infos) = object.get("infos") {
        let infos: Vec<&RawValue> = elements(infos, "infos", MAX_ENTRIES).ok()?;
        let infos = infos
            .into_iter()
            .map(|info| go_info(info.get()))
            .collect::<Option<Vec<_>>>()?;
        out.push_str(&format!(",\"Infos\":[{}]", infos.join(",")));
    } else {
        let items: Vec<String> = elements(object.get("items")?, "items", MAX_ENTRIES).ok()?;
        let items: Vec<_> = items.iter().map(|item| go::string(item)).collect();
        let error: String = object.read("error").ok()?;
        out.push_str(&format!(
            ",\"Items\":[{}],\"Error\":{}",
            items.join(","),
            go::string(&error)
        ));
    }
    out.push_str(&format!(
        ",\"Deadline\":{deadline},\"Expiration\":{expiration}}}\n"
    ));
    Some(out)
}

fn go_info(raw: &str) -> Option<String> {
    let info = Object::parse(raw.as_bytes()).ok()?;
    let mut members = Vec::with_capacity(3);
    // The documentation has both names; whichever came was signed.
    let field = if info.get("fieldID").is_some() {
        "fieldID"
    } else {
        "fieldId"
    };
    for name in [field, "fieldValue", "pepper"] {
        let text: String = info.read(name).ok()?;
        members.push(format!("\"{name}\":{}", go::string(&text)));
    }
    Some(format!("{{{}}}", members.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(encode: Encode, body: &str) -> Option<String> {
        let object = Object::parse(body.as_bytes()).unwrap();
        let mut text = String::new();
        encode(&object, &mut |piece| text.push_str(piece)).then_some(text)
    }

    #[test]
    fn the_first_candidate_of_every_channel_is_the_established_one() {
        for channel in [Channel::Status, Channel::Data] {
            assert_eq!(of(channel)[0].name, "wire-sha3");
            assert!(of(channel)[0].covers_expiration);
        }
    }

    #[test]
    fn the_wire_encoding_drops_the_signature_and_nothing_else() {
        let body = r#"{ "user": "a\u0026b", "signature": "s", "new": [ 1.0 ], "deadline": 7 }"#;
        assert_eq!(
            encoded(wire, body).unwrap(),
            r#"{"user":"a\u0026b","new":[1.0],"deadline":7}"#
        );
        assert_eq!(encoded(wire, r#"{"signature":"s"}"#).unwrap(), "{}");
    }

    #[test]
    fn without_expiration_is_a_candidate_only_where_there_is_one() {
        let with = r#"{"user":"u","expiration":1,"signature":"s","deadline":2}"#;
        assert_eq!(
            encoded(wire_without_expiration, with).unwrap(),
            r#"{"user":"u","deadline":2}"#
        );
        let without = r#"{"user":"u","deadline":2}"#;
        assert_eq!(encoded(wire_without_expiration, without), None);
    }

    #[test]
    fn the_go_structure_is_written_as_gos_encoder_writes_it() {
        let data = r#"{"user":"u","infos":[{"fieldValue":"a<b","fieldID":"F","pepper":"00","x":1}],"deadline":1,"expiration":2,"signature":"s"}"#;
        assert_eq!(
            encoded(go_struct, data).unwrap(),
            "{\"User\":\"u\",\"Infos\":[{\"fieldID\":\"F\",\"fieldValue\":\"a\\u003cb\",\"pepper\":\"00\"}],\"Deadline\":1,\"Expiration\":2}\n"
        );
        let failure = r#"{"user":"u","items":["A","B"],"error":"E","deadline":1,"expiration":2}"#;
        assert_eq!(
            encoded(go_struct, failure).unwrap(),
            "{\"User\":\"u\",\"Items\":[\"A\",\"B\"],\"Error\":\"E\",\"Deadline\":1,\"Expiration\":2}\n"
        );
    }

    #[test]
    fn the_go_structure_names_a_field_as_the_body_does() {
        for name in ["fieldID", "fieldId"] {
            let data = format!(
                r#"{{"user":"u","infos":[{{"{name}":"F","fieldValue":"v","pepper":"00"}}],"deadline":1,"expiration":2}}"#
            );
            let written = encoded(go_struct, &data).unwrap();
            assert!(
                written.contains(&format!("{{\"{name}\":\"F\",")),
                "{written}"
            );
        }
    }

    #[test]
    fn digests_are_sha3_256_and_sha_256() {
        let object = Object::parse(b"{}").unwrap();
        let hex_of = |candidate: &Candidate| hex::encode(candidate.digest(&object).unwrap());
        assert_eq!(hex_of(&DATA[0]), hex::encode(Sha3_256::digest(b"{}")));
        // printf '{}' | sha256sum
        assert_eq!(
            hex_of(&DATA[1]),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }
}
