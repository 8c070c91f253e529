//! Claims are read for a purpose, and the audit record is durable before a value leaves.

use std::sync::Arc;

use verilane_core::{
    AUDIT_GENESIS, AuditAction, ClaimName, ClaimSelector, DocumentType, Pii, Principal, Reason,
    VerificationId, audit_link,
};
use verilane_engine::{AccessContext, CreateVerification, ReadClaims};

use crate::stage::faults::{Fault, Faulty};
use crate::stage::{self, Play, Stage, email, field, request};

fn read() -> ReadClaims {
    ReadClaims {
        principal: Principal::new("a caller"),
        access: stage::access(),
        claims: Vec::new(),
        peppers_of: Vec::new(),
    }
}

fn passport(name: ClaimName) -> ClaimSelector {
    ClaimSelector::Claim {
        name,
        document: Some(DocumentType::Passport),
    }
}

/// A verification that holds an e-mail address and a name, and was asked for a birthdate too.
async fn verified(stage: &Stage, play: &Play) -> VerificationId {
    let create = CreateVerification {
        claims: vec![
            field("EMAIL", true),
            field("P_NAME", true),
            field("P_BIRTH", false),
        ],
        ..request("Ada")
    };
    let created = play.engine.create(create).await.unwrap();
    let items = [("EMAIL", "ada@example.org"), ("P_NAME", "Ada Lovelace")];
    stage
        .puppet
        .last_start()
        .deliver(&play.engine, &items)
        .await
        .unwrap();
    created.row.id
}

#[tokio::test]
async fn claims_are_read_with_their_provenance_and_the_subject() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play).await;
    let view = play.engine.read_claims(id, &read()).await.unwrap();
    assert_eq!(view.subject.expose(), "ada");
    let values: Vec<_> = view
        .claims
        .iter()
        .map(|c| {
            (
                c.claim.field.as_str(),
                c.claim.name,
                c.raw.as_ref().unwrap().expose().as_str(),
            )
        })
        .collect();
    let expected = [
        ("EMAIL", ClaimName::Email, "ada@example.org"),
        ("P_NAME", ClaimName::Name, "Ada Lovelace"),
    ];
    assert_eq!(values, expected);
    let claim = &view.claims[1].claim;
    assert_eq!(claim.document, Some(DocumentType::Passport));
    assert_eq!(claim.receive_time, stage.now());
    assert_eq!(claim.key_fingerprint.as_deref(), Some("a pinned key"));
    assert_eq!(claim.revision, view.row.revision);
}

#[tokio::test]
async fn no_claim_is_read_without_a_purpose() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play).await;
    for purpose in ["", " \t"] {
        let without = ReadClaims {
            access: AccessContext {
                purpose: Pii::from(purpose),
                ..stage::access()
            },
            ..read()
        };
        let error = play.engine.read_claims(id, &without).await.unwrap_err();
        assert_eq!(error.reason, Reason::PurposeRequired);
        assert_eq!(error.violations[0].field, "access_context.purpose");
    }
    assert_eq!(play.store.audit(1, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_pepper_is_read_only_where_it_is_asked_for_by_name() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play).await;
    let all = play.engine.read_claims(id, &read()).await.unwrap();
    assert!(all.claims.iter().all(|claim| claim.pepper.is_none()));
    let one = ReadClaims {
        peppers_of: vec![passport(ClaimName::Name)],
        ..read()
    };
    let one = play.engine.read_claims(id, &one).await.unwrap();
    assert!(one.claims[0].pepper.is_none());
    assert_eq!(
        one.claims[1].pepper.as_ref().unwrap().expose(),
        "pepper of Ada Lovelace"
    );
}

#[tokio::test]
async fn named_claims_are_read_and_no_others() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play).await;
    let by_field = ClaimSelector::ProviderField("EMAIL".to_owned());
    let any_document = ClaimSelector::Claim {
        name: ClaimName::Name,
        document: None,
    };
    let table = [
        (vec![email()], vec!["EMAIL"]),
        (vec![by_field], vec!["EMAIL"]),
        (vec![passport(ClaimName::Name)], vec!["P_NAME"]),
        (vec![any_document], vec!["P_NAME"]),
        // Asked for when it was created, and never held.
        (vec![passport(ClaimName::Birthdate)], vec![]),
    ];
    for (claims, fields) in table {
        let some = ReadClaims { claims, ..read() };
        let view = play.engine.read_claims(id, &some).await.unwrap();
        let got: Vec<_> = view.claims.iter().map(|c| c.claim.field.as_str()).collect();
        assert_eq!(got, fields);
    }
}

#[tokio::test]
async fn a_claim_that_was_not_part_of_the_verification_is_refused_by_its_place() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play).await;
    let before = play.store.audit(1, 100).await.unwrap().len();
    let other = || passport(ClaimName::DocumentNumber);
    let table = [
        (vec![email(), other()], vec![], "claims[1]"),
        (vec![], vec![other()], "peppers_of[0]"),
        (
            vec![ClaimSelector::ProviderField("P_SHOE".into())],
            vec![],
            "claims[0]",
        ),
    ];
    for (claims, peppers_of, place) in table {
        let wrong = ReadClaims {
            claims,
            peppers_of,
            ..read()
        };
        let error = play.engine.read_claims(id, &wrong).await.unwrap_err();
        assert_eq!(error.reason, Reason::ClaimNotRequested);
        assert_eq!(error.violations[0].field, place);
    }
    assert_eq!(play.store.audit(1, 100).await.unwrap().len(), before);
}

#[tokio::test]
async fn where_no_data_has_come_there_are_no_claims_to_read() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let error = play
        .engine
        .read_claims(created.row.id, &read())
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::ClaimsNotAvailable);
    assert!(error.metadata.contains(&("state", "PENDING".to_owned())));
    let nobody = VerificationId::generate();
    let error = play.engine.read_claims(nobody, &read()).await.unwrap_err();
    assert_eq!(error.reason, Reason::VerificationNotFound);
}

#[tokio::test]
async fn each_read_is_in_the_audit_chain_with_its_claims_and_no_values() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play).await;
    play.engine.read_claims(id, &read()).await.unwrap();
    let some = ReadClaims {
        claims: vec![passport(ClaimName::Name)],
        peppers_of: vec![passport(ClaimName::Name)],
        ..read()
    };
    play.engine.read_claims(id, &some).await.unwrap();
    let chain = play.store.audit(1, 100).await.unwrap();
    let said: Vec<_> = chain
        .iter()
        .map(|(_, r)| (r.action, r.principal.as_str(), r.subject_matter.clone()))
        .collect();
    let words = |all: &[&str]| all.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let expected = [
        (
            AuditAction::VerificationCreated,
            "anonymous",
            words(&["email", "passport/birthdate", "passport/name"]),
        ),
        (
            AuditAction::ClaimsRead,
            "a caller",
            words(&["email", "passport/name"]),
        ),
        (
            AuditAction::ClaimsRead,
            "a caller",
            words(&["passport/name with pepper"]),
        ),
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn the_audit_chain_verifies_link_by_link_and_across_a_restart() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play).await;
    play.engine.read_claims(id, &read()).await.unwrap();
    play.close().await;
    let play = stage.open().await;
    let other = play.engine.create(request("grace")).await.unwrap();
    let (principal, access) = (Principal::anonymous(), stage::access());
    play.engine
        .cancel(other.row.id, None, &principal, &access)
        .await
        .unwrap();
    play.engine.read_claims(id, &read()).await.unwrap();
    let chain = play.store.audit(1, 100).await.unwrap();
    assert_eq!(chain.len(), 5);
    let mut previous = AUDIT_GENESIS;
    for (number, (link, record)) in (1..).zip(chain) {
        assert_eq!(link, audit_link(&previous, number, &record.digest()));
        previous = link;
        // Why and for whom stands there, sealed.
        assert!(record.details.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn no_value_leaves_before_its_audit_record_is_durable() {
    let stage = Stage::new();
    let mut faulty = None;
    let play = stage
        .open_behind(
            |observer| observer,
            |store| {
                let proxy = Faulty::over(store);
                faulty = Some(Arc::clone(&proxy));
                proxy
            },
        )
        .await;
    let faulty = faulty.unwrap();
    let id = verified(&stage, &play).await;
    let count = || async { play.store.audit(1, 100).await.unwrap().len() };
    let table = [
        (Fault::Refused, Some(Reason::StoreUnavailable), 0),
        (Fault::UnknownAndGone, Some(Reason::StoreUnavailable), 0),
        // A record without its read is better than a read without its record.
        (Fault::UnknownForGood, Some(Reason::CommitOutcomeUnknown), 1),
        (Fault::UnknownButStands, None, 1),
    ];
    for (fault, reason, more) in table {
        let before = count().await;
        faulty.fail([fault], |_| true);
        let outcome = play.engine.read_claims(id, &read()).await;
        assert_eq!(outcome.err().map(|error| error.reason), reason, "{fault:?}");
        assert_eq!(count().await, before + more, "{fault:?}");
    }
}
