//! A sandbox, and a plug-in that is set up for it.

use std::sync::Arc;
use std::time::Duration;

use verilane_core::clock::ManualClock;
use verilane_core::{Clock as _, ConnectionName, Pii, Timestamp};
use verilane_provider::http::HttpClient;
use verilane_provider::{
    Continuation, EvidenceOffer, LookAnswer, LookRequest, Provider as _, ProviderError,
};
use verilane_provider_civic_pass::{CivicPass, Generation, OauthClient, Partner, Settings};
use verilane_sandbox::{
    CivicPassHandle, CivicPassPartner, CivicPassScenario, PiiOrder, Sandbox, SandboxConfig,
};

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
/// The name of a request has no time.
pub const ANY_TIME: Timestamp = START;

/// Everything that can be asked for.
pub const FIELDS: [&str; 11] = [
    "dateOfBirth",
    "dateOfExpiry",
    "documentNumber",
    "documentType",
    "email",
    "evidence-document",
    "evidence-selfie",
    "idDocumentBack",
    "issueCountry",
    "name",
    "phoneNumber",
];

/// Which of the two partner APIs is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    Oauth,
    Jwt,
}

pub const BOTH: [Speaks; 2] = [Speaks::Oauth, Speaks::Jwt];

pub struct Stage {
    pub clock: ManualClock,
    pub civic: CivicPassHandle,
    pub settings: Settings,
    pub plugin: Arc<CivicPass>,
}

impl Stage {
    /// A sandbox whose scenario has these names.
    pub async fn set(speaks: Speaks, names: &str) -> Self {
        Self::with(speaks, CivicPassScenario::named(names).unwrap()).await
    }

    pub async fn with(speaks: Speaks, scenario: CivicPassScenario) -> Self {
        let clock = ManualClock::new(START);
        let mut config = SandboxConfig::new(Arc::new(clock.clone()));
        config.load_users = 0;
        config.civic_pass = scenario;
        let sandbox = Sandbox::bind(config).await.unwrap();
        let civic = sandbox.handle().civic_pass();
        tokio::spawn(sandbox.run(std::future::pending()));
        let settings = settings(speaks, &civic.partner());
        Self {
            plugin: plugin(&settings, &clock),
            clock,
            civic,
            settings,
        }
    }

    /// A plug-in beside the stage's own, set up otherwise.
    pub fn other(&self, change: impl FnOnce(&mut Settings)) -> Arc<CivicPass> {
        let mut settings = self.settings.clone();
        change(&mut settings);
        plugin(&settings, &self.clock)
    }

    pub fn wait(&self, seconds: u64) {
        self.clock
            .set(self.clock.now() + Duration::from_secs(seconds));
    }

    /// The widget starts a request; gives its name as it is kept.
    pub fn widget(&self, order: PiiOrder) -> Pii<String> {
        let view = self.civic.start(order).unwrap();
        let brought = Pii::from(view.presentation_request_id);
        let brought = Continuation::PresentationRequest(brought);
        self.plugin.read_continuation(&brought, ANY_TIME).unwrap()
    }

    pub async fn look(&self, reference: &Pii<String>) -> Result<LookAnswer, ProviderError> {
        self.look_for(reference, "").await
    }

    pub async fn look_for(
        &self,
        reference: &Pii<String>,
        subject: &str,
    ) -> Result<LookAnswer, ProviderError> {
        look_by(&self.plugin, reference, subject).await
    }
}

pub async fn look_by(
    plugin: &CivicPass,
    reference: &Pii<String>,
    subject: &str,
) -> Result<LookAnswer, ProviderError> {
    let request = LookRequest {
        reference,
        subject: &Pii::from(subject),
        fields: &FIELDS,
    };
    plugin.look(&request).await
}

/// Every byte of a piece of evidence.
pub async fn fetch(plugin: &CivicPass, offer: &EvidenceOffer) -> Result<Vec<u8>, ProviderError> {
    let mut body = plugin.fetch_evidence(offer).await?;
    let mut whole = Vec::new();
    while let Some(bytes) = body.next().await? {
        whole.extend_from_slice(&bytes);
    }
    Ok(whole)
}

fn settings(speaks: Speaks, partner: &CivicPassPartner) -> Settings {
    let (generation, base_url) = match speaks {
        Speaks::Oauth => (
            Generation::Oauth {
                client: OauthClient {
                    client_id: partner.client_id.clone(),
                    client_secret: Pii::from(partner.client_secret.as_str()),
                    token_url: partner.token_url.clone(),
                    audience: partner.audience.clone(),
                },
                review: true,
            },
            partner.api_base.clone(),
        ),
        Speaks::Jwt => (
            Generation::PartnerJwt {
                private_key: Pii::new(partner.private_key_pem.clone().unwrap()),
            },
            partner.verify_base.clone(),
        ),
    };
    Settings {
        partner: Partner {
            partner_id: partner.partner_id.clone(),
            gatekeeper_network: partner.gatekeeper_network.clone(),
            chain: "solana".to_owned(),
            cluster: None,
            stage: None,
        },
        generation,
        base_url,
        request_hosts: Vec::new(),
        evidence_hosts: vec!["127.0.0.1".to_owned()],
        poll_interval_seconds: 5,
        poll_interval_max_seconds: 600,
        auto_approve_claims: None,
        allow_http: true,
        allow_private_addresses: true,
        connect_timeout_seconds: 5,
        request_timeout_seconds: 15,
        evidence_timeout_seconds: 60,
    }
}

fn plugin(settings: &Settings, clock: &ManualClock) -> Arc<CivicPass> {
    let http = settings
        .http(&ConnectionName::new("civic-test").unwrap())
        .unwrap();
    let api = HttpClient::new(http.api).unwrap();
    let evidence = HttpClient::new(http.evidence).unwrap();
    let plugin = CivicPass::new(settings, api, evidence, Arc::new(clock.clone()));
    Arc::new(plugin.unwrap())
}
