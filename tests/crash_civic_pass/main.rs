//! The server is killed with SIGKILL again and again while it looks at a Civic Pass, fetches evidence and
//! tells decisions: at every named point, at drawn moments, and while each call of Civic stands before or
//! after its effect, that for an access token among them. It is started anew on the same folder. Nothing
//! is lost, no request is decided twice, and no byte of what was fetched in vain stays.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and shows what it counted"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod fate;
mod leftovers;
mod load;
mod plan;
mod repeats;
mod verdict;

use std::collections::VecDeque;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use harness::{
    Announcer, Brings, Draw, LIMIT, Launch, Met, Point, Server, Stage, Target, Watcher, go_on,
    points,
};
use tokio::sync::watch;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::Instant;
use verilane_core::clock::FileClock;
use verilane_sandbox::{CallSide, CivicPassEndpoint, CivicPassScenario};

use leftovers::Leftovers;
use load::Load;
use plan::Kill;
use repeats::Repeats;

/// How many verifications are under way at once.
const AT_ONCE: usize = 8;
/// The most kills: a moment of which nothing was seen is tried again.
const MOST_KILLS: usize = 60;
/// How far the clock is turned on at each start: what rested because the server was gone is due.
const REST: Duration = Duration::from_secs(61);
/// How far the clock goes on at each tick.
const PACE: Duration = Duration::from_secs(1);
/// From one turn of Civic's to the next.
const STEP: Duration = Duration::from_secs(2);
/// How long what was fetched and is shown by nothing is kept, and a little more.
const KEPT: Duration = Duration::from_secs(25 * 60 * 60);
/// How long all of it may take.
const OVERALL: Duration = Duration::from_secs(240);
/// What is drawn if nobody asks for another seed by this variable.
const SEED: u64 = 20_261_128;
const SEED_VARIABLE: &str = "VERILANE_CRASH_SEED";

/// Looks come soon; calls that stand still are given up soon; and a Civic that fails is tried again soon.
const CONFIGURATION: &str = r#"
[telemetry]
log_filter = "error"

[[connections]]
name = "civic-oauth"
provider = "civic-pass"
generation = "oauth"
review = true
poll_interval_seconds = 1
poll_interval_max_seconds = 5
request_timeout_seconds = 5
circuit_failures = 0
evidence_hosts = ["127.0.0.1"]
allow_http = true
allow_private_addresses = true

[[connections]]
name = "civic-jwt"
provider = "civic-pass"
generation = "partner-jwt"
poll_interval_seconds = 1
poll_interval_max_seconds = 5
request_timeout_seconds = 5
circuit_failures = 0
evidence_hosts = ["127.0.0.1"]
allow_http = true
allow_private_addresses = true
"#;

struct Play {
    stage: Arc<Stage>,
    announcer: Announcer,
    watcher: Arc<Watcher>,
    load: Arc<Load>,
    repeats: Repeats,
    draw: Draw,
    points: Vec<Point>,
    kills: usize,
    met: Met,
    began: Instant,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_at_any_moment_of_a_review_decides_once_and_keeps_whole_evidence() {
    let draw = Draw::asked(SEED_VARIABLE, SEED);
    tokio::time::timeout(OVERALL, play(draw)).await.unwrap();
}

async fn play(draw: Draw) {
    let began = Instant::now();
    let seed = draw.0;
    let stage = Stage::with(
        |config| {
            config.seed = seed;
            config.step = STEP;
            // Of the token endpoint.
            config.civic_pass = CivicPassScenario::named("civic-pass-chaos").unwrap();
        },
        CONFIGURATION,
    );
    let stage = Arc::new(stage.await);
    let (announcer, target) = Announcer::new();
    let watcher = Watcher::new();
    let clock = FileClock::new(stage.clock.path());
    let civic = stage.sandbox.civic_pass();
    let load = Load::new(civic.clone(), Arc::clone(&watcher), clock, seed);
    let mut tasks = JoinSet::new();
    let (_pace, paced) = watch::channel(PACE);
    let mut time = JoinSet::new();
    time.spawn(go_on(Arc::clone(&stage), target.clone(), paced));
    let watching = tasks.spawn(Arc::clone(&watcher).run(target.clone()));
    for _ in 0..AT_ONCE {
        tasks.spawn(Arc::clone(&load).work(Target::clone(&target)));
    }
    let mut play = Play {
        stage: Arc::clone(&stage),
        announcer,
        watcher,
        load,
        repeats: Repeats::default(),
        draw,
        points: points(Brings::CivicPass),
        kills: 0,
        met: Met::default(),
        began,
    };
    let server = {
        let mut killing = pin!(play.kill_again_and_again());
        loop {
            tokio::select! {
                server = &mut killing => break server,
                // Whatever has failed ends the test at once.
                Some(ended) = tasks.join_next() => ended.unwrap(),
            }
        }
    };
    let killed = began.elapsed();
    while tasks.len() > 1 {
        tasks.join_next().await.unwrap().unwrap();
    }
    let served = began.elapsed();
    let made = play.load.made();
    verdict::check_history(&server, &play.watcher, &made, &civic).await;
    watching.abort();
    time.shutdown().await;
    assert!(server.terminate().await.success());

    // What was fetched in vain is kept for a day, and then for no longer.
    let left = Leftovers::of(&stage.data_folder());
    let orphans = left.chunks();
    assert!(orphans > 0, "no kill has left anything behind");
    stage.clock.advance(KEPT);
    let server = block_in_place(|| stage.start_as(launch(&stage)));
    let gone = tokio::time::timeout(LIMIT, left.are_gone()).await;
    assert!(
        gone.is_ok(),
        "{} chunks that nothing shows stay",
        left.chunks()
    );
    let pieces = verdict::check_each(&server, &made, &civic).await;
    let met = play.met.each(&play.points);
    println!(
        "{} kills in {killed:.1?}, met {met:?}; {} verifications by {served:.1?}, {} events, {} decisions \
         told again without effect, {pieces} pieces of evidence compared, {orphans} chunks purged, watch \
         cut {} times; {:.1?} in all",
        play.kills,
        made.len(),
        play.watcher.count(),
        play.repeats.seen(&civic),
        play.watcher.cuts(),
        began.elapsed()
    );
    assert!(play.kills >= 20 && play.watcher.cuts() >= play.kills / 2);
    assert!(server.terminate().await.success());
    drop(play);
    let stage = Arc::into_inner(stage).unwrap();
    stage.end().await;
}

fn launch(stage: &Stage) -> Launch {
    Launch::default().of_civic_partner(stage)
}

impl Play {
    /// Carries the plan out, and leaves a server that is not killed.
    async fn kill_again_and_again(&mut self) -> Server {
        let mut plan = VecDeque::from(plan::plan(&self.points, &mut self.draw));
        loop {
            let Some(kill) = plan.pop_front() else {
                // That a decision which has taken effect is told again has to be seen.
                let civic = self.stage.sandbox.civic_pass();
                if self.repeats.seen(&civic) > 0 {
                    break;
                }
                let decided = Kill::standing(CivicPassEndpoint::Decision, CallSide::After);
                plan.extend([decided, Kill::drawn(&mut self.draw)]);
                continue;
            };
            assert!(self.kills < MOST_KILLS, "no decision is ever told again");
            println!("{:.1?} {kill:?}", self.began.elapsed());
            self.kill(kill).await;
            self.kills += 1;
        }
        self.load.enough();
        self.start(None).unwrap()
    }

    async fn kill(&mut self, kill: Kill) {
        let point = match kill {
            Kill::At(point, nth) => Some((point, nth)),
            Kill::Standing(_) | Kill::AfterEvents(_) => None,
        };
        let named = point.map(|(point, _)| point);
        let server = match self.start(point) {
            Ok(server) => server,
            Err(status) => return self.met.note(named, status, || self.stage.logs()),
        };
        match kill {
            Kill::At(..) => {
                let status = server.ended().await;
                self.met.note(named, status, || self.stage.logs());
            }
            Kill::Standing(stop) => {
                let civic = self.stage.sandbox.civic_pass();
                let stands = civic.stand_still(stop, LIMIT).await;
                assert!(stands.is_ok(), "no call comes: {stop:?}");
                server.kill();
            }
            Kill::AfterEvents(count) => {
                self.watcher.saw(self.watcher.count() + count).await;
                server.kill();
            }
        }
        self.announcer.is_gone();
    }

    /// Starts a server, once it is known what the last one has left undone.
    fn start(&mut self, point: Option<(Point, u64)>) -> Result<Server, ExitStatus> {
        let civic = self.stage.sandbox.civic_pass();
        self.repeats.note(&civic, &self.load.made(), &self.watcher);
        self.stage.clock.advance(REST);
        let launch = launch(&self.stage);
        let launch = match point {
            Some((point, nth)) => launch.crash_at(&format!("{point}:{nth}")),
            None => launch,
        };
        let server = block_in_place(|| self.stage.try_start_as(launch))?;
        self.announcer.is_there(server.channel());
        Ok(server)
    }
}
