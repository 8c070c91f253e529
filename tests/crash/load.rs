//! The load: so many verifications under way at once, a new one for each that is verified. Some users
//! come too late and some transfers fail: then a new attempt is asked for, and goes well. Of what is
//! verified the claims are checked again. A call that breaks off with its server is repeated with the
//! same request id.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;
use verilane_api::v1::claim_service_client::ClaimServiceClient;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_api::v1::{AccessContext, RevalidateClaimsRequest, State};
use verilane_core::clock::{Clock as _, FileClock};
use verilane_sandbox::{SandboxHandle, SandboxUser, Status};

use super::harness::{Target, Watcher, broke_off, create_request, info, retry_request};
use super::trouble::Fate;
use super::{FIELDS, OVERALL};

/// The first of the sandbox's users who are there for load.
const FIRST_USER: u64 = 4;
/// How often a server may refuse a call for now, and how long is waited then if it does not say, by
/// the clock.
const MOST_REFUSALS: usize = 200;
const A_WHILE: Duration = Duration::from_secs(1);
/// How long a user has, seconds: twice the least that the connector takes, since the clock goes on in
/// leaps while a request is on its way.
const ACTION_LIFETIME: i64 = 600;

/// The clock goes on so fast that a request on its way can come to ask for too little time.
const TOO_LATE: &str = "ACTION_LIFETIME_OUT_OF_RANGE";

/// One user's verification: its id, once its creation was answered.
#[derive(Clone)]
pub struct Made {
    /// Whose.
    pub user: Arc<SandboxUser>,
    /// Its id.
    pub id: Option<String>,
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
            self.note(&user, None);
            let id = create(&user, &mut target, &self.clock).await;
            self.note(&user, Some(id.clone()));
            self.bring_to_success(&user, fate, &id, &mut target).await;
            revalidate(&id, &mut target, &self.clock).await;
        }
    }

    fn meet(&self, user: &SandboxUser, fate: Fate) {
        let scenario = Some(fate.scenario());
        self.sandbox
            .set_user_scenario(&user.core_id, scenario)
            .unwrap();
    }

    fn note(&self, user: &Arc<SandboxUser>, id: Option<String>) {
        let user = Arc::clone(user);
        let core_id = user.core_id.clone();
        self.made.lock().insert(core_id, Made { user, id });
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
                    let expected = ["NOT_RETRYABLE", "REQUEST_ALREADY_OPEN", TOO_LATE];
                    assert!(expected.contains(&&*reason), "{id}: {status}");
                }
            }
        }
    }

    /// Waits until the connector works on nothing of the user.
    async fn finished(&self, user: &SandboxUser) {
        for request in self.sandbox.requests(Some(&user.core_id)).unwrap() {
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
            assert_eq!(info.reason, TOO_LATE, "{status}");
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

async fn revalidate(id: &str, target: &mut Target, clock: &FileClock) {
    let request = RevalidateClaimsRequest {
        verification_id: id.to_owned(),
        access_context: Some(AccessContext {
            purpose: "black-box-test".to_owned(),
            ..AccessContext::default()
        }),
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

/// Calls until a server has answered for good.
async fn persist<T, F>(
    (target, clock): (&mut Target, &FileClock),
    call: impl Fn(Channel) -> F,
) -> Result<T, tonic::Status>
where
    F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
{
    let mut life = target.here().await;
    for _ in 0..MOST_REFUSALS {
        match call(life.channel.clone()).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if broke_off(&status) => life = target.next(&life).await,
            Err(status) if status.code() == Code::Unavailable => {
                let told = status.get_details_retry_info();
                let wait = told.and_then(|told| told.retry_delay).unwrap_or(A_WHILE);
                clock.sleep_until(clock.now() + wait).await;
            }
            Err(status) => return Err(status),
        }
    }
    panic!("a call was refused again and again");
}
