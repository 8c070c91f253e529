//! The load: so many verifications under way at once, each approved and its code handed in; a new one for
//! each that has ended. A call that breaks off with its server is repeated with the same code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tonic::transport::Channel;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_api::v1::{
    ContinueVerificationRequest, EventType, State, continue_verification_request,
};
use verilane_core::clock::FileClock;
use verilane_sandbox::{CivicSipHandle, ScopeOrder};

use super::fate::Fate;
use super::harness::sip::wish;
use super::harness::{LIMIT, Target, Watcher, has_ended, persist};
use super::verdict::exchanges;

/// One user's verification.
#[derive(Clone)]
pub struct Made {
    /// What becomes of it.
    pub fate: Fate,
    /// Civic's request, by its id.
    pub request: String,
    /// How often its code had come to Civic at each death of a server before it ended; one that was on its
    /// way does not count.
    pub deaths: Vec<usize>,
}

/// Everything that was asked for.
pub struct Load {
    civic: CivicSipHandle,
    watcher: Arc<Watcher>,
    clock: FileClock,
    seed: u64,
    users: AtomicU64,
    made: Mutex<BTreeMap<String, Made>>,
    is_enough: AtomicBool,
}

type Client = VerificationServiceClient<Channel>;

impl Load {
    /// Nothing asked for yet.
    pub fn new(
        civic: CivicSipHandle,
        watcher: Arc<Watcher>,
        clock: FileClock,
        seed: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            civic,
            watcher,
            clock,
            seed,
            users: AtomicU64::new(0),
            made: Mutex::default(),
            is_enough: AtomicBool::new(false),
        })
    }

    /// What is under way is brought to its end, and nothing more is begun.
    pub fn enough(&self) {
        self.is_enough.store(true, Ordering::Relaxed);
    }

    /// What was handed over, by the verification's id.
    pub fn made(&self) -> BTreeMap<String, Made> {
        self.made.lock().clone()
    }

    /// A server has died: notes whom that can have harmed.
    pub fn mourn(&self) {
        for (id, made) in self.made.lock().iter_mut() {
            if !self.watcher.state(id).is_some_and(has_ended) {
                let calls = self.civic.calls(0, Some(&made.request));
                made.deaths.push(exchanges(&calls).count());
            }
        }
    }

    /// One after the other, until it is enough.
    pub async fn work(self: Arc<Self>, mut target: Target) {
        while !self.is_enough.load(Ordering::Relaxed) {
            let number = self.users.fetch_add(1, Ordering::Relaxed);
            let fate = Fate::drawn(self.seed, number);
            let id = self.create(fate, &mut target).await;
            let request = self.civic.open(ScopeOrder {
                scope: fate.scope,
                scenario: Some(fate.scenario()),
                ..ScopeOrder::default()
            });
            let approved = self.civic.approve(&request.id).unwrap();
            let made = Made {
                fate,
                request: request.id,
                deaths: Vec::new(),
            };
            self.made.lock().insert(id.clone(), made);
            let code = approved.token().unwrap();
            self.hand_over(&id, code, &mut target).await;
            let state = self.in_time(&id, fate).await;
            let again = self.hand_over(&id, code, &mut target).await;
            assert_eq!(again, state, "{id}: {fate:?}");
        }
    }

    async fn create(&self, fate: Fate, target: &mut Target) -> String {
        let scope = serde_json::to_value(fate.scope).unwrap();
        let request = wish(scope.as_str().unwrap(), Vec::new());
        let created = persist((target, &self.clock), |channel| {
            let request = request.clone();
            async move { Client::new(channel).create_verification(request).await }
        });
        let id = created.await.unwrap().verification.unwrap().id;
        // A repeated creation can be answered while the first one's intent is still resumed.
        let shows = |event: &verilane_api::v1::Event| {
            event.verification_id == id && event.r#type() == EventType::ActionAvailable
        };
        self.watcher.saw_all(|seen| seen.iter().any(shows)).await;
        id
    }

    /// Hands a code in, as often as it takes until a server has answered.
    async fn hand_over(&self, id: &str, code: &str, target: &mut Target) -> State {
        let request = ContinueVerificationRequest {
            verification_id: id.to_owned(),
            continuation: Some(
                continue_verification_request::Continuation::AuthorizationCode(code.to_owned()),
            ),
            ..ContinueVerificationRequest::default()
        };
        let answer = persist((target, &self.clock), |channel| {
            let request = request.clone();
            async move { Client::new(channel).continue_verification(request).await }
        });
        answer.await.unwrap().verification.unwrap().state()
    }

    /// Waits until a verification has ended, over however many servers' ends.
    async fn in_time(&self, id: &str, fate: Fate) -> State {
        let seen = tokio::time::timeout(2 * LIMIT, self.watcher.saw_end(id, 0));
        let (state, _) = seen.await.unwrap_or_else(|_| {
            let state = self.watcher.state(id);
            let request = self.made.lock()[id].request.clone();
            panic!(
                "{id} stays {state:?}: {fate:?}\n{:?}\n{:?}",
                self.civic.request(&request),
                self.civic.calls(0, Some(&request))
            );
        });
        state
    }
}
