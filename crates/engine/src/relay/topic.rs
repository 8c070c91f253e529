//! Those who watch one verification, and the newest that they have not all seen.
//!
//! A topic exists while somebody watches. It is woken only by its own verification, so an event
//! costs nothing for those who watch others. A watcher proves by revision that it missed nothing;
//! where the topic has dropped what it needs, it reads the store.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use verilane_core::{Revision, VerificationId};

use super::Entry;

/// How many of a verification's newest events a topic keeps. One run has about a dozen, and a
/// watcher is seldom more than one behind.
const KEPT: usize = 8;

/// Shards of the map, so that subscribing does not stand in the writer's way.
const SHARDS: usize = 16;

pub(crate) struct Topic {
    id: VerificationId,
    notify: Notify,
    recent: Mutex<VecDeque<Arc<Entry>>>,
}

/// What a topic knows after a revision.
#[derive(Debug)]
pub(crate) enum Since {
    /// Everything up to now, in order; nothing if empty.
    Whole(Vec<Arc<Entry>>),
    /// There is more than the topic still has, up to this revision.
    Hole(Revision),
}

impl Topic {
    pub(crate) const fn notify(&self) -> &Notify {
        &self.notify
    }

    pub(crate) fn wake(&self) {
        self.notify.notify_waiters();
    }

    pub(crate) fn since(&self, seen: Revision) -> Since {
        let recent = self.recent.lock();
        let newer: Vec<_> = recent
            .iter()
            .filter(|e| e.revision > seen)
            .cloned()
            .collect();
        match (newer.first(), newer.last()) {
            (Some(first), Some(last)) if first.revision != seen.next() => {
                Since::Hole(last.revision)
            }
            _ => Since::Whole(newer),
        }
    }
}

type Shard = Mutex<HashMap<VerificationId, (Arc<Topic>, usize)>>;

/// All topics.
#[derive(Default)]
pub(crate) struct Topics {
    shards: Arc<[Shard; SHARDS]>,
}

fn shard(shards: &[Shard; SHARDS], id: VerificationId) -> Option<&Shard> {
    // The last byte of an id is random, the first ones are its time.
    let place = id.as_bytes().last().copied().map_or(0, usize::from);
    shards.get(place % SHARDS)
}

impl Topics {
    pub(super) fn subscribe(&self, id: VerificationId) -> TopicGuard {
        let fresh = || {
            Arc::new(Topic {
                id,
                notify: Notify::new(),
                recent: Mutex::default(),
            })
        };
        let topic = shard(&self.shards, id).map_or_else(fresh, |shard| {
            let mut map = shard.lock();
            let (topic, watchers) = map.entry(id).or_insert_with(|| (fresh(), 0));
            *watchers += 1;
            Arc::clone(topic)
        });
        TopicGuard {
            topic,
            shards: Arc::clone(&self.shards),
        }
    }

    /// Puts an event into its topic; the topic is to be woken once the head has moved.
    pub(super) fn publish(&self, entry: &Arc<Entry>) -> Option<Arc<Topic>> {
        let topic = {
            let map = shard(&self.shards, entry.verification)?.lock();
            Arc::clone(&map.get(&entry.verification)?.0)
        };
        let mut recent = topic.recent.lock();
        match recent.back().map(|last| last.revision) {
            Some(last) if entry.revision <= last => return Some(Arc::clone(&topic)),
            // A hole within would be taken for the whole.
            Some(last) if entry.revision != last.next() => recent.clear(),
            _ => {}
        }
        if recent.len() >= KEPT {
            recent.pop_front();
        }
        recent.push_back(Arc::clone(entry));
        drop(recent);
        Some(topic)
    }

    /// Wakes everybody who watches anything.
    pub(super) fn wake_all(&self) {
        for shard in self.shards.iter() {
            let topics: Vec<_> = shard.lock().values().map(|(t, _)| Arc::clone(t)).collect();
            for topic in topics {
                topic.wake();
            }
        }
    }
}

/// A watcher's part in a topic.
pub(crate) struct TopicGuard {
    topic: Arc<Topic>,
    shards: Arc<[Shard; SHARDS]>,
}

impl std::ops::Deref for TopicGuard {
    type Target = Topic;
    fn deref(&self) -> &Topic {
        &self.topic
    }
}

impl Drop for TopicGuard {
    fn drop(&mut self) {
        let Some(shard) = shard(&self.shards, self.topic.id) else {
            return;
        };
        let mut map = shard.lock();
        if let Some((_, watchers)) = map.get_mut(&self.topic.id) {
            *watchers -= 1;
            if *watchers == 0 {
                map.remove(&self.topic.id);
            }
        }
    }
}
