//! Claims that are derived from others: asked for as what they are derived from, read without it.

use std::time::Duration;

use verilane_core::{
    AuditAction, ClaimName, ClaimRequest, ClaimSelector, ClaimStatus, ClaimValue, DocumentType,
    Principal, Reason, State, Timestamp, VerificationId,
};
use verilane_engine::{
    CheckAvailability, ClaimView, ClaimsView, CreateVerification, DownloadEvidence, ReadClaims,
    Revalidate, Revalidation,
};

use crate::stage::puppet::{PNG, Puppet};
use crate::stage::{self, Play, Stage, request};

use ClaimName::{AgeOver18, AgeOver21, Birthdate};

const BORN: &str = "2004-02-29";

fn passport(name: ClaimName) -> ClaimSelector {
    ClaimSelector::Claim {
        name,
        document: Some(DocumentType::Passport),
    }
}

fn of_passport(name: ClaimName, required: bool) -> ClaimRequest {
    ClaimRequest {
        selector: passport(name),
        required,
    }
}

fn asking(claims: &[ClaimRequest]) -> CreateVerification {
    CreateVerification {
        claims: claims.to_vec(),
        ..request("ada")
    }
}

/// A verification of these claims, whose birthdate came.
async fn verified(
    stage: &Stage,
    play: &Play,
    claims: &[ClaimRequest],
    birthdate: &str,
) -> VerificationId {
    let created = play.engine.create(asking(claims)).await.unwrap();
    let start = stage.puppet.last_start();
    assert_eq!(start.fields, ["P_BIRTH"]);
    let items = [("P_BIRTH", birthdate)];
    start.deliver(&play.engine, &items).await.unwrap();
    created.row.id
}

fn read(claims: &[ClaimSelector], peppers_of: &[ClaimSelector]) -> ReadClaims {
    ReadClaims {
        principal: Principal::new("a caller"),
        access: stage::access(),
        claims: claims.to_vec(),
        peppers_of: peppers_of.to_vec(),
    }
}

async fn read_all(play: &Play, id: VerificationId) -> ClaimsView {
    play.engine.read_claims(id, &read(&[], &[])).await.unwrap()
}

fn is_over(claim: &ClaimView) -> Option<bool> {
    let value = claim.derived.as_ref().unwrap().value.as_ref()?;
    match value {
        ClaimValue::Boolean(yes) => Some(*yes.expose()),
        _ => panic!("an age is a yes or a no"),
    }
}

fn as_of(claim: &ClaimView) -> (i32, u8, u8) {
    let date = claim.derived.as_ref().unwrap().as_of.expose();
    (date.year(), date.month(), date.day())
}

#[tokio::test]
async fn who_asked_for_the_age_alone_reads_it_and_can_t_read_the_birthdate() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play, &[of_passport(AgeOver18, true)], BORN).await;
    let row = play.view(id).await.row;
    assert_eq!(row.state(), (State::Verified, None));
    assert_eq!(row.claims.len(), 1);
    assert_eq!(row.claims[0].name, AgeOver18);
    assert_eq!(row.claims[0].status, ClaimStatus::Granted);

    let by_field = ClaimSelector::ProviderField("P_BIRTH".to_owned());
    for (claims, peppers_of) in [
        (vec![], vec![]),
        (vec![passport(AgeOver18)], vec![passport(AgeOver18)]),
        (vec![by_field.clone()], vec![by_field]),
    ] {
        let wish = read(&claims, &peppers_of);
        let view = play.engine.read_claims(id, &wish).await.unwrap();
        let [claim] = view.claims.as_slice() else {
            panic!("{:?}", view.claims);
        };
        assert_eq!(claim.name, AgeOver18);
        assert_eq!(claim.derived.as_ref().unwrap().from, Birthdate);
        assert_eq!(is_over(claim), Some(true));
        assert_eq!(as_of(claim), (2023, 11, 14));
        assert!(claim.raw.is_none() && claim.pepper.is_none());
        assert!(view.evidence.is_empty());
    }

    let other = passport(Birthdate);
    let any = ClaimSelector::Claim {
        name: Birthdate,
        document: None,
    };
    for wish in [
        read(std::slice::from_ref(&other), &[]),
        read(&[], std::slice::from_ref(&other)),
        read(&[any], &[]),
    ] {
        let error = play.engine.read_claims(id, &wish).await.unwrap_err();
        assert_eq!(error.reason, Reason::ClaimNotRequested);
    }
    let audit = play.store.audit(1, 100).await.unwrap();
    for (_, record) in &audit {
        assert_eq!(record.subject_matter, ["passport/age_over_18"]);
    }
    assert_eq!(audit.len(), 4);
}

#[tokio::test]
async fn an_age_beside_its_birthdate_is_a_claim_of_its_own_from_the_same_field() {
    let stage = Stage::new();
    let play = stage.open().await;
    let claims = [
        of_passport(AgeOver21, false),
        of_passport(Birthdate, true),
        of_passport(AgeOver18, true),
    ];
    let id = verified(&stage, &play, &claims, BORN).await;
    let everything = [Birthdate, AgeOver18, AgeOver21];
    let peppers = everything.map(passport);
    let wish = read(&[], &peppers);
    let view = play.engine.read_claims(id, &wish).await.unwrap();
    let names: Vec<_> = view.claims.iter().map(|claim| claim.name).collect();
    assert_eq!(names, everything);
    let [born, over_18, over_21] = view.claims.as_slice() else {
        panic!("{:?}", view.claims);
    };
    assert_eq!(born.raw.as_ref().unwrap().expose(), BORN);
    assert!(born.pepper.is_some() && born.derived.is_none());
    assert_eq!(
        (is_over(over_18), is_over(over_21)),
        (Some(true), Some(false))
    );
    assert!(over_18.raw.is_none() && over_18.pepper.is_none());
    // Naming one brings that one.
    let wish = read(&[passport(AgeOver21)], &peppers);
    let view = play.engine.read_claims(id, &wish).await.unwrap();
    assert_eq!(view.claims.len(), 1);
    assert_eq!(view.claims[0].name, AgeOver21);
    let at_rest = play.store.claims(id).await.unwrap();
    assert_eq!(at_rest.len(), 1);
    assert_eq!(at_rest[0].name, Birthdate);
}

#[tokio::test]
async fn an_age_is_that_of_the_day_of_the_reading_in_utc() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play, &[of_passport(AgeOver21, true)], BORN).await;
    let first_of_march = Timestamp::from_secs(1_740_787_200);
    for (time, over, day) in [
        (
            first_of_march - Duration::from_millis(1),
            false,
            (2025, 2, 28),
        ),
        (first_of_march, true, (2025, 3, 1)),
    ] {
        stage.clock.set(time);
        let view = read_all(&play, id).await;
        assert_eq!(is_over(&view.claims[0]), Some(over));
        assert_eq!(as_of(&view.claims[0]), day);
    }
}

#[tokio::test]
async fn a_required_age_that_does_not_follow_from_what_came_fails_as_a_missing_item_does() {
    let stage = Stage::new();
    let play = stage.open().await;
    let unreadable = "29 février 2004";
    for (required, state) in [
        (true, (State::Failed, Some(Reason::RequiredItemMissing))),
        (false, (State::Verified, None)),
    ] {
        let claims = [
            of_passport(AgeOver18, required),
            of_passport(Birthdate, true),
        ];
        let id = verified(&stage, &play, &claims, unreadable).await;
        let row = play.view(id).await.row;
        assert_eq!(row.state(), state);
        let statuses: Vec<_> = row.claims.iter().map(|c| (c.name, c.status)).collect();
        let expected = [
            (Birthdate, ClaimStatus::Granted),
            (AgeOver18, ClaimStatus::Invalid),
        ];
        assert_eq!(statuses, expected);
        let view = read_all(&play, id).await;
        assert_eq!(view.claims[0].raw.as_ref().unwrap().expose(), unreadable);
        assert_eq!(is_over(&view.claims[1]), None);
        assert_eq!(view.claims[1].status, ClaimStatus::Invalid);
        assert!(view.claims[1].raw.is_none());
    }
}

#[tokio::test]
async fn an_age_is_checked_again_by_its_birthdate_and_turns_invalid_with_it() {
    let stage = Stage::new();
    let play = stage.open().await;
    let claims = [of_passport(AgeOver18, true), of_passport(Birthdate, true)];
    let id = verified(&stage, &play, &claims, BORN).await;
    let wish = |claims: &[ClaimSelector]| Revalidate {
        principal: Principal::new("a caller"),
        access: stage::access(),
        verification: id,
        claims: claims.to_vec(),
    };
    let view = play.engine.revalidate_claims(&wish(&[])).await.unwrap();
    let told: Vec<_> = view
        .claims
        .iter()
        .map(|(c, said)| (c.name, *said))
        .collect();
    let holds = Revalidation::Holds;
    assert_eq!(told, [(Birthdate, holds), (AgeOver18, holds)]);
    assert_eq!(stage.puppet.checked().len(), 1, "one value is checked once");

    stage.puppet.revokes("P_BIRTH");
    let only = wish(&[passport(AgeOver18)]);
    let view = play.engine.revalidate_claims(&only).await.unwrap();
    let [(claim, Revalidation::DoesNotHold)] = view.claims.as_slice() else {
        panic!("{:?}", view.claims);
    };
    assert_eq!(
        (claim.name, claim.status),
        (AgeOver18, ClaimStatus::Invalid)
    );
    let row = play.view(id).await.row;
    assert!(row.claims.iter().all(|c| c.status == ClaimStatus::Invalid));
    let audit = play.store.audit(1, 100).await.unwrap();
    let last = &audit.last().unwrap().1;
    assert_eq!(last.action, AuditAction::ClaimsRevalidated);
    assert_eq!(last.subject_matter, ["passport/age_over_18"]);
    // Its value can still be read.
    assert_eq!(is_over(&read_all(&play, id).await.claims[1]), Some(true));
}

#[tokio::test]
async fn the_birthdate_can_t_be_checked_again_by_who_asked_for_the_age_alone() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play, &[of_passport(AgeOver18, true)], BORN).await;
    let wish = Revalidate {
        principal: Principal::new("a caller"),
        access: stage::access(),
        verification: id,
        claims: vec![passport(Birthdate)],
    };
    let error = play.engine.revalidate_claims(&wish).await.unwrap_err();
    assert_eq!(error.reason, Reason::ClaimNotRequested);
    assert!(stage.puppet.checked().is_empty());
}

#[tokio::test]
async fn a_picture_in_the_place_of_a_birthdate_is_not_evidence_for_who_asked_for_the_age() {
    let stage = Stage::new();
    let play = stage.open().await;
    let id = verified(&stage, &play, &[of_passport(AgeOver18, false)], PNG).await;
    let kept = play.store.evidence(id).await.unwrap();
    let picture = kept.iter().find(|piece| piece.field.is_some()).unwrap();
    let view = read_all(&play, id).await;
    assert!(view.evidence.is_empty());
    assert_eq!(is_over(&view.claims[0]), None);
    let download = DownloadEvidence {
        principal: Principal::new("a caller"),
        access: stage::access(),
        verification: id,
        evidence: picture.id,
        offset: 0,
    };
    let refused = play.engine.download_evidence(&download).await;
    let refused = refused.err().map(|error| error.reason);
    assert_eq!(refused, Some(Reason::EvidenceNotFound));
}

#[tokio::test]
async fn asking_for_an_age_does_not_join_asking_for_the_birthdate() {
    let stage = Stage::new();
    let play = stage.open().await;
    let age = [of_passport(AgeOver18, true)];
    let first = play.engine.create(asking(&age)).await.unwrap();
    assert!(play.engine.create(asking(&age)).await.unwrap().joined);
    for other in [
        vec![of_passport(Birthdate, true)],
        vec![of_passport(AgeOver21, true)],
        vec![of_passport(AgeOver18, true), of_passport(Birthdate, true)],
    ] {
        let refused = play.engine.create(asking(&other)).await.unwrap_err();
        assert_eq!(refused.reason, Reason::RequestAlreadyOpen);
    }
    let start = stage.puppet.last_start();
    let items = [("P_BIRTH", BORN)];
    start.deliver(&play.engine, &items).await.unwrap();
    assert_eq!(play.view(first.row.id).await.row.state().0, State::Verified);
}

#[tokio::test]
async fn an_age_from_any_document_comes_from_where_the_birthdate_does() {
    let stage = Stage::new();
    let play = stage.open().await;
    let any = |name, preferred: &[DocumentType]| ClaimRequest {
        selector: ClaimSelector::AnyDocument {
            name,
            preferred: preferred.to_vec(),
        },
        required: true,
    };
    let claims = vec![
        any(AgeOver18, &[]),
        any(Birthdate, &[DocumentType::Passport]),
    ];
    let check = CheckAvailability {
        principal: Principal::new("a caller"),
        connection: stage::connection(),
        subject: "ada".into(),
        claims: claims.clone(),
        access: stage::access(),
    };
    for (held, field) in [
        (&["P_BIRTH", "I_BIRTH"][..], Some("P_BIRTH")),
        (&["I_BIRTH"], Some("I_BIRTH")),
        (&["EMAIL"], None),
    ] {
        stage.puppet.holds(held);
        let view = play.engine.check_availability(&check).await.unwrap();
        assert_eq!(view.can_create, field.is_some());
        for (claim, name) in view.claims.iter().zip([AgeOver18, Birthdate]) {
            assert_eq!(claim.wish.name, name);
            let source = claim.source.as_ref().map(|source| source.field.as_str());
            assert_eq!(source, field);
        }
        let created = play.engine.create(asking(&claims)).await;
        match field {
            Some(field) => {
                created.unwrap();
                assert_eq!(stage.puppet.last_start().fields, [field]);
            }
            None => assert_eq!(created.unwrap_err().reason, Reason::ClaimsNotHeld),
        }
    }
}

#[tokio::test]
async fn where_nobody_can_tell_what_is_held_an_age_is_asked_for_from_a_given_document() {
    let mut stage = Stage::new();
    stage.puppet = std::sync::Arc::new(Puppet::without_availability());
    let play = stage.open().await;
    let id = verified(&stage, &play, &[of_passport(AgeOver18, true)], BORN).await;
    assert_eq!(is_over(&read_all(&play, id).await.claims[0]), Some(true));
}
