//! Plays a history, step by step, and holds the service against the model after each.

use std::collections::{BTreeSet, VecDeque};

use verilane_core::{Event, EventKind, Reason, Sequence, Timestamp, VerificationId};
use verilane_store::Store;

use crate::connector::{Asked, Letter, WAITS};
use crate::histories::playing::Outcome;
use crate::histories::running::{Running, frame};
use crate::histories::watcher::Watcher;
use crate::model::{Attempt, Cause, Model, Phase, RECURS};
use crate::service::{Lasting, Workshop};
use crate::steps::Step;
use crate::told::Told;

/// How a history ends: with everything delivered after all, or with nothing more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    Delivered,
    Silent,
}

/// How many times something can come due within one wait, by far.
const MOST_DUE: usize = 1_000;

pub struct History<'w> {
    pub lasting: Lasting<'w>,
    pub running: Option<Running>,
    pub model: Model,
    pub ids: Vec<VerificationId>,
    /// What the steps so far must still show.
    pub causes: VecDeque<Cause>,
    pending: VecDeque<Told>,
    /// The log so far, as a watcher is told it, and whose each event is.
    pub frames: Vec<(usize, String)>,
    pub watchers: Vec<Watcher>,
    /// How many request ids were used.
    pub requests: usize,
    kinds: BTreeSet<&'static str>,
}

/// Plays a history to its end. Which kinds of events it had.
pub async fn play(
    workshop: &Workshop,
    steps: &[Step],
    ending: Ending,
) -> Outcome<BTreeSet<&'static str>> {
    let mut history = History::new(workshop).await;
    let result = history.play(steps, ending).await;
    if let Some(running) = history.running.take() {
        history.watchers.clear();
        running.end(false).await;
    }
    result.map(|()| history.kinds)
}

impl<'w> History<'w> {
    async fn new(workshop: &'w Workshop) -> Self {
        let lasting = workshop.place();
        let mut running = lasting.open().await;
        running.run_jobs();
        running.settled().await.unwrap();
        Self {
            lasting,
            running: Some(running),
            model: Model::default(),
            ids: Vec::new(),
            causes: VecDeque::new(),
            pending: VecDeque::new(),
            frames: Vec::new(),
            watchers: vec![Watcher::new(None)],
            requests: 0,
            kinds: BTreeSet::new(),
        }
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn running_mut(&mut self) -> &mut Running {
        self.running.as_mut().unwrap()
    }

    /// Ends the service and opens it anew; its jobs don't run yet.
    pub async fn reopen(&mut self, in_good_order: bool) {
        self.watchers.iter_mut().for_each(Watcher::cut_off);
        let running = self.running.take().unwrap();
        running.end(in_good_order).await;
        self.lasting.doom.set(None);
        // Each start can be told from the one before.
        let next = Timestamp::from_secs(self.now() + 1);
        self.lasting.clock.set(next);
        self.running = Some(self.lasting.open().await);
    }

    /// Goes on after a restart: the connector is asked at once what was missed of all that is open.
    pub async fn run_on(&mut self) -> Outcome {
        let open = |attempt: &&Attempt| {
            let state = attempt.state().0;
            attempt.phase == Phase::Started && !state.is_end()
        };
        let of = |attempt: &Attempt| self.model.verifications[attempt.of].slot;
        let open: Vec<_> = self.model.attempts.iter().filter(open).map(of).collect();
        self.running_mut().run_jobs();
        self.settle().await?;
        open.into_iter()
            .try_for_each(|slot| self.is_asked(Asked::History, slot))
    }

    pub fn now(&self) -> i64 {
        self.lasting.now()
    }

    async fn play(&mut self, steps: &[Step], ending: Ending) -> Outcome {
        for (number, step) in steps.iter().enumerate() {
            let done = self.take(*step).await;
            done.map_err(|what| format!("step {}, {step:?}: {what}", number + 1))?;
        }
        let ended = self.end(ending).await;
        ended.map_err(|what| format!("at the end, {ending:?}: {what}"))
    }

    async fn take(&mut self, step: Step) -> Outcome {
        match step {
            Step::Wait(seconds) => self.wait(seconds).await?,
            Step::Create {
                slot,
                principal,
                ttl,
                most,
                crash,
            } => {
                // The connector counts whole seconds: what it notes in the very second in which an
                // attempt begins could be that one's or the one's before.
                self.wait(1).await?;
                self.create(slot, principal, ttl, most, crash).await?;
                self.wait(1).await?;
            }
            Step::Retry(which, crash) => {
                self.wait(1).await?;
                if let Some(v) = self.newest_first(which) {
                    self.retry(v, crash).await?;
                }
                self.wait(1).await?;
            }
            Step::Cancel(which) => {
                if let Some(v) = self.newest_first(which) {
                    self.cancel(v).await?;
                }
            }
            Step::Connector(which, act) => {
                let mut world = self.lasting.connector.world.lock();
                if let Some(number) = world.requests.len().checked_sub(1 + which) {
                    world.act(number, act);
                }
                // The service knows nothing of it yet.
                return Ok(());
            }
            Step::Deliver {
                which,
                signed,
                hand,
                cut,
            } => {
                if let Some(number) = self.letter(which) {
                    self.deliver(number, signed, hand, cut).await?;
                }
            }
            Step::Mood(mood) => {
                self.lasting.connector.world.lock().mood = mood;
                return Ok(());
            }
            Step::Watch(count) => return self.watch(Some(count)).await,
            Step::Reconnect => {
                self.watchers.iter_mut().for_each(Watcher::cut_off);
                return Ok(());
            }
            Step::Restart(in_good_order) => {
                self.reopen(in_good_order).await;
                self.run_on().await?;
            }
        }
        self.settle().await
    }

    fn newest_first(&self, which: usize) -> Option<usize> {
        self.ids.len().checked_sub(1 + which)
    }

    /// The newest callback that was not delivered, or any.
    fn letter(&self, which: Option<usize>) -> Option<usize> {
        let world = self.lasting.connector.world.lock();
        match which {
            Some(which) => (!world.letters.is_empty()).then(|| which % world.letters.len()),
            None => world.letters.iter().rposition(|letter| !letter.delivered),
        }
    }

    /// Lets time pass, from one thing that is due to the next.
    pub async fn wait(&mut self, seconds: i64) -> Outcome {
        let end = Timestamp::from_secs(self.now() + seconds);
        for _ in 0..MOST_DUE {
            let next = self.running().settled().await?;
            self.settle().await?;
            if next > end {
                self.lasting.clock.set(end);
                return self.settle().await;
            }
            self.lasting.clock.set(next);
        }
        Err("something comes due again and again".to_owned())
    }

    /// Lets what is due be done, and holds the log against the model.
    pub async fn settle(&mut self) -> Outcome {
        self.running().settled().await?;
        self.explain().await?;
        self.overdue()
    }

    pub async fn explain(&mut self) -> Outcome {
        let after = Sequence(self.frames.len() as u64);
        let log = self.running().store.events(after, u32::MAX).await.unwrap();
        let mut pulled = Vec::new();
        for event in log {
            self.explain_one(&event, &mut pulled)?;
        }
        if let Some(missing) = self.pending.front() {
            return Err(format!("an event is missing: {missing:?}"));
        }
        if let Some(cause) = self.causes.front() {
            return Err(format!("nothing shows of {cause:?}"));
        }
        // Who wrote news of an attempt wrote all.
        let now = self.now();
        for a in pulled {
            if let Some(letter) = self.news(a, now) {
                return Err(format!("a pull left out {letter:?}"));
            }
        }
        let mut world = self.lasting.connector.world.lock();
        let answers = std::mem::take(&mut world.answers);
        world.told.clear();
        drop(world);
        for (slot, answer) in answers {
            if let Some(told) = self.model.started(slot, answer, now) {
                return Err(format!("the answer to a start is missing: {told:?}"));
            }
        }
        Ok(())
    }

    /// The oldest entry of the history that is an attempt's and not known yet.
    pub fn news(&self, a: usize, now: i64) -> Option<Letter> {
        let slot = self.model.verifications[self.model.attempts[a].of].slot;
        let world = self.lasting.connector.world.lock();
        let whose = self.model.whose(slot, world.history(slot, now));
        let mut own = whose.iter().filter(|(of, _)| *of == Some(a));
        // That a request waits, the answer to it has told.
        let unknown =
            own.find(|(_, letter)| !letter.is(WAITS) && !self.is_known(&whose, a, letter));
        unknown.map(|(_, letter)| (*letter).clone())
    }

    /// Whether the log has an entry of an attempt's history.
    pub fn is_known(&self, whose: &[(Option<usize>, &Letter)], a: usize, entry: &Letter) -> bool {
        if !entry.is(RECURS) {
            return self.model.knows(a, entry);
        }
        let next = |(of, other): &&(Option<usize>, &Letter)| {
            *of == Some(a) && other.is(RECURS) && other.time > entry.time
        };
        let next = whose.iter().find(next);
        let next = next.map_or(i64::MAX, |(_, other)| other.time);
        self.model.knows_undelivered(a, entry.time, next)
    }

    fn explain_one(&mut self, event: &Event, pulled: &mut Vec<usize>) -> Outcome {
        let (body, now) = (&event.body, event.body.commit_time.as_secs());
        if event.sequence.0 != self.frames.len() as u64 + 1 {
            return Err(format!("the log has a hole before {event:?}"));
        }
        if body.kind == EventKind::Created && !self.ids.contains(&body.verification) {
            self.ids.push(body.verification);
            if self.ids.len() == 1 {
                self.watchers.push(Watcher::new(Some(body.verification)));
            }
        }
        let v = self.ids.iter().position(|id| *id == body.verification);
        let v = v.ok_or("an event of a verification that nobody created")?;
        let attempt = || {
            let all = &self.model.verifications.get(v)?.attempts;
            all.get(body.attempt as usize - 1).copied()
        };
        let is_timer = match body.kind {
            EventKind::Expired | EventKind::DeadlinePassed | EventKind::RetryClosed => true,
            EventKind::StartFailed => body.reason == Some(Reason::StartAbandoned),
            _ => false,
        };
        let expected = if let Some(told) = self.pending.pop_front() {
            told
        } else if body.kind == EventKind::ProviderStatus && body.assurance.as_str() == "PULLED" {
            let a = attempt().ok_or("a pull for an attempt that nobody made")?;
            let slot = self.model.verifications[v].slot;
            if !self.lasting.connector.world.lock().told.contains_key(&slot) {
                return Err(format!("nobody was asked for {event:?}"));
            }
            let letter = self.news(a, now);
            let letter = letter.ok_or_else(|| format!("no news: {event:?}"))?;
            pulled.push(a);
            self.model.pulled(a, &letter, now)
        } else if is_timer {
            let a = attempt().ok_or("a timer for an attempt that nobody made")?;
            match self.model.due(a) {
                Some((kind, due)) if kind == body.kind && now >= due => {
                    self.is_asked_before_end(a, kind, due)?;
                    self.model.run_out(a, kind, due, now)
                }
                other => return Err(format!("due is {other:?}, not {event:?}")),
            }
        } else if matches!(
            body.kind,
            EventKind::ActionAvailable | EventKind::RequestAdopted | EventKind::StartFailed
        ) {
            loop {
                let mut world = self.lasting.connector.world.lock();
                if world.answers.is_empty() {
                    return Err(format!("no start was answered: {event:?}"));
                }
                let (slot, answer) = world.answers.remove(0);
                drop(world);
                if let Some(told) = self.model.started(slot, answer, now) {
                    break told;
                }
            }
        } else {
            let cause = self.causes.pop_front();
            let cause = cause.ok_or_else(|| format!("nothing brings {event:?}"))?;
            self.pending.extend(self.model.apply(cause, now));
            self.pending.pop_front().ok_or("no event")?
        };
        let said = Told::of(event, v, expected.tx.clone());
        if said != expected || body.tx_hash.is_some() != expected.tx.is_some() {
            return Err(format!("expected {expected:?}\n     but got {said:?}"));
        }
        if body.revision.0 != self.model.verifications[v].revision - self.pending.len() as u64 {
            return Err(format!("a revision is left out before {event:?}"));
        }
        self.kinds.insert(body.kind.as_str());
        self.frames.push((v, frame(event, expected.tx.as_deref())));
        Ok(())
    }
}
