//! The worlds as the server, the drivers and the handle share them, and the way callbacks leave.

use std::sync::Arc;
use std::time::Duration;

use openssl::error::ErrorStack;
use reqwest::header::CONTENT_TYPE;
use tokio::sync::watch;
use tokio::task::JoinSet;
use verilane_core::{SharedClock, Timestamp};

use crate::bodies::Half;
use crate::civic_pass;
use crate::civic_sip;
use crate::config::SandboxError;
use crate::known::Known;
use crate::ledger::{Answer, Failure, Parcel};
use crate::scenario::CallbackTrouble;
use crate::world::{Outgoing, World};

/// What server, driver and handles have in common.
pub struct Shared {
    connector: Known<World>,
    /// Civic Pass has a world of its own.
    pub civic_pass: Known<civic_pass::World>,
    /// And so has Civic SIP.
    pub civic_sip: Known<civic_sip::World>,
    client: reqwest::Client,
    at_once: usize,
    closing: watch::Sender<bool>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// Shares the worlds. A callback may take `timeout` in real time; `at_once` may be on the wire.
    pub fn new(
        world: World,
        civic_pass: civic_pass::World,
        civic_sip: civic_sip::World,
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
        let closing = watch::Sender::new(false);
        Ok(Self {
            connector: Known::new(world, SharedClock::clone(&clock), closing.clone()),
            civic_pass: Known::new(civic_pass, SharedClock::clone(&clock), closing.clone()),
            civic_sip: Known::new(civic_sip, clock, closing.clone()),
            client,
            at_once: at_once.max(1),
            closing,
        })
    }

    /// Looks at the connector's world.
    pub fn look<T>(&self, look: impl FnOnce(&World, Timestamp) -> T) -> T {
        self.connector.look(look)
    }

    /// Changes the connector's world, and lets everybody know.
    pub fn change<T>(&self, change: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        self.connector.change(change)
    }

    /// Waits until there is something to see in the connector's world.
    pub async fn wait<T>(
        &self,
        limit: Duration,
        look: impl FnMut(&World, Timestamp) -> Option<T>,
    ) -> Option<T> {
        self.connector.wait(limit, look).await
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

/// Moves the connector's world with the clock and sends what it wants sent, until the sandbox closes; then
/// waits for what is on the wire.
pub async fn drive(shared: Arc<Shared>) -> Result<(), SandboxError> {
    let mut closed = std::pin::pin!(shared.closed());
    let mut sends: JoinSet<Result<Answer, ErrorStack>> = JoinSet::new();
    loop {
        let room = shared.at_once.saturating_sub(sends.len());
        let connector = &shared.connector;
        let (moved, ready, due) = connector.change_quietly(|world, now| {
            let moved = world.tick(now)?;
            Ok::<_, ErrorStack>((moved, world.take_ready(room, now), world.next_due()))
        })?;
        if moved || !ready.is_empty() {
            connector.tell();
        }
        for outgoing in ready {
            let shared = Arc::clone(&shared);
            sends.spawn(async move { shared.deliver(outgoing).await });
        }
        tokio::select! {
            () = &mut closed => break,
            () = connector.woken() => {}
            Some(sent) = sends.join_next() => settled(sent)?,
            () = connector.due(due) => {}
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
