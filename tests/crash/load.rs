//! The load: so many verifications under way at once, a new one for each that has come to its end. Some
//! users come too late, some transfers fail, and some are in another system's way for a while: then a new
//! attempt is asked for, and goes well. Of what is verified the claims are checked again. Some are called
//! off, and some another system never lets through. A call that breaks off with its server is repeated
//! with the same request id.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use verilane_api::v1::claim_service_client::ClaimServiceClient;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_api::v1::{CancelVerificationRequest, RevalidateClaimsRequest, State};
use verilane_core::Timestamp;
use verilane_core::clock::{Clock as _, FileClock};
use verilane_sandbox::{SandboxHandle, SandboxUser, Status};

use super::harness::{Target, Watcher, create_request, info, persist, purpose, retry_request};
use super::trouble::{Fate, Others};
use super::{FIELDS, OVERALL};

/// The first of the sandbox's users who are there for load.
const FIRST_USER: u64 = 4;
/// How long a user has, seconds: twice the least that the connector takes, since the clock goes on in
/// leaps while a request is on its way.
const ACTION_LIFETIME: i64 = 600;

/// The clock goes on so fast that a request on its way can come to ask for too little time.
pub const TOO_LATE: &str = "ACTION_LIFETIME_OUT_OF_RANGE";

/// What another system's request that is in the way makes of a new one.
pub const NOT_OURS: &str = "PROVIDER_REQUEST_NOT_OURS";

/// One user's verification.
#[derive(Clone)]
pub struct Made {
    /// Whose.
    pub user: Arc<SandboxUser>,
    /// What becomes of them.
    pub fate: Fate,
    /// Its id, once its creation was answered.
    pub id: Option<String>,
    /// In which state its course has to end, once that is settled.
    pub ends_as: Option<State>,
}

/// Everything that was asked for.
pub struct Load {
    sandbox: SandboxHandle,
    watcher: Arc<Watcher>,
    clock: FileClock,
    seed: u64,
    users: AtomicU64,
    made: Mutex<BTreeMap<String, Made>>,
    retried: AtomicUsize,
    is_enough: AtomicBool,
}

impl Load {
    /// Nothing asked for yet.
    pub fn new(
        sandbox: SandboxHandle,
        watcher: Arc<Watcher>,
        clock: FileClock,
        seed: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            clock,
            sandbox,
            watcher,
            seed,
            users: AtomicU64::new(FIRST_USER),
            made: Mutex::default(),
            retried: AtomicUsize::new(0),
            is_enough: AtomicBool::new(false),
        })
    }

    /// What is under way is brought to its end, and nothing more is begun.
    pub fn enough(&self) {
        self.is_enough.store(true, Ordering::Relaxed);
    }

    /// What was asked for, by Core ID.
    pub fn made(&self) -> BTreeMap<String, Made> {
        self.made.lock().clone()
    }

    /// How many new attempts were granted.
    pub fn retried(&self) -> usize {
        self.retried.load(Ordering::Relaxed)
    }

    /// One after the other, until it is enough.
    pub async fn work(self: Arc<Self>, mut target: Target) {
        while !self.is_enough.load(Ordering::Relaxed) {
            let number = self.users.fetch_add(1, Ordering::Relaxed);
            let user = self.sandbox.user(&format!("load-{number}")).unwrap();
            let fate = Fate::drawn(self.seed, number);
            self.meet(&user, fate);
            let mut made = Made {
                user: Arc::clone(&user),
                fate,
                id: None,
                ends_as: None,
            };
            self.note(&made);
            let id = create(&user, &mut target, &self.clock).await;
            made.id = Some(id.clone());
            self.note(&made);
            made.ends_as = Some(self.bring_to_end(&user, fate, &id, &mut target).await);
            self.note(&made);
        }
    }

    async fn bring_to_end(
        &self,
        user: &SandboxUser,
        fate: Fate,
        id: &str,
        target: &mut Target,
    ) -> State {
        if let Some(revision) = fate.called_off_at {
            tokio::select! {
                _ = self.watcher.saw_state(id, revision - 1, |_| true) => {}
                _ = self.watcher.saw_end(id, 0) => {}
            }
            if call_off(id, target, &self.clock).await {
                return State::Cancelled;
            }
        }
        if fate.others == Others::Ongoing {
            self.watcher.saw_end(id, 0).await;
            return State::Failed;
        }
        self.bring_to_success(user, fate, id, target).await;
        revalidate(id, target, &self.clock).await;
        State::Verified
    }

    fn meet(&self, user: &SandboxUser, fate: Fate) {
        let scenario = Some(fate.scenario());
        self.sandbox
            .set_user_scenario(&user.core_id, scenario)
            .unwrap();
    }

    fn note(&self, made: &Made) {
        let core_id = made.user.core_id.clone();
        self.made.lock().insert(core_id, made.clone());
    }

    async fn bring_to_success(
        &self,
        user: &SandboxUser,
        fate: Fate,
        id: &str,
        target: &mut Target,
    ) {
        let mut revision = 0;
        loop {
            let (state, seen) = self.watcher.saw_end(id, revision).await;
            if state == State::Verified {
                return;
            }
            revision = seen;
            // The connector takes no new request while it works on the one before.
            if state == State::Failed {
                tokio::select! {
                    () = self.finished(user) => {}
                    _ = self.watcher.saw_end(id, revision) => continue,
                }
            }
            self.meet(user, fate.well());
            match retry(id, target, &self.clock).await {
                Ok(()) => {
                    self.retried.fetch_add(1, Ordering::Relaxed);
                }
                // It has moved on meanwhile, or fails in its turn: both are still to be seen.
                Err(status) => {
                    let reason = info(&status).reason;
                    let expected = ["NOT_RETRYABLE", "REQUEST_ALREADY_OPEN", TOO_LATE, NOT_OURS];
                    assert!(expected.contains(&&*reason), "{id}: {status}");
                }
            }
        }
    }

    /// Waits until the connector works on nothing of the user, and another system's request for them has
    /// lapsed.
    async fn finished(&self, user: &SandboxUser) {
        for request in self.sandbox.requests(Some(&user.core_id)).unwrap() {
            if request.planted {
                let lapse = Timestamp::from_secs(request.expiration);
                self.clock.sleep_until(lapse).await;
                continue;
            }
            if request.status == Status::Pending {
                continue;
            }
            let reached = |end| self.sandbox.reached(&request.id, end, OVERALL);
            let ended = tokio::select! {
                ended = reached(Status::FinishSuccess) => ended,
                ended = reached(Status::FinishFailed) => ended,
            };
            ended.unwrap();
        }
    }
}

async fn create(user: &SandboxUser, target: &mut Target, clock: &FileClock) -> String {
    let mut request = create_request(user, &FIELDS);
    request.max_attempts = 10;
    request.action_lifetime = Some(lifetime());
    let called = persist((target, clock), |channel| {
        let request = request.clone();
        async move {
            let mut client = VerificationServiceClient::new(channel);
            client.create_verification(request).await
        }
    });
    match called.await {
        Ok(answer) => answer.verification.unwrap().id,
        // It is there, and has failed: a new attempt can be asked for.
        Err(status) => {
            let info = info(&status);
            assert!([TOO_LATE, NOT_OURS].contains(&&*info.reason), "{status}");
            info.metadata["verification_id"].clone()
        }
    }
}

async fn retry(id: &str, target: &mut Target, clock: &FileClock) -> Result<(), tonic::Status> {
    let mut request = retry_request(id);
    request.action_lifetime = Some(lifetime());
    let called = persist((target, clock), |channel| {
        let request = request.clone();
        async move {
            let mut client = VerificationServiceClient::new(channel);
            client.retry_verification(request).await
        }
    });
    called.await.map(drop)
}

/// Calls a verification off; false if it was verified before.
async fn call_off(id: &str, target: &mut Target, clock: &FileClock) -> bool {
    let called = persist((target, clock), |channel| {
        let request = CancelVerificationRequest {
            verification_id: id.to_owned(),
            ..CancelVerificationRequest::default()
        };
        async move {
            let mut client = VerificationServiceClient::new(channel);
            client.cancel_verification(request).await
        }
    });
    match called.await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(info(&status).reason, "ALREADY_VERIFIED", "{status}");
            false
        }
    }
}

async fn revalidate(id: &str, target: &mut Target, clock: &FileClock) {
    let request = RevalidateClaimsRequest {
        verification_id: id.to_owned(),
        access_context: purpose(),
        claims: Vec::new(),
    };
    let called = persist((target, clock), |channel| {
        let request = request.clone();
        async move {
            let mut client = ClaimServiceClient::new(channel);
            client.revalidate_claims(request).await
        }
    });
    called.await.unwrap();
}

const fn lifetime() -> prost_types::Duration {
    prost_types::Duration {
        seconds: ACTION_LIFETIME,
        nanos: 0,
    }
}
