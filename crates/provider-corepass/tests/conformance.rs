//! The plug-in keeps every promise that the contract makes, against the sandbox's connector.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use verilane_core::clock::ManualClock;
use verilane_core::{ClaimRequest, ClaimSelector, ConnectionName, Pii, Timestamp};
use verilane_provider::conformance::{Bench, Front};
use verilane_provider::http::HttpClient;
use verilane_provider::{Provider, StartRequest};
use verilane_provider_corepass::{CorePass, KeyUse, PinnedKeySetting, Settings};
use verilane_sandbox::{ForgeOrder, Forgery, Sandbox, SandboxConfig, SandboxHandle};

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

    async fn forge(&self) {
        let requests = self.sandbox.requests(None).unwrap();
        for request in requests {
            for data in [false, true] {
                for forgery in [
                    Forgery::OtherKey,
                    Forgery::OtherKeyPosingAsOurs,
                    Forgery::Tampered,
                ] {
                    let order = ForgeOrder {
                        forgery,
                        data,
                        status: None,
                    };
                    self.sandbox.forge(&request.id, order).await.unwrap();
                }
            }
        }
    }
}

verilane_provider::conformance_tests!(Connector);
