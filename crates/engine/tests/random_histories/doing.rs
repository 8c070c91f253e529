//! What callers and the connector do to the service, and what they must be answered.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use verilane_core::{ClaimRequest, ClaimSelector, Pii, Principal, Reason, State};
use verilane_engine::{
    AccessContext, CrashPoint, CreateVerification, Engine, EngineError, Expire, RetryVerification,
    Taken, Verdict, VerificationView,
};
use verilane_provider::Refusal;

use crate::connector::{Asked, Hand, Letter, Mood, Slot, USERS, WAITS, What, asked, required};
use crate::histories::playing::Outcome;
use crate::history::History;
use crate::model::{Cause, Judgement, Phase, RECURS};
use crate::service::{connection, did_more_than_pull};
use crate::steps::{Crash, Signed};

type Answered = Result<VerificationView, EngineError>;

pub fn access() -> AccessContext {
    AccessContext {
        purpose: Pii::from("opening an account"),
        ..AccessContext::default()
    }
}

const fn crash_point(crash: Crash) -> Option<CrashPoint> {
    match crash {
        Crash::No => None,
        Crash::BeforeSending => Some(CrashPoint::IntentWritten),
        Crash::AfterTheAnswer => Some(CrashPoint::ProviderAnswered),
    }
}

impl History<'_> {
    /// Has a caller ask for something that sends a request. None if the process ended meanwhile.
    async fn ask<F: Future<Output = Answered> + Send + 'static>(
        &mut self,
        crash: Crash,
        ask: impl FnOnce(Arc<Engine>) -> F,
    ) -> Option<Answered> {
        self.lasting.doom.set(crash_point(crash));
        let task = tokio::spawn(ask(Arc::clone(&self.running().engine)));
        let answered = task.await.ok();
        self.lasting.doom.set(None);
        if answered.is_none() {
            // Whatever was answered, nobody knows it.
            self.lasting.connector.world.lock().answers.clear();
            self.reopen(false).await;
        }
        answered
    }

    /// After the end of the process: what was durable shows, and the request is sent again.
    async fn recover(&mut self, v: usize) -> Outcome {
        self.explain().await?;
        let a = self.model.newest(v);
        self.model.attempts[a].sent = true;
        self.run_on().await?;
        let slot = self.model.verifications[v].slot;
        self.is_asked(Asked::Start, slot)
    }

    pub async fn create(
        &mut self,
        slot: Slot,
        principal: usize,
        ttl: i64,
        most: usize,
        crash: Crash,
    ) -> Outcome {
        self.requests += 1;
        let claim = |field: &&str| ClaimRequest {
            selector: ClaimSelector::ProviderField((*field).to_owned()),
            required: required(slot).contains(field),
        };
        let request = CreateVerification {
            principal: Principal::new(&format!("caller-{principal}")),
            request_id: Some(format!("request {}", self.requests)),
            connection: connection(),
            subject: Pii::from(USERS[slot.0]),
            subject_ref: None,
            claims: asked(slot).iter().map(claim).collect(),
            scope: None,
            labels: Vec::new(),
            access: access(),
            expire: Expire::After(Duration::from_secs(ttl.unsigned_abs())),
            action_lifetime: None,
            max_attempts: Some(u32::try_from(most).unwrap()),
            without_picture: false,
            trace_parent: None,
        };
        let ask = |request| move |engine: Arc<Engine>| async move { engine.create(request).await };
        let down = self.lasting.connector.world.lock().mood == Mood::Down;
        let expected = match self.model.open_on(slot) {
            _ if down => Err(Reason::ProviderUnavailable),
            None => {
                self.causes.push_back(Cause::Create {
                    slot,
                    principal,
                    ttl,
                    most,
                });
                Ok(self.ids.len())
            }
            Some(open) => {
                let v = self.model.attempts[open].of;
                let same = self.model.verifications[v].principal == principal;
                same.then_some(v).ok_or(Reason::RequestAlreadyOpen)
            }
        };
        let Some(answered) = self.ask(crash, ask(request.clone())).await else {
            let v = expected.map_err(|_| "the process ended before anything was durable")?;
            self.recover(v).await?;
            // The caller was not answered and asks again.
            let again = self.ask(Crash::No, ask(request)).await;
            self.settle().await?;
            return self.is_answered(again.unwrap(), Ok(v));
        };
        self.settle().await?;
        self.is_answered(answered, expected)?;
        if expected.is_ok() {
            let again = self.ask(Crash::No, ask(request)).await.unwrap();
            self.is_answered(again, expected)?;
        }
        Ok(())
    }

    pub async fn retry(&mut self, v: usize, crash: Crash) -> Outcome {
        self.requests += 1;
        let row = &self.model.verifications[v];
        let request = RetryVerification {
            principal: Principal::new(&format!("caller-{}", row.principal)),
            request_id: Some(format!("request {}", self.requests)),
            verification: self.ids[v],
            expected: None,
            access: access(),
            action_lifetime: None,
            without_picture: true,
        };
        let expected = match self.model.not_retryable(v, self.now()) {
            Some(reason) => Err(reason),
            None if self.model.open_on(row.slot).is_some() => Err(Reason::RequestAlreadyOpen),
            None => {
                self.causes.push_back(Cause::Retry(v));
                Ok(v)
            }
        };
        let ask = move |engine: Arc<Engine>| async move { engine.retry(request).await };
        match self.ask(crash, ask).await {
            None => self.recover(v).await,
            Some(answered) => {
                self.settle().await?;
                self.is_answered(answered, expected)
            }
        }
    }

    /// Whether a caller is answered the verification, or why its newest attempt was refused.
    fn is_answered(&self, answered: Answered, expected: Result<usize, Reason>) -> Outcome {
        let expected = expected.and_then(|v| {
            let attempt = &self.model.attempts[self.model.newest(v)];
            // A joined verification is answered whatever became of its start.
            let refused = attempt.phase == Phase::Ended && !attempt.held;
            if refused {
                return Err(Reason::RequestAlreadyOpen);
            }
            Ok(self.ids[v])
        });
        let got = answered
            .map(|view| view.row.id)
            .map_err(|error| error.reason);
        if got == expected {
            return Ok(());
        }
        Err(format!("a caller is answered {got:?}, not {expected:?}"))
    }

    pub async fn cancel(&mut self, v: usize) -> Outcome {
        let principal = Principal::anonymous();
        let engine = &self.running().engine;
        let cancelled = engine
            .cancel(self.ids[v], None, &principal, &access())
            .await;
        let got = cancelled.map(|_| ()).map_err(|error| error.reason);
        let expected = match self.model.state(v).0 {
            State::Verified => Err(Reason::AlreadyVerified),
            State::Cancelled => Ok(()),
            _ => {
                self.causes.push_back(Cause::Cancel(v));
                Ok(())
            }
        };
        if got == expected {
            return Ok(());
        }
        Err(format!("who cancels is answered {got:?}, not {expected:?}"))
    }

    /// Has a callback come in.
    pub async fn deliver(
        &mut self,
        number: usize,
        signed: Signed,
        hand: Hand,
        cut: Option<usize>,
    ) -> Outcome {
        let now = self.now();
        let letter = self.lasting.connector.world.lock().letters[number].clone();
        let deadline = match signed {
            Signed::Anew => now + 180,
            Signed::AsWritten => letter.time + 180,
        };
        if hand == Hand::Genuine {
            self.lasting.connector.world.lock().letters[number].delivered = true;
        }
        let body = self.lasting.connector.sign(&letter, deadline, hand);
        let judgement = match hand {
            Hand::Genuine => self.model.judge(&letter, deadline, now),
            Hand::Stranger => Judgement::Refused(Reason::CallbackKeyNotPinned),
            Hand::Changed => Judgement::Refused(Reason::CallbackSignatureInvalid),
        };
        let cause = match judgement {
            Judgement::Accepted(a) => Some(Cause::Letter(a, Box::new(letter.clone()), deadline)),
            Judgement::Refused(_) if hand != Hand::Genuine => {
                let a = self.model.quarantines(&letter, deadline);
                a.map(Cause::Quarantine)
            }
            _ => None,
        };
        let engine = Arc::clone(&self.running().engine);
        let call = call(engine, letter.path.clone(), body);
        let Some(looks) = cut else {
            self.causes.extend(cause);
            let got = call.await;
            let told = self.was_told(&letter);
            let judgement = self.after_asking(&letter, deadline, judgement, told);
            self.settle().await?;
            return self.is_right(&letter, deadline, judgement, told, got);
        };
        if let Some(got) = some_looks(call, looks).await {
            let told = self.was_told(&letter);
            self.causes.extend(cause);
            let judgement = self.after_asking(&letter, deadline, judgement, told);
            self.settle().await?;
            self.is_right(&letter, deadline, judgement, told, got)?;
            self.reopen(false).await;
            return self.run_on().await;
        }
        self.reopen(false).await;
        // It is durable as a whole or not at all, and nobody was answered.
        let happened = did_more_than_pull(self.running(), self.frames.len()).await;
        self.causes.extend(cause.filter(|_| happened));
        self.after_asking(&letter, deadline, judgement, happened);
        self.explain().await?;
        self.run_on().await
    }

    /// What must become of a callback once the history was told, if it was. What stands there is taken:
    /// as news of the attempt whose it is by its time, or else by the callback's own word.
    fn after_asking(
        &mut self,
        letter: &Letter,
        deadline: i64,
        judgement: Judgement,
        told: bool,
    ) -> Judgement {
        let Judgement::AskFirst(a) = judgement else {
            return judgement;
        };
        let (now, time) = (self.now(), deadline - 180);
        let start = self.model.attempts[a].start;
        let world = self.lasting.connector.world.lock();
        let whose = self
            .model
            .whose(letter.slot, world.history(letter.slot, now));
        let stands = |(_, noted): &&(Option<usize>, &Letter)| {
            noted.is_same(letter) && (!noted.is(RECURS) || noted.time <= time)
        };
        let is_news = |(of, noted): &(Option<usize>, &Letter)| *of == Some(a) && !noted.is(WAITS);
        let is_repeat = whose.iter().filter(stands).any(is_news)
            || (letter.is(RECURS) && self.model.knows_undelivered(a, i64::MIN, time + 1));
        let mut others = whose.iter().filter(stands).filter(|(of, noted)| {
            !is_news(&(*of, noted)) && (*of == Some(a) || noted.time + 60 >= start)
        });
        let by_its_word = told && !is_repeat && others.next().is_some();
        drop(world);
        if !by_its_word {
            return judgement;
        }
        self.causes
            .push_back(Cause::Letter(a, Box::new(letter.clone()), deadline));
        Judgement::Accepted(a)
    }

    /// Whether the history of a callback's user and items was told since the last look.
    fn was_told(&self, letter: &Letter) -> bool {
        let world = self.lasting.connector.world.lock();
        world.told.contains_key(&letter.slot)
    }

    fn is_right(
        &self,
        letter: &Letter,
        deadline: i64,
        judgement: Judgement,
        told: bool,
        got: Result<Taken, Refusal>,
    ) -> Outcome {
        let expected = match judgement {
            Judgement::Accepted(a) => {
                let is_data = matches!(letter.what, What::Data(_));
                Ok(if is_data && self.model.attempts[a].cancelled {
                    Verdict::NotKept
                } else {
                    Verdict::Accepted
                })
            }
            Judgement::Repeated => Ok(Verdict::Repeated),
            // The history says it all: a failed delivery is the newest one by its time.
            Judgement::AskFirst(a) => {
                let stands = if letter.is(RECURS) {
                    told && self
                        .model
                        .knows_undelivered(a, i64::MIN, deadline - 180 + 1)
                } else {
                    self.model.knows(a, letter)
                };
                stands
                    .then_some(Verdict::Repeated)
                    .ok_or(Reason::CallbackDeadlinePassed)
            }
            Judgement::Refused(reason) => Err(reason),
        };
        let got = got
            .map(|taken| taken.verdict)
            .map_err(|refusal| refusal.reason);
        if got == expected {
            return Ok(());
        }
        Err(format!(
            "a callback is answered {got:?}, not {expected:?}: {letter:?}"
        ))
    }
}

async fn call(engine: Arc<Engine>, path: String, body: String) -> Result<Taken, Refusal> {
    let path = engine.callback_path(&Pii::new(path)).await?;
    let content_type = Some("application/json".to_owned());
    engine
        .take_callback(&path, content_type, Bytes::from(body))
        .await
}

/// What comes of something that is looked at so many times and then dropped.
async fn some_looks<T>(what: impl Future<Output = T>, looks: usize) -> Option<T> {
    let mut what = std::pin::pin!(what);
    for _ in 0..=looks {
        let look = std::future::poll_fn(|context| Poll::Ready(what.as_mut().poll(context)));
        if let Poll::Ready(done) = look.await {
            return Some(done);
        }
        tokio::task::yield_now().await;
    }
    None
}
