//! What a user is asked for: claims from any document, by what he holds, and what is told of that.

use std::sync::Arc;

use verilane_core::{
    AuditAction, AuditRecord, ClaimName, ClaimRequest, ClaimSelector, ClaimStatus, DocumentType,
    Pii, Principal, Reason, State,
};
use verilane_engine::{AvailabilityView, CheckAvailability, CreateVerification, EngineError};

use crate::stage::puppet::Puppet;
use crate::stage::{self, Play, Stage, field, request, request_as};

fn from_any(name: ClaimName, preferred: &[DocumentType], required: bool) -> ClaimRequest {
    ClaimRequest {
        selector: ClaimSelector::AnyDocument {
            name,
            preferred: preferred.to_vec(),
        },
        required,
    }
}

fn asking(subject: &str, claims: Vec<ClaimRequest>) -> CreateVerification {
    CreateVerification {
        claims,
        ..request(subject)
    }
}

async fn check(play: &Play, claims: Vec<ClaimRequest>) -> Result<AvailabilityView, EngineError> {
    let check = CheckAvailability {
        principal: Principal::new("the teller"),
        connection: stage::connection(),
        subject: Pii::from("Zenobia"),
        claims,
        access: stage::access(),
    };
    play.engine.check_availability(&check).await
}

async fn audit(play: &Play) -> Vec<AuditRecord> {
    let chain = play.store.audit(1, 100).await.unwrap();
    chain.into_iter().map(|(_, record)| record).collect()
}

fn sources(view: &AvailabilityView) -> Vec<Option<&str>> {
    let claims = view.claims.iter();
    claims
        .map(|claim| claim.source.as_ref().map(|source| source.field.as_str()))
        .collect()
}

#[tokio::test]
async fn claims_from_any_document_come_from_the_one_that_the_user_has_verified() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage
        .puppet
        .holds(&["I_BIRTH", "I_NAME", "P_NAME", "EMAIL"]);
    let wish = vec![
        from_any(ClaimName::Name, &[DocumentType::Passport], true),
        from_any(ClaimName::Birthdate, &[], true),
        field("EMAIL", false),
    ];
    let created = play.engine.create(asking("ada", wish)).await.unwrap();
    // One document for both, though another is preferred for one of them.
    let start = stage.puppet.last_start();
    assert_eq!(start.fields, ["EMAIL", "I_BIRTH", "I_NAME"]);
    assert_eq!(stage.puppet.availability_checks(), 1);
    let claims: Vec<_> = created
        .row
        .claims
        .iter()
        .map(|claim| (claim.name, claim.document, claim.required))
        .collect();
    let idcard = Some(DocumentType::IdCard);
    assert_eq!(
        claims,
        [
            (ClaimName::Email, None, false),
            (ClaimName::Birthdate, idcard, true),
            (ClaimName::Name, idcard, true),
        ]
    );
}

#[tokio::test]
async fn a_preferred_document_is_taken_where_it_costs_no_further_one() {
    let stage = Stage::new();
    let play = stage.open().await;
    let passport = [DocumentType::Passport];
    let table = [
        (vec![from_any(ClaimName::Name, &[], true)], ["I_NAME"]),
        (vec![from_any(ClaimName::Name, &passport, true)], ["P_NAME"]),
    ];
    for (place, (wish, fields)) in table.into_iter().enumerate() {
        let create = asking(&format!("user {place}"), wish);
        play.engine.create(create).await.unwrap();
        assert_eq!(stage.puppet.last_start().fields, fields);
    }
}

#[tokio::test]
async fn what_is_missing_is_told_claim_by_claim_with_every_field_tried_and_is_audited() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage.puppet.holds(&["EMAIL"]);
    let wish = vec![
        field("EMAIL", true),
        from_any(ClaimName::Birthdate, &[], true),
        field("P_NAME", true),
        field("I_NAME", false),
    ];
    let error = play.engine.create(asking("ada", wish)).await.unwrap_err();
    assert_eq!(error.reason, Reason::ClaimsNotHeld);
    let missing: Vec<_> = error
        .not_held
        .iter()
        .map(|claim| (claim.place, claim.name, claim.fields.join(" ")))
        .collect();
    assert_eq!(
        missing,
        [
            (1, ClaimName::Birthdate, "P_BIRTH I_BIRTH".to_owned()),
            (2, ClaimName::Name, "P_NAME".to_owned()),
        ]
    );
    let fields = "I_BIRTH,P_BIRTH,P_NAME".to_owned();
    assert_eq!(error.metadata, [("fields", fields)]);
    assert!(stage.puppet.starts().is_empty());
    assert!(play.log().await.is_empty());
    let records = audit(&play).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].action, AuditAction::AvailabilityChecked);
    assert_eq!(records[0].verification, None);
    assert_eq!(
        records[0].subject_matter,
        ["email", "birthdate", "passport/name", "idcard/name"]
    );
}

#[tokio::test]
async fn an_optional_claim_held_on_no_document_is_stored_as_that_and_not_asked_for() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage.puppet.holds(&["EMAIL"]);
    let wish = vec![
        field("EMAIL", true),
        from_any(ClaimName::Birthdate, &[], false),
        from_any(ClaimName::Name, &[], false),
    ];
    let created = play.engine.create(asking("ada", wish)).await.unwrap();
    let start = stage.puppet.last_start();
    assert_eq!(start.fields, ["EMAIL"]);
    start.succeed(&play.engine).await;
    let view = play.view(created.row.id).await;
    assert_eq!(view.row.state().0, State::Verified);
    let claims: Vec<_> = view
        .row
        .claims
        .iter()
        .map(|claim| {
            (
                claim.name,
                claim.document,
                claim.field.as_str(),
                claim.status,
            )
        })
        .collect();
    assert_eq!(
        claims,
        [
            (ClaimName::Birthdate, None, "", ClaimStatus::NotHeld),
            (ClaimName::Name, None, "", ClaimStatus::NotHeld),
            (ClaimName::Email, None, "EMAIL", ClaimStatus::Granted),
        ]
    );
}

#[tokio::test]
async fn asking_what_a_user_holds_answers_what_creating_would_ask_for_and_starts_nothing() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage.puppet.holds(&["P_BIRTH", "P_NAME", "EMAIL"]);
    let wish = vec![
        from_any(ClaimName::Birthdate, &[DocumentType::IdCard], true),
        field("I_NAME", false),
        field("EMAIL", true),
    ];
    let view = check(&play, wish.clone()).await.unwrap();
    assert!(view.can_create);
    assert_eq!(sources(&view), [Some("P_BIRTH"), None, Some("EMAIL")]);
    assert!(stage.puppet.starts().is_empty());
    assert!(play.log().await.is_empty());
    play.engine.create(asking("zenobia", wish)).await.unwrap();
    assert_eq!(stage.puppet.last_start().fields, ["EMAIL", "P_BIRTH"]);

    let wish = vec![field("I_NAME", true), field("EMAIL", true)];
    let view = check(&play, wish.clone()).await.unwrap();
    assert!(!view.can_create);
    assert_eq!(sources(&view), [None, Some("EMAIL")]);
    let refused = play.engine.create(asking("zenobia", wish)).await;
    assert_eq!(refused.unwrap_err().reason, Reason::ClaimsNotHeld);
}

#[tokio::test]
async fn asking_what_a_user_holds_is_audited_and_leaves_no_readable_trace_of_him() {
    let stage = Stage::new();
    let play = stage.open().await;
    check(&play, vec![field("EMAIL", true)]).await.unwrap();
    let records = audit(&play).await;
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.action, AuditAction::AvailabilityChecked);
    assert_eq!(record.verification, None);
    assert_eq!(record.principal, Principal::new("the teller"));
    assert_eq!(record.subject_matter, ["email"]);
    assert_eq!(record.time, stage.now());
    assert!(record.details.is_some());
    play.close().await;
    let bytes = stage.bytes_on_disk();
    let access = stage::access();
    for secret in ["zenobia", "Zenobia", access.purpose.expose().as_str()] {
        let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
        assert!(!found, "{secret}");
    }
}

#[tokio::test]
async fn what_a_user_holds_is_not_asked_without_a_purpose_nor_of_nobody() {
    let stage = Stage::new();
    let play = stage.open().await;
    let mut without = CheckAvailability {
        principal: Principal::anonymous(),
        connection: stage::connection(),
        subject: Pii::from("ada"),
        claims: vec![field("SHOE_SIZE", true)],
        access: stage::access(),
    };
    without.access.purpose = Pii::from(" ");
    let error = play.engine.check_availability(&without).await.unwrap_err();
    let wrong: Vec<_> = error
        .violations
        .iter()
        .map(|v| (v.field.as_str(), v.reason))
        .collect();
    assert_eq!(
        wrong,
        [
            ("claims[0]", Reason::ClaimUnknown),
            ("access_context.purpose", Reason::PurposeRequired),
        ]
    );
    assert_eq!(stage.puppet.availability_checks(), 0);
    assert!(audit(&play).await.is_empty());
}

#[tokio::test]
async fn where_nobody_can_tell_what_a_user_holds_only_certain_fields_can_be_asked_for() {
    let mut stage = Stage::new();
    stage.puppet = Arc::new(Puppet::without_availability());
    let play = stage.open().await;
    let error = check(&play, vec![field("EMAIL", true)]).await.unwrap_err();
    assert_eq!(error.reason, Reason::AvailabilityNotOffered);
    let wish = vec![from_any(ClaimName::Name, &[], true)];
    let error = play.engine.create(asking("ada", wish)).await.unwrap_err();
    assert_eq!(error.reason, Reason::AvailabilityNotOffered);
    let wish = vec![field("EMAIL", true), field("P_NAME", true)];
    play.engine.create(asking("ada", wish)).await.unwrap();
    assert_eq!(stage.puppet.last_start().fields, ["EMAIL", "P_NAME"]);
    assert_eq!(stage.puppet.availability_checks(), 0);
}

#[tokio::test]
async fn an_order_of_documents_and_a_wish_for_no_picture_are_part_of_a_request() {
    let stage = Stage::new();
    let play = stage.open().await;
    use DocumentType::{IdCard, Passport};
    let asked = |preferred: &[DocumentType], without_picture| CreateVerification {
        claims: vec![from_any(ClaimName::Name, preferred, true)],
        without_picture,
        ..request_as("r", "ada")
    };
    let first = asked(&[Passport, IdCard], true);
    let made = play.engine.create(first.clone()).await.unwrap();
    let again = play.engine.create(first).await.unwrap();
    assert_eq!(again.row.id, made.row.id);
    for other in [
        asked(&[IdCard, Passport], true),
        asked(&[Passport], true),
        asked(&[Passport, IdCard], false),
    ] {
        let error = play.engine.create(other).await.unwrap_err();
        assert_eq!(error.reason, Reason::RequestIdReused);
    }
}

#[tokio::test]
async fn a_picture_that_nobody_wants_is_not_asked_for_and_can_be_drawn_all_the_same() {
    let stage = Stage::new();
    let play = stage.open().await;
    let create = CreateVerification {
        without_picture: true,
        ..request("ada")
    };
    let mut view = play.engine.create(create).await.unwrap();
    assert!(stage.puppet.last_start().without_picture);
    assert!(view.lacks_pictures());
    view.draw_pictures();
    assert!(!view.lacks_pictures());
    play.engine.create(request("grace")).await.unwrap();
    assert!(!stage.puppet.last_start().without_picture);
}
