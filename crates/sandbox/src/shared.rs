//! The world as the server, the driver and the handle share it, and the way callbacks leave it.
//!
//! Whoever changes the world says so twice: to the driver, which may have something new to send or
//! to wait for, and to those who wait for a state of affairs. The world's lock is never held across
//! a wait.

use std::sync::Arc;
use std::time::Duration;

use openssl::error::ErrorStack;
use parking_lot::Mutex;
use reqwest::header::CONTENT_TYPE;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use verilane_core::{SharedClock, Timestamp};

use crate::bodies::Half;
use crate::config::SandboxError;
use crate::ledger::{Answer, Failure, Parcel};
use crate::scenario::CallbackTrouble;
use crate::world::{Outgoing, World};

/// What server, driver and handles have in common.
pub struct Shared {
    world: Mutex<World>,
    clock: SharedClock,
    client: reqwest::Client,
    at_once: usize,
    wake: Notify,
    changes: watch::Sender<()>,
    closing: watch::Sender<bool>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// Shares a world. A callback may take `timeout` in real time; `at_once` may be on the wire.
    pub fn new(
        world: World,
        clock: SharedClock,
        timeout: Duration,
        at_once: usize,
    ) -> Result<Self, SandboxError> {
        // A proxy of the environment has no business between a sandbox and what it calls back, and
        // a redirect is an answer other than 200.
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .build()?;
        Ok(Self {
            world: Mutex::new(world),
            clock,
            client,
            at_once: at_once.max(1),
            wake: Notify::new(),
            changes: watch::Sender::new(()),
            closing: watch::Sender::new(false),
        })
    }

    /// Looks at the world.
    pub fn look<T>(&self, look: impl FnOnce(&World, Timestamp) -> T) -> T {
        let world = self.world.lock();
        look(&world, self.clock.now())
    }

    /// Changes the world, and lets everybody know.
    pub fn change<T>(&self, change: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        let result = {
            let mut world = self.world.lock();
            change(&mut world, self.clock.now())
        };
        self.wake.notify_one();
        self.changes.send_replace(());
        result
    }

    /// Looks at the world, after each change again, until there is something to see; for at most
    /// `limit` of real time, and not once the sandbox closes.
    pub async fn wait<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&World, Timestamp) -> Option<T>,
    ) -> Option<T> {
        let mut changes = self.changes.subscribe();
        let mut closing = self.closing.subscribe();
        let seen = async {
            loop {
                if let Some(seen) = self.look(&mut look) {
                    return Some(seen);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::select! {
            seen = tokio::time::timeout(limit, seen) => seen.ok().flatten(),
            _ = closing.wait_for(|closing| *closing) => None,
        }
    }

    /// Begins to close: no callback leaves any more, and waits end.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Ends once the sandbox closes.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closing = self.closing.subscribe();
        async move {
            let _ = closing.wait_for(|closing| *closing).await;
        }
    }

    /// Waits for so much real time, or until the sandbox closes.
    pub async fn pause(&self, time: Duration) {
        let _ = tokio::time::timeout(time, self.closed()).await;
    }

    /// Sends a callback and takes in the answer.
    pub async fn deliver(&self, outgoing: Outgoing) -> Result<Answer, ErrorStack> {
        let answer = self.send(&outgoing.parcel).await;
        self.change(|world, now| world.delivered(outgoing, answer, now))?;
        Ok(answer)
    }

    async fn send(&self, parcel: &Parcel) -> Answer {
        let body = match parcel.trouble {
            Some(
                CallbackTrouble::Lost
                | CallbackTrouble::Unsent
                | CallbackTrouble::DiesBefore { .. },
            ) => return Answer::None(Failure::NotSent),
            Some(CallbackTrouble::Half) => reqwest::Body::wrap(Half::of(&parcel.sealed.body)),
            _ => parcel.sealed.body.clone().into(),
        };
        let mut request = self.client.post(parcel.url.clone()).body(body);
        if !parcel.sealed.content_type.is_empty() {
            request = request.header(CONTENT_TYPE, &parcel.sealed.content_type);
        }
        match request.send().await {
            Ok(response) => Answer::Http(response.status().as_u16()),
            Err(error) if error.is_timeout() => Answer::None(Failure::TimedOut),
            Err(error) if error.is_connect() => Answer::None(Failure::Connect),
            Err(_) => Answer::None(Failure::Broken),
        }
    }
}

/// Moves the world with the clock and sends what it wants sent, until the sandbox closes; then
/// waits for what is on the wire.
pub async fn drive(shared: Arc<Shared>) -> Result<(), SandboxError> {
    let mut closed = std::pin::pin!(shared.closed());
    let mut sends: JoinSet<Result<Answer, ErrorStack>> = JoinSet::new();
    loop {
        let room = shared.at_once.saturating_sub(sends.len());
        let (moved, ready, due) = {
            let mut world = shared.world.lock();
            let now = shared.clock.now();
            let moved = world.tick(now)?;
            (moved, world.take_ready(room, now), world.next_due())
        };
        if moved || !ready.is_empty() {
            shared.changes.send_replace(());
        }
        for outgoing in ready {
            let shared = Arc::clone(&shared);
            sends.spawn(async move { shared.deliver(outgoing).await });
        }
        let due = async {
            match due {
                Some(at) => shared.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = &mut closed => break,
            () = shared.wake.notified() => {}
            Some(sent) = sends.join_next() => settled(sent)?,
            () = due => {}
        }
    }
    while let Some(sent) = sends.join_next().await {
        settled(sent)?;
    }
    Ok(())
}

fn settled(
    sent: Result<Result<Answer, ErrorStack>, tokio::task::JoinError>,
) -> Result<(), SandboxError> {
    match sent {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
        Err(error) => Err(std::io::Error::other(error).into()),
    }
}
