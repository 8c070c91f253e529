//! One watcher: what it receives, boiled down to what is compared.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use tokio::sync::watch;
use tonic::transport::Channel;
use verilane_api::v1::{Event, EventType};
use verilane_core::Timestamp;
use verilane_core::clock::{Clock as _, SystemClock};

use super::harness::{Item, Wish, time};

/// Events in their order: how many, and a hash over what tells each from any other.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    count: usize,
    hasher: DefaultHasher,
}

impl Digest {
    /// Of events that are at hand.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> (usize, u64) {
        let mut digest = Self::default();
        events.into_iter().for_each(|event| digest.add(event));
        digest.value()
    }

    fn add(&mut self, event: &Event) {
        self.count += 1;
        event.sequence.hash(&mut self.hasher);
        event.verification_id.hash(&mut self.hasher);
        event.revision.hash(&mut self.hasher);
        event.r#type.hash(&mut self.hasher);
    }

    /// The count, and the hash.
    fn value(&self) -> (usize, u64) {
        (self.count, self.hasher.finish())
    }
}

/// What a watcher received.
#[derive(Debug)]
pub struct Received {
    /// Its events.
    pub events: (usize, u64),
    /// From the commit of each to its receipt, in microseconds; only of those that the provider
    /// caused, which happened while it was watching.
    pub delays: Vec<i64>,
}

/// Watches from the beginning: until the watch ends by itself, or until nothing that was committed
/// by the time that is told can be under way any more.
pub async fn receive(
    wish: Wish,
    channel: Channel,
    mut over: watch::Receiver<Option<Timestamp>>,
    opened: tokio::sync::mpsc::Sender<()>,
) -> Received {
    let mut watch = wish.open(channel).await.unwrap();
    opened.send(()).await.unwrap();
    let (mut digest, mut delays, mut beats) = (Digest::default(), Vec::new(), 0);
    // The second heartbeat that was sent after that time: before it the server had looked.
    while beats < 2 {
        let Some(message) = watch.next().await.unwrap() else {
            break;
        };
        match message.item {
            Item::Event(event) => {
                digest.add(&event);
                beats = 0;
                if event.r#type() != EventType::Created
                    && event.r#type() != EventType::ActionAvailable
                {
                    let now = SystemClock.now().as_micros();
                    delays.push(now - time(event.commit_time).as_micros());
                }
            }
            Item::Heartbeat(at) => {
                let over = *over.borrow_and_update();
                beats += u32::from(over.is_some_and(|over| at > over));
            }
            other => panic!("not asked for: {other:?}"),
        }
    }
    Received {
        events: digest.value(),
        delays,
    }
}
