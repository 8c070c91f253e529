//! The plug-in keeps every promise that the contract makes, against the sandbox's Civic, in both
//! generations of the partner API.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use verilane_core::clock::ManualClock;
use verilane_core::{ClaimRequest, ClaimSelector, ConnectionName, Pii};
use verilane_provider::conformance::{Bench, Front};
use verilane_provider::http::HttpClient;
use verilane_provider::{Continuation, Provider, StartRequest};
use verilane_provider_civic_pass::{CivicPass, Settings};
use verilane_sandbox::{
    CivicPassHandle, CivicPassPartner, CivicPassScenario, LinkStyle, PiiOrder, Sandbox,
    SandboxConfig, TurnOrigin,
};

const WALLET: &str = "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B";

/// One generation's bench.
struct Civic {
    civic: CivicPassHandle,
    plugin: Arc<CivicPass>,
}

impl Civic {
    async fn set_up(
        clock: ManualClock,
        front: &Front,
        generation: impl FnOnce(&CivicPassPartner) -> Value,
    ) -> Self {
        let mut config = SandboxConfig::new(Arc::new(clock.clone()));
        config.load_users = 0;
        config.civic_pass = CivicPassScenario::named("ready+four-pictures").unwrap();
        // So that pictures too pass through the front.
        for turn in &mut config.civic_pass.course {
            turn.links = Some(LinkStyle::Api);
        }
        config.civic_pass.links = LinkStyle::Api;
        let sandbox = Sandbox::bind(config).await.unwrap();
        front.leads_to(sandbox.local_addr());
        let civic = sandbox.handle().civic_pass();
        tokio::spawn(sandbox.run(std::future::pending()));
        let partner = civic.partner();
        let mut written = generation(&partner);
        let common = json!({
            "partner_id": partner.partner_id,
            "gatekeeper_network": partner.gatekeeper_network,
            "evidence_hosts": [],
            "request_hosts": [],
            "allow_http": true,
            "allow_private_addresses": true,
        });
        let members = written.as_object_mut().unwrap();
        members.extend(common.as_object().unwrap().clone());
        let settings = Settings::read(written).unwrap();
        let http = settings
            .http(&ConnectionName::new("civic-test").unwrap())
            .unwrap();
        let api = HttpClient::new(http.api).unwrap();
        let evidence = HttpClient::new(http.evidence).unwrap();
        let plugin = CivicPass::new(&settings, api, evidence, Arc::new(clock));
        Self {
            civic,
            plugin: Arc::new(plugin.unwrap()),
        }
    }

    fn wish_of(wallet: &str) -> StartRequest {
        let claims = ["email", "name", "phoneNumber"].map(|field| ClaimRequest {
            selector: ClaimSelector::ProviderField(field.to_owned()),
            required: true,
        });
        StartRequest {
            scope: None,
            subject: Pii::new(format!("wallet:{wallet}")),
            claims: claims.into(),
            action_lifetime: None,
        }
    }

    fn brings_back(&self) -> Continuation {
        let order = PiiOrder {
            wallet: Some(WALLET.to_owned()),
            ..PiiOrder::default()
        };
        let view = self.civic.start(order).unwrap();
        Continuation::PresentationRequest(Pii::from(view.presentation_request_id))
    }

    fn decisions(&self) -> usize {
        let requests = self.civic.requests();
        let turns = requests.iter().flat_map(|request| &request.turns);
        turns
            .filter(|turn| turn.origin == TurnOrigin::Partner)
            .count()
    }
}

macro_rules! bench {
    ($name:ident, $generation:path) => {
        struct $name(Civic);

        #[async_trait]
        impl Bench for $name {
            async fn set_up(clock: ManualClock, front: &Front) -> Self {
                let url = front.url();
                Self(Civic::set_up(clock, front, |partner| $generation(partner, &url)).await)
            }

            fn plugin(&self) -> Arc<dyn Provider> {
                Arc::<CivicPass>::clone(&self.0.plugin)
            }

            fn wish(&self) -> StartRequest {
                Civic::wish_of(WALLET)
            }

            fn wish_of_another(&self) -> StartRequest {
                Civic::wish_of("0x0000000000000000000000000000000000000001")
            }

            fn held(&self) -> usize {
                self.0.civic.requests().len()
            }

            async fn play_out(&self) {}

            async fn brings_back(&self) -> Continuation {
                self.0.brings_back()
            }

            fn decisions(&self) -> usize {
                self.0.decisions()
            }
        }
    };
}

fn of_oauth(partner: &CivicPassPartner, front: &str) -> Value {
    json!({
        "generation": "oauth",
        "client_id": partner.client_id,
        "client_secret": partner.client_secret,
        "token_url": format!("{front}/civic-pass/oauth/token"),
        "base_url": format!("{front}/civic-pass/partner"),
        "review": true,
    })
}

fn of_partner_jwt(partner: &CivicPassPartner, front: &str) -> Value {
    json!({
        "generation": "partner-jwt",
        "private_key": partner.private_key_pem,
        "base_url": format!("{front}/civic-pass/verify"),
    })
}

bench!(Oauth, of_oauth);
bench!(PartnerJwt, of_partner_jwt);

mod oauth {
    verilane_provider::conformance_tests!(super::Oauth);
}

mod partner_jwt {
    verilane_provider::conformance_tests!(super::PartnerJwt);
}
