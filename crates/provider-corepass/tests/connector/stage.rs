//! A running sandbox, the plug-in behind its facade, a place for callbacks to come in, and a clock
//! that only the test moves.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use tokio::net::TcpListener;
use verilane_core::clock::ManualClock;
use verilane_core::{CallbackChannel, ClaimRequest, ClaimSelector, ConnectionName, Pii, Timestamp};
use verilane_provider::http::HttpClient;
use verilane_provider::{
    Callback, Candidate, Facade, Limits, Prepared, ProviderError, Reading, Refusal, Start,
    StartRequest, Started,
};
use verilane_provider_corepass::{CorePass, KeyUse, PinnedKeySetting, Settings};
use verilane_sandbox::{Sandbox, SandboxConfig, SandboxHandle, Scenario};

/// When every test begins.
pub const START: Timestamp = Timestamp::from_secs(1_700_000_000);
/// How long a test waits for something that must happen; reached only if it does not.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What the plug-in made of a callback.
pub struct Verdict {
    pub path: String,
    pub outcome: Result<Reading, Refusal>,
}

/// What the place for callbacks works with.
struct Desk {
    facade: Arc<Facade>,
    clock: ManualClock,
    candidates: Mutex<Vec<Candidate>>,
    verdicts: Mutex<Vec<Verdict>>,
}

/// All that a test needs.
pub struct Stage {
    pub clock: ManualClock,
    pub sandbox: SandboxHandle,
    pub facade: Arc<Facade>,
    pub receiver: SocketAddr,
    desk: Arc<Desk>,
}

/// Which of the sandbox's keys are pinned.
#[derive(Clone, Copy, Debug)]
pub enum Pins {
    Ed448,
    Secp256k1,
    Both,
}

/// Settings that fit a sandbox.
pub fn settings<const N: usize>(base_url: String, keys: [(&str, KeyUse); N]) -> Settings {
    let keys = keys.map(|(key, only_for)| PinnedKeySetting {
        public_key: key.to_owned(),
        only_for: Some(only_for),
    });
    Settings {
        base_url,
        callback_base_url: None,
        keys: keys.into(),
        allow_http: true,
        allow_private_addresses: true,
        connect_timeout_seconds: 5,
        request_timeout_seconds: 20,
        callback_retention_days: 90,
        revalidate: true,
        propagate_trace: false,
    }
}

/// The plug-in behind its facade.
pub fn facade(settings: &Settings, clock: &ManualClock) -> Arc<Facade> {
    let connection = ConnectionName::new("corepass-test").unwrap();
    let http = HttpClient::new(settings.http(&connection).unwrap()).unwrap();
    let plugin = Arc::new(CorePass::new(settings, http).unwrap());
    let clock = Arc::new(clock.clone());
    Arc::new(Facade::new(connection, plugin, clock, Limits::default()).unwrap())
}

impl Stage {
    /// Sets everything up in a scenario.
    pub async fn set(scenario: Scenario) -> Self {
        Self::set_with(scenario, 0, Pins::Ed448).await
    }

    /// Sets everything up with so many users beside those with a role, and with these keys pinned.
    pub async fn set_with(scenario: Scenario, users: u32, pins: Pins) -> Self {
        let clock = ManualClock::new(START);
        let mut config = SandboxConfig::new(Arc::new(clock.clone()));
        config.scenario = scenario;
        config.callback_topics = vec![1];
        config.load_users = users;
        let sandbox = Sandbox::bind(config).await.unwrap();
        let keys = sandbox.handle().keys();
        let handle = sandbox.handle();
        let base = format!("http://{}/", sandbox.local_addr());
        let [status, status_too] = [&keys.status, &keys.status_secp256k1];
        let [data, data_too] = [&keys.data, &keys.data_secp256k1];
        let (for_status, for_data) = (KeyUse::Status, KeyUse::Data);
        let settings = match pins {
            Pins::Ed448 => settings(base, [(status, for_status), (data, for_data)]),
            Pins::Secp256k1 => settings(base, [(status_too, for_status), (data_too, for_data)]),
            Pins::Both => settings(
                base,
                [
                    (status, for_status),
                    (status_too, for_status),
                    (data, for_data),
                    (data_too, for_data),
                ],
            ),
        };
        tokio::spawn(sandbox.run(std::future::pending()));
        let facade = facade(&settings, &clock);
        let desk = Arc::new(Desk {
            facade: Arc::clone(&facade),
            clock: clock.clone(),
            candidates: Mutex::default(),
            verdicts: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = listener.local_addr().unwrap();
        let router = Router::new().fallback(take).with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            clock,
            sandbox: handle,
            facade,
            receiver,
            desk,
        }
    }

    /// A wish for required fields of a user, prepared.
    pub fn prepared(&self, who: &str, fields: &[&str]) -> Prepared {
        let claims = fields.iter().map(|field| ClaimRequest {
            selector: ClaimSelector::ProviderField((*field).to_owned()),
            required: true,
        });
        let request = StartRequest {
            scope: None,
            subject: Pii::from(self.sandbox.user(who).unwrap().core_id.as_str()),
            claims: claims.collect(),
            action_lifetime: None,
        };
        self.facade.prepare(&request).unwrap()
    }

    /// Starts, with an action that lives so long. Callbacks are judged by this attempt from now
    /// on.
    pub async fn start(
        &self,
        prepared: &Prepared,
        lifetime: Duration,
    ) -> Result<Started, ProviderError> {
        let fields = prepared.fields();
        let now = self.sandbox.now();
        let candidate = Candidate {
            subject: prepared.subject.clone(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            start_time: now,
            requested_expiry: now + lifetime,
            expire_time: None,
            is_cancelled: false,
            was_taken: true,
        };
        self.desk.candidates.lock().unwrap().insert(0, candidate);
        let url = |channel: &str| Pii::new(format!("http://{}/{channel}", self.receiver));
        let start = Start {
            subject: &prepared.subject,
            fields: &fields,
            status_url: &url("status"),
            data_url: &url("data"),
            expiry: now + lifetime,
            without_picture: false,
        };
        self.facade.start(&start).await
    }

    /// Moves time from one due thing to the next until nothing is due any more.
    pub async fn play_out(&self) {
        loop {
            let idleness = self.sandbox.idle(LIMIT).await.unwrap();
            match idleness.next_due_ms {
                Some(due) => self.clock.set(Timestamp::from_millis(due)),
                None => return,
            }
        }
    }

    /// What was made of the callbacks so far, in order; they are forgotten here.
    pub fn verdicts(&self) -> Vec<Verdict> {
        std::mem::take(&mut self.desk.verdicts.lock().unwrap())
    }
}

async fn take(
    State(desk): State<Arc<Desk>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let content_type = headers.get(header::CONTENT_TYPE);
    let callback = Callback {
        channel: match uri.path() {
            "/status" => CallbackChannel::Status,
            _ => CallbackChannel::Data,
        },
        content_type: content_type.map(|text| text.to_str().unwrap().to_owned()),
        body,
        receive_time: desk.clock_now(),
        candidates: desk.candidates.lock().unwrap().clone(),
    };
    let outcome = desk.facade.read_callback(callback).await;
    let answer = match outcome {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::BAD_REQUEST,
    };
    let path = uri.path().to_owned();
    desk.verdicts
        .lock()
        .unwrap()
        .push(Verdict { path, outcome });
    answer
}

impl Desk {
    fn clock_now(&self) -> Timestamp {
        use verilane_core::Clock;
        self.clock.now()
    }
}
