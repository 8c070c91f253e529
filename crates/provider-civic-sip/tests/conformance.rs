//! The plug-in keeps every promise that the contract makes, against the sandbox's Civic, whether an
//! answer holds everything or points to it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use verilane_core::clock::ManualClock;
use verilane_core::{ClaimRequest, ClaimSelector, ConnectionName, Pii};
use verilane_provider::conformance::{Bench, Front};
use verilane_provider::http::HttpClient;
use verilane_provider::{Continuation, Provider, StartRequest};
use verilane_provider_civic_sip::{CivicSip, Settings};
use verilane_sandbox::{
    CivicSipHandle, CivicSipScenario, CivicSipSetup, Large, Sandbox, SandboxConfig, Scope,
    ScopeOrder, ScopeState,
};

const USER: &str = "c6d5795f8a059e15ad29a33a60f8b402a172c3e0bbe50fd230ae8e0303609b42";

struct Civic {
    civic: CivicSipHandle,
    plugin: Arc<CivicSip>,
}

impl Civic {
    async fn set_up(clock: ManualClock, front: &Front, large: Large) -> Self {
        let base = format!("{}/civic-sip/", front.url());
        let mut scenario = CivicSipScenario {
            large,
            user_id: Some(USER.to_owned()),
            ..CivicSipScenario::default()
        };
        // So that links too pass through the front.
        scenario.link.origin = Some(front.url());
        let mut config = SandboxConfig::new(Arc::new(clock.clone()));
        config.load_users = 0;
        config.civic_sip = CivicSipSetup {
            audience: Some(base.clone()),
            scenario,
            ..CivicSipSetup::default()
        };
        let sandbox = Sandbox::bind(config).await.unwrap();
        front.leads_to(sandbox.local_addr());
        let civic = sandbox.handle().civic_sip();
        tokio::spawn(sandbox.run(std::future::pending()));
        let application = civic.application();
        let settings = Settings::read(json!({
            "application_id": application.app_id,
            "private_key": application.private_key,
            "application_secret": application.app_secret,
            "base_url": base,
            "keys": [{ "public_key": application.civic_public_key, "curve": "p256" }],
            "payload_hosts": ["127.0.0.1"],
            "allow_http": true,
            "allow_private_addresses": true,
        }));
        let settings = settings.unwrap();
        let http = settings
            .http(&ConnectionName::new("civic-test").unwrap())
            .unwrap();
        let api = HttpClient::new(http.api).unwrap();
        let payload = HttpClient::new(http.payload).unwrap();
        let plugin = CivicSip::new(&settings, api, payload, Arc::new(clock));
        Self {
            civic,
            plugin: Arc::new(plugin.unwrap()),
        }
    }

    fn wish_of(user: &str) -> StartRequest {
        let fields = [
            "contact.personal.email",
            "documents.genericId.name",
            "documents.genericId.image_md5",
        ];
        let claims = fields.map(|field| ClaimRequest {
            selector: ClaimSelector::ProviderField(field.to_owned()),
            required: true,
        });
        StartRequest {
            scope: None,
            subject: Pii::new(format!("subject-id:{user}")),
            claims: claims.into(),
            action_lifetime: None,
        }
    }

    fn brings_back(&self) -> Continuation {
        let order = ScopeOrder {
            scope: Scope::ProofOfIdentity,
            ..ScopeOrder::default()
        };
        Continuation::AuthorizationCode(Pii::new(self.civic.approved(order).unwrap()))
    }

    fn spent(&self) -> usize {
        let requests = self.civic.requests().into_iter();
        let spent = requests.filter(|request| request.state == ScopeState::Exchanged);
        spent.count()
    }
}

macro_rules! bench {
    ($name:ident, $large:expr) => {
        struct $name(Civic);

        #[async_trait]
        impl Bench for $name {
            async fn set_up(clock: ManualClock, front: &Front) -> Self {
                Self(Civic::set_up(clock, front, $large).await)
            }

            fn plugin(&self) -> Arc<dyn Provider> {
                Arc::<CivicSip>::clone(&self.0.plugin)
            }

            fn wish(&self) -> StartRequest {
                Civic::wish_of(USER)
            }

            fn wish_of_another(&self) -> StartRequest {
                Civic::wish_of("another")
            }

            fn held(&self) -> usize {
                self.0.civic.requests().len()
            }

            async fn play_out(&self) {}

            async fn brings_back(&self) -> Continuation {
                self.0.brings_back()
            }

            fn spent(&self) -> usize {
                self.0.spent()
            }
        }
    };
}

bench!(Whole, Large::AsUsual);
bench!(ByLink, Large::Always);

mod whole {
    verilane_provider::conformance_tests!(super::Whole);
}

mod by_link {
    verilane_provider::conformance_tests!(super::ByLink);
}
