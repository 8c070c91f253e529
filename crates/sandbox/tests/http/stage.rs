//! A running sandbox, a service that it calls back, and a clock that only the test moves.

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use verilane_core::clock::ManualClock;
use verilane_core::{SharedClock, Timestamp};
use verilane_sandbox::{Sandbox, SandboxConfig, SandboxError, SandboxHandle, Scenario};

use crate::receiver::Receiver;

/// When every test begins.
pub const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// How long a test waits for something that must happen; reached only if it does not.
pub const LIMIT: Duration = Duration::from_secs(60);

/// All that a test needs.
pub struct Stage {
    pub clock: ManualClock,
    pub sandbox: SandboxHandle,
    pub receiver: Receiver,
    pub client: Client,
    pub base: String,
    pub keys: (String, String),
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), SandboxError>>,
}

impl Stage {
    /// A sandbox in the given scenario, with the documentation's retry gaps but the last.
    pub async fn set(scenario: Scenario) -> Self {
        Self::set_with(|config| config.scenario = scenario).await
    }

    /// A sandbox set up otherwise.
    pub async fn set_with(adjust: impl FnOnce(&mut SandboxConfig)) -> Self {
        let clock = ManualClock::new(START);
        let shared: SharedClock = std::sync::Arc::new(clock.clone());
        let mut config = SandboxConfig::new(shared);
        config.callback_topics = vec![1, 5, 10];
        config.load_users = 2;
        adjust(&mut config);
        let sandbox = Sandbox::bind(config).await.unwrap();
        let base = format!("http://{}", sandbox.local_addr());
        let handle = sandbox.handle();
        let keys = (
            sandbox.status_public_key_hex(),
            sandbox.data_public_key_hex(),
        );
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(sandbox.run(async {
            let _ = stopped.await;
        }));
        Self {
            clock,
            sandbox: handle,
            receiver: Receiver::start().await,
            client: Client::builder().no_proxy().build().unwrap(),
            base,
            keys,
            stop,
            running,
        }
    }

    /// Stops the sandbox and sees that it ended well.
    pub async fn end(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
    }

    /// The Core ID of a user.
    pub fn core_id(&self, who: &str) -> String {
        self.sandbox.user(who).unwrap().core_id.clone()
    }

    /// POSTs JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Response {
        let url = format!("{}{path}", self.base);
        self.client
            .post(url)
            .body(body.to_string())
            .send()
            .await
            .unwrap()
    }

    /// POSTs JSON and takes the JSON answered with 200.
    pub async fn ask(&self, path: &str, body: &Value) -> Value {
        let response = self.post(path, body).await;
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    /// POSTs JSON and takes the text answered with 400.
    pub async fn refused(&self, path: &str, body: &Value) -> String {
        let response = self.post(path, body).await;
        assert_eq!(response.status(), 400, "{path}");
        response.text().await.unwrap()
    }

    /// GETs JSON.
    pub async fn get(&self, path: &str) -> Value {
        let response = self
            .client
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    /// What a request for a QR code looks like, expiring in ten minutes.
    pub fn qr_question(&self, who: &str, items: &[&str]) -> Value {
        let address = self.receiver.address;
        json!({
            "user": self.core_id(who),
            "items": items,
            "callback": format!("{address}/data"),
            "statusCallback": format!("http://{address}/status"),
            "expiration": self.sandbox.now().as_secs() + 600,
            "withoutQRCode": true,
        })
    }

    /// Makes a request and gives its id.
    pub async fn request(&self, who: &str, items: &[&str]) -> String {
        let answer = self
            .ask("/api/v1/kyc/qrcode", &self.qr_question(who, items))
            .await;
        let link = answer["link"].as_str().unwrap();
        link.rsplit_once("&id=").unwrap().1.to_owned()
    }

    /// Moves time from one due thing to the next until a time has come and all is quiet.
    pub async fn play_until(&self, end: Timestamp) {
        loop {
            let idleness = self.sandbox.idle(LIMIT).await.unwrap();
            match idleness.next_due_ms.map(Timestamp::from_millis) {
                Some(due) if due <= end => self.clock.set(due),
                _ => break,
            }
        }
        self.clock.set(end);
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
}
