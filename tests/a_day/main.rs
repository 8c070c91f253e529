//! A day of a connector, its clock and the service's stepped from one due time to the next, while the
//! ingress is down for half of it: shut off, or its whole process killed, in spans shorter than the
//! connector goes on trying. Nothing is lost, and every watcher's history is complete and in order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and shows what it counted"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod gate;
mod jobs;
mod people;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use harness::{
    Announcer, BEGINNING, Draw, LIMIT, Launch, Server, Stage, Target, Watcher, create_request,
    genuine, info, retry_request,
};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::Status;
use verilane_core::Timestamp;
use verilane_sandbox::{CallbackUnit, SandboxConfig, Scenario};

use gate::Gate;
use jobs::Jobs;
use people::{Person, Wish};

/// How many people are verified that day; some of them twice.
const PEOPLE: usize = 120;
/// How many watch everything.
const TAILS: usize = 3;
/// What each verification asks for.
const FIELDS: [&str; 3] = ["SH_EMAIL", "SH_Passport_DOB", "SH_Passport_FULLNAME"];
/// The connector's usual gaps between tries, in minutes, but for the last, which is 86 days.
const TRIES: [u64; 5] = [1, 5, 10, 120, 1_440];
/// When a caller who was refused for now comes again.
const AGAIN: Duration = Duration::from_secs(30 * 60);
/// How often what was due is looked at until it is done; the service looks as often at its clock.
const LOOK: Duration = Duration::from_millis(3);
/// How long after its day all must be told: the connector's last try, and a day of polls.
const MOST_DAYS: u32 = 4;
const DAY: Duration = Duration::from_secs(86_400);
const OVERALL: Duration = Duration::from_secs(400);
/// What is drawn if nobody asks for another seed by this variable.
const SEED: u64 = 20_261_128;
const SEED_VARIABLE: &str = "VERILANE_DAY_SEED";

fn connector(config: &mut SandboxConfig, seed: u64) {
    config.seed = seed;
    config.step = Duration::from_secs(20);
    config.load_users = u32::try_from(PEOPLE).unwrap();
    config.callback_topics = TRIES.to_vec();
    config.callback_unit = CallbackUnit::Minute;
}

struct Day {
    stage: Stage,
    gate: Gate,
    /// None while the process is killed.
    server: Option<(Server, Jobs)>,
    announcer: Announcer,
    target: Target,
    tails: Vec<Arc<Watcher>>,
    /// By verification.
    watchers: BTreeMap<String, Arc<Watcher>>,
    watching: JoinSet<()>,
    people: Vec<Person>,
    /// The verifications of each person, oldest first, with when they were asked for.
    made: BTreeMap<usize, Vec<(Timestamp, String)>>,
    now: Timestamp,
    steps: usize,
    kills: usize,
    retried: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_with_the_ingress_down_half_of_it_loses_nothing_and_every_watch_tells_all_in_order() {
    let draw = Draw::asked(SEED_VARIABLE, SEED);
    tokio::time::timeout(OVERALL, play(draw)).await.unwrap();
}

async fn play(mut draw: Draw) {
    let wall = Instant::now();
    let seed = draw.0;
    let stage = Stage::with(
        |config| connector(config, seed),
        "[telemetry]\nlog_filter = \"error\"\n",
    )
    .await;
    let begin = Timestamp::from_secs(stage.clock.now().as_secs() / 3_600 * 3_600 + 3_600);
    let end = begin + DAY;
    stage.clock.stop_at(begin);
    let (people, plan) = people::day(PEOPLE, begin, &mut draw);
    let outages = people::outages(begin, end, &mut draw);
    let (announcer, target) = Announcer::new();
    let mut day = Day {
        stage,
        gate: Gate::new().await,
        server: None,
        announcer,
        target: target.clone(),
        tails: Vec::new(),
        watchers: BTreeMap::new(),
        watching: JoinSet::new(),
        people,
        made: BTreeMap::new(),
        now: begin,
        steps: 0,
        kills: 0,
        retried: 0,
    };
    day.up();
    for _ in 0..TAILS {
        let tail = Watcher::new();
        day.watching.spawn(Arc::clone(&tail).run(target.clone()));
        day.tails.push(tail);
    }
    let down: Duration = outages.iter().map(|(from, to, _)| to.since(*from)).sum();
    day.go_by(plan, outages, end).await;
    let told = day.until_all_is_told(end).await;
    verdict::check(&day, &told).await;

    let callbacks = genuine(&day.stage.sandbox);
    let taken = callbacks.iter().filter(|one| one.was_taken()).count();
    let made: usize = day.made.values().map(Vec::len).sum();
    let pulled = verdict::pulled(&told);
    println!(
        "{made} verifications of {PEOPLE} people, {} new attempts, {} callbacks tried, {taken} taken, \
         {} connections turned away, {pulled} entries pulled, {} events, {} watchers cut {} times, \
         {:.1} hours in {} steps, {:.1} of them down, {} kills, {:.1?} in all",
        day.retried,
        callbacks.len(),
        day.gate.turned_away(),
        told.len(),
        day.watchers.len() + TAILS,
        day.cuts(),
        day.now.since(begin).as_secs_f64() / 3_600.0,
        day.steps,
        down.as_secs_f64() / 3_600.0,
        day.kills,
        wall.elapsed()
    );
    assert!(pulled > 0 && day.kills > 0 && day.retried > 0 && taken < callbacks.len());
    day.watching.shutdown().await;
    let (server, _) = day.server.take().unwrap();
    assert!(server.terminate().await.success());
    day.stage.end().await;
}

impl Day {
    /// From one due time to the next, of the connector, the service, callers and outages.
    async fn go_by(
        &mut self,
        plan: Vec<(Timestamp, Wish)>,
        outages: Vec<(Timestamp, Timestamp, bool)>,
        end: Timestamp,
    ) {
        let mut plan: std::collections::BTreeSet<_> = plan.into_iter().collect();
        let mut changes: Vec<(Timestamp, Option<bool>)> = Vec::new();
        for (from, to, kills) in outages {
            changes.extend([(from, Some(kills)), (to, None)]);
        }
        // Where one ends as the next begins, it ends first.
        changes.sort_by_key(|(at, down)| (*at, down.is_some()));
        changes.reverse();
        loop {
            let mut next = self.settled().await;
            next = next.min(plan.first().map_or(Timestamp::MAX, |(at, _)| *at));
            next = next.min(changes.last().map_or(Timestamp::MAX, |(at, _)| *at));
            if changes.is_empty() && plan.is_empty() && next > end {
                return;
            }
            self.step(next);
            while let Some((_, down)) = changes.pop_if(|(at, _)| *at <= next) {
                match down {
                    Some(kills) => self.down(kills),
                    None => self.up(),
                }
            }
            while let Some((at, wish)) = plan.first().copied().filter(|(at, _)| *at <= next) {
                plan.remove(&(at, wish));
                if !self.wish(wish).await {
                    plan.insert((next + AGAIN, wish));
                }
            }
        }
    }

    /// Goes on from due time to due time until the connector has nothing more to say and all of it is
    /// told: every event there is.
    async fn until_all_is_told(&mut self, end: Timestamp) -> Vec<verilane_api::v1::Event> {
        let mut last = 0;
        loop {
            let next = self.settled().await;
            if self.stage.sandbox.idleness().finished {
                let log = self.server().log().await;
                if verdict::untold(self, &log).is_empty() {
                    return log;
                }
                if log.len() == last {
                    let late = self.now > end + DAY * MOST_DAYS;
                    assert!(!late, "never told: {:?}", verdict::untold(self, &log));
                }
                last = log.len();
            }
            self.step(next);
        }
    }

    fn step(&mut self, to: Timestamp) {
        assert!(to > self.now || self.steps == 0);
        self.now = to;
        self.steps += 1;
        self.stage.clock.stop_at(to);
    }

    /// Waits until everything is done that is due by now. When something is due next.
    async fn settled(&self) -> Timestamp {
        let mut looks = tokio::time::interval(LOOK);
        let settled = async {
            loop {
                looks.tick().await;
                self.stage.sandbox.idle(LIMIT).await.unwrap();
                let ours = match &self.server {
                    Some((_, jobs)) => jobs.next(self.now),
                    None => Some(Timestamp::MAX),
                };
                let theirs = self.stage.sandbox.idleness();
                if let (Some(ours), true) = (ours, theirs.idle) {
                    let theirs = theirs
                        .next_due_ms
                        .map_or(Timestamp::MAX, Timestamp::from_millis);
                    return ours.min(theirs);
                }
            }
        };
        tokio::time::timeout(LIMIT, settled).await.unwrap()
    }

    fn up(&mut self) {
        if self.server.is_none() {
            let public = format!("http://{}", self.gate.address);
            let launch = Launch::default().with("VERILANE__INGRESS__PUBLIC_URL", &public);
            let server = tokio::task::block_in_place(|| self.stage.start_as(launch));
            let jobs = Jobs::of(&self.stage.data_folder());
            self.announcer.is_there(server.channel());
            self.server = Some((server, jobs));
        }
        self.gate.open(self.server().ingress);
    }

    fn down(&mut self, kills: bool) {
        self.gate.shut();
        if kills && let Some((server, _)) = self.server.take() {
            server.kill();
            self.announcer.is_gone();
            self.kills += 1;
        }
    }

    fn server(&self) -> &Server {
        &self.server.as_ref().expect("it is up").0
    }

    /// Does what a caller wishes. False if it can't be done for now.
    async fn wish(&mut self, wish: Wish) -> bool {
        if self.server.is_none() {
            return false;
        }
        let done = match wish {
            Wish::Create(who) => self.create(who).await,
            Wish::Retry(who) => self.retry(who).await,
        };
        match done {
            Ok(done) => done,
            Err(status) => {
                let reason = info(&status).reason;
                let for_now = ["NOT_RETRYABLE", "REQUEST_ALREADY_OPEN"];
                assert!(for_now.contains(&&*reason), "{wish:?}: {status}");
                false
            }
        }
    }

    async fn create(&mut self, who: usize) -> Result<bool, Status> {
        let person = &self.people[who];
        let user = self.stage.user(&person.name);
        // Whoever comes again has no trouble any more.
        let scenario = match self.made.get(&who) {
            None => person.scenario(),
            Some(_) => Scenario::named("accept").unwrap(),
        };
        let sandbox = &self.stage.sandbox;
        sandbox
            .set_user_scenario(&user.core_id, Some(scenario))
            .unwrap();
        let mut request = create_request(&user, &FIELDS);
        request.max_attempts = 10;
        let mut client = self.server().verifications();
        let answer = client.create_verification(request).await?.into_inner();
        if answer.joined {
            return Ok(false);
        }
        let id = answer.verification.unwrap().id;
        let watcher = Watcher::new();
        let watched = harness::Wish::one(&id, BEGINNING);
        let target = self.target.clone();
        self.watching
            .spawn(Arc::clone(&watcher).follow(watched, target));
        self.watchers.insert(id.clone(), watcher);
        self.made.entry(who).or_default().push((self.now, id));
        Ok(true)
    }

    async fn retry(&mut self, who: usize) -> Result<bool, Status> {
        let user = self.stage.user(&self.people[who].name);
        let Some((_, id)) = self.made.get(&who).and_then(|made| made.last()) else {
            return Ok(false);
        };
        let well = Scenario::named("accept").unwrap();
        let sandbox = &self.stage.sandbox;
        sandbox
            .set_user_scenario(&user.core_id, Some(well))
            .unwrap();
        let retry = self
            .server()
            .verifications()
            .retry_verification(retry_request(id))
            .await;
        retry?;
        self.retried += 1;
        Ok(true)
    }

    fn cuts(&self) -> usize {
        let all = self.tails.iter().chain(self.watchers.values());
        all.map(|watcher| watcher.cuts()).sum()
    }
}
