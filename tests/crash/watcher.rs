//! One watch of everything from the beginning, gone on with by its token over every server's end.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use verilane_api::v1::{Event, State};

use super::harness::{BEGINNING, From, Wish};
use super::target::{Target, broke_off};

/// What the watch has seen.
pub struct Watcher {
    seen: Mutex<Seen>,
    /// How many events were seen: wakes those who wait.
    count: watch::Sender<usize>,
}

#[derive(Default)]
struct Seen {
    events: Vec<Event>,
    states: HashMap<String, State>,
    cuts: usize,
}

impl Watcher {
    /// A watcher that has seen nothing.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::default(),
            count: watch::Sender::new(0),
        })
    }

    /// Watches for ever.
    pub async fn run(self: Arc<Self>, mut target: Target) {
        let mut from = BEGINNING;
        let mut life = target.here().await;
        loop {
            let opened = Wish::all(from.clone())
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
            let state = event.state_after();
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

    /// Waits until a verification is verified.
    pub async fn saw_verified(&self, id: &str) {
        let mut seen = self.count.subscribe();
        let is_verified = |_: &usize| match self.seen.lock().states.get(id) {
            None | Some(State::Pending | State::Processing) => false,
            Some(State::Verified) => true,
            Some(other) => panic!("{id} is {other:?}"),
        };
        seen.wait_for(is_verified).await.unwrap();
    }
}
