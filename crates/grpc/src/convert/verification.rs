//! Verifications as callers see them.

use bytes::Bytes;
use verilane_api::v1;
use verilane_core::{Action, Attempt, RequestedClaim, Review};
use verilane_engine::VerificationView;

use super::words::{claim_key, claim_status, codes, decision, necessity, reason, state, timestamp};

/// Whether a QR code's picture is answered. It is large, and can be drawn from the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Picture {
    With,
    Without,
}

/// A verification.
pub(crate) fn verification(view: &VerificationView, picture: Picture) -> v1::Verification {
    let row = &view.row;
    let (now, why) = row.state();
    v1::Verification {
        id: row.id.to_string(),
        state: state(now).into(),
        reason: reason(why),
        connection: row.connection.to_string(),
        provider: row.provider.to_string(),
        provider_status: text(row.provider_status()),
        revision: row.revision.0,
        create_time: Some(timestamp(row.create_time)),
        update_time: Some(timestamp(row.update_time)),
        expire_time: Some(timestamp(row.expire_time)),
        attempts: row
            .attempts
            .iter()
            .map(|one| {
                let open = view
                    .actions
                    .iter()
                    .find(|(number, _)| *number == one.number);
                attempt(one, open.map(|(_, open)| action(open, picture)))
            })
            .collect(),
        claims: row.claims.iter().map(requested_claim).collect(),
        retryable: view.retryable,
        max_attempts: row.max_attempts,
        warnings: codes(&row.warnings()),
        subject_ref: view
            .subject_ref
            .as_ref()
            .map(|text| text.expose().clone())
            .unwrap_or_default(),
        labels: view
            .labels
            .iter()
            .map(|(key, value)| (key.clone(), value.expose().clone()))
            .collect(),
        purpose: view.purpose.expose().clone(),
        principal: row.principal.as_str().to_owned(),
        erase_time: None,
    }
}

fn attempt(attempt: &Attempt, action: Option<v1::Action>) -> v1::Attempt {
    let (now, why) = attempt.state();
    let handover = attempt.handover.as_ref();
    v1::Attempt {
        number: attempt.number,
        connection: attempt.connection.to_string(),
        provider: attempt.provider.to_string(),
        state: state(now).into(),
        reason: reason(why),
        provider_status: text(attempt.provider_status.as_ref()),
        action,
        start_time: Some(timestamp(attempt.start_time)),
        expire_time: attempt.expire_time.map(timestamp),
        end_time: attempt.end_time.map(timestamp),
        provider_progress: text(handover.and_then(|handover| handover.shown.progress.as_ref())),
        review: handover
            .and_then(|handover| handover.review.as_ref())
            .map(|one| review(one, attempt)),
        evidence_offered: handover
            .map(|handover| handover.shown.offers.clone())
            .unwrap_or_default(),
    }
}

fn review(review: &Review, attempt: &Attempt) -> v1::Review {
    v1::Review {
        open_time: Some(timestamp(review.open_time)),
        deadline: review.deadline.map(timestamp),
        decision: review.decided.map_or(0, |(said, _)| decision(said).into()),
        decide_time: review.decided.map(|(_, time)| timestamp(time)),
        decision_pending: attempt.pending_decision().is_some(),
    }
}

fn action(action: &Action, picture: Picture) -> v1::Action {
    let kind = match action {
        Action::QrOrLink(open) => v1::action::Kind::QrOrLink(v1::QrOrLink {
            link: open.link.expose().clone(),
            qr_png: match (&open.qr_png, picture) {
                (Some(png), Picture::With) => Bytes::copy_from_slice(png.expose()),
                _ => Bytes::new(),
            },
            expire_time: Some(timestamp(open.expire_time)),
        }),
        Action::GatewayWidget(open) => v1::action::Kind::GatewayWidget(v1::GatewayWidget {
            partner_id: open.partner_id.clone(),
            gatekeeper_network: open.gatekeeper_network.clone(),
            chain: open.chain.clone(),
            cluster: open.cluster.clone().unwrap_or_default(),
            stage: open.stage.clone().unwrap_or_default(),
            expire_time: Some(timestamp(open.expire_time)),
        }),
        Action::ScopeRequestPopup(open) => {
            v1::action::Kind::ScopeRequestPopup(v1::ScopeRequestPopup {
                application_id: open.application_id.clone(),
                scope_request: open.scope_request.clone(),
                style: open.style.clone(),
                script_url: open.script_url.clone(),
                style_sheet_url: open.style_sheet_url.clone(),
                hide_intro: open.hide_intro,
                return_parameter: open.return_parameter.clone(),
                expire_time: Some(timestamp(open.expire_time)),
            })
        }
    };
    v1::Action { kind: Some(kind) }
}

fn requested_claim(claim: &RequestedClaim) -> v1::RequestedClaim {
    v1::RequestedClaim {
        claim: Some(claim_key(claim.name, claim.document)),
        provider_field: claim.field.clone(),
        necessity: necessity(claim.required).into(),
        status: claim_status(claim.status).into(),
    }
}

/// A provider's word; empty if it said none.
pub(crate) fn text(word: Option<&verilane_core::ProviderStatus>) -> String {
    word.map(ToString::to_string).unwrap_or_default()
}
