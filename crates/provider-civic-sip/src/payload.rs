//! The data in a token of Civic's: how it is sealed, and what it says. Pure.
//!
//! 32 hexadecimal digits of an initialisation vector, and behind them, in base64, what AES-128 in CBC
//! mode makes of a JSON array. The mode hides and does not protect: the token's signature does, and is
//! checked before.

use std::collections::BTreeMap;

use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde::Deserialize;
use serde_json::Value;
use verilane_core::{Checks, DigestOf, DocumentType, Pii};
use verilane_provider::{DataItem, DataReport, Image, picture};

use crate::fields::{self, DOCUMENT_TYPE, IGNORED, IMAGE, IMAGE_MD5, USER_ID};

/// Bytes of an application's secret, and of an initialisation vector.
pub const SECRET_BYTES: usize = 16;
/// Hexadecimal digits of the latter.
const VECTOR_DIGITS: usize = 32;

/// It can't be what Civic sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What it says.
#[derive(Debug)]
pub struct Read {
    /// What was asked for.
    pub data: DataReport,
    /// The document, whether or not it was asked for: all that comes from a document comes from it.
    pub document: Option<DocumentType>,
    /// What Civic says of the user's part in all this, beside a label that says nothing else of use.
    pub user: Option<Checks>,
    /// Whether the picture is not the one whose digest came beside it.
    pub digest_mismatch: bool,
}

/// A value, and what Civic says of it. What is not said, or in no way that can be read, is not so.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Labelled {
    label: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    is_valid: Value,
    #[serde(default)]
    is_owner: Value,
    /// Whether it stood there with several values.
    #[serde(skip)]
    contradicts_itself: bool,
}

impl Labelled {
    fn checks(&self, digest: Option<DigestOf>) -> Checks {
        Checks {
            is_valid: self.is_valid == true,
            is_owner: self.is_owner == true,
            digest,
        }
    }

    fn says_nothing(&self) -> bool {
        self.is_valid.is_null() && self.is_owner.is_null()
    }

    /// The value, if there is one: text, or a number.
    fn text(&self) -> Option<Pii<String>> {
        let text = match &self.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let is_one = !self.contradicts_itself && !text.trim().is_empty();
        is_one.then(|| Pii::new(text))
    }

    /// What the same label says again. Of two values none is taken, and of two words on a value, a yes
    /// only if both are.
    fn add(&mut self, again: Self) {
        match (self.text(), again.text()) {
            (Some(one), Some(other)) => {
                self.contradicts_itself = one.expose() != other.expose();
            }
            (None, Some(_)) => self.value = again.value,
            (_, None) => {}
        }
        for (said, again) in [
            (&mut self.is_valid, again.is_valid),
            (&mut self.is_owner, again.is_owner),
        ] {
            if *said != again {
                *said = Value::Bool(false);
            }
        }
    }
}

/// Each label once, where it first stood.
fn once(all: Vec<Labelled>) -> Vec<Labelled> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut once: Vec<Labelled> = Vec::new();
    for one in all {
        let known = places
            .get(&one.label)
            .and_then(|place| once.get_mut(*place));
        match known {
            Some(known) => known.add(one),
            None => {
                places.insert(one.label.clone(), once.len());
                once.push(one);
            }
        }
    }
    once
}

/// Takes the clear text out of what a token carries.
///
/// # Errors
/// [`Malformed`], whatever is wrong with it.
pub fn unsealed(sealed: &str, secret: &[u8; SECRET_BYTES]) -> Result<Pii<Vec<u8>>, Malformed> {
    let (vector, text) = sealed.split_at_checked(VECTOR_DIGITS).ok_or(Malformed)?;
    let mut bytes = [0; SECRET_BYTES];
    hex::decode_to_slice(vector, &mut bytes).map_err(|_| Malformed)?;
    let context = DecryptionContext::Iv128(FixedLength::from(bytes));
    let mut buffer = STANDARD.decode(text).map_err(|_| Malformed)?;
    let key = UnboundCipherKey::new(&AES_128, secret).map_err(|_| Malformed)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(|_| Malformed)?;
    let clear = key.decrypt(&mut buffer, context).map_err(|_| Malformed)?;
    let length = clear.len();
    buffer.truncate(length);
    Ok(Pii::new(buffer))
}

/// Reads a clear text, as far as it was asked for.
///
/// # Errors
/// [`Malformed`] for what is no array of labels.
pub fn read(clear: &[u8], asked: &[String]) -> Result<Read, Malformed> {
    let labelled = serde_json::from_slice(clear).map_err(|_| Malformed)?;
    let labelled = once(labelled);
    let text_of = |label: &str| {
        let one = labelled.iter().find(|one| one.label == label)?;
        one.text()
    };
    let mut image = text_of(IMAGE).map(|text| (picture::read(text.expose()), text));
    let digest = image.as_ref().and_then(|(image, text)| {
        let said = text_of(IMAGE_MD5)?;
        Some(digest_of(said.expose(), text.expose(), image))
    });
    let level = labelled.iter().find(|one| one.label == IGNORED);
    let user = level.filter(|one| !one.says_nothing());
    let mut items = Vec::new();
    let mut unrequested = 0;
    for one in labelled.iter().filter(|one| one.label != IGNORED) {
        let is_known = fields::by_name(&one.label).is_some() && one.label != USER_ID;
        if !is_known || !asked.contains(&one.label) {
            unrequested += 1;
            continue;
        }
        let Some(value) = one.text() else {
            continue;
        };
        items.push(DataItem {
            field: one.label.clone(),
            image: image
                .take_if(|_| one.label == IMAGE)
                .map(|(image, _)| image),
            value,
            pepper: None,
            checks: Some(one.checks(digest.filter(|_| one.label == IMAGE_MD5))),
        });
    }
    Ok(Read {
        data: DataReport { items, unrequested },
        user: user.map(|one| one.checks(None)),
        document: text_of(DOCUMENT_TYPE).and_then(|word| DocumentType::of_word(word.expose())),
        digest_mismatch: digest == Some(DigestOf::Neither),
    })
}

/// What a digest is the digest of: Civic's document does not say which of the two it means.
fn digest_of(said: &str, text: &str, image: &Image) -> DigestOf {
    let said = hex::decode(said.trim()).unwrap_or_default();
    let is = |bytes: &[u8]| Md5::digest(bytes).as_slice() == said;
    match image {
        _ if is(text.as_bytes()) => DigestOf::Text,
        Image::File(bytes) if is(bytes.expose()) => DigestOf::Bytes,
        _ => DigestOf::Neither,
    }
}

#[cfg(test)]
mod tests;
