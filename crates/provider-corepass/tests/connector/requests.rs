//! What the plug-in asks, and what it makes of the answers.

use std::time::Duration;

use tokio::net::TcpSocket;
use verilane_core::clock::ManualClock;
use verilane_core::{Action, Reason};
use verilane_provider::ProviderError;
use verilane_provider_corepass::KeyUse;
use verilane_sandbox::Scenario;

use crate::stage::{LIMIT, START, Stage, facade, settings};

const TEN_MINUTES: Duration = Duration::from_secs(600);

fn reason(error: ProviderError) -> Reason {
    match error {
        ProviderError::Refused { reason, text: None } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn it_is_known_beforehand_what_a_user_has_verified() {
    let stage = Stage::set(Scenario::default()).await;
    let fields = ["SH_PHONE", "SH_EMAIL", "SH_IDCard_DOB"];
    for (who, expected) in [
        ("accepts", &["SH_EMAIL", "SH_IDCard_DOB", "SH_PHONE"][..]),
        ("partial", &["SH_EMAIL", "SH_IDCard_DOB"]),
        ("unverified", &[]),
    ] {
        let prepared = stage.prepared(who, &fields);
        let held = stage.facade.check_availability(&prepared).await.unwrap();
        assert_eq!(held.held, expected, "{who}");
    }
}

#[tokio::test]
async fn a_start_gives_a_code_a_link_and_the_time_they_end() {
    let stage = Stage::set(Scenario::default()).await;
    let prepared = stage.prepared("ignores", &["SH_EMAIL"]);
    let started = stage.start(&prepared, TEN_MINUTES).await.unwrap();
    assert!(!started.already_open);
    let Action::QrOrLink(action) = started.action else {
        panic!("another kind of action");
    };
    assert!(action.link.expose().starts_with("corepass:"));
    assert!(action.qr_png.unwrap().expose().starts_with(b"\x89PNG"));
    assert_eq!(action.expire_time, START + TEN_MINUTES);
}

#[tokio::test]
async fn a_second_start_is_told_that_the_first_is_open_with_its_link_and_time() {
    let stage = Stage::set(Scenario::default()).await;
    let prepared = stage.prepared("ignores", &["SH_EMAIL", "SH_PHONE"]);
    let first = stage.start(&prepared, TEN_MINUTES).await.unwrap();
    stage.clock.advance(Duration::from_secs(60));
    let second = stage.start(&prepared, TEN_MINUTES).await.unwrap();
    assert!(second.already_open);
    let (Action::QrOrLink(first), Action::QrOrLink(second)) = (first.action, second.action) else {
        panic!("another kind of action");
    };
    assert_eq!(first.link.expose(), second.link.expose());
    assert_eq!(second.expire_time, START + TEN_MINUTES);
}

#[tokio::test]
async fn documented_refusals_have_their_reasons() {
    let stage = Stage::set(Scenario::default()).await;
    let prepared = stage.prepared("accepts", &["SH_EMAIL"]);
    let short = stage.start(&prepared, Duration::from_secs(240)).await;
    assert_eq!(reason(short.unwrap_err()), Reason::ActionLifetimeOutOfRange);
    let unverified = stage.prepared("unverified", &["SH_EMAIL"]);
    let unverified = stage.start(&unverified, TEN_MINUTES).await;
    assert_eq!(reason(unverified.unwrap_err()), Reason::ClaimsNotHeld);

    stage.start(&prepared, TEN_MINUTES).await.unwrap();
    let id = stage.sandbox.requests(None).unwrap().remove(0).id;
    stage.sandbox.accept(&id).unwrap();
    let submitted = verilane_sandbox::Status::InitiateSubmitted;
    stage.clock.advance(Duration::from_secs(2));
    stage.sandbox.reached(&id, submitted, LIMIT).await.unwrap();
    let ongoing = stage.start(&prepared, TEN_MINUTES).await;
    assert_eq!(reason(ongoing.unwrap_err()), Reason::RequestAlreadyOpen);
}

#[tokio::test]
async fn a_connector_that_is_away_was_sent_nothing() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let stage = Stage::set(Scenario::default()).await;
    let keys = stage.sandbox.keys();
    let settings = settings(
        format!("http://{}", socket.local_addr().unwrap()),
        [(&keys.status, KeyUse::Status), (&keys.data, KeyUse::Data)],
    );
    let facade = facade(&settings, &ManualClock::new(START));
    let prepared = stage.prepared("accepts", &["SH_EMAIL"]);
    let outcome = facade.check_availability(&prepared).await;
    assert!(
        matches!(outcome, Err(ProviderError::NotSent)),
        "{outcome:?}"
    );
}
