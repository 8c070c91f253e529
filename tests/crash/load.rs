//! The load: so many verifications under way at once, a new one for each that is verified. A call
//! that breaks off with its server is repeated with the same request id.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use verilane_api::v1::Verification;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_sandbox::{SandboxHandle, SandboxUser};

use super::FIELDS;
use super::harness::create_request;
use super::target::{Target, broke_off};
use super::watcher::Watcher;

/// The first of the sandbox's users who are there for load.
const FIRST_USER: u64 = 4;
/// How often a server may refuse a call for now.
const MOST_REFUSALS: usize = 200;

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
    users: AtomicU64,
    made: Mutex<BTreeMap<String, Made>>,
    is_enough: AtomicBool,
}

impl Load {
    /// Nothing asked for yet.
    pub fn new(sandbox: SandboxHandle, watcher: Arc<Watcher>) -> Arc<Self> {
        Arc::new(Self {
            sandbox,
            watcher,
            users: AtomicU64::new(FIRST_USER),
            made: Mutex::default(),
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

    /// One after the other, until it is enough.
    pub async fn work(self: Arc<Self>, mut target: Target) {
        while !self.is_enough.load(Ordering::Relaxed) {
            let number = self.users.fetch_add(1, Ordering::Relaxed);
            let user = self.sandbox.user(&format!("load-{number}")).unwrap();
            self.note(&user, None);
            let created = create(&user, &mut target).await;
            self.note(&user, Some(created.id.clone()));
            self.watcher.saw_verified(&created.id).await;
        }
    }

    fn note(&self, user: &Arc<SandboxUser>, id: Option<String>) {
        let user = Arc::clone(user);
        let core_id = user.core_id.clone();
        self.made.lock().insert(core_id, Made { user, id });
    }
}

async fn create(user: &SandboxUser, target: &mut Target) -> Verification {
    let request = create_request(user, &FIELDS);
    let mut life = target.here().await;
    for _ in 0..MOST_REFUSALS {
        let mut client = VerificationServiceClient::new(life.channel.clone());
        match client.create_verification(request.clone()).await {
            Ok(answer) => return answer.into_inner().verification.unwrap(),
            Err(status) if broke_off(&status) => life = target.next(&life).await,
            Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable, "{status}"),
        }
    }
    panic!(
        "the verification of {} was refused again and again",
        user.name
    );
}
