//! The load: so many verifications under way at once, each gone through the widget, handed over, and
//! decided or called off as its fate says; a new one for each that has ended. A call that breaks off with
//! its server is repeated.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tonic::transport::Channel;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_api::v1::{CancelVerificationRequest, EventType, State};
use verilane_core::clock::FileClock;
use verilane_sandbox::{CivicPassHandle, PiiOrder};

use super::fate::{Caller, Fate};
use super::harness::{
    LIMIT, Target, Watcher, continue_request, field, from_any_document, has_ended, persist,
    review_request, wallet_request,
};

/// The pictures that are asked for.
pub const PICTURES: [&str; 2] = ["evidence-document", "evidence-selfie"];
/// How long a user has, seconds: the clock goes on fast.
const ACTION_LIFETIME: i64 = 12 * 60 * 60;

/// One user's verification.
#[derive(Clone)]
pub struct Made {
    /// What becomes of it.
    pub fate: Fate,
    /// Civic's request, by the last part of its id.
    pub request: String,
}

/// Everything that was asked for.
pub struct Load {
    civic: CivicPassHandle,
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
        civic: CivicPassHandle,
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

    /// One after the other, until it is enough.
    pub async fn work(self: Arc<Self>, mut target: Target) {
        while !self.is_enough.load(Ordering::Relaxed) {
            let number = self.users.fetch_add(1, Ordering::Relaxed);
            let fate = Fate::drawn(self.seed, number);
            let wallet = format!("0x{number:040x}");
            let id = self.create(fate, &wallet, &mut target).await;
            let order = PiiOrder {
                wallet: Some(wallet),
                scenario: Some(fate.scenario()),
                url_id: fate.url_id,
                ..PiiOrder::default()
            };
            let request = self.civic.start(order).unwrap();
            let made = Made {
                fate,
                request: request.id,
            };
            self.made.lock().insert(id.clone(), made);
            // A repeated creation can be answered while the first one's intent is still resumed.
            let shows = |event: &verilane_api::v1::Event| {
                event.verification_id == id && event.r#type() == EventType::ActionAvailable
            };
            self.watcher.saw_all(|seen| seen.iter().any(shows)).await;
            let handed_over = continue_request(&id, &request.presentation_request_id);
            self.call(&mut target, |mut client| {
                let handed_over = handed_over.clone();
                async move { client.continue_verification(handed_over).await }
            })
            .await;
            self.bring_to_end(&id, fate, &mut target).await;
        }
    }

    async fn create(&self, fate: Fate, wallet: &str, target: &mut Target) -> String {
        let mut claims = vec![field("email"), from_any_document("name")];
        claims.extend(PICTURES.map(field));
        let mut request = wallet_request(fate.connection, wallet, claims);
        request.action_lifetime = Some(prost_types::Duration {
            seconds: ACTION_LIFETIME,
            nanos: 0,
        });
        let answer = self.call(target, |mut client| {
            let request = request.clone();
            async move { client.create_verification(request).await }
        });
        answer.await.verification.unwrap().id
    }

    async fn bring_to_end(&self, id: &str, fate: Fate, target: &mut Target) {
        if fate.caller == Caller::CallsOffSoon {
            self.call_off(id, target).await;
        }
        let asks = |state| state == State::InReview && fate.caller != Caller::Waits;
        let is_wanted = |state| has_ended(state) || asks(state);
        let (state, _) = self.in_time(id, fate, is_wanted).await;
        if asks(state) {
            match fate.caller {
                Caller::Decides(decision) => {
                    let decided = review_request(id, decision);
                    self.call(target, |mut client| {
                        let decided = decided.clone();
                        async move { client.review_verification(decided).await }
                    })
                    .await;
                }
                _ => self.call_off(id, target).await,
            }
        }
        self.in_time(id, fate, has_ended).await;
    }

    /// Waits until a verification is in a state that is wanted, over however many servers' ends.
    async fn in_time(
        &self,
        id: &str,
        fate: Fate,
        is_wanted: impl Fn(State) -> bool,
    ) -> (State, u64) {
        let seen = tokio::time::timeout(2 * LIMIT, self.watcher.saw_state(id, 0, is_wanted));
        seen.await.unwrap_or_else(|_| {
            let state = self.watcher.state(id);
            let request = self.made.lock()[id].request.clone();
            panic!(
                "{id} stays {state:?}: {fate:?}\n{:?}\n{:?}",
                self.civic.request(&request),
                self.civic.calls(0, Some(&request))
            );
        })
    }

    async fn call_off(&self, id: &str, target: &mut Target) {
        self.call(target, |mut client| {
            let request = CancelVerificationRequest {
                verification_id: id.to_owned(),
                ..CancelVerificationRequest::default()
            };
            async move { client.cancel_verification(request).await }
        })
        .await;
    }

    /// Calls until a server has answered, which it does well.
    async fn call<T, F>(&self, target: &mut Target, call: impl Fn(Client) -> F) -> T
    where
        F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    {
        let called = persist((target, &self.clock), |channel| call(Client::new(channel)));
        called.await.unwrap()
    }
}
