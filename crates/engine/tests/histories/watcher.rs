//! A caller who watches, is cut off, and comes back with the last token that he read.

use std::time::Duration;

use verilane_core::VerificationId;
use verilane_engine::{
    Delivery, EventFilter, EventScope, ListEvents, WatchEnd, WatchMany, WatchOne, WatchStart,
};

use super::running::Running;

enum Stream {
    Many(Box<WatchMany>),
    One(Box<WatchOne>),
}

/// What he has read so far, and where he goes on.
pub struct Watcher {
    of: Option<VerificationId>,
    stream: Option<Stream>,
    token: Option<String>,
    pub read: Vec<String>,
}

impl Watcher {
    /// Of everything, or of one verification.
    pub const fn new(of: Option<VerificationId>) -> Self {
        Self {
            of,
            stream: None,
            token: None,
            read: Vec::new(),
        }
    }

    pub fn cut_off(&mut self) {
        self.stream = None;
    }

    fn start(&self) -> WatchStart {
        let token = self.token.clone();
        token.map_or(WatchStart::Beginning, WatchStart::After)
    }

    async fn next(&mut self, running: &Running) -> Result<Option<Delivery>, String> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let (engine, start) = (&running.engine, self.start());
                let never = Duration::MAX;
                let stream = match self.of {
                    None => {
                        let filter = EventFilter::default();
                        let watch = engine.watch_many(filter, &start, never).await;
                        Stream::Many(Box::new(watch.map_err(|e| format!("watch: {e}"))?))
                    }
                    Some(id) => {
                        let watch = engine.watch_one(id, &start, WatchEnd::Never, never).await;
                        Stream::One(Box::new(watch.map_err(|e| format!("watch: {e}"))?))
                    }
                };
                self.stream.insert(stream)
            }
        };
        let next = match stream {
            Stream::Many(watch) => watch.next().await,
            Stream::One(watch) => watch.next().await,
        };
        next.map_err(|error| format!("watching: {error}"))
    }

    /// Reads on, up to so many events in all. They are there already.
    pub async fn read_to(&mut self, running: &Running, count: usize) -> Result<(), String> {
        while self.read.len() < count {
            let next = tokio::time::timeout(Duration::from_secs(60), self.next(running));
            let next = next
                .await
                .map_err(|_| "a watcher misses an event".to_owned())?;
            let delivery = next?.ok_or("a watch ended by itself")?;
            self.read
                .push(String::from_utf8_lossy(&delivery.head).into_owned());
            self.token = Some(String::from_utf8_lossy(&delivery.token).into_owned());
        }
        Ok(())
    }

    /// The same in pages, from the beginning.
    pub async fn listed(&self, running: &Running, page: usize) -> Result<Vec<String>, String> {
        let scope = match self.of {
            Some(id) => EventScope::One(id),
            None => EventScope::Many(EventFilter::default()),
        };
        let (mut all, mut start) = (Vec::new(), WatchStart::Beginning);
        loop {
            let list = ListEvents {
                scope: scope.clone(),
                start,
                page_size: page,
                wait: Duration::ZERO,
            };
            let page = running.engine.list_events(list).await;
            let page = page.map_err(|error| format!("listing: {error}"))?;
            if page.events.is_empty() {
                return Ok(all);
            }
            let text = |event: &bytes::Bytes| String::from_utf8_lossy(event).into_owned();
            all.extend(page.events.iter().map(text));
            start = WatchStart::After(page.next_token);
        }
    }
}
