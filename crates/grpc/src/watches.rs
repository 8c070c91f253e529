//! The registry of open watches: how many there are, which of them stall, and how they end.
//!
//! hyper does not poll a response's body while the client's window is closed, so a watch can't
//! notice its own stall. The registry does: a watch *owes* from the moment it was woken, or has
//! handed out something, until it is polled again. One that has owed for longer than the stall
//! limit is closed from outside, with its connection; its client resumes with the last token it
//! got. A watch that has nothing to send owes nothing, however long.
//!
//! An entry is one small allocation; nothing is queued for a watch here.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::Stream;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use slab::Slab;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use verilane_api::SharedMessage;
use verilane_core::Reason;
use verilane_telemetry::instruments::{Counter, KeyValue};
use verilane_telemetry::{attribute, metric, value};

use crate::status::status_of;

/// How many times the registry looks within one stall limit.
const LOOKS: u32 = 8;

/// All watches that are open.
pub(crate) struct Watches {
    open: Mutex<Slab<Arc<Entry>>>,
    max: usize,
    /// Counts looks, from 1; 0 in an entry means that it owes nothing.
    now: AtomicU32,
    draining: CancellationToken,
    cut: Counter<u64>,
}

/// One watch.
struct Entry {
    watches: Arc<Watches>,
    /// Closes the connection that the watch is on.
    connection: CancellationToken,
    kind: &'static str,
    /// The look since which it has owed something; 0 if it owes nothing.
    owes_since: AtomicU32,
    task: AtomicWaker,
}

impl Watches {
    /// An empty registry for at most `max` watches.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::new(Slab::new()),
            max,
            now: AtomicU32::new(1),
            draining: CancellationToken::new(),
            cut: metric::WATCH_CUT.instrument(),
        })
    }

    /// Puts a watch on a connection into the registry, if there is room and no drain.
    pub(crate) fn enter<S>(
        self: &Arc<Self>,
        connection: CancellationToken,
        kind: &'static str,
        inner: S,
    ) -> Result<Watch<S>, Reason> {
        let entry = Arc::new(Entry {
            watches: Arc::clone(self),
            connection,
            kind,
            owes_since: AtomicU32::new(self.now()),
            task: AtomicWaker::new(),
        });
        let mut open = self.open.lock();
        // Looked at under the lock, so that a drain misses no watch.
        if self.draining.is_cancelled() {
            return Err(Reason::ShuttingDown);
        }
        if open.len() >= self.max {
            return Err(Reason::TooManyWatches);
        }
        let key = open.insert(Arc::clone(&entry));
        Ok(Watch {
            inner: Some(inner),
            entry,
            key,
        })
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.open.lock().len()
    }

    /// How often to look, for this stall limit.
    pub(crate) fn look_interval(stall_limit: Duration) -> Duration {
        (stall_limit / LOOKS).max(Duration::from_millis(1))
    }

    /// Looks once: closes the connections of watches that have stalled. To be called at every
    /// [`Self::look_interval`].
    pub(crate) fn look(&self) {
        let before = self.now.fetch_add(1, Ordering::Relaxed);
        // 0 is taken by "owes nothing".
        if before == u32::MAX {
            self.now.store(1, Ordering::Relaxed);
        }
        let now = self.now();
        for (_, entry) in self.open.lock().iter() {
            let owes_since = entry.owes_since.load(Ordering::Relaxed);
            if owes_since == 0 || now.wrapping_sub(owes_since) <= LOOKS {
                continue;
            }
            if !entry.connection.is_cancelled() {
                self.count_cut(entry, value::watch_cut::STALLED);
                tracing::info!(
                    { attribute::WATCH_KIND } = entry.kind,
                    "a stalled watch is cut with its connection"
                );
            }
            entry.connection.cancel();
        }
    }

    /// Ends every watch, and takes no new one.
    pub(crate) fn drain(&self) {
        let open = self.open.lock();
        self.draining.cancel();
        for (_, entry) in open.iter() {
            entry.task.wake();
        }
    }

    /// Ends once a drain has begun.
    pub(crate) async fn draining(&self) {
        self.draining.cancelled().await;
    }

    fn now(&self) -> u32 {
        self.now.load(Ordering::Relaxed)
    }

    fn count_cut(&self, entry: &Entry, reason: &'static str) {
        let labels = [
            KeyValue::new(attribute::WATCH_KIND, entry.kind),
            KeyValue::new(attribute::WATCH_CUT_REASON, reason),
        ];
        self.cut.add(1, &labels);
    }
}

/// The entry is what a watch's source wakes: it notes the debt and passes the wake on.
impl Wake for Entry {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let now = self.watches.now();
        // An older debt stays the older one.
        let _ = self
            .owes_since
            .compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        self.task.wake();
    }
}

/// A watch's messages, under the registry's eye. Leaves the registry when dropped.
pub(crate) struct Watch<S> {
    inner: Option<S>,
    entry: Arc<Entry>,
    key: usize,
}

impl<S> Drop for Watch<S> {
    fn drop(&mut self) {
        self.entry.watches.open.lock().try_remove(self.key);
    }
}

impl<S> Stream for Watch<S>
where
    S: Stream<Item = Result<SharedMessage, Status>> + Unpin,
{
    type Item = Result<SharedMessage, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(inner) = this.inner.as_mut() else {
            return Poll::Ready(None);
        };
        this.entry.task.register(cx.waker());
        if this.entry.watches.draining.is_cancelled() {
            this.inner = None;
            this.entry
                .watches
                .count_cut(&this.entry, value::watch_cut::DRAINING);
            return Poll::Ready(Some(Err(status_of(Reason::ShuttingDown))));
        }
        this.entry.owes_since.store(0, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&this.entry));
        let polled = Pin::new(inner).poll_next(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            // Whoever took it comes back for more as soon as there is room.
            this.entry
                .owes_since
                .store(this.entry.watches.now(), Ordering::Relaxed);
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use futures_util::stream;
    use std::sync::atomic::AtomicBool;

    use tokio::sync::mpsc;

    use super::*;

    type Source = mpsc::Receiver<()>;

    fn messages(mut source: Source) -> impl Stream<Item = Result<SharedMessage, Status>> + Unpin {
        stream::poll_fn(move |cx| {
            source
                .poll_recv(cx)
                .map(|item| item.map(|()| Ok(SharedMessage::default())))
        })
    }

    fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
        stream.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
    }

    fn look_past_the_limit(watches: &Watches) {
        for _ in 0..LOOKS + 2 {
            watches.look();
        }
    }

    #[test]
    fn a_watch_with_nothing_to_send_is_never_cut() {
        let watches = Watches::new(10);
        let (_send, receive) = mpsc::channel(1);
        let connection = CancellationToken::new();
        let mut watch = watches
            .enter(connection.clone(), "tail", messages(receive))
            .unwrap();
        assert!(poll(&mut watch).is_pending());
        look_past_the_limit(&watches);
        look_past_the_limit(&watches);
        assert!(!connection.is_cancelled());
    }

    #[test]
    fn a_watch_that_was_woken_and_is_not_polled_is_cut_with_its_connection_alone() {
        let watches = Watches::new(10);
        let (send, receive) = mpsc::channel(1);
        let (send_other, receive_other) = mpsc::channel(1);
        let stalled = CancellationToken::new();
        let healthy = CancellationToken::new();
        let mut one = watches
            .enter(stalled.clone(), "tail", messages(receive))
            .unwrap();
        let mut other = watches
            .enter(healthy.clone(), "tail", messages(receive_other))
            .unwrap();
        assert!(poll(&mut one).is_pending());
        assert!(poll(&mut other).is_pending());
        send.try_send(()).unwrap();
        send_other.try_send(()).unwrap();
        assert!(poll(&mut other).is_ready());
        assert!(poll(&mut other).is_pending());
        watches.look();
        assert!(!stalled.is_cancelled(), "it has its time");
        look_past_the_limit(&watches);
        assert!(stalled.is_cancelled());
        assert!(!healthy.is_cancelled());
    }

    #[test]
    fn a_watch_whose_message_was_taken_and_that_is_not_polled_again_is_cut() {
        let watches = Watches::new(10);
        let (send, receive) = mpsc::channel(1);
        let connection = CancellationToken::new();
        let mut watch = watches
            .enter(connection.clone(), "single", messages(receive))
            .unwrap();
        send.try_send(()).unwrap();
        assert!(poll(&mut watch).is_ready());
        look_past_the_limit(&watches);
        assert!(connection.is_cancelled());
    }

    #[test]
    fn a_drain_wakes_and_ends_every_watch_and_lets_none_in() {
        struct Woken(AtomicBool);
        impl Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let watches = Watches::new(10);
        let (_send, receive) = mpsc::channel(1);
        let mut watch = watches
            .enter(CancellationToken::new(), "single", messages(receive))
            .unwrap();
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        assert!(
            watch
                .poll_next_unpin(&mut Context::from_waker(&waker))
                .is_pending()
        );
        watches.drain();
        assert!(woken.0.load(Ordering::Relaxed));
        let Poll::Ready(Some(Err(status))) = poll(&mut watch) else {
            panic!("it goes on");
        };
        assert_eq!(status.code(), tonic::Code::Unavailable);
        assert!(matches!(poll(&mut watch), Poll::Ready(None)));
        let (_send, receive) = mpsc::channel(1);
        let refused = watches.enter(CancellationToken::new(), "tail", messages(receive));
        assert_eq!(refused.err(), Some(Reason::ShuttingDown));
    }

    #[test]
    fn there_are_no_more_watches_than_allowed_and_a_dropped_one_makes_room() {
        let watches = Watches::new(1);
        let enter = || {
            let (_send, receive) = mpsc::channel(1);
            watches.enter(CancellationToken::new(), "tail", messages(receive))
        };
        let first = enter().unwrap();
        assert_eq!(enter().err(), Some(Reason::TooManyWatches));
        drop(first);
        assert_eq!(watches.len(), 0);
        assert!(enter().is_ok());
    }
}
