//! Plays a history, step by step, and holds the service against the model after each.

use std::collections::VecDeque;

use verilane_core::{Event, EventKind, Sequence, Timestamp, VerificationId};
use verilane_store::Store;

use crate::civic::Noted;
use crate::histories::playing::{Kinds, Outcome};
use crate::histories::running::{Running, frame};
use crate::histories::watcher::Watcher;
use crate::model::{Cause, Model, Rules, Told};
use crate::service::{Lasting, PATIENCE, Workshop, connection};
use crate::steps::Step;

/// How many times something can come due within one wait, by far.
const MOST_DUE: usize = 2_000;
/// How long what was begun is kept from being begun again, after the end of the process.
const LEASE: std::time::Duration = std::time::Duration::from_secs(61);

/// That Civic was told a decision, among the kinds of events.
pub const TOLD: &str = "a decision is told";

/// What a history is beside its steps.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub rules: Rules,
    /// Whether everything that can be decided elsewhere is, at the end, or nobody decides any more.
    pub is_decided: bool,
}

pub struct History<'w> {
    pub lasting: Lasting<'w>,
    pub running: Option<Running>,
    pub model: Model,
    pub ids: Vec<VerificationId>,
    /// What callers did, and must show.
    pub causes: VecDeque<Cause>,
    /// What Civic showed and gave, in order.
    looks: VecDeque<Cause>,
    pending: VecDeque<Told>,
    /// The log so far, as a watcher is told it, and whose each event is.
    pub frames: Vec<(usize, String)>,
    pub watchers: Vec<Watcher>,
    pub requests: usize,
    /// When the process last died.
    died: Option<Timestamp>,
    pub kinds: Kinds,
}

/// Plays a history to its end. Which kinds of events it had.
pub async fn play(workshop: &Workshop, steps: &[Step], kind: Kind) -> Outcome<Kinds> {
    let mut history = History::new(workshop, kind.rules).await;
    let result = history.play(steps, kind).await;
    if let Some(running) = history.running.take() {
        history.watchers.clear();
        running.end(false).await;
    }
    result.map(|()| history.kinds)
}

impl<'w> History<'w> {
    async fn new(workshop: &'w Workshop, rules: Rules) -> Self {
        let lasting = workshop.place(rules);
        let mut running = lasting.open().await;
        running.run_jobs();
        running.settled().await.unwrap();
        Self {
            lasting,
            running: Some(running),
            model: Model::new(rules),
            ids: Vec::new(),
            causes: VecDeque::new(),
            looks: VecDeque::new(),
            pending: VecDeque::new(),
            frames: Vec::new(),
            watchers: vec![Watcher::new(None)],
            requests: 0,
            died: None,
            kinds: Kinds::new(),
        }
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn now(&self) -> Timestamp {
        self.lasting.now()
    }

    /// Ends the service and opens it anew.
    pub async fn reopen(&mut self, in_good_order: bool) -> Outcome {
        self.watchers.iter_mut().for_each(Watcher::cut_off);
        let running = self.running.take().unwrap();
        running.end(in_good_order).await;
        self.model.count_anew();
        self.lasting.doom.set(None);
        self.lasting
            .clock
            .set(Timestamp::from_secs(self.now().as_secs() + 1));
        let mut running = self.lasting.open().await;
        running.run_jobs();
        self.running = Some(running);
        self.settle().await
    }

    async fn play(&mut self, steps: &[Step], kind: Kind) -> Outcome {
        for (number, step) in steps.iter().enumerate() {
            let done = self.take(*step).await;
            done.map_err(|what| format!("step {}, {step:?}: {what}", number + 1))?;
        }
        self.end(kind)
            .await
            .map_err(|what| format!("at the end: {what}"))
    }

    async fn take(&mut self, step: Step) -> Outcome {
        match step {
            Step::Wait(seconds) => self.wait(std::time::Duration::from_secs(seconds)).await?,
            Step::Create { .. } => self.create(step).await?,
            Step::Retry(which) => {
                if let Some(v) = self.newest_first(which) {
                    self.retry(v).await?;
                }
            }
            Step::Cancel(which) => {
                if let Some(v) = self.newest_first(which) {
                    self.cancel(v).await?;
                }
            }
            Step::Begin(owner) => self.lasting.civic.world.lock().begin(owner),
            Step::Civic(which, act) => {
                let mut world = self.lasting.civic.world.lock();
                if let Some(number) = world.requests.len().checked_sub(1 + which) {
                    world.act(number, act);
                }
            }
            Step::Continue(which, request, expects) => {
                let known = self.lasting.civic.world.lock().requests.len();
                let request = request.map(|which| known.checked_sub(1 + which));
                if let (Some(v), request) = (self.newest_first(which), request)
                    && request != Some(None)
                {
                    self.continue_with(v, request.flatten(), expects).await?;
                }
            }
            Step::Review(which, decision, expects) => {
                if let Some(v) = self.newest_first(which) {
                    self.review(v, decision, expects).await?;
                }
            }
            Step::Mood(mood) => self.lasting.civic.world.lock().mood = mood,
            Step::Crash(point) => self.lasting.doom.set(Some(point)),
            Step::Watch(count) => return self.watch(Some(count)).await,
            Step::Reconnect => self.watchers.iter_mut().for_each(Watcher::cut_off),
            Step::Restart(in_good_order) => self.reopen(in_good_order).await?,
        }
        self.settle().await
    }

    fn newest_first(&self, which: usize) -> Option<usize> {
        self.ids.len().checked_sub(1 + which)
    }

    /// Lets time pass, from one thing that is due to the next.
    pub async fn wait(&mut self, time: std::time::Duration) -> Outcome {
        let end = self.now() + time;
        for _ in 0..MOST_DUE {
            let next = self.settled().await?;
            if next > end {
                self.lasting.clock.set(end.max(self.now()));
                return self.settle().await;
            }
            self.lasting.clock.set(next.max(self.now()));
        }
        Err("something comes due again and again".to_owned())
    }

    pub async fn settle(&mut self) -> Outcome {
        self.settled().await.map(drop)
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
        let next = match settled {
            Ok(next) => next,
            Err(point) => {
                self.kinds.insert(point.name());
                self.recover().await?
            }
        };
        self.explain(false).await?;
        self.overdue()?;
        Ok(next)
    }

    /// After the end of the process: what was durable shows, and the service goes on.
    async fn recover(&mut self) -> Outcome<Timestamp> {
        self.running.take().unwrap().end(false).await;
        self.watchers.iter_mut().for_each(Watcher::cut_off);
        self.lasting.doom.set(None);
        self.died = Some(self.now());
        self.running = Some(self.lasting.open().await);
        self.explain(true).await?;
        self.model.count_anew();
        self.tick();
        self.running.as_mut().unwrap().run_jobs();
        self.running().settled().await
    }

    /// Each start can be told from the one before.
    fn tick(&self) {
        let next = self.now().as_secs() + 1;
        self.lasting.clock.set(Timestamp::from_secs(next));
    }

    /// Has the model say what each event must be. Where the process died, what was shown last need not
    /// have become durable.
    async fn explain(&mut self, died: bool) -> Outcome {
        self.take_notes();
        let after = Sequence(self.frames.len() as u64);
        let log = self.running().store.events(after, u32::MAX).await.unwrap();
        for event in log {
            self.explain_one(&event)?;
        }
        if let Some(missing) = self.pending.front() {
            return Err(format!("an event is missing: {missing:?}"));
        }
        if let Some(cause) = self.causes.front() {
            return Err(format!("nothing shows of {cause:?}"));
        }
        while let Some(look) = self.looks.pop_front() {
            let told = self.follow(&look)?;
            if let Some(missing) = told.front()
                && !died
            {
                return Err(format!("a look brings nothing: {missing:?}"));
            }
        }
        self.nobody_decides_twice()
    }

    /// What was asked of Civic since, as what it must lead to.
    fn take_notes(&mut self) {
        let noted = std::mem::take(&mut self.lasting.civic.world.lock().noted);
        self.looks.extend(noted.into_iter().map(Cause::from));
    }

    /// What comes of a look or an order, by the model as it is by now; nothing is changed by one that
    /// must show and does not.
    fn follow(&mut self, look: &Cause) -> Outcome<VecDeque<Told>> {
        let Cause::Asked(noted) = look else {
            let mut after = self.model.clone();
            let told = after.apply(look, self.now());
            if told.is_empty() {
                self.model = after;
            }
            return Ok(told.into());
        };
        match noted {
            Noted::Order { request, decision } => {
                let holder = self.model.holders.get(request);
                let pending = holder.and_then(|a| self.model.attempts[*a].pending());
                if pending != Some(*decision) {
                    let what =
                        format!("told {decision:?} of request {request}, decided {pending:?}");
                    return Err(what);
                }
                self.kinds.insert(TOLD);
            }
            Noted::Look {
                via,
                request,
                shown,
            } => {
                let holder = self.model.holders.get(request).copied();
                let right = holder.map(|a| self.model.verifications[self.model.attempts[a].of].via);
                let Some(a) = holder.filter(|_| right == Some(*via)) else {
                    return Err(format!(
                        "request {request} is looked at over {via}, not {right:?}"
                    ));
                };
                if let Some(seen) = shown {
                    self.looks.push_front(Cause::Given(a, seen.clone()));
                    self.looks.push_front(Cause::Shown(a, seen.clone()));
                }
            }
        }
        Ok(VecDeque::new())
    }

    fn explain_one(&mut self, event: &Event) -> Outcome {
        let (body, now) = (&event.body, event.body.commit_time);
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
        let expected = match self.pending.pop_front() {
            Some(told) => told,
            None => {
                self.pending = self.source(event, v, now)?;
                self.pending.pop_front().ok_or("no event")?
            }
        };
        let word =
            |word: &Option<verilane_core::ProviderStatus>| word.as_ref().map(ToString::to_string);
        let said = Told {
            verification: v,
            attempt: body.attempt,
            kind: body.kind,
            word: word(&body.provider_status),
            progress: word(&body.provider_progress),
            decision: body.decision,
            assurance: body.assurance,
            before: body.state_before,
            after: body.state_after,
            reason: body.reason,
            retryable: body.retryable,
        };
        if said != expected {
            return Err(format!("expected {expected:?}\n     but got {said:?}"));
        }
        if body.revision.0 + self.pending.len() as u64 != self.model.verifications[v].revision {
            return Err(format!("a revision is left out before {event:?}"));
        }
        let via = self.model.verifications[v].via;
        if body.connection != connection(via) {
            return Err(format!("over another connection: {event:?}"));
        }
        self.kinds.insert(body.kind.as_str());
        self.frames.push((v, frame(event, None)));
        Ok(())
    }

    /// What brings an event, and all that the same brings.
    fn source(&mut self, event: &Event, v: usize, now: Timestamp) -> Outcome<VecDeque<Told>> {
        let body = &event.body;
        let is_timer = matches!(
            body.kind,
            EventKind::Expired
                | EventKind::DeadlinePassed
                | EventKind::RetryClosed
                | EventKind::ReviewReminder
                | EventKind::ReviewOverdue
        );
        let is_callers = matches!(
            body.kind,
            EventKind::Created
                | EventKind::AttemptStarted
                | EventKind::Cancelled
                | EventKind::Continued
                | EventKind::ReviewDecided
        );
        if is_timer {
            let attempts = &self.model.verifications[v].attempts;
            let a = attempts[body.attempt as usize - 1];
            return match self.model.due(a) {
                Some((kind, due)) if kind == body.kind && now >= due => {
                    self.is_looked_at_before_end(a, kind, due)?;
                    Ok(self.model.run_out(a, kind, due, now).into())
                }
                other => Err(format!("due is {other:?}, not {event:?}")),
            };
        }
        if is_callers {
            let cause = self.causes.pop_front();
            let cause = cause.ok_or_else(|| format!("nothing brings {event:?}"))?;
            return Ok(self.model.apply(&cause, now).into());
        }
        while let Some(look) = self.looks.pop_front() {
            let told = self.follow(&look)?;
            if !told.is_empty() {
                return Ok(self.model.apply(&look, now).into());
            }
        }
        Err(format!("no look brings {event:?}"))
    }

    /// Nobody is given up for want of news before Civic was asked once more, whatever it answered.
    fn is_looked_at_before_end(&self, a: usize, kind: EventKind, due: Timestamp) -> Outcome {
        let attempt = &self.model.attempts[a];
        let for_want_of_news = match kind {
            EventKind::Expired | EventKind::ReviewOverdue => true,
            EventKind::DeadlinePassed => attempt.review.is_none() && !self.model.is_confirmed(a),
            _ => false,
        };
        let Some(request) = attempt.request.filter(|_| for_want_of_news) else {
            return Ok(());
        };
        let at = self.lasting.civic.world.lock().looked[request].0;
        if at < Some(due) {
            return Err(format!(
                "attempt {a} ends, due at {due:?}, and was looked at at {at:?}"
            ));
        }
        Ok(())
    }

    /// Nothing that has run out may go on standing, as long as Civic can be asked.
    fn overdue(&self) -> Outcome {
        let now = self.now();
        let world = self.lasting.civic.world.lock();
        for (a, attempt) in self.model.attempts.iter().enumerate() {
            let Some((kind, due)) = self.model.due(a).filter(|(_, due)| *due <= now) else {
                continue;
            };
            let in_vain = attempt.request.and_then(|request| world.looked[request].1);
            let waits = now < due + PATIENCE && in_vain >= Some(due);
            let leased = self.died.is_some_and(|died| now < died + LEASE);
            if !waits && !leased {
                return Err(format!(
                    "{kind:?} of attempt {a} was due at {due:?}, now {now:?}"
                ));
            }
        }
        Ok(())
    }

    fn nobody_decides_twice(&self) -> Outcome {
        let world = self.lasting.civic.world.lock();
        let mut requests = world.requests.iter();
        match requests.find(|request| request.effects > 1) {
            Some(twice) => Err(format!("decided twice: {twice:?}")),
            None => Ok(()),
        }
    }
}

impl From<Noted> for Cause {
    fn from(noted: Noted) -> Self {
        Self::Asked(noted)
    }
}
