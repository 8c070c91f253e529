//! What is kept of a claim's value that is a picture, and how the value is had back as it came.
//!
//! Invariant: the text that the provider sent can always be had back byte for byte, since it is what
//! the provider checks again. A picture is kept as its file; if writing that file in base64, behind
//! a short head, gives the text, then the head is all that is kept beside it, and otherwise the text
//! itself is. Nothing that was paid for is thrown away: text that no picture can be made of is kept
//! too. Bytes that are no picture by how they begin are none, whoever signed them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use verilane_core::{
    ClaimName, EvidenceId, EvidenceKind, Pii, StoredClaim, Timestamp, Verification,
};
use verilane_provider::{DataItem, Image};
use verilane_vault::{DataKey, SealedWhat, VaultError};
use zeroize::Zeroizing;

use super::{KeptPiece, Piece, media};
use crate::EngineError;
use crate::engine::Engine;
use crate::sealing::{Sealer, read_parts, text, write_parts};

/// Media type of a value that is kept word for word.
const TEXT: &str = "text/plain; charset=utf-8";
/// The longest head, such as that of a data URL, which is kept beside the claim.
const LONGEST_HEAD: usize = 256;

/// A value whose evidence is durable and that nothing shows yet.
pub(crate) struct KeptValue {
    pub(crate) field: String,
    pub(crate) pieces: Vec<KeptPiece>,
    written: Written,
}

/// How a value is had back.
#[derive(PartialEq, Debug)]
enum Written {
    /// The file in base64, behind this head.
    Base64 { head: String },
    /// Word for word in this piece.
    Text(EvidenceId),
}

impl Written {
    fn seal(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Base64 { head } => write_parts([&b"base64"[..], head.as_bytes()]),
            Self::Text(id) => write_parts([&b"text"[..], id.as_bytes()]),
        }
    }

    fn open(plain: &[u8]) -> Result<Self, VaultError> {
        match read_parts(plain)?.as_slice() {
            [b"base64", head] => Ok(Self::Base64 { head: text(head)? }),
            [b"text", id] => {
                let id = (*id).try_into().map_err(|_| VaultError::UnknownFormat)?;
                Ok(Self::Text(EvidenceId::from_bytes(id)))
            }
            _ => Err(VaultError::UnknownFormat),
        }
    }
}

impl KeptValue {
    /// The piece that the claim stands for: the picture, or the text that none can be made of.
    pub(crate) fn shown(&self) -> Option<EvidenceId> {
        self.pieces.first().map(|piece| piece.id)
    }

    /// What is sealed in the place of the value.
    pub(crate) fn reference(&self) -> Zeroizing<Vec<u8>> {
        self.written.seal()
    }
}

/// What is sealed in the place of a value that came as a file and not as text.
pub(crate) fn of_file() -> Zeroizing<Vec<u8>> {
    let head = String::new();
    Written::Base64 { head }.seal()
}

/// The file in an item, if it is one that can show what is claimed; none for a picture that can't.
fn file(name: ClaimName, item: &DataItem, most: usize) -> Option<&Pii<Vec<u8>>> {
    let Some(Image::File(file)) = &item.image else {
        return None;
    };
    let media_type = media::media_type(file.expose());
    let is_usable = file.expose().len() <= most && media::can_show(kind_of(name), media_type);
    is_usable.then_some(file)
}

/// Whether an item is a picture that can't be used for what it was asked for.
pub(crate) fn is_unusable(row: &Verification, item: &DataItem, most: usize) -> bool {
    let claim = row.claims.iter().find(|claim| claim.field == item.field);
    let name = claim.map(|claim| claim.name.provided_as());
    item.image.is_some() && name.is_none_or(|name| file(name, item, most).is_none())
}

/// What stands before the file's base64 in the text, if the text is that and no more.
fn head(file: &[u8], value: &str) -> Option<String> {
    let encoded = Zeroizing::new(STANDARD.encode(file));
    let head = value.strip_suffix(encoded.as_str())?;
    (head.len() <= LONGEST_HEAD).then(|| head.to_owned())
}

pub(crate) const fn kind_of(name: ClaimName) -> EvidenceKind {
    match name {
        ClaimName::FaceImage => EvidenceKind::FaceImage,
        _ => EvidenceKind::DocumentImage,
    }
}

impl Engine {
    /// Makes the value of a picture durable; none if the item holds none.
    pub(crate) async fn keep_value(
        &self,
        sealer: &Sealer<'_>,
        name: ClaimName,
        item: &DataItem,
        now: Timestamp,
    ) -> Result<Option<KeptValue>, EngineError> {
        if item.image.is_none() {
            return Ok(None);
        }
        let keep = async |kind, media_type, bytes: &[u8]| {
            let piece = Piece {
                kind,
                field: Some(&item.field),
                media_type,
            };
            self.keep_piece(sealer.id, sealer.key, piece, bytes, now)
                .await
        };
        let mut pieces = Vec::new();
        let mut written = None;
        if let Some(file) = file(name, item, self.config.max_picture_bytes) {
            let file = file.expose();
            pieces.push(keep(kind_of(name), media::media_type(file), file).await?);
            let head = head(file, item.value.expose());
            written = head.map(|head| Written::Base64 { head });
        }
        let written = match written {
            Some(written) => written,
            None => {
                let bytes = item.value.expose().as_bytes();
                let piece = keep(EvidenceKind::ClaimText, TEXT, bytes).await?;
                let id = piece.id;
                pieces.push(piece);
                Written::Text(id)
            }
        };
        Ok(Some(KeptValue {
            field: item.field.clone(),
            pieces,
            written,
        }))
    }

    /// A claim's value as the provider sent it, whole and in memory.
    pub(crate) async fn value_as_received(
        &self,
        key: &Arc<DataKey>,
        claim: &StoredClaim,
    ) -> Result<Pii<String>, EngineError> {
        let id = claim.verification;
        let sealer = Sealer { id, key };
        let field = claim.field.as_str();
        let what = SealedWhat::ClaimValue { claim: field };
        let Some(evidence) = claim.evidence else {
            return Ok(sealer.open_text(claim.revision, what, &claim.value)?);
        };
        let plain = sealer.open(claim.revision, what, &claim.value)?;
        match Written::open(plain.expose())? {
            Written::Base64 { head } => {
                let file = self.whole_piece(id, key, evidence).await?;
                let mut value = String::with_capacity(head.len() + file.expose().len() / 3 * 4 + 4);
                value.push_str(&head);
                STANDARD.encode_string(file.expose(), &mut value);
                Ok(Pii::new(value))
            }
            Written::Text(evidence) => {
                let bytes = self.whole_piece(id, key, evidence).await?;
                Ok(Pii::new(text(bytes.expose())?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_follows_from_its_file_behind_a_short_head_only() {
        let file = b"\x89PNG files";
        let plain = STANDARD.encode(file);
        assert_eq!(head(file, &plain), Some(String::new()));
        let url = format!("data:image/png;base64,{plain}");
        assert_eq!(head(file, &url).unwrap(), "data:image/png;base64,");
        for other in [
            plain.trim_end_matches('=').to_owned(),
            format!("{plain}\n"),
            format!("{}{plain}", " ".repeat(LONGEST_HEAD + 1)),
        ] {
            assert_eq!(head(file, &other), None, "{other}");
        }
    }

    #[test]
    fn how_a_value_is_written_comes_back() {
        for written in [
            Written::Base64 {
                head: "data:;base64,".to_owned(),
            },
            Written::Text(EvidenceId::from_bytes([3; 16])),
        ] {
            assert_eq!(Written::open(&written.seal()).unwrap(), written);
        }
        assert!(Written::open(&write_parts([&b"text"[..], b"short"])).is_err());
    }
}
