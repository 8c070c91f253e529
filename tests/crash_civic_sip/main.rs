//! The server is killed with SIGKILL again and again while it exchanges codes, and started anew on the
//! same folder: no code has more than one effect, none is sent more often than the rules allow, and what
//! Civic gave and was durable is never lost.
//!
//! Alone, each point has the end that the rules demand written beside it. In a crowd, where nobody knows
//! who was at the point, each end must follow from what Civic's ledger and the log tell.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and shows what it counted"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod alone;
mod crowd;
mod fate;
mod load;
mod plan;
mod verdict;

use std::time::Duration;

use harness::sip::CONNECTION;
use harness::{Draw, Launch, Server, Stage, sip};
use tokio::task::block_in_place;

/// How long all of a test may take.
const OVERALL: Duration = Duration::from_secs(240);
/// What is drawn if nobody asks for another seed by this variable.
const SEED: u64 = 20_261_128;
const SEED_VARIABLE: &str = "VERILANE_CRASH_SEED";

/// A stage that draws from a seed. A Civic that fails is not spared, and one that is slow is waited for: no
/// exchange is cut short by anything but a kill.
async fn stage(seed: u64) -> Stage {
    let patient = CONNECTION.replace(
        "request_timeout_seconds = 4",
        "request_timeout_seconds = 30",
    );
    assert_ne!(patient, CONNECTION);
    let quiet = format!("[telemetry]\nlog_filter = \"error\"\n{patient}circuit_failures = 0\n");
    Stage::with(|config| config.seed = seed, &quiet).await
}

/// A server that can be killed, and one that is.
fn start(stage: &Stage, crash_at: Option<&str>) -> Server {
    let launch = match crash_at {
        Some(point) => Launch::default().crash_at(point),
        None => Launch::default(),
    };
    block_in_place(|| stage.start_as(sip::launch(stage, launch)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_whose_exchange_is_cut_short_at_a_point_ends_as_the_rules_say_of_that_point() {
    tokio::time::timeout(OVERALL, alone::play()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_at_any_moment_spends_no_code_twice_and_loses_nothing_that_it_kept()
{
    let draw = Draw::asked(SEED_VARIABLE, SEED);
    tokio::time::timeout(OVERALL, crowd::play(draw))
        .await
        .unwrap();
}
