//! ListConnections.

use std::time::Duration;

use tonic::Streaming;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt as _;
use verilane_api::v1;

use super::provider::ABSENT;
use super::support::{request, told, world};

#[tokio::test]
async fn a_connection_says_what_it_can_do_and_what_can_be_asked_for() {
    let world = world().await;
    let mut client = world.connections().await;
    let list = v1::ListConnectionsRequest::default;
    let answer = client.list_connections(list()).await.unwrap();
    let connections = answer.into_inner().connections;
    let [connection] = connections.as_slice() else {
        panic!("{} connections", connections.len());
    };
    assert_eq!(connection.name, "test");
    assert_eq!(connection.provider, "obedient");
    let capabilities: Vec<_> = connection.capabilities().collect();
    assert_eq!(
        capabilities,
        [v1::Capability::Callback, v1::Capability::Availability]
    );
    let lifetime = connection.action_lifetime.as_ref().unwrap();
    let seconds = [&lifetime.min, &lifetime.default, &lifetime.max];
    assert_eq!(
        seconds.map(|d| d.as_ref().unwrap().seconds),
        [300, 600, 900]
    );
    assert!(!connection.history_complete);
    assert_eq!(connection.poll_interval, None);
    let dob = &connection.claims[0];
    assert_eq!(dob.claim.as_ref().unwrap().name, "birthdate");
    assert_eq!(dob.provider_field, "F_DOB");
    assert!(dob.requestable && !dob.image);

    assert_eq!(connection.health(), v1::ConnectionHealth::Unknown);
    assert_eq!(connection.circuit(), v1::CircuitState::Closed);
    assert_eq!(connection.circuit_time, None);
    world.create("ada").await;
    let answer = client.list_connections(list()).await.unwrap().into_inner();
    let connection = &answer.connections[0];
    assert_eq!(connection.health(), v1::ConnectionHealth::Healthy);
    assert_eq!(
        connection.health_time.unwrap().seconds,
        world.now().as_secs()
    );
}

async fn next(watch: &mut Streaming<HealthCheckResponse>) -> ServingStatus {
    watch.message().await.unwrap().unwrap().status()
}

#[tokio::test]
async fn a_provider_that_does_not_answer_shows_under_its_connection_and_stops_nothing_else() {
    let world = world().await;
    let mut health = HealthClient::new(world.channel().await);
    let asked = |service: &str| HealthCheckRequest {
        service: service.to_owned(),
    };
    let watch = health.watch(asked("connection.test")).await.unwrap();
    let mut watch = watch.into_inner();
    assert_eq!(next(&mut watch).await, ServingStatus::Serving);

    let mut client = world.verifications().await;
    for _ in 0..5 {
        let refused = client.create_verification(request(ABSENT)).await;
        let refused = refused.unwrap_err();
        assert_eq!(told(&refused), ["Unavailable PROVIDER_UNAVAILABLE"]);
    }
    assert_eq!(next(&mut watch).await, ServingStatus::NotServing);
    let whole = health.check(asked("")).await.unwrap().into_inner();
    assert_eq!(whole.status(), ServingStatus::Serving);

    let mut connections = world.connections().await;
    let list = v1::ListConnectionsRequest::default;
    let answer = connections.list_connections(list()).await.unwrap();
    let connection = &answer.get_ref().connections[0];
    assert_eq!(connection.health(), v1::ConnectionHealth::Unavailable);
    assert_eq!(connection.circuit(), v1::CircuitState::Open);
    let opened = connection.circuit_time.unwrap();
    assert_eq!(opened.seconds, world.now().as_secs());

    // Whoever comes now is told at once when to come again, whomever it is about.
    let refused = client
        .create_verification(request("ada"))
        .await
        .unwrap_err();
    assert_eq!(told(&refused), ["Unavailable PROVIDER_UNAVAILABLE"]);
    let details = refused.get_error_details();
    let after = details.retry_info().unwrap().retry_delay;
    assert_eq!(after, Some(Duration::from_secs(10)));

    world.clock.advance(Duration::from_secs(10));
    world.create("ada").await;
    assert_eq!(next(&mut watch).await, ServingStatus::Serving);
    let answer = connections.list_connections(list()).await.unwrap();
    let connection = &answer.get_ref().connections[0];
    assert_eq!(connection.circuit(), v1::CircuitState::Closed);
    assert_eq!(connection.health(), v1::ConnectionHealth::Healthy);
}
