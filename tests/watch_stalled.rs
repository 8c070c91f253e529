//! A subscriber that stops reading costs a bounded amount of memory, delays nobody, is cut from
//! outside, and goes on with its last token as if nothing had been.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and may say what it saw"
)]

mod harness;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::{BEGINNING, From, LIMIT, NOW, RUN, Server, Stage, Watch, Wish, waiting};
use prost::Message as _;
use verilane_api::v1::Event;

/// How many stop reading, each on a connection of its own.
const STALLED: usize = 24;
/// How many verifications fill the log, before they stall and while they do.
const BEFORE: usize = 150;
const MEANWHILE: usize = 10;
/// What one of them may cost the server, in bytes: its connection with its buffers, what the kernel
/// does not hold of a stream's window, and the few events that a cursor has taken.
const BOUND: usize = 192 * 1_024;

/// A watch of everything on a connection of its own that reads one event and then nothing, and an
/// idle one beside it that ends when the connection does.
struct Stalled {
    watch: Watch,
    first: Event,
    idle: Watch,
}

async fn stall(server: &Server, id: &str) -> Stalled {
    let channel = server.connect_narrow().await;
    let idle = Wish::one(id, NOW).heartbeat(300);
    let idle = idle.open(channel.clone()).await.unwrap();
    let mut watch = Wish::all(BEGINNING).open(channel).await.unwrap();
    let first = watch.event().await;
    Stalled { watch, first, idle }
}

#[tokio::test]
async fn a_subscriber_that_stops_reading_costs_little_delays_nobody_and_resumes_without_a_hole() {
    // Long enough to measure; nothing waits for it but the end of this test.
    let stage = Stage::with(
        waiting(BEFORE + MEANWHILE + 1),
        "[grpc]\nstall_limit = \"8s\"",
    )
    .await;
    let server = stage.start();
    let created = server.create_for(&stage, 0..BEFORE + MEANWHILE + 1).await;
    let idle = &created[BEFORE + MEANWHILE].id;
    (0..BEFORE).for_each(|user| stage.accept(user));
    stage.sandbox.finished(LIMIT).await.unwrap();
    let log = server.log().await;
    let bytes: usize = log.iter().map(|event| event.encoded_len()).sum();
    assert!(bytes > BOUND, "a log of {bytes} bytes shows nothing");

    let mut quick = server.watch(Wish::all(NOW)).await;
    let mut silent = server.watch(Wish::one(idle, NOW).heartbeat(300)).await;
    let before = resident(&server);
    let began = Instant::now();
    let mut stalled = join_all((0..STALLED).map(|_| stall(&server, idle))).await;
    let count = MEANWHILE * (RUN - 2);
    (BEFORE..BEFORE + MEANWHILE).for_each(|user| stage.accept(user));
    let events = quick.take(count).await;
    let took = began.elapsed();
    let each = resident(&server).saturating_sub(before) / STALLED;
    println!(
        "{STALLED} stalled watches of a log of {bytes} bytes: {each} bytes each; meanwhile \
         {count} events reached another one, {took:?} after they stalled"
    );
    assert!(each < BOUND, "{each}");
    let log = server.log().await;
    assert_eq!(events, log[log.len() - count..]);

    for one in &mut stalled {
        let (none, end) = one.idle.rest().await;
        assert!(none.is_empty() && end.is_some(), "{none:?} {end:?}");
    }
    let cut = began.elapsed();
    println!("all were cut within {cut:?}");
    assert!(cut >= Duration::from_secs(8), "before their time");
    for one in &mut stalled {
        let (more, end) = one.watch.rest().await;
        assert!(
            end.is_some() && more.len() < log.len() / 2,
            "{}",
            more.len()
        );
        let token = From::Token(one.watch.token.clone());
        let mut resumed = server.watch(Wish::all(token)).await;
        let seen = [vec![one.first.clone()], more].concat();
        assert_eq!(seen, log[..seen.len()]);
        let rest = resumed.take(log.len() - seen.len()).await;
        assert_eq!(rest, log[seen.len()..]);
    }
    // Who had nothing to read was not cut for it.
    server.cancel(idle).await;
    assert_eq!(silent.event().await, quick.event().await);
    stage.end().await;
}

/// Bytes of memory that the server holds.
fn resident(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<usize>().unwrap() * 1_024
}
