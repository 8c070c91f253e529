//! Whoever resumes a watch, from wherever in the log, gets exactly the rest: out of memory, out of
//! the store after a restart, and across the border between the two.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use futures_util::future::join_all;
use harness::{BEGINNING, From, NOW, RUN, Server, Stage, Wish, is_finished, waiting};
use verilane_api::v1::Event;

/// How many verifications have their runs at the same time.
const RUNS: usize = 3;

/// A place from which a watch can be resumed.
struct Place {
    wish: Wish,
    /// How many of the events that the watch is about lie behind it.
    behind: usize,
}

/// Runs that are mingled in one log, and every place in it that a watch has named.
async fn mingled(stage: &Stage, server: &Server) -> (Vec<String>, Vec<Place>) {
    let created = server.create_for(stage, 0..RUNS).await;
    let ids: Vec<String> = created
        .into_iter()
        .map(|verification| verification.id)
        .collect();
    (0..RUNS).for_each(|user| stage.accept(user));
    for id in &ids {
        let mut watch = server.watch(Wish::one(id, BEGINNING)).await;
        watch.until(is_finished).await;
    }
    let wishes = ids.iter().map(|id| (Wish::one(id, BEGINNING), RUN));
    let mut places = Vec::new();
    for (wish, count) in wishes.chain([(Wish::all(BEGINNING), RUNS * RUN)]) {
        let mut watch = server.watch(wish.clone()).await;
        places.push(Place {
            wish: wish.clone(),
            behind: 0,
        });
        for behind in 1..=count {
            watch.event().await;
            places.push(Place {
                wish: wish.from(From::Token(watch.token.clone())),
                behind,
            });
        }
    }
    (ids, places)
}

/// Resumes from every place, on one connection at the same time.
async fn check(stage: &Stage, server: &Server, ids: &[String], places: &[Place]) {
    let log = server.log().await;
    assert_eq!(log.len(), RUNS * RUN);
    let own = |id: &String| -> Vec<&Event> {
        let own = log.iter().filter(|event| event.verification_id == *id);
        own.collect()
    };
    let now = stage.clock.now();
    let resumed = places.iter().map(async |place| {
        let mut watch = server.watch(place.wish.clone().heartbeat(1)).await;
        watch.quiet_after(now).await
    });
    for (place, rest) in places.iter().zip(join_all(resumed).await) {
        let whole = match &place.wish.what {
            harness::What::One(id) => own(ids.iter().find(|known| *known == id).unwrap()),
            harness::What::Many(_) => log.iter().collect(),
        };
        assert!(
            rest.iter().eq(whole[place.behind..].iter().copied()),
            "{:?}",
            place.wish
        );
    }
}

#[tokio::test]
async fn from_every_sequence_the_rest_comes_out_of_memory() {
    let stage = Stage::with(waiting(RUNS), "").await;
    let server = stage.start();
    let (ids, places) = mingled(&stage, &server).await;
    check(&stage, &server, &ids, &places).await;
    stage.end().await;
}

#[tokio::test]
async fn from_every_sequence_the_rest_comes_out_of_the_store_and_then_out_of_memory() {
    let stage = Stage::with(waiting(RUNS), "[engine]\nring_events = 5").await;
    let server = stage.start();
    let (ids, places) = mingled(&stage, &server).await;
    check(&stage, &server, &ids, &places).await;
    stage.end().await;
}

#[tokio::test]
async fn from_every_sequence_the_rest_comes_after_a_restart() {
    let stage = Stage::with(waiting(RUNS), "").await;
    let server = stage.start();
    let (ids, places) = mingled(&stage, &server).await;
    server.kill();
    let server = stage.start();
    check(&stage, &server, &ids, &places).await;
    stage.end().await;
}

/// Heartbeats name places at which others' events stand.
#[tokio::test]
async fn from_between_its_own_events_a_watch_of_one_gets_the_rest_of_its_own() {
    let stage = Stage::with(waiting(5), "").await;
    let server = stage.start();
    let id = server.create_for(&stage, 0..1).await.remove(0).id;
    let mut watch = server.watch(Wish::one(&id, NOW).heartbeat(1)).await;
    let mut tokens = Vec::new();
    for user in 1..5 {
        server.create_for(&stage, user..user + 1).await;
        assert_eq!(watch.quiet_after(stage.clock.now()).await, []);
        tokens.push(watch.token.clone());
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 4);
    stage.accept(0);
    let rest = watch.until(is_finished).await;
    assert_eq!(rest.len(), RUN - 2);
    let now = stage.clock.now();
    let resumed = tokens.into_iter().map(async |token| {
        let wish = Wish::one(&id, From::Token(token)).heartbeat(1);
        server.watch(wish).await.quiet_after(now).await
    });
    for again in join_all(resumed).await {
        assert_eq!(again, rest);
    }
    stage.end().await;
}
