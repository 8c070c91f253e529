//! ListEvents: pages, tokens, and the long poll.

use verilane_api::v1;
use verilane_api::v1::list_events_request::{Scope, Start};

use super::support::{World, told, world};

fn of_one(id: &str) -> v1::ListEventsRequest {
    v1::ListEventsRequest {
        scope: Some(Scope::VerificationId(id.to_owned())),
        ..Default::default()
    }
}

async fn list(world: &World, request: v1::ListEventsRequest) -> v1::ListEventsResponse {
    let mut client = world.verifications().await;
    client.list_events(request).await.unwrap().into_inner()
}

fn sequences(page: &v1::ListEventsResponse) -> Vec<u64> {
    page.events.iter().map(|event| event.sequence).collect()
}

#[tokio::test]
async fn pages_give_every_event_once_and_in_order() {
    let world = world().await;
    let made = world.create("ada").await;
    world.create("bob").await;
    world.call_back("ACCEPTED").await;
    world.call_back("CHECKED 0xabc").await;

    let mut request = v1::ListEventsRequest {
        page_size: 2,
        ..Default::default()
    };
    let mut seen = Vec::new();
    for _ in 0..4 {
        let page = list(&world, request.clone()).await;
        seen.extend(page.events);
        request.start = Some(Start::ResumeToken(page.next_resume_token));
    }
    let all: Vec<_> = seen.iter().map(|event| event.sequence).collect();
    assert_eq!(all, [1, 2, 3, 4, 5, 6]);
    let last = &seen[5];
    assert_eq!(last.r#type(), v1::EventType::ProviderStatus);
    assert_eq!(last.provider_status, "CHECKED");
    assert_eq!(last.tx_hash, "0xabc");
    assert_eq!(last.assurance(), v1::Assurance::Signed);
    assert_eq!(last.state_after(), v1::State::Processing);
    assert!(last.applied && !last.late);

    assert_eq!(sequences(&list(&world, of_one(&made.id)).await), [1, 2]);
    let mut now = of_one(&made.id);
    now.start = Some(Start::StartPoint(v1::StartPoint::Now.into()));
    assert!(list(&world, now).await.events.is_empty());
    let filter = v1::EventFilter {
        states: vec![v1::State::Processing.into()],
        ..Default::default()
    };
    let mut filtered = v1::ListEventsRequest {
        scope: Some(Scope::Filter(filter)),
        ..Default::default()
    };
    assert_eq!(sequences(&list(&world, filtered.clone()).await), [5, 6]);
    filtered.scope = Some(Scope::Filter(v1::EventFilter {
        connections: vec!["another".to_owned()],
        ..Default::default()
    }));
    assert!(list(&world, filtered).await.events.is_empty());
}

#[tokio::test]
async fn a_long_poll_answers_as_soon_as_something_happens() {
    let world = world().await;
    let made = world.create("ada").await;
    let page = list(&world, of_one(&made.id)).await;
    let mut request = of_one(&made.id);
    request.start = Some(Start::ResumeToken(page.next_resume_token));
    request.wait = Some(prost_types::Duration {
        seconds: 30,
        nanos: 0,
    });
    let (page, ()) = tokio::join!(list(&world, request), world.call_back("ACCEPTED"));
    assert_eq!(sequences(&page), [3]);
}

#[tokio::test]
async fn a_drain_ends_a_long_poll() {
    let world = world().await;
    let made = world.create("ada").await;
    let mut request = of_one(&made.id);
    request.start = Some(Start::StartPoint(v1::StartPoint::Now.into()));
    request.wait = Some(prost_types::Duration {
        seconds: 30,
        nanos: 0,
    });
    let mut client = world.verifications().await;
    let begin = std::time::Instant::now();
    let poll = tokio::spawn(async move { client.list_events(request).await });
    // The server is asked something else, so that the poll has begun by then.
    world.create("bob").await;
    world.shut_down().await;
    let status = poll.await.unwrap().unwrap_err();
    assert_eq!(told(&status), ["Unavailable SHUTTING_DOWN"]);
    assert!(begin.elapsed() < std::time::Duration::from_secs(20));
}

#[tokio::test]
async fn a_token_is_refused_under_another_filter_and_one_of_another_log_is_unknown() {
    let one = world().await;
    let made = one.create("ada").await;
    let token = list(&one, of_one(&made.id)).await.next_resume_token;
    let after = |token: &str| v1::ListEventsRequest {
        start: Some(Start::ResumeToken(token.to_owned())),
        ..Default::default()
    };
    let mut client = one.verifications().await;
    let status = client.list_events(after(&token)).await.unwrap_err();
    assert_eq!(
        told(&status),
        ["InvalidArgument RESUME_TOKEN_FILTER_MISMATCH"]
    );
    let status = client.list_events(after("nonsense")).await.unwrap_err();
    assert_eq!(
        told(&status),
        ["InvalidArgument RESUME_TOKEN_MALFORMED resume_token"]
    );

    let two = world().await;
    let mut client = two.verifications().await;
    let token = list(
        &one,
        after(&list(&one, Default::default()).await.next_resume_token),
    )
    .await
    .next_resume_token;
    let status = client.list_events(after(&token)).await.unwrap_err();
    assert_eq!(told(&status), ["OutOfRange RESUME_TOKEN_UNKNOWN"]);
}
