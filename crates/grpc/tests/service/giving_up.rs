//! Callers that give up while their verification is created.

use std::time::Duration;

use prost::Message as _;
use tonic::{Code, Request};
use verilane_api::v1;
use verilane_api::v1::watch_verifications_response::Item;
use verilane_engine::{EngineConfig, EventFilter, WatchStart};
use verilane_grpc::GrpcConfig;

use super::provider::{SILENT, SLOW};
use super::support::{World, request, told, world_with};

/// Waits for the event that makes an action available. Nothing but the create can bring it: no job
/// runs here, and the clock stands.
async fn action_comes(world: &World) {
    let (all, start) = (EventFilter::default(), WatchStart::Beginning);
    let silence = Duration::from_secs(300);
    let mut watch = world.engine.watch_many(all, &start, silence).await.unwrap();
    let comes = async {
        loop {
            let delivery = watch.next().await.unwrap().unwrap();
            let message = v1::WatchVerificationsResponse::decode(delivery.head).unwrap();
            if let Some(Item::Event(event)) = message.item
                && event.r#type() == v1::EventType::ActionAvailable
            {
                return;
            }
        }
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, comes).await.unwrap();
}

#[tokio::test]
async fn a_caller_whose_deadline_passes_during_a_create_leaves_an_action_behind() {
    let impatient = GrpcConfig {
        default_deadline: Duration::from_secs(1),
        ..GrpcConfig::default()
    };
    let world = world_with(EngineConfig::default(), impatient).await;
    let mut client = world.verifications().await;
    let status = client.create_verification(request(SLOW)).await.unwrap_err();
    assert_eq!(told(&status), ["DeadlineExceeded DEADLINE_EXCEEDED"]);

    world.provider.asked.notified().await;
    world.provider.answer.notify_one();
    action_comes(&world).await;

    let mut again = Request::new(request(SLOW));
    again.set_timeout(Duration::from_secs(30));
    let answer = client.create_verification(again).await.unwrap();
    let made = answer.into_inner().verification.unwrap();
    assert!(made.attempts[0].action.is_some());
    assert_eq!(world.provider.told.lock().len(), 1);
}

#[tokio::test]
async fn a_caller_that_is_cut_off_during_a_create_leaves_an_action_behind() {
    let cutting = GrpcConfig {
        drain_deadline: Duration::from_millis(1),
        ..GrpcConfig::default()
    };
    let mut world = world_with(EngineConfig::default(), cutting).await;
    let mut client = world.verifications().await;
    let call = tokio::spawn(async move { client.create_verification(request(SLOW)).await });
    world.provider.asked.notified().await;
    world.stop();
    // The connection is gone, and the server with it; the engine is not.
    assert_ne!(call.await.unwrap().unwrap_err().code(), Code::Ok);
    world.provider.answer.notify_one();
    action_comes(&world).await;
}

#[tokio::test]
async fn a_question_that_changes_nothing_ends_at_its_callers_deadline() {
    let impatient = GrpcConfig {
        default_deadline: Duration::from_secs(1),
        ..GrpcConfig::default()
    };
    let world = world_with(EngineConfig::default(), impatient).await;
    let mut client = world.verifications().await;
    let status = client.create_verification(request(SILENT)).await;
    let code = status.unwrap_err().code();
    // Whichever notices first: the call itself, or the client of the provider just before it.
    assert!(matches!(code, Code::DeadlineExceeded | Code::Unavailable));
    let limit = Duration::from_secs(30);
    let given_up = world.provider.given_up.notified();
    tokio::time::timeout(limit, given_up).await.unwrap();
    let list = client.list_verifications(v1::ListVerificationsRequest::default());
    let answer = list.await.unwrap().into_inner();
    assert!(answer.verifications.is_empty());
}
