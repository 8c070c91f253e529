//! ListConnections.

use verilane_api::v1;

use super::support::world;

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
    world.create("ada").await;
    let answer = client.list_connections(list()).await.unwrap().into_inner();
    let connection = &answer.connections[0];
    assert_eq!(connection.health(), v1::ConnectionHealth::Healthy);
    assert_eq!(
        connection.health_time.unwrap().seconds,
        world.now().as_secs()
    );
}
