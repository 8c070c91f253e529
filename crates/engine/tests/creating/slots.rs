//! Which slot an attempt takes, and what it means that the provider holds a request already.

use verilane_core::{ConnectionName, Principal, Reason, State};

use crate::stage::puppet::Answer;
use crate::stage::{self, DAY, MINUTE, SECOND, START, Stage, field, request};
use verilane_engine::CreateVerification;

#[tokio::test]
async fn other_users_and_other_items_have_slots_of_their_own() {
    let stage = Stage::new();
    let play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    play.engine.create(request("grace")).await.unwrap();
    let other = CreateVerification {
        claims: vec![field("EMAIL", true), field("P_NAME", true)],
        ..request("ada")
    };
    play.engine.create(other).await.unwrap();
    let starts = stage.puppet.starts();
    let mut urls: Vec<_> = starts
        .iter()
        .flat_map(|start| [&start.status_url, &start.data_url])
        .collect();
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), 6);
}

#[tokio::test]
async fn the_slot_of_an_attempt_that_ended_is_taken_again_with_the_same_paths() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request("ada")).await.unwrap();
    let (principal, access) = (Principal::anonymous(), stage::access());
    play.engine
        .cancel(first.row.id, None, &principal, &access)
        .await
        .unwrap();
    stage.clock.advance(SECOND);
    let second = play.engine.create(request("ada")).await.unwrap();
    let starts = stage.puppet.starts();
    assert_eq!(starts[0].status_url, starts[1].status_url);
    assert_eq!(starts[0].data_url, starts[1].data_url);
    assert_eq!(second.row.attempts[0].slot, first.row.attempts[0].slot);
    // A callback finds the attempt that it is about by its expiration.
    starts[1].succeed(&play.engine).await;
    assert_eq!(
        play.view(second.row.id).await.row.state().0,
        State::Verified
    );
    assert_eq!(
        play.view(first.row.id).await.row.state().0,
        State::Cancelled
    );
}

#[tokio::test]
async fn a_request_that_the_provider_holds_although_we_never_made_one_is_not_ours() {
    let stage = Stage::new();
    let play = stage.open().await;
    stage.puppet.answers([Answer::HoldsOne(START + 9 * MINUTE)]);
    let error = play.engine.create(request("ada")).await.unwrap_err();
    assert_eq!(error.reason, Reason::ProviderRequestNotOurs);
    let lapse = ("lapse_time", "2023-11-14T22:22:20Z".to_owned());
    assert!(error.metadata.contains(&lapse), "{:?}", error.metadata);
    // A repeat is told the same.
    let repeat = stage::request_as("again", "bob");
    stage.puppet.answers([Answer::HoldsOne(START + 9 * MINUTE)]);
    let first = play.engine.create(repeat.clone()).await.unwrap_err();
    assert!(first.metadata.contains(&lapse));
    assert_eq!(play.engine.create(repeat).await.unwrap_err(), first);
    let log = play.log().await;
    assert_eq!(log.len(), 4);
    assert_eq!(log[1].body.state_after, State::Failed);
    assert_eq!(log[1].body.reason, Some(Reason::ProviderRequestNotOurs));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_requests_for_one_slot_one_is_made() {
    let stage = Stage::new();
    let play = stage.open().await;
    let calls = (0..8).map(|number| {
        let engine = std::sync::Arc::clone(&play.engine);
        let wish = CreateVerification {
            principal: Principal::new(&format!("caller {number}")),
            ..request("ada")
        };
        tokio::spawn(async move { engine.create(wish).await })
    });
    let outcomes = futures_util::future::join_all(calls).await;
    let (made, refused): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .map(Result::unwrap)
        .partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for refusal in refused {
        assert_eq!(refusal.unwrap_err().reason, Reason::RequestAlreadyOpen);
    }
    assert_eq!(stage.puppet.starts().len(), 1);
}

#[tokio::test]
async fn a_slot_is_kept_as_long_as_its_own_connection_says() {
    let mut stage = Stage::new();
    let other = ConnectionName::new("puppet-other").unwrap();
    stage.connections.push((other.clone(), 7 * DAY));
    let play = stage.open().await;
    stage.clock.advance(SECOND);
    let long = play.engine.create(request("ada")).await.unwrap();
    let short = CreateVerification {
        connection: other,
        ..request("ada")
    };
    let short = play.engine.create(short).await.unwrap();
    for (created, kept) in [(long, 90 * DAY), (short, 7 * DAY)] {
        let slot = created.row.attempts[0].slot;
        let slot = play.store.slot_by_id(slot).await.unwrap().unwrap();
        assert_eq!(slot.keep_until, START + SECOND + kept);
    }
    play.close().await;
}
