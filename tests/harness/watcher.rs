//! One watch from the beginning, gone on with by its token over every server's end.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use verilane_api::v1::{Event, State};

use super::target::{Target, broke_off};
use super::{BEGINNING, From, Wish};

/// What the watch has seen.
pub struct Watcher {
    seen: Mutex<Seen>,
    /// How many events were seen: wakes those who wait.
    count: watch::Sender<usize>,
}

#[derive(Default)]
struct Seen {
    events: Vec<Event>,
    /// The newest state of each verification, and its revision.
    states: HashMap<String, (State, u64)>,
    cuts: usize,
}

/// Whether nothing more is waited for in a state.
pub fn has_ended(state: State) -> bool {
    ![State::Pending, State::Processing, State::InReview].contains(&state)
}

impl Watcher {
    /// A watcher that has seen nothing.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::default(),
            count: watch::Sender::new(0),
        })
    }

    /// Watches everything for ever.
    pub async fn run(self: Arc<Self>, target: Target) {
        self.follow(Wish::all(BEGINNING), target).await;
    }

    /// Watches what is wished for, for ever.
    pub async fn follow(self: Arc<Self>, wish: Wish, mut target: Target) {
        let mut from = BEGINNING;
        let mut life = target.here().await;
        loop {
            let opened = wish
                .from(from.clone())
                .heartbeat(5)
                .open(life.channel.clone());
            match opened.await {
                Ok(mut watch) => {
                    let status = loop {
                        match watch.next().await {
                            Ok(Some(message)) => self.note(message.event()),
                            Ok(None) => panic!("the watch ended by itself"),
                            Err(status) => break status,
                        }
                    };
                    assert!(broke_off(&status), "{status}");
                    if !watch.token.is_empty() {
                        from = From::Token(watch.token);
                    }
                    self.seen.lock().cuts += 1;
                }
                Err(status) => assert!(broke_off(&status), "{status}"),
            }
            life = target.next(&life).await;
        }
    }

    fn note(&self, event: Option<Event>) {
        let Some(event) = event else {
            return;
        };
        let count = {
            let mut seen = self.seen.lock();
            let state = (event.state_after(), event.revision);
            seen.states.insert(event.verification_id.clone(), state);
            seen.events.push(event);
            seen.events.len()
        };
        self.count.send_replace(count);
    }

    /// How many events were seen.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// How many streams were cut.
    pub fn cuts(&self) -> usize {
        self.seen.lock().cuts
    }

    /// Everything that was seen, in the order of seeing.
    pub fn events(&self) -> Vec<Event> {
        self.seen.lock().events.clone()
    }

    /// Waits until so many events were seen.
    pub async fn saw(&self, count: usize) {
        let mut seen = self.count.subscribe();
        seen.wait_for(|seen| *seen >= count).await.unwrap();
    }

    /// Waits until a verification has ended, at a revision after this one: how, and at which.
    pub async fn saw_end(&self, id: &str, after: u64) -> (State, u64) {
        self.saw_state(id, after, has_ended).await
    }

    /// Waits until a verification is in a state that is wanted, at a revision after this one: in which,
    /// and at which.
    pub async fn saw_state(
        &self,
        id: &str,
        after: u64,
        is_wanted: impl Fn(State) -> bool,
    ) -> (State, u64) {
        let mut seen = self.count.subscribe();
        let mut found = None;
        let is_there = |_: &usize| {
            let seen = self.seen.lock();
            let now = seen.states.get(id).copied();
            found = now.filter(|(state, revision)| *revision > after && is_wanted(*state));
            found.is_some()
        };
        seen.wait_for(is_there).await.unwrap();
        found.unwrap()
    }

    /// In which state a verification was last seen.
    pub fn state(&self, id: &str) -> Option<State> {
        self.seen.lock().states.get(id).map(|(state, _)| *state)
    }

    /// Waits until what was seen is enough.
    pub async fn saw_all(&self, is_enough: impl Fn(&[Event]) -> bool) {
        let mut seen = self.count.subscribe();
        let is_enough = |_: &usize| is_enough(&self.seen.lock().events);
        seen.wait_for(is_enough).await.unwrap();
    }
}
