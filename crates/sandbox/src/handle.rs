//! Steering a sandbox from within its process: what the control API does, without HTTP.
//!
//! Waits are on real time and end early when the sandbox closes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use verilane_core::Timestamp;

use crate::civic_pass::CivicPassHandle;
use crate::civic_sip::CivicSipHandle;
use crate::ledger::{Answer, Delivery};
use crate::request::RequestView;
use crate::scenario::Scenario;
use crate::shared::Shared;
use crate::status::Status;
use crate::users::SandboxUser;
use crate::world::{ControlError, ForgeOrder, Idleness, PlantOrder};

/// Steers one sandbox. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SandboxHandle(pub(crate) Arc<Shared>);

impl SandboxHandle {
    /// Everybody on the chain, by number.
    #[must_use]
    pub fn users(&self) -> Vec<Arc<SandboxUser>> {
        self.0.look(|world, _| world.roster().all().to_vec())
    }

    /// The user of a Core ID or a name.
    pub fn user(&self, who: &str) -> Result<Arc<SandboxUser>, ControlError> {
        self.0.look(|world, _| world.user(who).cloned())
    }

    /// Sees to it that there are `count` users in all (at most 100,000); the new ones accept.
    pub fn grow_users(&self, count: u32) {
        self.0.change(|world, _| world.grow_roster(count));
    }

    /// All requests, oldest first; with a Core ID or name, those of that user.
    pub fn requests(&self, who: Option<&str>) -> Result<Vec<RequestView>, ControlError> {
        self.0.look(|world, _| {
            let core_id = who.map(|who| world.user(who)).transpose()?;
            Ok(world.views(core_id.map(|user| user.core_id.as_str())))
        })
    }

    /// As [`SandboxHandle::requests`], waiting until there is one, for at most `limit`.
    pub async fn requests_within(
        &self,
        who: Option<&str>,
        limit: Duration,
    ) -> Result<Vec<RequestView>, ControlError> {
        let core_id = who.map(|who| self.user(who)).transpose()?;
        let core_id = core_id.as_ref().map(|user| user.core_id.as_str());
        let some = self.0.wait(limit, |world, _| {
            let views = world.views(core_id);
            (!views.is_empty()).then_some(views)
        });
        Ok(some.await.unwrap_or_default())
    }

    /// One request, by the id in its link.
    pub fn request(&self, id: &str) -> Result<RequestView, ControlError> {
        self.0.look(|world, _| world.view(id))
    }

    /// Waits until a request has come to a status, for at most `limit` of real time.
    pub async fn reached(
        &self,
        id: &str,
        status: Status,
        limit: Duration,
    ) -> Result<RequestView, ControlError> {
        let view = self
            .0
            .wait(limit, |world, _| match world.has_reached(id, status) {
                Ok(true) => Some(world.view(id)),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            });
        view.await.unwrap_or(Err(ControlError::NotYet))
    }

    /// The user accepts a request now, whatever the scenario says.
    pub fn accept(&self, id: &str) -> Result<RequestView, ControlError> {
        self.0.change(|world, now| {
            world.accept(id, now)?;
            world.view(id)
        })
    }

    /// The scenario for users without one of their own.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        self.0.look(|world, _| world.scenario().clone())
    }

    /// Sets the scenario for users without one of their own. When an open request is accepted is
    /// already settled.
    pub fn set_scenario(&self, scenario: Scenario) {
        self.0.change(|world, _| world.set_scenario(scenario));
    }

    /// Gives a user a scenario of their own, or takes it away.
    pub fn set_user_scenario(
        &self,
        who: &str,
        scenario: Option<Scenario>,
    ) -> Result<(), ControlError> {
        self.0
            .change(|world, _| world.set_own_scenario(who, scenario))
    }

    /// Holds callbacks back: of one request, or of all. Time goes on, and statuses with it.
    pub fn hold(&self, request: Option<&str>) -> Result<(), ControlError> {
        self.0.change(|world, _| world.hold(request))
    }

    /// Lets callbacks go again, in order: of one request, or of all.
    pub fn release(&self, request: Option<&str>) -> Result<(), ControlError> {
        self.0.change(|world, _| world.release(request))
    }

    /// The deliveries after a number (0: from the first), oldest first, of one request or of all.
    #[must_use]
    pub fn deliveries(&self, after: u64, request: Option<&str>) -> Vec<Delivery> {
        self.0.look(|world, _| world.ledger().after(after, request))
    }

    /// How many of the oldest deliveries were forgotten to stay within bounds.
    #[must_use]
    pub fn forgotten_deliveries(&self) -> u64 {
        self.0.look(|world, _| world.ledger().forgotten())
    }

    /// As [`SandboxHandle::deliveries`], waiting until there is one, for at most `limit`.
    pub async fn next_deliveries(
        &self,
        after: u64,
        request: Option<&str>,
        limit: Duration,
    ) -> Vec<Delivery> {
        let some = self.0.wait(limit, |world, _| {
            let deliveries = world.ledger().after(after, request);
            (!deliveries.is_empty()).then_some(deliveries)
        });
        some.await.unwrap_or_default()
    }

    /// The bytes that a delivery carried.
    pub fn body(&self, delivery: u64) -> Result<Bytes, ControlError> {
        let body = self.0.look(|world, _| world.ledger().body(delivery));
        body.ok_or(ControlError::UnknownDelivery)
    }

    /// Sends a forged callback for a request now, and gives the delivery with its answer.
    pub async fn forge(&self, request: &str, order: ForgeOrder) -> Result<Delivery, ControlError> {
        let outgoing = self
            .0
            .change(|world, now| world.forge(request, order, now))?;
        self.deliver(outgoing).await
    }

    /// Sends an earlier delivery again, byte for byte, and gives the new delivery with its answer.
    pub async fn replay(&self, delivery: u64) -> Result<Delivery, ControlError> {
        let outgoing = self.0.change(|world, now| world.replay(delivery, now))?;
        self.deliver(outgoing).await
    }

    async fn deliver(&self, outgoing: crate::world::Outgoing) -> Result<Delivery, ControlError> {
        let number = outgoing.delivery;
        let _: Answer = self.0.deliver(outgoing).await?;
        let delivery = self.0.look(|world, _| world.ledger().get(number).cloned());
        delivery.ok_or(ControlError::UnknownDelivery)
    }

    /// Steers Civic Pass.
    #[must_use]
    pub fn civic_pass(&self) -> CivicPassHandle {
        CivicPassHandle(Arc::clone(&self.0))
    }

    /// Steers Civic SIP.
    #[must_use]
    pub fn civic_sip(&self) -> CivicSipHandle {
        CivicSipHandle(Arc::clone(&self.0))
    }

    /// Whether anything goes on at the connector.
    #[must_use]
    pub fn idleness(&self) -> Idleness {
        self.0.look(|world, now| world.idleness(now))
    }

    /// Waits until nothing is on the wire, about to be sent, or due at the clock's time.
    pub async fn idle(&self, limit: Duration) -> Result<Idleness, ControlError> {
        self.until(limit, |idleness| idleness.idle).await
    }

    /// Waits until, besides, nothing is scheduled, gathered or held back.
    pub async fn finished(&self, limit: Duration) -> Result<Idleness, ControlError> {
        self.until(limit, |idleness| idleness.finished).await
    }

    async fn until(
        &self,
        limit: Duration,
        enough: impl Fn(&Idleness) -> bool,
    ) -> Result<Idleness, ControlError> {
        let idleness = self.0.wait(limit, |world, now| {
            Some(world.idleness(now)).filter(|idleness| enough(idleness))
        });
        idleness.await.ok_or(ControlError::NotYet)
    }

    /// The time of the sandbox's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.look(|_, now| now)
    }

    /// The connector's public keys and its Core ID.
    #[must_use]
    pub fn keys(&self) -> PublicKeys {
        self.0.look(|world, _| {
            let (now, next) = (world.keys(false), world.keys(true));
            PublicKeys {
                status: now.status.ed448.public_hex(),
                data: now.data.ed448.public_hex(),
                next_status: next.status.ed448.public_hex(),
                next_data: next.data.ed448.public_hex(),
                status_secp256k1: now.status.secp256k1.public_hex(),
                data_secp256k1: now.data.secp256k1.public_hex(),
                core_id: world.core_id().to_owned(),
            }
        })
    }

    /// From now on callbacks are signed with the next keys.
    pub fn rotate_keys(&self) -> Result<PublicKeys, ControlError> {
        self.0.change(|world, _| world.rotate())?;
        Ok(self.keys())
    }

    /// Another system makes a request, now or in the past.
    pub fn plant(&self, order: PlantOrder) -> Result<RequestView, ControlError> {
        self.0.change(|world, now| world.plant(order, now))
    }

    /// The connector goes down: for so many seconds of the clock, or until told to come up. It
    /// answers nothing and sends nothing then, and has forgotten nothing after it.
    pub fn go_down(&self, seconds: Option<u64>) {
        self.0.change(|world, now| world.go_down(seconds, now));
    }

    /// The connector comes up.
    pub fn come_up(&self) {
        self.0.change(|world, _| world.come_up());
    }

    /// The data that the connector keeps of a request whose data nobody has taken, as an export by
    /// hand brings it: the data callback's JSON, signed now or without a signature.
    pub fn export(&self, request: &str, signed: bool) -> Result<Bytes, ControlError> {
        self.0.look(|world, now| world.export(request, signed, now))
    }
}

/// What whoever receives callbacks has to know beforehand. Ed448 keys are 57 bytes in hex,
/// secp256k1 keys 65 (uncompressed).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PublicKeys {
    /// Verifies status callbacks.
    pub status: String,
    /// Verifies data and failure callbacks.
    pub data: String,
    /// Verifies status callbacks after the next change of keys.
    pub next_status: String,
    /// Verifies data and failure callbacks after the next change of keys.
    pub next_data: String,
    /// Verifies status callbacks that are signed on secp256k1.
    pub status_secp256k1: String,
    /// Verifies data and failure callbacks that are signed on secp256k1.
    pub data_secp256k1: String,
    /// The connector's own Core ID.
    pub core_id: String,
}
