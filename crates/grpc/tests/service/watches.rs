//! WatchVerification and WatchVerifications, as a client sees them.

use tonic::Streaming;
use verilane_api::v1;
use verilane_api::v1::watch_verification_response::Item;
use verilane_api::v1::watch_verifications_response as many;
use verilane_api::v1::{watch_verification_request, watch_verifications_request};

use super::support::{told, world};

fn one(id: &str, end: v1::WatchEnd) -> v1::WatchVerificationRequest {
    v1::WatchVerificationRequest {
        verification_id: id.to_owned(),
        end: end.into(),
        ..Default::default()
    }
}

async fn next(stream: &mut Streaming<v1::WatchVerificationResponse>) -> (Item, String) {
    let message = stream.message().await.unwrap().unwrap();
    (message.item.unwrap(), message.resume_token)
}

#[tokio::test]
async fn a_watch_shows_a_snapshot_then_each_transition_and_ends_where_it_was_told_to() {
    let world = world().await;
    let made = world.create("ada").await;
    let mut client = world.verifications().await;
    let answer = client
        .watch_verification(one(&made.id, v1::WatchEnd::Final))
        .await
        .unwrap();
    let mut stream = answer.into_inner();

    let (Item::Snapshot(snapshot), token) = next(&mut stream).await else {
        panic!("no snapshot");
    };
    assert_eq!(token, "");
    let shown = snapshot.verification.unwrap();
    assert_eq!((shown.id.as_str(), shown.revision), (made.id.as_str(), 2));
    let (Item::SnapshotEnd(end), token) = next(&mut stream).await else {
        panic!("no end of the snapshot");
    };
    assert_eq!(end.verifications, 1);
    assert!(!token.is_empty());

    world.call_back("ACCEPTED 0xabc").await;
    let (Item::Event(accepted), after_accepted) = next(&mut stream).await else {
        panic!("no event");
    };
    assert_eq!((accepted.sequence, accepted.revision), (3, 3));
    assert_eq!(accepted.state_after(), v1::State::Processing);
    assert_eq!(accepted.tx_hash, "0xabc");

    world
        .call_back("DATA F_DOB=1986-09-06 F_MAIL=a@mail.example")
        .await;
    let (Item::Event(verified), _) = next(&mut stream).await else {
        panic!("no event");
    };
    assert_eq!(verified.state_after(), v1::State::Verified);
    assert_eq!(stream.message().await.unwrap(), None);

    // From each of its tokens the stream goes on with exactly the rest.
    let mut resumed = one(&made.id, v1::WatchEnd::Never);
    for (token, expected) in [(token, 3), (after_accepted, 4)] {
        resumed.start = Some(watch_verification_request::Start::ResumeToken(token));
        let answer = client.watch_verification(resumed.clone()).await.unwrap();
        let (Item::Event(event), _) = next(&mut answer.into_inner()).await else {
            panic!("no event");
        };
        assert_eq!(event.sequence, expected);
    }
}

#[tokio::test]
async fn a_tail_watch_sees_what_its_filter_lets_pass_and_what_leaves_it() {
    let world = world().await;
    let mut client = world.verifications().await;
    let request = v1::WatchVerificationsRequest {
        filter: Some(v1::EventFilter {
            states: vec![v1::State::Pending.into()],
            ..Default::default()
        }),
        start: Some(watch_verifications_request::Start::StartPoint(
            v1::StartPoint::Now.into(),
        )),
        ..Default::default()
    };
    let answer = client.watch_verifications(request).await.unwrap();
    let mut stream = answer.into_inner();
    world.create("ada").await;
    world.call_back("ACCEPTED").await;
    world.call_back("CHECKED").await;
    world.create("bob").await;
    for expected in [1, 2, 3, 5, 6] {
        let message = stream.message().await.unwrap().unwrap();
        let Some(many::Item::Event(event)) = message.item else {
            panic!("no event");
        };
        assert_eq!(event.sequence, expected);
        assert!(!message.resume_token.is_empty());
    }
}

#[tokio::test]
async fn silence_brings_heartbeats_with_tokens_that_resume_without_a_gap() {
    let world = world().await;
    let made = world.create("ada").await;
    let mut client = world.verifications().await;
    let mut request = one(&made.id, v1::WatchEnd::Never);
    request.start = Some(watch_verification_request::Start::StartPoint(
        v1::StartPoint::Now.into(),
    ));
    request.heartbeat_interval = Some(prost_types::Duration {
        seconds: 1,
        nanos: 0,
    });
    let answer = client.watch_verification(request.clone()).await.unwrap();
    let (Item::Heartbeat(beat), token) = next(&mut answer.into_inner()).await else {
        panic!("no heartbeat");
    };
    assert_eq!(beat.time.unwrap().seconds, world.now().as_secs());
    world.call_back("ACCEPTED").await;
    request.start = Some(watch_verification_request::Start::ResumeToken(token));
    let answer = client.watch_verification(request).await.unwrap();
    let (Item::Event(event), _) = next(&mut answer.into_inner()).await else {
        panic!("no event");
    };
    assert_eq!(event.sequence, 3);
}

#[tokio::test]
async fn a_drain_ends_every_watch_with_unavailable() {
    let mut world = world().await;
    let made = world.create("ada").await;
    let mut client = world.verifications().await;
    let answer = client
        .watch_verification(one(&made.id, v1::WatchEnd::Never))
        .await
        .unwrap();
    let mut stream = answer.into_inner();
    next(&mut stream).await;
    next(&mut stream).await;
    world.stop();
    let status = stream.message().await.unwrap_err();
    assert_eq!(told(&status), ["Unavailable SHUTTING_DOWN"]);
}
