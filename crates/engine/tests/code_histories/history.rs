//! A history as it is played: step by step, over restarts, and what is owed when all rests.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use verilane_core::{EventKind, Job, JobKind, Timestamp, VerificationId};
use verilane_engine::CrashPoint;
use verilane_store::Store as _;

use crate::histories::playing::{Kinds, Outcome};
use crate::histories::running::Running;
use crate::histories::watcher::Watcher;
use crate::model::{Code, Next, Rest, Verification};
use crate::service::Lasting;
use crate::stage::codes::Noted;
use crate::steps::Step;

/// How often something may come due in one wait, by far.
const MOST_DUE: usize = 2_000;

/// What a caller has done, and must show.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    pub v: usize,
    pub kind: EventKind,
    pub code: Option<usize>,
}

impl Cause {
    pub const fn of(v: usize, kind: EventKind) -> Self {
        Self {
            v,
            kind,
            code: None,
        }
    }
}

pub struct History {
    pub lasting: Lasting,
    running: Option<Running>,
    pub verifications: Vec<Verification>,
    pub ids: Vec<VerificationId>,
    pub codes: Vec<Code>,
    pub causes: VecDeque<Cause>,
    /// What the provider did and nothing was made of yet, by code.
    pub notes: BTreeMap<String, VecDeque<Noted>>,
    /// How often each code was counted as sent when all rested last.
    pub counted: BTreeMap<usize, u32>,
    /// How often each may have been taken.
    pub taken: BTreeMap<String, usize>,
    pub frames: Vec<(usize, String)>,
    pub watchers: Vec<Watcher>,
    pub kinds: Kinds,
}

/// Plays a history to its end. What it met.
pub async fn play(steps: &[Step]) -> Outcome<Kinds> {
    let mut history = History::new().await;
    for (number, step) in steps.iter().enumerate() {
        let done = history.take(step).await;
        done.map_err(|what| format!("step {}, {step:?}: {what}", number + 1))?;
    }
    let end = history.end().await;
    end.map_err(|what| format!("at the end: {what}"))?;
    if let Some(running) = history.running.take() {
        running.end(true).await;
    }
    Ok(history.kinds)
}

impl History {
    async fn new() -> Self {
        let lasting = Lasting::new();
        let mut running = lasting.open().await;
        running.run_jobs();
        running.settled().await.unwrap();
        Self {
            lasting,
            running: Some(running),
            verifications: Vec::new(),
            ids: Vec::new(),
            codes: Vec::new(),
            causes: VecDeque::new(),
            notes: BTreeMap::new(),
            counted: BTreeMap::new(),
            taken: BTreeMap::new(),
            frames: Vec::new(),
            watchers: vec![Watcher::new(None)],
            kinds: Kinds::new(),
        }
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn now(&self) -> Timestamp {
        self.lasting.now()
    }

    async fn take(&mut self, step: &Step) -> Outcome {
        let seconds = |seconds: &u64| Duration::from_secs(*seconds);
        let of = |which: &usize| self.ids.len().checked_sub(1 + which);
        match step {
            Step::Wait(time) => self.wait(seconds(time)).await?,
            Step::Leap(time) => self.lasting.put_forward(seconds(time)),
            Step::Back(time) => self.lasting.clock.set(self.now() - seconds(time)),
            Step::Create { .. } => self.create(step).await?,
            Step::Retry(which) => {
                if let Some(v) = of(which) {
                    self.retry(v).await?;
                }
            }
            Step::Cancel(which) => {
                if let Some(v) = of(which) {
                    self.cancel(v).await?;
                }
            }
            Step::Approve(approval) => self.approve(*approval),
            Step::Continue(which, code) => {
                let code = self.codes.len().checked_sub(1 + code);
                if let (Some(v), Some(code)) = (of(which), code) {
                    self.continue_with(v, code).await?;
                }
            }
            Step::Page(which, event) => {
                if let Some(v) = of(which) {
                    self.page_tells(v, event).await?;
                }
            }
            Step::Reply(reply) => self.lasting.codes.replies([*reply]),
            Step::Link(link) => self.lasting.codes.links([*link]),
            Step::Unread(reason, times) => {
                let unread = std::iter::repeat_n(*reason, *times);
                self.lasting.codes.world.lock().unread.extend(unread);
            }
            Step::Crash(point) => self.lasting.doom.set(Some(*point)),
            Step::Watch(count) => return self.watch(Some(*count)).await,
            Step::Reconnect => self.watchers.iter_mut().for_each(Watcher::cut_off),
            Step::Restart(in_good_order) => self.reopen(*in_good_order).await?,
        }
        self.settled().await.map(drop)
    }

    /// Ends the service and opens it anew.
    pub async fn reopen(&mut self, in_good_order: bool) -> Outcome {
        self.watchers.iter_mut().for_each(Watcher::cut_off);
        let running = self.running.take().unwrap();
        running.end(in_good_order).await;
        self.lasting.doom.set(None);
        let mut running = self.lasting.open().await;
        running.run_jobs();
        self.running = Some(running);
        self.settled().await.map(drop)
    }

    /// Lets time pass, from one thing that is due to the next.
    pub async fn wait(&mut self, time: Duration) -> Outcome {
        let end = self.now() + time;
        for _ in 0..MOST_DUE {
            let next = self.settled().await?;
            if next > end {
                self.lasting.clock.set(end.max(self.now()));
                return self.settled().await.map(drop);
            }
            self.lasting.clock.set(next.max(self.now()));
        }
        Err("something comes due again and again".to_owned())
    }

    /// Lets what is due be done, and holds the log against the model. When the next is due.
    async fn settled(&mut self) -> Outcome<Timestamp> {
        let settled = {
            let (running, doom) = (self.running(), &self.lasting.doom);
            tokio::select! {
                biased;
                point = doom.strikes() => Err(point),
                settled = running.settled() => Ok(settled?),
            }
        };
        match settled {
            Ok(next) => {
                self.explain().await?;
                self.rests().await?;
                Ok(next)
            }
            Err(point) => {
                self.kinds.insert(point.name());
                self.recover(point).await?;
                Box::pin(self.settled()).await
            }
        }
    }

    /// After the end of the process: what was durable shows, and the service goes on.
    async fn recover(&mut self, point: CrashPoint) -> Outcome {
        self.running.take().unwrap().end(false).await;
        self.watchers.iter_mut().for_each(Watcher::cut_off);
        self.lasting.doom.set(None);
        self.running = Some(self.lasting.open().await);
        self.explain().await?;
        for (v, job) in self.jobs().await {
            let code = self.code_of(v)?;
            let counted = self.counted.get(&code).copied().unwrap_or_default();
            let newest = self.verifications[v].newest();
            let exchange = newest.exchange.as_mut().ok_or("a job of nothing")?;
            if exchange.kept.is_none() && job.tries == counted + 1 {
                // It was under way: it counts as sent, whatever became of it.
                exchange.sent = job.tries;
            }
            exchange.next = Next::Waits(job.due);
            if exchange.rest == Rest::Came {
                exchange.rest = match point {
                    CrashPoint::EvidenceWritten => Rest::IsThere,
                    _ => Rest::Durable,
                };
            }
        }
        self.running.as_mut().unwrap().run_jobs();
        Ok(())
    }

    pub async fn jobs(&self) -> Vec<(usize, Job)> {
        let store = &self.running().store;
        let jobs = store.due_jobs(Timestamp::MAX, 1_000).await;
        let exchanges = jobs
            .unwrap()
            .into_iter()
            .filter(|job| job.key.kind == JobKind::Exchange);
        exchanges
            .map(|job| {
                let id = job.key.about.unwrap().verification;
                (self.ids.iter().position(|known| *known == id).unwrap(), job)
            })
            .collect()
    }

    pub fn code_of(&self, v: usize) -> Outcome<usize> {
        let newest = self.verifications[v].attempts.last();
        let exchange = newest.and_then(|attempt| attempt.exchange.as_ref());
        Ok(exchange.ok_or("an exchange of nothing")?.code)
    }

    /// At rest nothing is owed: what waits is counted right, and due when the rules say.
    async fn rests(&mut self) -> Outcome {
        if let Some(cause) = self.causes.front() {
            return Err(format!("nothing shows of {cause:?}"));
        }
        let now = self.now();
        let jobs = self.jobs().await;
        self.counted.clear();
        for v in 0..self.verifications.len() {
            let row = &self.verifications[v];
            for due in [row.waits_until(), row.closes_at()].into_iter().flatten() {
                if due <= now {
                    return Err(format!("verification {v} was due at {due:?}, now {now:?}"));
                }
            }
            let job = jobs.iter().find(|(of, _)| *of == v).map(|(_, job)| job);
            let exchange = row.attempts.last().and_then(|a| a.exchange.as_ref());
            let (Some(exchange), Some(job)) = (exchange, job) else {
                if exchange.is_some() || job.is_some() {
                    return Err(format!("verification {v} has {exchange:?} and {job:?}"));
                }
                continue;
            };
            let counts = exchange.kept.is_some() || job.tries == exchange.sent;
            if exchange.next != Next::Waits(job.due) || job.due <= now || !counts {
                return Err(format!("at {now:?} {exchange:?} has {job:?}"));
            }
            self.counted.insert(exchange.code, exchange.sent);
        }
        Ok(())
    }
}
