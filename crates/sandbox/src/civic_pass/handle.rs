//! Steering Civic from within the process: what its control API does, without HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use verilane_core::Timestamp;

use super::partner::CivicPassPartner;
use super::request::{PiiOrder, PiiRequestView};
use super::scenario::{CivicPassScenario, Turn};
use super::stop::CallStop;
use super::tokens::TokenCount;
use super::world::{CivicPassCall, World};
use crate::shared::Shared;
use crate::world::ControlError;

/// Steers one sandbox's Civic. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CivicPassHandle(pub(crate) Arc<Shared>);

impl CivicPassHandle {
    /// As it is at this time of the clock.
    fn now<T>(&self, change: impl FnOnce(&mut World, Timestamp) -> T) -> T {
        self.0.civic_pass.change(|world, now| {
            world.tick(now);
            change(world, now)
        })
    }

    /// What Civic tells its partner: addresses, ids, the secret and the keys.
    #[must_use]
    pub fn partner(&self) -> CivicPassPartner {
        self.now(|world, _| world.partner().clone())
    }

    /// The same, for who knows the sandbox by the name of `host`.
    pub(crate) fn partner_seen_as(&self, host: Option<&str>) -> CivicPassPartner {
        self.now(|world, _| world.partner().seen_at(&world.origins(host)))
    }

    /// The scenario of the token endpoint, and of requests started without one of their own.
    #[must_use]
    pub fn scenario(&self) -> CivicPassScenario {
        self.now(|world, _| world.scenario().clone())
    }

    /// Sets that scenario. Requests that have started keep theirs.
    pub fn set_scenario(&self, scenario: CivicPassScenario) {
        self.now(|world, _| world.set_scenario(scenario));
    }

    /// The user opens the widget: a request starts.
    pub fn start(&self, order: PiiOrder) -> Result<PiiRequestView, ControlError> {
        self.start_seen_as(order, None)
    }

    /// The same, on a page that knows the sandbox by the name of `host`.
    pub(crate) fn start_seen_as(
        &self,
        order: PiiOrder,
        host: Option<&str>,
    ) -> Result<PiiRequestView, ControlError> {
        self.now(|world, now| {
            let api = world.origins(host).api;
            world.start(order, &api, now)
        })
    }

    /// All requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<PiiRequestView> {
        self.now(|world, _| world.views())
    }

    /// One request, by its id or the last part of it.
    pub fn request(&self, id: &str) -> Result<PiiRequestView, ControlError> {
        self.now(|world, _| world.view(last_part(id)))
    }

    /// Waits until a request is, or was, in a status, for at most `limit` of real time.
    pub async fn reached(
        &self,
        id: &str,
        status: &str,
        limit: Duration,
    ) -> Result<PiiRequestView, ControlError> {
        let id = last_part(id);
        let view = self
            .0
            .civic_pass
            .wait(limit, |world, _| match world.has_reached(id, status) {
                Ok(true) => Some(world.view(id)),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            });
        view.await.unwrap_or(Err(ControlError::NotYet))
    }

    /// A request turns now: the user, Civic or somebody else who decides has done something. A turn
    /// with a status ends the scenario's course.
    pub fn turn(&self, id: &str, turn: Turn) -> Result<PiiRequestView, ControlError> {
        self.now(|world, now| world.turn(last_part(id), turn, now))
    }

    /// Gives a request another scenario for its answers from now on. The course that it has begun
    /// stays.
    pub fn set_request_scenario(
        &self,
        id: &str,
        scenario: CivicPassScenario,
    ) -> Result<PiiRequestView, ControlError> {
        self.now(|world, _| world.set_request_scenario(last_part(id), scenario))
    }

    /// The bytes that a download of evidence brings when nothing goes wrong.
    pub fn evidence(&self, id: &str, rel: &str) -> Result<Bytes, ControlError> {
        let picture = self.now(|world, _| world.picture(last_part(id), rel))?;
        Ok(picture.whole())
    }

    pub(crate) fn picture(
        &self,
        id: &str,
        rel: &str,
    ) -> Result<super::picture::Picture, ControlError> {
        self.now(|world, _| world.picture(last_part(id), rel))
    }

    /// How many access tokens there were.
    #[must_use]
    pub fn tokens(&self) -> TokenCount {
        self.now(|world, now| world.tokens(now))
    }

    /// No access token that was given out holds any more.
    pub fn revoke_tokens(&self) {
        self.now(|world, _| world.revoke_tokens());
    }

    /// The calls of Civic's own endpoints after a number (0: from the first), oldest first, about
    /// one request or all.
    #[must_use]
    pub fn calls(&self, after: u64, request: Option<&str>) -> Vec<CivicPassCall> {
        self.now(|world, _| world.calls(after, request.map(last_part)))
    }

    /// As [`CivicPassHandle::calls`], waiting until there is one, for at most `limit`.
    pub async fn next_calls(
        &self,
        after: u64,
        request: Option<&str>,
        limit: Duration,
    ) -> Vec<CivicPassCall> {
        let some = self.0.civic_pass.wait(limit, |world, _| {
            let calls = world.calls(after, request.map(last_part));
            (!calls.is_empty()).then_some(calls)
        });
        some.await.unwrap_or_default()
    }

    /// Keeps the next call of an endpoint standing before or after its effect, and waits until it stands
    /// there, for at most `limit` of real time: the moment to kill whoever made it. After its effect
    /// stands only a call that has one; others are answered meanwhile. It is written down as cut.
    pub async fn stand_still(&self, stop: CallStop, limit: Duration) -> Result<(), ControlError> {
        let before = self.now(|world, _| world.stops.ask(stop));
        let known = &self.0.civic_pass;
        let stands = known.wait(limit, |world, _| {
            (world.stops.stood() > before).then_some(())
        });
        let stands = stands.await;
        self.now(|world, _| world.stops.forget());
        stands.ok_or(ControlError::NotYet)
    }

    /// Civic goes down: for so many seconds of the clock, or until told to come up. Every
    /// connection to it is cut then, and nothing is forgotten.
    pub fn go_down(&self, seconds: Option<u64>) {
        self.now(|world, now| world.go_down(seconds, now));
    }

    /// Civic comes up.
    pub fn come_up(&self) {
        self.now(|world, _| world.come_up());
    }
}

/// The last part of an id that is a URL; any other as it is.
fn last_part(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |(_, last)| last)
}
