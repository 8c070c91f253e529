//! The plug-in keeps every promise that the contract makes, against the sandbox's connector.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use verilane_core::clock::ManualClock;
use verilane_core::{ClaimRequest, ClaimSelector, ConnectionName, Pii, Timestamp};
use verilane_provider::conformance::{Bench, Course, Front};
use verilane_provider::http::HttpClient;
use verilane_provider::{Provider, StartRequest};
use verilane_provider_corepass::{CorePass, KeyUse, PinnedKeySetting, Settings};
use verilane_sandbox::{Forgery, Sandbox, SandboxConfig, SandboxHandle, Scenario};

/// How long a test waits for something that must happen; reached only if it does not.
const LIMIT: Duration = Duration::from_secs(60);
const FIELDS: [&str; 3] = ["SH_EMAIL", "SH_IDCard_FULLNAME", "SH_PHONE"];

struct Connector {
    clock: ManualClock,
    sandbox: SandboxHandle,
    plugin: Arc<CorePass>,
}

impl Connector {
    fn wish_of(&self, who: &str) -> StartRequest {
        let claims = FIELDS.map(|field| ClaimRequest {
            selector: ClaimSelector::ProviderField(field.to_owned()),
            required: true,
        });
        StartRequest {
            scope: None,
            subject: Pii::from(self.sandbox.user(who).unwrap().core_id.as_str()),
            claims: claims.into(),
            action_lifetime: None,
        }
    }
}

#[async_trait]
impl Bench for Connector {
    async fn set_up(clock: ManualClock, front: &Front) -> Self {
        let mut config = SandboxConfig::new(Arc::new(clock.clone()));
        config.callback_topics = vec![1];
        config.load_users = 0;
        config.scenario.has_valid = true;
        let sandbox = Sandbox::bind(config).await.unwrap();
        front.leads_to(sandbox.local_addr());
        let handle = sandbox.handle();
        tokio::spawn(sandbox.run(std::future::pending()));
        let keys = handle.keys();
        let keys = [(keys.status, KeyUse::Status), (keys.data, KeyUse::Data)];
        let keys = keys.map(|(public_key, only_for)| PinnedKeySetting {
            public_key,
            only_for: Some(only_for),
        });
        let settings = Settings {
            base_url: front.url(),
            callback_base_url: None,
            keys: keys.into(),
            allow_http: true,
            allow_private_addresses: true,
            connect_timeout_seconds: 5,
            request_timeout_seconds: 20,
            callback_retention_days: 90,
            revalidate: true,
            propagate_trace: false,
        };
        let name = ConnectionName::new("corepass-test").unwrap();
        let http = HttpClient::new(settings.http(&name).unwrap()).unwrap();
        Self {
            clock,
            sandbox: handle,
            plugin: Arc::new(CorePass::new(&settings, http).unwrap()),
        }
    }

    fn plugin(&self) -> Arc<dyn Provider> {
        Arc::<CorePass>::clone(&self.plugin)
    }

    fn wish(&self) -> StartRequest {
        self.wish_of("accepts")
    }

    fn wish_of_another(&self) -> StartRequest {
        self.wish_of("ignores")
    }

    fn held(&self) -> usize {
        self.sandbox.requests(None).unwrap().len()
    }

    async fn play_out(&self) {
        loop {
            let idleness = self.sandbox.idle(LIMIT).await.unwrap();
            match idleness.next_due_ms {
                Some(due) => self.clock.set(Timestamp::from_millis(due)),
                None => return,
            }
        }
    }

    fn failures(&self) -> &'static [&'static str] {
        // Before the data, in its place, and after it; by a status, and in words.
        &[
            "validity-fails",
            "fails-in-words",
            "finish-fails",
            "finish-fails-after-data",
        ]
    }

    fn take_course(&self, course: Course) {
        let mut scenario = Scenario::named(course.failure.unwrap_or("scripted")).unwrap();
        scenario.has_valid = true;
        if course.forged {
            scenario.faults.forge = vec![
                Forgery::OtherKey,
                Forgery::OtherKeyPosingAsOurs,
                Forgery::Tampered,
            ];
        }
        self.sandbox.set_scenario(scenario);
    }

    fn is_forged(&self, body: &[u8]) -> bool {
        let sent = self.sandbox.deliveries(0, None).into_iter();
        let mut same = sent.filter(|one| self.sandbox.body(one.number).unwrap() == body);
        let first = same.next().unwrap().is_genuine();
        assert!(same.all(|one| one.is_genuine() == first));
        !first
    }
}

verilane_provider::conformance_tests!(Connector);
