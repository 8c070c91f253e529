//! What a code gives, and what becomes of it.

use verilane_core::{
    Assurance, ClaimStatus, EventKind, Pii, Principal, Reason, SUBJECT_ID, State, VerificationId,
};
use verilane_engine::{CreateVerification, ListVerifications, RetryVerification};

use crate::stage::codes::{Grant, KEY};
use crate::stage::{self, Play, Stage};
use crate::{claims, created, end_of, granted, hand_in, kinds, messages, wish};

async fn found(play: &Play, user: &str) -> Vec<VerificationId> {
    let list = ListVerifications {
        subject: Some(Pii::new(format!("{SUBJECT_ID}{user}"))),
        page_size: 10,
        ..ListVerifications::default()
    };
    let (page, _) = play.engine.list(&list).await.unwrap();
    page.into_iter().map(|view| view.row.id).collect()
}

#[tokio::test]
async fn a_code_verifies_within_the_call_that_hands_it_in() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    let view = hand_in(&stage, &play, id, "c").await.unwrap();
    assert_eq!(view.row.state(), (State::Verified, None));
    assert!(view.row.warnings().is_empty());
    let told = [
        (EventKind::Created, State::Pending),
        (EventKind::ActionAvailable, State::Pending),
        (EventKind::Continued, State::Processing),
        (EventKind::CodeExchanged, State::Processing),
        (EventKind::DataReceived, State::Verified),
    ];
    assert_eq!(kinds(&play, id).await, told);
    assert_eq!(stage.codes.sent(), 1);
    assert_eq!(messages(&stage, &play, id).await.len(), 1);

    // Handed in again, it changes nothing.
    let again = hand_in(&stage, &play, id, "c").await.unwrap();
    assert_eq!(again.row, view.row);
    assert_eq!(stage.codes.sent(), 1);
    play.close().await;
}

#[tokio::test]
async fn what_was_signed_is_told_from_what_was_not() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    hand_in(&stage, &play, id, "c").await.unwrap();
    let claims = claims(&play, id).await.unwrap();
    let read: Vec<_> = claims
        .iter()
        .map(|one| {
            let claim = &one.claim;
            let value = one.raw.as_ref().unwrap().expose().as_str();
            let key = claim.key_fingerprint.as_deref();
            (claim.field.as_str(), value, claim.assurance, key)
        })
        .collect();
    let signed = (Assurance::Signed, Some(KEY));
    let expected = [
        ("MAIL", "ada@example.org", signed.0, signed.1),
        ("PHONE", "+41 44 668 18 00", signed.0, signed.1),
        ("USER", "u-1", Assurance::Pulled, None),
    ];
    assert_eq!(read, expected);
    let checks = claims[0].claim.checks.unwrap();
    assert!(checks.is_valid && checks.is_owner);
    assert_eq!(claims[2].claim.checks, None);
    play.close().await;
}

#[tokio::test]
async fn a_required_claim_that_does_not_hold_rejects_and_can_be_read_all_the_same() {
    for said in [(false, true), (true, false), (false, false)] {
        let stage = Stage::exchanging();
        let mut play = stage.open().await;
        play.run_jobs();
        let mut grant = Grant::of("u-1");
        grant.items[0].2 = Some(said);
        stage.codes.grants("c", grant);
        let id = created(&play, wish(&["MAIL"], &["PHONE"])).await;
        hand_in(&stage, &play, id, "c").await.unwrap();
        let why = Some(Reason::ClaimNotValid);
        assert_eq!(end_of(&play, id).await, (State::Rejected, why));
        let claims = claims(&play, id).await.unwrap();
        assert_eq!(claims[0].status, ClaimStatus::Invalid);
        let checks = claims[0].claim.checks.unwrap();
        assert_eq!((checks.is_valid, checks.is_owner), said);
        let value = claims[0].raw.as_ref().unwrap();
        assert_eq!(value.expose(), "ada@example.org");
        assert_eq!(claims[1].status, ClaimStatus::Granted);
        play.close().await;
    }
}

#[tokio::test]
async fn an_optional_claim_that_does_not_hold_leaves_the_rest_verified() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let mut grant = Grant::of("u-1");
    grant.items[1].2 = Some((true, false));
    grant.digest_mismatch = true;
    stage.codes.grants("c", grant);
    let id = created(&play, wish(&["MAIL"], &["PHONE"])).await;
    let view = hand_in(&stage, &play, id, "c").await.unwrap();
    assert_eq!(end_of(&play, id).await, (State::Verified, None));
    let warnings = [Reason::OptionalClaimNotValid, Reason::ImageDigestMismatch];
    assert_eq!(view.row.warnings(), warnings);
    let claims = claims(&play, id).await.unwrap();
    let status: Vec<_> = claims.iter().map(|one| one.status).collect();
    let (granted, invalid) = (ClaimStatus::Granted, ClaimStatus::Invalid);
    assert_eq!(status, [granted, invalid, granted]);
    play.close().await;
}

#[tokio::test]
async fn a_required_claim_that_does_not_come_fails_and_what_came_is_kept() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    stage.codes.grants("c", Grant::of("u-1"));
    let id = created(&play, wish(&["MAIL", "BIRTH"], &[])).await;
    let view = hand_in(&stage, &play, id, "c").await.unwrap();
    let why = Some(Reason::RequiredItemMissing);
    assert_eq!(end_of(&play, id).await, (State::Failed, why));
    assert_eq!(view.row.warnings(), [Reason::ItemNotRequested]);
    let claims = claims(&play, id).await.unwrap();
    let fields: Vec<_> = claims.iter().map(|one| one.claim.field.as_str()).collect();
    assert_eq!(fields, ["MAIL", "USER"]);
    play.close().await;
}

#[tokio::test]
async fn another_users_grant_rejects_and_nothing_of_it_is_a_claim() {
    for (is_large, kept) in [(false, 1), (true, 2)] {
        let stage = Stage::exchanging();
        let mut play = stage.open().await;
        play.run_jobs();
        let grant = Grant {
            is_large,
            ..Grant::of("u-2")
        };
        stage.codes.grants("c", grant);
        let named = CreateVerification {
            subject: Pii::new(format!("{SUBJECT_ID}u-1")),
            ..wish(&["MAIL"], &[])
        };
        let id = created(&play, named).await;
        hand_in(&stage, &play, id, "c").await.unwrap();
        let why = Some(Reason::SubjectMismatch);
        assert_eq!(end_of(&play, id).await, (State::Rejected, why));
        assert!(claims(&play, id).await.is_err());
        assert!(play.store.claims(id).await.unwrap().is_empty());
        assert_eq!(messages(&stage, &play, id).await.len(), kept);
        assert_eq!(found(&play, "u-2").await, []);
        assert_eq!(found(&play, "u-1").await, [id]);
        play.close().await;
    }
}

#[tokio::test]
async fn a_user_is_found_by_the_name_that_his_grant_brought() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    assert_eq!(found(&play, "u-1").await, []);
    hand_in(&stage, &play, id, "c").await.unwrap();
    assert_eq!(found(&play, "u-1").await, [id]);
    assert_eq!(found(&play, "u-2").await, []);
    play.close().await;
}

async fn retry(play: &Play, id: VerificationId) {
    let retry = RetryVerification {
        principal: Principal::anonymous(),
        request_id: None,
        verification: id,
        expected: None,
        access: stage::access(),
        action_lifetime: None,
        without_picture: false,
    };
    play.engine.retry(retry).await.unwrap();
}

fn lacking(user: &str) -> Grant {
    let mut grant = Grant::of(user);
    grant.items.remove(0);
    grant
}

#[tokio::test]
async fn a_user_whose_grant_another_attempts_has_replaced_is_not_found_by_it_any_more() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    stage.codes.grants("c", lacking("u-1"));
    stage.codes.grants("d", lacking("u-2"));
    stage.codes.grants("e", Grant::of("u-3"));
    let id = created(&play, wish(&["MAIL"], &["PHONE"])).await;
    // What a failed attempt brought stands, and is found, until something else does.
    hand_in(&stage, &play, id, "c").await.unwrap();
    let why = Some(Reason::RequiredItemMissing);
    assert_eq!(end_of(&play, id).await, (State::Failed, why));
    assert_eq!(found(&play, "u-1").await, [id]);
    retry(&play, id).await;
    assert_eq!(found(&play, "u-1").await, [id]);
    hand_in(&stage, &play, id, "d").await.unwrap();
    assert_eq!(found(&play, "u-1").await, []);
    assert_eq!(found(&play, "u-2").await, [id]);
    retry(&play, id).await;
    hand_in(&stage, &play, id, "e").await.unwrap();
    assert_eq!(end_of(&play, id).await, (State::Verified, None));
    for user in ["u-1", "u-2"] {
        assert_eq!(found(&play, user).await, [], "{user}");
    }
    assert_eq!(found(&play, "u-3").await, [id]);
    play.close().await;
}

#[tokio::test]
async fn a_user_whom_the_caller_named_is_found_whatever_attempts_bring() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    stage.codes.grants("c", lacking("u-1"));
    stage.codes.grants("d", Grant::of("u-2"));
    stage.codes.grants("e", Grant::of("u-1"));
    let named = CreateVerification {
        subject: Pii::new(format!("{SUBJECT_ID}u-1")),
        ..wish(&["MAIL"], &["PHONE"])
    };
    let id = created(&play, named).await;
    let ends = [
        ("c", (State::Failed, Some(Reason::RequiredItemMissing))),
        ("d", (State::Rejected, Some(Reason::SubjectMismatch))),
        ("e", (State::Verified, None)),
    ];
    for (place, (code, end)) in ends.into_iter().enumerate() {
        if place > 0 {
            retry(&play, id).await;
        }
        hand_in(&stage, &play, id, code).await.unwrap();
        assert_eq!(end_of(&play, id).await, end);
        assert_eq!(found(&play, "u-1").await, [id]);
        assert_eq!(found(&play, "u-2").await, []);
    }
    play.close().await;
}
