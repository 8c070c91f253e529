//! What is checked before anything is asked, and before anything is stored.

use std::time::Duration;

use verilane_core::{Action, ClaimStatus, ConnectionName, Pii, Reason, State};
use verilane_engine::{AccessContext, CreateVerification, EngineError, Expire};

use crate::stage::{self, DAY, HOUR, MINUTE, Play, SECOND, START, Stage, field, request};

async fn refused(play: &Play, request: CreateVerification) -> EngineError {
    play.engine.create(request).await.unwrap_err()
}

fn fields(error: &EngineError) -> Vec<(&str, Reason)> {
    let violations = error.violations.iter();
    violations.map(|v| (v.field.as_str(), v.reason)).collect()
}

#[tokio::test]
async fn a_created_verification_waits_for_its_user_with_an_action() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("Ada")).await.unwrap();
    assert_eq!(created.row.state(), (State::Pending, None));
    assert_eq!(created.row.expire_time, START + DAY);
    assert!(!created.retryable);
    let [(1, Action::QrOrLink(action))] = created.actions.as_slice() else {
        panic!("no action");
    };
    assert_eq!(action.link.expose(), "puppet:ada");
    assert_eq!(action.expire_time, START + 10 * MINUTE);
    let got = play.view(created.row.id).await;
    assert_eq!(got.row, created.row);
    assert_eq!(got.purpose.expose(), stage::access().purpose.expose());
    let kinds: Vec<_> = play
        .log()
        .await
        .iter()
        .map(|e| e.body.kind.as_str())
        .collect();
    assert_eq!(kinds, ["CREATED", "ACTION_AVAILABLE"]);
}

#[tokio::test]
async fn everything_wrong_with_a_request_is_said_at_once_and_nobody_is_asked() {
    let stage = Stage::new();
    let play = stage.open().await;
    let error = refused(
        &play,
        CreateVerification {
            claims: vec![field("EMAIL", true), field("SHOE_SIZE", true)],
            access: AccessContext::default(),
            expire: Expire::After(31 * DAY),
            action_lifetime: Some(20 * MINUTE),
            max_attempts: Some(11),
            ..request("ada")
        },
    )
    .await;
    assert_eq!(
        fields(&error),
        [
            ("claims[1]", Reason::ClaimUnknown),
            ("action_lifetime", Reason::ActionLifetimeOutOfRange),
            ("access_context.purpose", Reason::PurposeRequired),
            ("ttl", Reason::ExpireTimeOutOfRange),
            ("max_attempts", Reason::InvalidArgument),
        ]
    );
    assert_eq!(error.reason, Reason::ClaimUnknown);
    assert_eq!(stage.puppet.availability_checks(), 0);
    assert!(stage.puppet.starts().is_empty());
    assert!(play.log().await.is_empty());
}

#[tokio::test]
async fn no_verification_is_made_without_a_purpose() {
    let stage = Stage::new();
    let play = stage.open().await;
    let mut without = request("ada");
    without.access.purpose = Pii::from("  ");
    let error = refused(&play, without).await;
    assert_eq!(error.reason, Reason::PurposeRequired);
    assert_eq!(stage.puppet.availability_checks(), 0);
}

#[tokio::test]
async fn a_connection_that_nobody_configured_is_not_found() {
    let stage = Stage::new();
    let play = stage.open().await;
    let error = refused(
        &play,
        CreateVerification {
            connection: ConnectionName::new("elsewhere").unwrap(),
            ..request("ada")
        },
    )
    .await;
    assert_eq!(error.reason, Reason::ConnectionNotFound);
    assert_eq!(stage.puppet.availability_checks(), 0);
}

#[tokio::test]
async fn a_required_claim_that_the_user_does_not_hold_ends_the_call_with_nothing_stored() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage.puppet.holds(&["EMAIL"]);
    let error = refused(
        &play,
        CreateVerification {
            claims: vec![
                field("EMAIL", true),
                field("P_NAME", true),
                field("P_BIRTH", true),
            ],
            request_id: Some("r".to_owned()),
            ..request("ada")
        },
    )
    .await;
    assert_eq!(error.reason, Reason::ClaimsNotHeld);
    assert_eq!(error.metadata, [("fields", "P_BIRTH,P_NAME".to_owned())]);
    assert!(stage.puppet.starts().is_empty());
    assert!(play.log().await.is_empty());
    // Nor is the request id: the same request can be made once the user holds everything.
    stage.puppet.holds(&["EMAIL", "P_NAME"]);
    play.engine
        .create(stage::request_as("r", "ada"))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_optional_claim_that_the_user_does_not_hold_is_not_asked_for() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage.puppet.holds(&["EMAIL"]);
    let created = play
        .engine
        .create(CreateVerification {
            claims: vec![field("EMAIL", true), field("P_NAME", false)],
            ..request("ada")
        })
        .await
        .unwrap();
    let statuses: Vec<_> = created
        .row
        .claims
        .iter()
        .map(|c| (c.field.as_str(), c.status))
        .collect();
    let expected = [
        ("EMAIL", ClaimStatus::Requested),
        ("P_NAME", ClaimStatus::NotHeld),
    ];
    assert_eq!(statuses, expected);
    assert_eq!(stage.puppet.last_start().fields, ["EMAIL"]);
}

#[tokio::test]
async fn a_user_who_holds_nothing_of_what_is_asked_is_not_bothered() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage.puppet.holds(&[]);
    let error = refused(
        &play,
        CreateVerification {
            claims: vec![field("EMAIL", false)],
            ..request("ada")
        },
    )
    .await;
    assert_eq!(error.reason, Reason::ClaimsNotHeld);
    assert!(stage.puppet.starts().is_empty());
}

#[tokio::test]
async fn the_action_lives_as_asked_a_margin_inside_what_the_provider_accepts() {
    let stage = Stage::new();
    let play = stage.open().await;
    let table = [
        (None, 10 * MINUTE),
        (Some(5 * MINUTE), 5 * MINUTE + 5 * SECOND),
        (Some(7 * MINUTE), 7 * MINUTE),
        (Some(15 * MINUTE), 15 * MINUTE - 5 * SECOND),
    ];
    for (place, (asked, lives)) in table.into_iter().enumerate() {
        let create = CreateVerification {
            action_lifetime: asked,
            ..request(&format!("user {place}"))
        };
        play.engine.create(create).await.unwrap();
        assert_eq!(stage.puppet.last_start().expiry, START + lives, "{asked:?}");
    }
    for asked in [Duration::ZERO, 5 * MINUTE - SECOND, 15 * MINUTE + SECOND] {
        let create = CreateVerification {
            action_lifetime: Some(asked),
            ..request("grace")
        };
        let error = refused(&play, create).await;
        assert_eq!(error.reason, Reason::ActionLifetimeOutOfRange, "{asked:?}");
    }
}

#[tokio::test]
async fn the_action_does_not_outlive_its_verification() {
    let stage = Stage::new();
    let play = stage.open().await;
    let create = CreateVerification {
        expire: Expire::After(6 * MINUTE),
        action_lifetime: Some(14 * MINUTE),
        ..request("ada")
    };
    play.engine.create(create).await.unwrap();
    assert_eq!(stage.puppet.last_start().expiry, START + 6 * MINUTE);
}

#[tokio::test]
async fn a_verification_expires_between_the_configured_ends_or_is_refused() {
    let stage = Stage::new().with(|config| {
        config.expire_min = 5 * MINUTE;
        config.expire_max = 2 * HOUR;
        config.expire_default = HOUR;
    });
    let play = stage.open().await;
    let good = [
        (Expire::Default, HOUR),
        (Expire::After(5 * MINUTE), 5 * MINUTE),
        (Expire::At(START + 2 * HOUR), 2 * HOUR),
    ];
    for (place, (expire, lives)) in good.into_iter().enumerate() {
        let create = CreateVerification {
            expire,
            ..request(&format!("user {place}"))
        };
        let created = play.engine.create(create).await.unwrap();
        assert_eq!(created.row.expire_time, START + lives, "{expire:?}");
    }
    let bad = [
        (Expire::After(4 * MINUTE), "ttl"),
        (Expire::After(2 * HOUR + 2 * SECOND), "ttl"),
        (Expire::After(Duration::MAX), "ttl"),
        (Expire::At(START), "expire_time"),
        (Expire::At(START - HOUR), "expire_time"),
        (Expire::At(START + DAY), "expire_time"),
    ];
    for (expire, place) in bad {
        let create = CreateVerification {
            expire,
            ..request("grace")
        };
        let error = refused(&play, create).await;
        assert_eq!(fields(&error), [(place, Reason::ExpireTimeOutOfRange)]);
    }
}
