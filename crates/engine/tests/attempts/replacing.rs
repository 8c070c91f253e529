//! What a complete delivery leaves of an incomplete one before it: nothing that is handed out.

use std::sync::Arc;

use verilane_core::{ClaimStatus, EventKind, Principal, Reason, RequestedClaim, VerificationId};
use verilane_engine::{
    DownloadEvidence, EngineError, EvidenceView, ReadClaims, Revalidate, Revalidation,
    RevalidationView, VerificationView,
};

use crate::request;
use crate::stage::puppet::StartCall;
use crate::stage::{self, MINUTE, Play, Stage};

const OLD_FACE: &str = "89504e470d0a1a0a01";
const NEW_FACE: &str = "89504e470d0a1a0a02";

/// A verification whose first attempt has brought the old values, but not all, and the request of its
/// second.
async fn incomplete(stage: &Stage, play: &Play) -> (VerificationId, StartCall) {
    let mut wish = request("ada", 2);
    wish.claims = vec![
        stage::field("EMAIL", true),
        stage::field("P_NAME", false),
        stage::field("P_FACE", false),
        stage::field("P_BIRTH", true),
    ];
    let id = play.engine.create(wish).await.unwrap().row.id;
    let items = [("EMAIL", "a@b.c"), ("P_NAME", "Ada"), ("P_FACE", OLD_FACE)];
    let first = stage.puppet.last_start();
    first.deliver(&play.engine, &items).await.unwrap();
    stage.clock.advance(MINUTE);
    play.retry(id).await.unwrap();
    (id, stage.puppet.last_start())
}

fn all_claims() -> ReadClaims {
    ReadClaims {
        principal: Principal::anonymous(),
        access: stage::access(),
        claims: Vec::new(),
        peppers_of: Vec::new(),
    }
}

async fn revalidated(play: &Play, id: VerificationId) -> Result<RevalidationView, EngineError> {
    let wish = Revalidate {
        principal: Principal::anonymous(),
        access: stage::access(),
        verification: id,
        claims: Vec::new(),
    };
    play.engine.revalidate_claims(&wish).await
}

#[tokio::test]
async fn what_a_complete_delivery_replaced_is_not_listed_handed_out_or_checked_again() {
    for faces in [&[][..], &[("P_FACE", NEW_FACE)]] {
        let stage = Stage::new();
        let play = stage.open().await;
        let (id, second) = incomplete(&stage, &play).await;
        let before = play.engine.read_claims(id, &all_claims()).await.unwrap();
        let pieces = |evidence: &[EvidenceView]| -> Vec<_> {
            let ids = evidence.iter().map(|one| one.record.id);
            ids.collect()
        };
        let replaced = pieces(&before.evidence);
        assert!(!replaced.is_empty());
        let mut items = vec![("EMAIL", "n@b.c"), ("P_BIRTH", "1815-12-10")];
        items.extend(faces);
        second.deliver(&play.engine, &items).await.unwrap();

        let after = play.engine.read_claims(id, &all_claims()).await.unwrap();
        let of = after.evidence.iter().map(|one| one.record.attempt);
        assert!(of.clone().all(|attempt| attempt == 2));
        assert_eq!(of.count() > 0, !faces.is_empty());
        let download = async |evidence| {
            let wish = DownloadEvidence {
                principal: Principal::anonymous(),
                access: stage::access(),
                verification: id,
                evidence,
                offset: 0,
            };
            let download = play.engine.download_evidence(&wish).await;
            download.map(|_| ()).map_err(|error| error.reason)
        };
        for piece in replaced {
            assert_eq!(download(piece).await, Err(Reason::EvidenceNotFound));
        }
        for piece in pieces(&after.evidence) {
            assert_eq!(download(piece).await, Ok(()));
        }
        let view = revalidated(&play, id).await.unwrap();
        let held = |(claim, said): &(RequestedClaim, Revalidation)| {
            claim.status == ClaimStatus::Granted && *said == Revalidation::Holds
        };
        assert!(view.claims.iter().all(held));
        let sent = stage.puppet.checked();
        let mut sent: Vec<_> = sent.iter().map(|c| (&*c.field, &*c.value)).collect();
        sent.sort_unstable();
        items.sort_unstable();
        assert_eq!(sent, items);
    }
}

#[tokio::test]
async fn a_claim_that_replaced_the_one_that_was_checked_stays_as_it_is() {
    let stage = Stage::new();
    let play = stage.open().await;
    let (id, second) = incomplete(&stage, &play).await;
    stage.puppet.revokes("EMAIL");
    let engine = Arc::clone(&play.engine);
    stage.puppet.at_revalidation(move |before| {
        let (engine, second) = (Arc::clone(&engine), second.clone());
        Box::pin(async move {
            if before == 0 {
                let items = [("EMAIL", "n@b.c"), ("P_BIRTH", "1815-12-10")];
                second.deliver(&engine, &items).await.unwrap();
            }
        })
    });
    let error = revalidated(&play, id).await.unwrap_err();
    assert_eq!(error.reason, Reason::Contended);
    let email = |view: VerificationView| {
        let mut claims = view.row.claims.into_iter();
        claims.find(|claim| claim.field == "EMAIL").unwrap().status
    };
    assert_eq!(email(play.view(id).await), ClaimStatus::Granted);
    // The next check is about the new value.
    revalidated(&play, id).await.unwrap();
    assert_eq!(email(play.view(id).await), ClaimStatus::Invalid);
    let turned = play.log().await.pop().unwrap().body;
    assert_eq!(
        (turned.kind, turned.attempt),
        (EventKind::ClaimInvalidated, 2)
    );
}
