//! Many verifications at once, and many kills. Nobody knows who was at the point; so each end must follow
//! from what Civic's ledger and the log tell, and from whom a death can have harmed.

use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::Instant;
use verilane_api::v1::{Event, EventType, State};
use verilane_core::clock::FileClock;

use super::harness::{
    Announcer, Brings, Draw, LIMIT, Launch, Met, Point, Server, Stage, Target, Watcher,
    check_order, check_same, go_on, points, sip,
};
use super::load::{Load, Made};
use super::plan::{self, Kill};
use super::verdict::{self, SENDS, sends};
use super::{stage, start};

/// How many verifications are under way at once.
const AT_ONCE: usize = 8;
/// How far the clock goes on at each tick.
const PACE: Duration = Duration::from_millis(250);

struct Play {
    stage: Arc<Stage>,
    announcer: Announcer,
    watcher: Arc<Watcher>,
    load: Arc<Load>,
    met: Met,
    kills: usize,
}

/// All kills, and what came of them.
pub async fn play(mut draw: Draw) {
    let began = Instant::now();
    let seed = draw.0;
    let stage = Arc::new(stage(seed).await);
    let (announcer, target) = Announcer::new();
    let watcher = Watcher::new();
    let clock = FileClock::new(stage.clock.path());
    let civic = stage.sandbox.civic_sip();
    let load = Load::new(civic, Arc::clone(&watcher), clock, seed);
    let mut tasks = JoinSet::new();
    let (_pace, paced) = watch::channel(PACE);
    let mut time = JoinSet::new();
    time.spawn(go_on(Arc::clone(&stage), target.clone(), paced));
    let watching = tasks.spawn(Arc::clone(&watcher).run(target.clone()));
    for _ in 0..AT_ONCE {
        tasks.spawn(Arc::clone(&load).work(Target::clone(&target)));
    }
    let points = points(Brings::CivicSip);
    let plan = plan::plan(&points, &mut draw);
    let mut play = Play {
        stage: Arc::clone(&stage),
        announcer,
        watcher,
        load,
        met: Met::default(),
        kills: 0,
    };
    let server = {
        let mut killing = pin!(play.kill_again_and_again(plan));
        loop {
            tokio::select! {
                server = &mut killing => break server,
                // Whatever has failed ends the test at once.
                Some(ended) = tasks.join_next() => ended.unwrap(),
            }
        }
    };
    while tasks.len() > 1 {
        tasks.join_next().await.unwrap().unwrap();
    }
    let made = play.load.made();
    let log = server.log().await;
    play.watcher.saw(log.len()).await;
    watching.abort();
    check_same(&play.watcher.events(), &log);
    let states = check_order(&log);
    assert_eq!(states.len(), made.len(), "a repeated call has made another");
    let (mut survived, mut lost) = (0, 0);
    for (id, made) in &made {
        let state = states[&**id];
        check(&stage, id, made, state, &log);
        verdict::check_claims(&server, &stage, id, &made.request, state).await;
        survived += usize::from(state == State::Verified && !made.deaths.is_empty());
        let request = stage.sandbox.civic_sip().request(&made.request).unwrap();
        lost += usize::from(state == State::Failed && request.effects > 0);
    }
    let verified = states.values().filter(|state| **state == State::Verified);
    println!(
        "{} kills, met {:?}; {} verifications, {} of them verified, {survived} over a server's end, {lost} \
         lost with an answer that was not durable; {} events, watch cut {} times; {:.1?} in all",
        play.kills,
        play.met.each(&points),
        made.len(),
        verified.count(),
        log.len(),
        play.watcher.cuts(),
        began.elapsed()
    );
    assert!(survived > 0 && play.watcher.cuts() >= play.kills / 2);
    assert!(server.terminate().await.success());
    time.shutdown().await;
    drop(play);
    let stage = Arc::into_inner(stage).unwrap();
    stage.end().await;
}

/// An end follows from what happened.
fn check(stage: &Stage, id: &str, made: &Made, state: State, log: &[Event]) {
    let told = format!("{id}: {:?}, {} deaths", made.fate, made.deaths.len());
    let calls = stage.sandbox.civic_sip().calls(0, Some(&made.request));
    let events: Vec<Event> = log
        .iter()
        .filter(|event| event.verification_id == id)
        .cloned()
        .collect();
    let kept = events
        .iter()
        .any(|event| event.r#type() == EventType::CodeExchanged);
    // What was kept is never lost, and nothing comes of what was not.
    let expected = if kept { State::Verified } else { State::Failed };
    assert_eq!(state, expected, "{told}: {calls:?}");
    verdict::check_told(&events, state, kept);
    verdict::check_calls(&calls, kept, &told);
    if kept {
        return;
    }
    let reason = events.last().map(|event| &*event.reason);
    assert_eq!(reason, Some("EXCHANGE_OUTCOME_UNKNOWN"), "{told}");
    // It was sent as often as may be, or may have been as a server died.
    assert!(
        sends(&calls) + made.deaths.len() >= SENDS,
        "{told}: {calls:?}"
    );
    // If Civic gave the data, a server has died of the very call that it came with.
    if let Some(place) = verdict::exchanges(&calls).position(|call| call.effect) {
        let dies_of_it = |came: &usize| [place, place + 1].contains(came);
        assert!(made.deaths.iter().any(dies_of_it), "{told}: {calls:?}");
    }
}

impl Play {
    /// Carries the plan out, and leaves a server that is not killed.
    async fn kill_again_and_again(&mut self, plan: Vec<Kill>) -> Server {
        for kill in plan {
            println!("{kill:?}");
            self.kill(kill).await;
            self.kills += 1;
            self.announcer.is_gone();
            self.load.mourn();
        }
        self.load.enough();
        let server = start(&self.stage, None);
        self.announcer.is_there(server.channel());
        server
    }

    async fn kill(&mut self, kill: Kill) {
        let (point, launch) = match kill {
            Kill::At(point, nth) => {
                let launch = Launch::default().crash_at(&format!("{point}:{nth}"));
                (Some(point), launch)
            }
            _ => (None, Launch::default()),
        };
        let server = match self.start_as(launch) {
            Ok(server) => server,
            Err(status) => return self.note(point, status),
        };
        match kill {
            Kill::At(..) => {
                let status = server.ended().await;
                self.note(point, status);
            }
            Kill::AfterCalls(count) => {
                let civic = self.stage.sandbox.civic_sip();
                let last = civic.calls(0, None).last().map_or(0, |call| call.number);
                let came = civic.next_calls(last + count - 1, None, LIMIT).await;
                assert!(!came.is_empty(), "no call comes");
                server.kill();
            }
            Kill::AfterEvents(count) => {
                self.watcher.saw(self.watcher.count() + count).await;
                server.kill();
            }
        }
    }

    fn note(&mut self, point: Option<Point>, status: ExitStatus) {
        self.met.note(point, status, || self.stage.logs());
    }

    fn start_as(&self, launch: Launch) -> Result<Server, ExitStatus> {
        let launch = sip::launch(&self.stage, launch);
        let server = block_in_place(|| self.stage.try_start_as(launch))?;
        self.announcer.is_there(server.channel());
        Ok(server)
    }
}
