//! The server is killed with SIGKILL again and again, at every named point and at drawn moments, with
//! fifty verifications under way, all of the sandbox's faults on, new attempts asked for and histories
//! pulled, and started anew on the same folder. Nothing that it acknowledged is lost, nothing happens
//! twice, and everything comes to its right end.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and shows what it counted"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod evidence;
mod load;
mod plan;
mod trouble;
mod verdict;

use std::collections::{BTreeSet, VecDeque};
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use harness::{
    Announcer, Brings, Draw, LIMIT, Launch, Met, Point, Server, Stage, Target, Watcher, broke_off,
    go_on, points,
};
use tokio::sync::watch;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::Instant;
use verilane_api::v1::State;
use verilane_core::clock::FileClock;
use verilane_sandbox::{CallbackUnit, SandboxConfig};

use evidence::{Evidence, Scene};
use load::Load;
use plan::Kill;
use trouble::Fate;

/// What each verification asks for.
const FIELDS: [&str; 3] = ["SH_EMAIL", "SH_Passport_DOB", "SH_Passport_FULLNAME"];
/// How many verifications are under way at once.
const AT_ONCE: usize = 50;
/// The most kills: a point at which what was left behind did not show it is tried again.
const MOST_KILLS: usize = 60;
/// How far the clock is turned on at each start: what rested because the server was gone is due, and
/// so is what is asked of the connector after silence.
const REST: Duration = Duration::from_secs(61);
/// How far the clock goes on at each tick: users come too late, and polls come due, within seconds.
/// Far less at once than a request for an action allows for.
const PACE: Duration = Duration::from_secs(3);
/// The same once there are no callers any more.
const LAST_PACE: Duration = Duration::from_secs(10);
/// What is asked of the connector after silence comes soon, by this clock; and its history as much
/// more often as this connector repeats sooner what was not taken, or repeats that only the history
/// can tell apart would wait.
const CONFIGURATION: &str = r#"
[engine]
poll_interval = "30s"
poll_interval_max = "60s"
poll_spacing = "1s"
polls_per_minute = 6000
[telemetry]
log_filter = "error"
"#;
/// How long all of it may take.
const OVERALL: Duration = Duration::from_secs(240);
/// What is drawn if nobody asks for another seed by this variable.
const SEED: u64 = 20_261_121;
const SEED_VARIABLE: &str = "VERILANE_CRASH_SEED";

struct Play {
    stage: Arc<Stage>,
    announcer: Announcer,
    watcher: Arc<Watcher>,
    load: Arc<Load>,
    evidence: Evidence,
    draw: Draw,
    points: Vec<Point>,
    kills: usize,
    met: Met,
    /// Of the last kill, if it was at one.
    killed_at: Option<Point>,
}

fn connector(config: &mut SandboxConfig) {
    config.step = Duration::from_millis(250);
    config.load_users = 2_000;
    config.callback_topics = [1, 2, 5, 10, 20].into_iter().chain([30; 1_000]).collect();
    config.callback_unit = CallbackUnit::Second;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_at_any_moment_loses_nothing_and_doubles_nothing() {
    let draw = Draw::asked(SEED_VARIABLE, SEED);
    tokio::time::timeout(OVERALL, play(draw)).await.unwrap();
}

async fn play(draw: Draw) {
    let began = Instant::now();
    let seed = draw.0;
    let stage = Stage::that_pins(
        trouble::more_keys,
        |config| {
            config.seed = seed;
            connector(config);
        },
        CONFIGURATION,
    )
    .await;
    let stage = Arc::new(stage);
    let (announcer, target) = Announcer::new();
    let watcher = Watcher::new();
    let clock = FileClock::new(stage.clock.path());
    let load = Load::new(stage.sandbox.clone(), Arc::clone(&watcher), clock, seed);
    let mut tasks = JoinSet::new();
    let (pace, paced) = watch::channel(PACE);
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
        evidence: Evidence::default(),
        draw,
        points: points(Brings::Connector),
        kills: 0,
        met: Met::default(),
        killed_at: None,
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
    pace.send_replace(LAST_PACE);
    stage.sandbox.finished(LIMIT).await.unwrap();
    let finished = began.elapsed();
    let made = play.load.made();
    let recurred = verdict::check(&stage, &server, &play.watcher, &made).await;
    watching.abort();
    let traits: BTreeSet<_> = made.values().flat_map(|made| made.fate.traits()).collect();
    assert_eq!(traits.len(), Fate::traits_in_all(), "{traits:?}");
    let ended = |state| {
        made.values()
            .filter(|made| made.ends_as == Some(state))
            .count()
    };
    let met = play.met.each(&play.points);
    println!(
        "{} kills in {killed:.1?}, met {met:?}; {} verifications by {served:.1?}, {} of them verified, {} \
         called off and {} in another system's way, {} new attempts, {} events, {} callbacks by {finished:.1?}, {recurred} failed deliveries compared one by one, \
         watch cut {} times; {:.1?} in all",
        play.kills,
        made.len(),
        ended(State::Verified),
        ended(State::Cancelled),
        ended(State::Failed),
        play.load.retried(),
        play.watcher.count(),
        harness::genuine(&stage.sandbox).len(),
        play.watcher.cuts(),
        began.elapsed()
    );
    assert!(recurred > 0);
    assert!(play.kills >= 20 && play.watcher.cuts() >= play.kills / 2);
    assert!(server.terminate().await.success());
    time.shutdown().await;
    drop(play);
    let stage = Arc::into_inner(stage).unwrap();
    stage.end().await;
}

/// Gives up a call of the connector that is not answered soon.
fn launch() -> Launch {
    let variable = "VERILANE__CONNECTIONS__COREPASS_TEST__REQUEST_TIMEOUT_SECONDS";
    Launch::default().with(variable, "1")
}

impl Play {
    /// Carries the plan out, and leaves a server that is not killed.
    async fn kill_again_and_again(&mut self) -> Server {
        let mut plan = VecDeque::from(plan::plan(&self.points, &mut self.draw));
        loop {
            let Some(kill) = plan.pop_front() else {
                let Some(point) = self.unseen() else {
                    break;
                };
                plan.extend(plan::seen(point, &mut self.draw));
                continue;
            };
            assert!(self.kills < MOST_KILLS, "a point is never seen");
            println!("{kill:?}");
            self.kill(kill).await;
            self.kills += 1;
        }
        self.load.enough();
        self.start(launch()).await.unwrap()
    }

    /// A point of which it was never seen that a kill has met it, though it can be.
    fn unseen(&self) -> Option<Point> {
        let is_unseen = |point: &Point| plan::is_seen(point) && !self.evidence.has_seen(point);
        self.points.iter().copied().find(is_unseen)
    }

    async fn kill(&mut self, kill: Kill) {
        let launch = match kill {
            Kill::At(point, nth) => launch().crash_at(&format!("{point}:{nth}")),
            Kill::AfterCallbacks(_) | Kill::AfterEvents(_) => launch(),
        };
        let server = match self.start(launch).await {
            Ok(server) => server,
            Err(status) => return self.was_killed(status, kill),
        };
        self.killed_at = None;
        match kill {
            Kill::At(..) => {
                let status = server.ended().await;
                self.was_killed(status, kill);
            }
            Kill::AfterCallbacks(count) => {
                self.callbacks(count).await;
                server.kill();
            }
            Kill::AfterEvents(count) => {
                self.watcher.saw(self.watcher.count() + count).await;
                server.kill();
            }
        }
        self.announcer.is_gone();
    }

    fn was_killed(&mut self, status: ExitStatus, kill: Kill) {
        let point = match kill {
            Kill::At(point, _) => Some(point),
            Kill::AfterCallbacks(_) | Kill::AfterEvents(_) => None,
        };
        self.met.note(point, status, || self.stage.logs());
        self.killed_at = point;
    }

    /// Waits until the connector has sent so many more callbacks.
    async fn callbacks(&self, count: usize) {
        let sandbox = &self.stage.sandbox;
        let last = |all: &[verilane_sandbox::Delivery]| all.last().map(|one| one.number);
        let mut after = last(&sandbox.deliveries(0, None)).unwrap_or_default();
        let mut sent = 0;
        while sent < count {
            let more = sandbox.next_deliveries(after, None, LIMIT).await;
            after = last(&more).unwrap();
            sent += more.len();
        }
    }

    /// Starts a server, and looks at what the last one has left before anything goes on.
    async fn start(&mut self, launch: Launch) -> Result<Server, ExitStatus> {
        let sandbox = &self.stage.sandbox;
        sandbox.hold(None).unwrap();
        sandbox.idle(LIMIT).await.unwrap();
        self.stage.clock.advance(REST);
        let (scene, made) = (Scene::now(&self.stage), self.load.made());
        let server = block_in_place(|| self.stage.try_start_as(launch))?;
        let killed_at = self.killed_at;
        let looked = self
            .evidence
            .look(&scene, sandbox, &server, &made, killed_at);
        if let Err(status) = looked.await {
            let log = || self.stage.logs();
            assert!(broke_off(&status), "{status}\n{}", log());
        }
        self.announcer.is_there(server.channel());
        sandbox.release(None).unwrap();
        Ok(server)
    }
}
