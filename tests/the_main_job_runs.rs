//! A verification is asked for over gRPC, its user accepts, and what the provider calls back with
//! arrives: as transitions on a stream that may be cut, and as claims that can be read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use std::collections::BTreeMap;

use harness::{LIMIT, Server, Stage};
use verilane_api::v1::watch_verification_request::Start;
use verilane_api::v1::{
    Assurance, Event, EventType, StartPoint, State, Verification, WatchEnd, action,
};
use verilane_sandbox::{ForgeOrder, Forgery, Status};

const FIELDS: [&str; 4] = [
    "SH_EMAIL",
    "SH_Passport_Country",
    "SH_Passport_DOB",
    "SH_Passport_FULLNAME",
];

/// How far a successful transfer comes, in the provider's words and in ours.
const TIMELINE: [(&str, State); 11] = [
    ("ACCEPTED", State::Processing),
    ("INITIATE_SUBMITTED", State::Processing),
    ("INITIATED", State::Processing),
    ("KYC_RECEIVED", State::Processing),
    ("VALIDITY_CHECK", State::Processing),
    ("VALIDITY_SUCCEED", State::Processing),
    ("CONFIRM_SUBMITTED", State::Processing),
    ("CONFIRMED", State::Processing),
    ("", State::Verified),
    ("CALLBACK_SUCCEED", State::Verified),
    ("FINISH_SUCCESS", State::Verified),
];

fn beginning() -> Start {
    Start::StartPoint(StartPoint::Beginning.into())
}

fn is_finished(event: &Event) -> bool {
    event.provider_status == "FINISH_SUCCESS"
}

fn revisions(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.revision).collect()
}

/// A verification whose callbacks begin once its creation was answered.
async fn created(stage: &Stage, server: &Server) -> Verification {
    stage.sandbox.hold(None).unwrap();
    let created = server.create(&stage.user("accepts"), &FIELDS).await;
    stage.sandbox.release(None).unwrap();
    created
}

#[tokio::test]
async fn every_transition_streams_in_order_and_the_claims_are_the_persons() {
    let stage = Stage::new().await;
    let server = stage.start();
    let created = created(&stage, &server).await;
    assert_eq!(created.state(), State::Pending);
    let action = created.attempts[0].action.clone().unwrap().kind.unwrap();
    let action::Kind::QrOrLink(action) = action else {
        panic!("another kind of action");
    };
    assert!(action.link.starts_with("corepass:"), "{}", action.link);
    assert!(action.qr_png.starts_with(b"\x89PNG\r\n\x1a\n"));

    let (events, _) = server
        .follow(&created.id, beginning(), WatchEnd::Never, is_finished)
        .await;
    assert_eq!(revisions(&events), (1..=13).collect::<Vec<_>>());
    let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=13).collect::<Vec<_>>());
    let own = &events[..2];
    assert!(
        own.iter()
            .all(|event| event.assurance() == Assurance::Local)
    );
    let told: Vec<_> = events[2..]
        .iter()
        .map(|event| (event.provider_status.as_str(), event.state_after()))
        .collect();
    assert_eq!(told, TIMELINE);
    for event in &events[2..] {
        assert_eq!(event.assurance(), Assurance::Signed);
        assert!(event.applied && !event.late, "{event:?}");
        assert!(event.provider_time.is_some(), "{event:?}");
    }

    let user = stage.user("accepts");
    let answer = server.read_claims(&created.id).await.unwrap();
    let read: BTreeMap<_, _> = answer
        .claims
        .iter()
        .map(|claim| {
            let field = claim.provenance.as_ref().unwrap().provider_field.as_str();
            assert_eq!(claim.assurance(), Assurance::Signed);
            assert_eq!(claim.pepper, None);
            (field, claim.raw_value.clone())
        })
        .collect();
    let held = FIELDS.map(|field| (field, user.value(field).unwrap()));
    assert_eq!(read, BTreeMap::from(held));
    assert!(server.terminate().await.success());
    stage.end().await;
}

#[tokio::test]
async fn a_stream_that_is_cut_goes_on_with_its_token_without_a_hole_also_after_a_restart() {
    let stage = Stage::new().await;
    let server = stage.start();
    let created = created(&stage, &server).await;
    let cut_after = |word: &'static str| move |event: &Event| event.provider_status == word;
    let (first, token) = server
        .follow(
            &created.id,
            beginning(),
            WatchEnd::Never,
            cut_after("INITIATED"),
        )
        .await;
    let resumed = Start::ResumeToken(token);
    let (second, token) = server
        .follow(
            &created.id,
            resumed,
            WatchEnd::Never,
            cut_after("CONFIRMED"),
        )
        .await;
    stage.sandbox.finished(LIMIT).await.unwrap();
    assert!(server.terminate().await.success());

    let server = stage.start();
    let resumed = Start::ResumeToken(token);
    let (third, _) = server
        .follow(&created.id, resumed, WatchEnd::Never, is_finished)
        .await;
    let all = [first, second, third].concat();
    assert_eq!(revisions(&all), (1..=13).collect::<Vec<_>>());
    assert_eq!(server.get(&created.id).await.state(), State::Verified);
    stage.end().await;
}

#[tokio::test]
async fn a_forged_callback_is_refused_and_changes_nothing() {
    let stage = Stage::new().await;
    let server = stage.start();
    let user = stage.user("ignores");
    let created = server.create(&user, &FIELDS).await;
    let request = stage.sandbox.requests(Some("ignores")).unwrap().remove(0);
    let forgeries = [
        Forgery::OtherKey,
        Forgery::OtherKeyPosingAsOurs,
        Forgery::Tampered,
    ];
    for forgery in forgeries {
        for data in [false, true] {
            let order = ForgeOrder {
                forgery,
                data,
                status: Some(Status::Accepted),
            };
            let delivery = stage.sandbox.forge(&request.id, order).await.unwrap();
            let answer = delivery.http.unwrap();
            assert!((400..500).contains(&answer), "{forgery:?} {data} {answer}");
        }
    }
    // One forgery of data is kept in quarantine, and told; nothing else of the verification moves.
    let log = server.log_of(&created.id).await;
    let told = &log[usize::try_from(created.revision).unwrap()..];
    let kinds: Vec<_> = told.iter().map(|e| (e.r#type(), e.applied)).collect();
    assert_eq!(kinds, [(EventType::DataQuarantined, false)]);
    let stands = server.get(&created.id).await;
    let but_for_its_event = Verification {
        revision: created.revision,
        update_time: created.update_time,
        ..stands
    };
    assert_eq!(but_for_its_event, created);
    let answer = server.read_claims(&created.id).await;
    assert_eq!(answer.unwrap_err().code(), tonic::Code::FailedPrecondition);
    stage.end().await;
}

#[tokio::test]
async fn a_watch_until_the_end_ends_with_the_event_that_ends_it() {
    let stage = Stage::new().await;
    let server = stage.start();
    let created = created(&stage, &server).await;
    let events = server.events_until_final(&created.id).await;
    let last = events.last().unwrap();
    assert_eq!(last.state_after(), State::Verified);
    assert_eq!(last.revision, events.len() as u64);
    stage.end().await;
}
