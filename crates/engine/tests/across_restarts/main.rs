//! Whatever is done in whatever order, with engines that end and begin anew on the same store: a
//! watcher that resumes across all of it sees every event exactly once, in order, equal to the log.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first thing that is not as it says"
)]

#[path = "../stage/mod.rs"]
mod stage;

mod deeds;

use proptest::prelude::*;
use serde_json::Value;
use verilane_core::{Pii, Principal, Reason, State, VerificationId};
use verilane_engine::{EventFilter, Verdict, WatchEnd, WatchStart};

use crate::deeds::{Deed, deeds};
use crate::stage::calls::{Body, call};
use crate::stage::frames::{QUICK, Watch, event};
use crate::stage::puppet::{Answer, StartCall};
use crate::stage::{Play, Stage, request_as};

/// How many users there are: few, so that they meet each other in slots.
const USERS: usize = 3;

/// A watcher that is cut off and resumes with the last token it got.
struct Watcher {
    one: Option<VerificationId>,
    start: WatchStart,
    got: Vec<Value>,
}

impl Watcher {
    const fn of(one: Option<VerificationId>) -> Self {
        Self {
            one,
            start: WatchStart::Beginning,
            got: Vec::new(),
        }
    }

    /// Takes in up to so many messages over a new stream; up to the end of the log if none is said.
    async fn look(&mut self, play: &Play, at_most: Option<usize>) {
        match self.one {
            Some(id) => {
                let end = WatchEnd::Never;
                let watch = play.engine.watch_one(id, &self.start, end, QUICK).await;
                self.listen(play, watch.unwrap(), at_most).await;
            }
            None => {
                let filter = EventFilter::default();
                let watch = play.engine.watch_many(filter, &self.start, QUICK).await;
                self.listen(play, watch.unwrap(), at_most).await;
            }
        }
    }

    async fn listen(&mut self, play: &Play, mut watch: impl Watch, at_most: Option<usize>) {
        let head = play.store.head().await.unwrap().last;
        for _ in 0..at_most.unwrap_or(usize::MAX) {
            let message = watch.message().await.unwrap();
            self.start = WatchStart::After(message.token.clone());
            if message.is("event") {
                self.got.push(message.says);
            } else if stage::frames::place(&message.token) >= head {
                return;
            }
        }
    }
}

/// Everything that lasts through a run.
struct Run {
    stage: Stage,
    play: Option<Play>,
    all: Watcher,
    ones: Vec<Watcher>,
    ids: Vec<VerificationId>,
}

impl Run {
    async fn begin() -> Self {
        let stage = Stage::new().with_ring(5);
        let play = stage.open().await;
        Self {
            stage,
            play: Some(play),
            all: Watcher::of(None),
            ones: Vec::new(),
            ids: Vec::new(),
        }
    }

    fn play(&self) -> &Play {
        self.play.as_ref().unwrap()
    }

    fn some_start(&self, which: usize) -> Option<StartCall> {
        let starts = self.stage.puppet.starts();
        starts.get(which.checked_rem(starts.len())?).cloned()
    }

    async fn create(&mut self, user: usize, request: usize, answer: Answer) {
        self.stage.puppet.answers([answer]);
        let request = request_as(&format!("request {request}"), &format!("user {user}"));
        // Refusals are part of the play; what they leave in the log is watched like all else.
        let _ = self.play().engine.create(request).await;
        self.stage.puppet.forgets_answers();
        for event in self.play().log().await {
            let id = event.body.verification;
            if !self.ids.contains(&id) {
                self.ids.push(id);
                self.ones.push(Watcher::of(Some(id)));
            }
        }
    }

    async fn restart(&mut self) {
        self.play.take().unwrap().close().await;
        self.play = Some(self.stage.open().await);
    }

    /// Does everything that is due, as often as something becomes due by it.
    async fn run_jobs(&mut self) {
        let play = self.play.as_mut().unwrap();
        play.run_jobs();
        let now = self.stage.now();
        stage::soon(async {
            while play
                .store
                .next_due()
                .await
                .unwrap()
                .is_none_or(|due| due <= now)
            {
                tokio::task::yield_now().await;
            }
        })
        .await;
        play.stop_jobs().await;
    }

    /// A genuine callback is one more event, or was seen before, or nobody knows its request any
    /// more, or ever did.
    async fn hear(&self, path: &Pii<String>, body: Body) {
        let before = self.play().log().await.len();
        let more = match call(&self.play().engine, path, &body).await {
            Ok(taken) if taken.verdict == Verdict::Repeated => 0,
            Ok(_) => 1,
            Err(refusal) => {
                let unknown = [Reason::CallbackAttemptUnknown, Reason::CallbackPathUnknown];
                assert!(unknown.contains(&refusal.reason), "{refusal}");
                0
            }
        };
        assert_eq!(self.play().log().await.len(), before + more);
    }

    async fn carry_out(&mut self, deed: Deed) {
        match deed {
            Deed::Create {
                user,
                request,
                answer,
            } => self.create(user % USERS, request, answer).await,
            Deed::Report { which, word } => {
                if let Some(start) = self.some_start(which) {
                    let body = Body::status(word, start.expiry);
                    self.hear(&start.status_path(), body).await;
                }
            }
            Deed::Fail { which } => {
                if let Some(start) = self.some_start(which) {
                    let body = Body::failure("VALIDITY_FAILED", start.expiry);
                    self.hear(&start.data_path(), body).await;
                }
            }
            Deed::Deliver { which, complete } => {
                if let Some(start) = self.some_start(which) {
                    let items: &[_] = if complete { &[("EMAIL", "a@b.c")] } else { &[] };
                    let body = Body::data(items, start.expiry);
                    self.hear(&start.data_path(), body).await;
                }
            }
            Deed::Forge { which } => {
                if let Some(start) = self.some_start(which) {
                    let body = Body::status("CONFIRMED", start.expiry).forged();
                    let refusal = call(&self.play().engine, &start.status_path(), &body).await;
                    refusal.unwrap_err();
                }
            }
            Deed::Cancel { which } => {
                if let Some(place) = which.checked_rem(self.ids.len()) {
                    let (principal, access) = (Principal::anonymous(), stage::access());
                    let id = self.ids[place];
                    let _ = self
                        .play()
                        .engine
                        .cancel(id, None, &principal, &access)
                        .await;
                }
            }
            Deed::Wait { by } => self.stage.clock.advance(by),
            Deed::RunJobs => self.run_jobs().await,
            Deed::Restart => self.restart().await,
            Deed::LookAtAll { messages } => {
                let play = self.play.as_ref().unwrap();
                self.all.look(play, Some(messages)).await;
            }
            Deed::LookAtOne { which, messages } => {
                if let Some(place) = which.checked_rem(self.ones.len()) {
                    let play = self.play.as_ref().unwrap();
                    self.ones[place].look(play, Some(messages)).await;
                }
            }
        }
    }

    async fn end(mut self) {
        let play = self.play.take().unwrap();
        let log = play.log().await;
        let told: Vec<_> = log.iter().map(|e| event(e, None)).collect();
        // The log itself: gapless, each verification's revisions too, states that hang together.
        for (place, event) in log.iter().enumerate() {
            assert_eq!(event.sequence.0, place as u64 + 1);
        }
        self.all.look(&play, None).await;
        assert_eq!(self.all.got, told);
        for (id, watcher) in self.ids.iter().zip(&mut self.ones) {
            watcher.look(&play, None).await;
            let own = log.iter().filter(|e| e.body.verification == *id);
            let own: Vec<_> = own.cloned().collect();
            let told: Vec<_> = own.iter().map(|e| event(e, None)).collect();
            assert_eq!(watcher.got, told);
            let row = play.view(*id).await.row;
            assert_eq!(row.revision.0, own.len() as u64);
            let mut before = None;
            for (place, event) in own.iter().enumerate() {
                assert_eq!(event.body.revision.0, place as u64 + 1);
                assert_eq!(event.body.state_before, before);
                before = Some(event.body.state_after);
            }
            assert_eq!(before, Some(row.state().0));
            let claims = play.store.claims(*id).await.unwrap();
            if row.state().0 == State::Verified {
                assert_eq!(claims.len(), 1);
            }
        }
        play.close().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_watcher_that_resumes_across_everything_sees_every_event_once_in_order(deeds in deeds()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::begin().await;
            for deed in deeds {
                run.carry_out(deed).await;
            }
            run.end().await;
        });
    }
}
