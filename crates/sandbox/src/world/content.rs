//! What a callback says, how it is written and signed, and under which key.

use verilane_core::Timestamp;

use super::DEADLINE;
use crate::keys::{Keys, Pairs};
use crate::ledger::CallbackKind;
use crate::letter::{Info, Letter, StatusContent, Writing};
use crate::request::Request;
use crate::scenario::{DataShape, Digest, Encoding, Scenario};
use crate::status::Status;

/// What a callback is about.
#[derive(Debug)]
pub(super) struct Content {
    /// Which kind.
    pub kind: CallbackKind,
    /// The status that it tells of, or that a failure came with; for data `None`.
    pub status: Option<Status>,
    /// What a failure callback says.
    pub error: Option<String>,
}

/// The key that a kind of callback is signed with.
pub(super) const fn key(keys: &Keys, kind: CallbackKind) -> &Pairs {
    match kind {
        CallbackKind::Status => &keys.status,
        CallbackKind::Data | CallbackKind::Failure => &keys.data,
    }
}

/// What a callback of a request says if it is signed at `now`.
pub(super) fn letter(
    request: &Request,
    content: &Content,
    scenario: &Scenario,
    now: Timestamp,
) -> Letter {
    let deadline = (now + DEADLINE).as_secs();
    let user = &request.user;
    match (content.kind, content.status) {
        (CallbackKind::Status, Some(status)) => Letter::status(&StatusContent {
            user: &user.core_id,
            items: &request.items,
            status: status.as_str(),
            expiration: request.expiration,
            deadline,
            tx_hash: request.tx_hash(status),
        }),
        (CallbackKind::Failure, _) => Letter::failure(
            &user.core_id,
            &request.items,
            content.error.as_deref().unwrap_or_default(),
            deadline,
            request.expiration,
        ),
        (CallbackKind::Data | CallbackKind::Status, _) => {
            let asked = request.items.iter();
            let infos: Vec<Info> = asked
                .filter(|field| !scenario.data_lacks.contains(field))
                .chain(&scenario.data_adds)
                .filter_map(|field| {
                    Some(Info {
                        field: field.clone(),
                        value: user.value(field)?,
                        pepper: user.pepper(field)?,
                    })
                })
                .collect();
            Letter::data(&user.core_id, &infos, deadline, request.expiration)
        }
    }
}

/// How a kind of callback is written and signed: statuses are always JSON, and their encoding and
/// digest are established.
pub(super) fn writing(scenario: &Scenario, kind: CallbackKind) -> Writing {
    match kind {
        CallbackKind::Status => Writing {
            shape: DataShape::Json,
            json_content_type: None,
            encoding: Encoding::Wire,
            digest: Digest::Sha3,
            scheme: scenario.signing.status_scheme,
        },
        CallbackKind::Data | CallbackKind::Failure => Writing {
            shape: scenario.data_shape,
            json_content_type: scenario.json_content_type.clone(),
            encoding: scenario.signing.encoding,
            digest: scenario.signing.digest,
            scheme: scenario.signing.data_scheme,
        },
    }
}
