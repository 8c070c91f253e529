//! Many watch at once: each receives exactly its own events, in order, and nobody is woken for
//! another's. How long an event takes to arrive, and how many wakes there were, is printed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it measured"
)]

#[path = "../harness/mod.rs"]
mod harness;
mod meter;
mod watcher;

use futures_util::future::join_all;
use harness::{
    BEGINNING, CONNECTION, Launch, RUN, Server, Stage, What, Wish, is_finished, waiting,
};
use meter::Meter;
use tokio::sync::{mpsc, watch};
use verilane_api::v1::{Event, EventFilter, State, WatchEnd};
use watcher::{Digest, Received, receive};

/// How many are verified, and how many of them at the same time.
const VERIFICATIONS: usize = 100;
const AT_ONCE: usize = 4;
/// Watches of one verification each, and watches of many.
const SINGLES: usize = 2_000;
const TAILS: usize = 200;
/// Over how many connections; each carries 1,000 at most.
const CONNECTIONS: usize = 4;

/// Half of them go on after the end.
fn single(number: usize, ids: &[String]) -> Wish {
    let end = match number % 2 {
        0 => WatchEnd::Final,
        _ => WatchEnd::Never,
    };
    let id = &ids[number / 2 % ids.len()];
    Wish::one(id, BEGINNING).until(end).heartbeat(5)
}

/// Everything, or what concerns some states.
fn tail(number: usize) -> Wish {
    let states: &[State] = match number % 5 {
        0 => &[],
        1 => &[State::Pending],
        2 => &[State::Processing],
        3 => &[State::Verified],
        _ => &[State::Pending, State::Verified],
    };
    let filter = EventFilter {
        connections: vec![CONNECTION.to_owned(); number % 2],
        states: states.iter().map(|state| i32::from(*state)).collect(),
        ..EventFilter::default()
    };
    Wish::matching(filter, BEGINNING).heartbeat(2)
}

/// What a watch is to receive of a log.
fn own<'a>(wish: &Wish, log: &'a [Event]) -> Vec<&'a Event> {
    match &wish.what {
        What::One(id) => {
            let own = || log.iter().filter(|event| event.verification_id == *id);
            let end = own().position(|event| event.state_after() == State::Verified);
            let count = match wish.end {
                WatchEnd::Final => end.unwrap() + 1,
                _ => RUN,
            };
            own().take(count).collect()
        }
        What::Many(filter) => {
            let matches = |event: &&Event| {
                let states = [event.state_before, event.state_after];
                filter.states.is_empty() || states.iter().any(|s| filter.states.contains(s))
            };
            log.iter().filter(matches).collect()
        }
    }
}

/// Has all of them verified, a few at the same time.
async fn verify(stage: &Stage, server: &Server) {
    let mut news = server.watch(Wish::all(harness::NOW)).await;
    for user in 0..VERIFICATIONS {
        if user >= AT_ONCE {
            news.until(is_finished).await;
        }
        stage.accept(user);
    }
    for _ in 0..AT_ONCE {
        news.until(is_finished).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_watchers_receive_exactly_their_own_events() {
    let stage = Stage::with(waiting(VERIFICATIONS), "").await;
    let meter = Meter::default();
    let endpoint = meter.start().await;
    let launch = Launch::default().with("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &endpoint);
    let server = stage.start_as(launch);
    let created = server.create_for(&stage, 0..VERIFICATIONS).await;
    let ids: Vec<String> = created
        .into_iter()
        .map(|verification| verification.id)
        .collect();
    let connections = join_all((0..CONNECTIONS).map(|_| server.connect())).await;

    let (say_over, over) = watch::channel(None);
    let (say_opened, mut opened) = mpsc::channel(SINGLES + TAILS);
    let wishes: Vec<Wish> = (0..SINGLES)
        .map(|number| single(number, &ids))
        .chain((0..TAILS).map(tail))
        .collect();
    let watchers: Vec<_> = wishes
        .iter()
        .enumerate()
        .map(|(number, wish)| {
            let channel = connections[number % CONNECTIONS].clone();
            let receives = receive(wish.clone(), channel, over.clone(), say_opened.clone());
            tokio::spawn(receives)
        })
        .collect();
    for _ in 0..watchers.len() {
        opened.recv().await.unwrap();
    }
    verify(&stage, &server).await;
    say_over.send_replace(Some(stage.clock.now()));

    let mut received: Vec<Received> = Vec::with_capacity(watchers.len());
    for watcher in watchers {
        received.push(watcher.await.unwrap());
    }
    let log = server.log().await;
    assert_eq!(log.len(), VERIFICATIONS * RUN);
    for (wish, received) in wishes.iter().zip(&received) {
        assert_eq!(received.events, Digest::of(own(wish, &log)), "{wish:?}");
    }
    assert!(server.terminate().await.success());
    report(&received, &meter);
    stage.end().await;
}

fn report(received: &[Received], meter: &Meter) {
    let (singles, tails) = received.split_at(SINGLES);
    for (kind, received) in [("single", singles), ("tail", tails)] {
        let mut delays: Vec<i64> = received.iter().flat_map(|r| r.delays.clone()).collect();
        delays.sort_unstable();
        let (count, wakes) = (delays.len(), meter.wakes(kind));
        let place = |percent: usize| delays[(count - 1) * percent / 100] as f64 / 1_000.0;
        println!(
            "{} {kind} watchers: {count} events received, p50 {:.1} ms, p99 {:.1} ms after their \
             commit began; {wakes} wakes",
            received.len(),
            place(50),
            place(99),
        );
        // Whoever is woken has something to receive; several commits may come in one wake.
        let most = match kind {
            "single" => count,
            _ => TAILS * VERIFICATIONS * RUN,
        };
        assert!(
            wakes > 0 && wakes <= most,
            "{wakes} wakes for {count} events"
        );
    }
}
