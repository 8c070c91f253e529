//! A Civic Pass back end to try against: PII requests over both generations of the partner API,
//! with a widget that is played by the control API.
//!
//! `world` is what Civic knows, `asked` what its endpoints ask of it; `request` one PII request on
//! its course, `answer` what is said about it, `picture` its evidence. `partner` is what Civic gives
//! a partner, `partner_jwt` and `tokens` what they show in return. `api` is Civic's own HTTP, with
//! `witness` before it, and `stop` on both sides of each call; `control` and `handle` steer. What Civic's document leaves open,
//! `docs/sandbox.md` says how it is here.

mod answer;
mod api;
mod asked;
mod control;
mod handle;
mod named;
mod partner;
mod partner_jwt;
mod picture;
mod request;
mod scenario;
mod stop;
mod tokens;
mod witness;
mod world;

use std::pin::pin;
use std::sync::Arc;

use axum::Router;

use crate::handle::SandboxHandle;
use crate::shared::Shared;

pub use api::storage;
pub use handle::CivicPassHandle;
pub use partner::CivicPassPartner;
pub use request::{PiiOrder, PiiRequestView, TurnOrigin, TurnView};
pub use scenario::{
    AnsweredId, CivicPassEndpoint, CivicPassScenario, Evidence, EvidenceTrouble, LinkStyle,
    Subject, Turn,
};
pub use stop::{CallSide, CallStop};
pub use tokens::TokenCount;
pub use world::{Beginning, CivicPassCall, World};

/// Civic's own endpoints, and its part of the control API.
pub fn router(sandbox: &SandboxHandle) -> Router<SandboxHandle> {
    api::router(sandbox).merge(control::router())
}

/// Moves Civic's world with the clock, so that those who wait see it, until the sandbox closes.
pub async fn drive(shared: Arc<Shared>) {
    let known = &shared.civic_pass;
    let mut closed = pin!(shared.closed());
    loop {
        let (moved, due) = known.change_quietly(|world, now| (world.tick(now), world.next_due()));
        if moved {
            known.tell();
        }
        tokio::select! {
            () = &mut closed => return,
            () = known.woken() => {}
            () = known.due(due) => {}
        }
    }
}
