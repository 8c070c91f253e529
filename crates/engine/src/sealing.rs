//! How the things that are sealed look inside: lists of parts, each with its length before it, after
//! one byte that names the layout.
//!
//! The layout is part of the format at rest. It is read back only by this file.

use verilane_core::{
    Action, AttemptNumber, EvidenceId, EvidenceRecord, GatewayWidget, NewEvent, Pii, QrOrLink,
    Revision, ScopeRequestPopup, Sealed, SealedAction, Timestamp, Verification, VerificationId,
};
use verilane_vault::{DataKey, SealContext, SealedWhat, VaultError};
use zeroize::Zeroizing;

const LAYOUT: u8 = 1;
const QR_OR_LINK: &[u8] = b"qr_or_link";
const GATEWAY_WIDGET: &[u8] = b"gateway_widget";
const SCOPE_REQUEST_POPUP: &[u8] = b"scope_request_popup";
const YES: &[u8] = b"1";
const NO: &[u8] = b"0";

/// What is sealed at creation names this revision.
pub(crate) const FIRST: Revision = Revision(1);

pub(crate) fn write_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(vec![LAYOUT]);
    for part in parts {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

pub(crate) fn read_parts(bytes: &[u8]) -> Result<Vec<&[u8]>, VaultError> {
    let (&LAYOUT, mut rest) = bytes.split_first().ok_or(VaultError::UnknownFormat)? else {
        return Err(VaultError::UnknownFormat);
    };
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk().ok_or(VaultError::UnknownFormat)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (part, after) = after
            .split_at_checked(length)
            .ok_or(VaultError::UnknownFormat)?;
        parts.push(part);
        rest = after;
    }
    Ok(parts)
}

pub(crate) fn text(bytes: &[u8]) -> Result<String, VaultError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| VaultError::UnknownFormat)
}

fn time(bytes: &[u8]) -> Result<Timestamp, VaultError> {
    let micros = bytes.try_into().map_err(|_| VaultError::UnknownFormat)?;
    Ok(Timestamp::from_micros(i64::from_be_bytes(micros)))
}

/// Seals and opens the values of one verification.
pub(crate) struct Sealer<'a> {
    pub id: VerificationId,
    pub key: &'a DataKey,
}

impl Sealer<'_> {
    pub(crate) fn seal(
        &self,
        revision: Revision,
        what: SealedWhat<'_>,
        plain: &[u8],
    ) -> Result<Sealed, VaultError> {
        self.key.seal(&self.context(revision, what), plain)
    }

    pub(crate) fn open(
        &self,
        revision: Revision,
        what: SealedWhat<'_>,
        sealed: &Sealed,
    ) -> Result<Pii<Vec<u8>>, VaultError> {
        self.key.open(&self.context(revision, what), sealed)
    }

    pub(crate) fn open_text(
        &self,
        revision: Revision,
        what: SealedWhat<'_>,
        sealed: &Sealed,
    ) -> Result<Pii<String>, VaultError> {
        Ok(Pii::new(text(self.open(revision, what, sealed)?.expose())?))
    }

    const fn context<'a>(&self, revision: Revision, what: SealedWhat<'a>) -> SealContext<'a> {
        SealContext {
            verification: self.id,
            revision,
            what,
        }
    }

    pub(crate) fn subject(&self, row: &Verification) -> Result<Pii<String>, VaultError> {
        self.open_text(FIRST, SealedWhat::Subject, &row.subject)
    }

    pub(crate) fn seal_labels(
        &self,
        labels: &[(String, Pii<String>)],
    ) -> Result<Sealed, VaultError> {
        let parts = labels
            .iter()
            .flat_map(|(key, value)| [key.as_bytes(), value.expose().as_bytes()]);
        self.seal(FIRST, SealedWhat::Labels, &write_parts(parts))
    }

    pub(crate) fn open_labels(
        &self,
        sealed: &Sealed,
    ) -> Result<Vec<(String, Pii<String>)>, VaultError> {
        let plain = self.open(FIRST, SealedWhat::Labels, sealed)?;
        let parts = read_parts(plain.expose())?;
        parts
            .chunks_exact(2)
            .map(|pair| match pair {
                [key, value] => Ok((text(key)?, Pii::new(text(value)?))),
                _ => Err(VaultError::UnknownFormat),
            })
            .collect()
    }

    pub(crate) fn seal_action(
        &self,
        revision: Revision,
        attempt: AttemptNumber,
        action: &Action,
    ) -> Result<Sealed, VaultError> {
        let expire = action.expire_time().as_micros().to_be_bytes();
        let parts = match action {
            Action::QrOrLink(qr) => {
                let mut parts = vec![QR_OR_LINK, &expire, qr.link.expose().as_bytes()];
                parts.extend(qr.qr_png.as_ref().map(|png| png.expose().as_slice()));
                parts
            }
            Action::GatewayWidget(widget) => {
                vec![
                    GATEWAY_WIDGET,
                    &expire,
                    widget.partner_id.as_bytes(),
                    widget.gatekeeper_network.as_bytes(),
                    widget.chain.as_bytes(),
                    widget.cluster.as_deref().unwrap_or_default().as_bytes(),
                    widget.stage.as_deref().unwrap_or_default().as_bytes(),
                ]
            }
            Action::ScopeRequestPopup(popup) => {
                vec![
                    SCOPE_REQUEST_POPUP,
                    &expire,
                    popup.application_id.as_bytes(),
                    popup.scope_request.as_bytes(),
                    popup.style.as_bytes(),
                    popup.script_url.as_bytes(),
                    popup.style_sheet_url.as_bytes(),
                    match popup.hide_intro {
                        None => &[],
                        Some(true) => YES,
                        Some(false) => NO,
                    },
                    popup.return_parameter.as_bytes(),
                ]
            }
        };
        self.seal(
            revision,
            SealedWhat::Action { attempt },
            &write_parts(parts),
        )
    }

    pub(crate) fn open_action(
        &self,
        attempt: AttemptNumber,
        action: &SealedAction,
    ) -> Result<Action, VaultError> {
        let what = SealedWhat::Action { attempt };
        let plain = self.open(action.revision, what, &action.sealed)?;
        let parts = read_parts(plain.expose())?;
        match parts.as_slice() {
            [QR_OR_LINK, expire, link, png @ ..] if png.len() <= 1 => {
                Ok(Action::QrOrLink(QrOrLink {
                    link: Pii::new(text(link)?),
                    qr_png: png.first().map(|png| Pii::new(png.to_vec())),
                    expire_time: time(expire)?,
                }))
            }
            [
                GATEWAY_WIDGET,
                expire,
                partner,
                network,
                chain,
                cluster,
                stage,
            ] => {
                let optional = |bytes| text(bytes).map(|text| Some(text).filter(|t| !t.is_empty()));
                Ok(Action::GatewayWidget(GatewayWidget {
                    partner_id: text(partner)?,
                    gatekeeper_network: text(network)?,
                    chain: text(chain)?,
                    cluster: optional(cluster)?,
                    stage: optional(stage)?,
                    expire_time: time(expire)?,
                }))
            }
            [
                SCOPE_REQUEST_POPUP,
                expire,
                application,
                scope,
                style,
                script,
                sheet,
                hide_intro,
                parameter,
            ] => Ok(Action::ScopeRequestPopup(ScopeRequestPopup {
                application_id: text(application)?,
                scope_request: text(scope)?,
                style: text(style)?,
                script_url: text(script)?,
                style_sheet_url: text(sheet)?,
                hide_intro: match *hide_intro {
                    [] => None,
                    YES => Some(true),
                    NO => Some(false),
                    _ => return Err(VaultError::UnknownFormat),
                },
                return_parameter: text(parameter)?,
                expire_time: time(expire)?,
            })),
            _ => Err(VaultError::UnknownFormat),
        }
    }

    /// The kind of a claim's document in the provider's own word, if it has one.
    pub(crate) fn seal_document_word(
        &self,
        revision: Revision,
        claim: &str,
        word: Option<&Pii<String>>,
    ) -> Result<Option<Sealed>, VaultError> {
        let what = SealedWhat::ClaimDocument { claim };
        word.map(|word| self.seal(revision, what, word.expose().as_bytes()))
            .transpose()
    }

    pub(crate) fn seal_evidence_description(
        &self,
        revision: Revision,
        evidence: EvidenceId,
        media_type: &str,
        sha256: &[u8],
    ) -> Result<Sealed, VaultError> {
        let plain = write_parts([media_type.as_bytes(), sha256]);
        self.seal(revision, SealedWhat::EvidenceName { evidence }, &plain)
    }

    /// Media type and SHA-256 of a piece of evidence.
    pub(crate) fn open_evidence_description(
        &self,
        record: &EvidenceRecord,
    ) -> Result<(String, [u8; 32]), VaultError> {
        let evidence = record.id;
        let what = SealedWhat::EvidenceName { evidence };
        let plain = self.open(record.revision, what, &record.description)?;
        let parts = read_parts(plain.expose())?;
        let [media_type, sha256] = parts.as_slice() else {
            return Err(VaultError::UnknownFormat);
        };
        let sha256 = (*sha256).try_into();
        Ok((
            text(media_type)?,
            sha256.map_err(|_| VaultError::UnknownFormat)?,
        ))
    }
}

/// Opens the transaction hash beside an event.
pub(crate) fn open_tx_hash(
    key: &DataKey,
    event: &NewEvent,
    sealed: &Sealed,
) -> Result<Pii<String>, VaultError> {
    let sealer = Sealer {
        id: event.verification,
        key,
    };
    sealer.open_text(event.revision, SealedWhat::TxHash, sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_as_they_were_and_a_cut_list_is_refused() {
        let parts: [&[u8]; 3] = [b"a", b"", b"long enough"];
        let bytes = write_parts(parts);
        assert_eq!(read_parts(&bytes).unwrap(), parts);
        for cut in [0, 2, 5, bytes.len() - 1] {
            assert!(read_parts(&bytes[..cut]).is_err() || cut == 6, "{cut}");
        }
        assert!(read_parts(&[9, 0, 0, 0, 0]).is_err());
    }
}
