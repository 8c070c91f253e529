//! What an operator says about one account at Civic, and what can be wrong with it.
//!
//! Every fault is reported, not only the first. What loosens the rules is said aloud. Secrets are never
//! shown, and what is wrong with them is said without them.

mod written;

use std::time::Duration;

use verilane_core::{ClaimName, ConnectionName, Pii};
use verilane_provider::http::{Egress, HttpSettings, Url};
use verilane_provider::jwt::Signer;
use verilane_provider::{Pace, settings::Faults};

use crate::fields;

pub use verilane_provider::settings::SettingsFault;

/// One account.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who we are to Civic, and what the widget is told.
    pub partner: Partner,
    /// Which of the two partner APIs is spoken, and what it takes.
    pub generation: Generation,
    /// Where the API answers.
    pub base_url: String,
    /// Further hosts that a request's name may lead to if it is a URL.
    pub request_hosts: Vec<String>,
    /// The hosts from which evidence may be fetched, beside the API's.
    pub evidence_hosts: Vec<String>,
    /// How long after news a request is looked at again, seconds.
    pub poll_interval_seconds: u64,
    /// How long it is left alone at most, seconds.
    pub poll_interval_max_seconds: u64,
    /// The claims with which a review is approved by itself; never if none is said.
    pub auto_approve_claims: Option<Vec<ClaimName>>,
    /// Whether Civic is called over plain http. For a sandbox.
    pub allow_http: bool,
    /// Whether its hosts may have addresses that are not public.
    pub allow_private_addresses: bool,
    /// How long a connection may take to stand, seconds.
    pub connect_timeout_seconds: u64,
    /// How long a request may take in all, seconds.
    pub request_timeout_seconds: u64,
    /// How long a picture may take in all, seconds.
    pub evidence_timeout_seconds: u64,
}

/// Who we are to Civic, and what the widget is told.
#[derive(Clone, Debug)]
pub struct Partner {
    /// The partner id.
    pub partner_id: String,
    /// The network whose pass the user gets.
    pub gatekeeper_network: String,
    /// Its chain.
    pub chain: String,
    /// The chain's cluster, where the widget takes one.
    pub cluster: Option<String>,
    /// Civic's environment, where it is not production.
    pub stage: Option<String>,
}

/// Which of the two partner APIs is spoken.
#[derive(Clone, Debug)]
pub enum Generation {
    /// The one with access tokens.
    Oauth {
        /// The client.
        client: OauthClient,
        /// Whether the network is the client's own, so that Civic waits for a decision.
        review: bool,
    },
    /// The one with JWTs that the partner signs.
    PartnerJwt {
        /// The private key: PEM, or hex.
        private_key: Pii<String>,
    },
}

/// A client of the OAuth client generation.
#[derive(Clone, Debug)]
pub struct OauthClient {
    /// Its id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Pii<String>,
    /// Where tokens are given out.
    pub token_url: String,
    /// What they are for.
    pub audience: String,
}

/// How the connection's two HTTP clients are to be set up.
#[derive(Clone, Debug)]
pub struct HttpClients {
    /// For the API and the token endpoint.
    pub api: HttpSettings,
    /// For evidence.
    pub evidence: HttpSettings,
}

/// Settings that were checked.
pub(crate) struct Checked {
    pub(crate) base: Url,
    /// Of the OAuth client generation.
    pub(crate) token_url: Option<Url>,
    /// Of the partner JWT generation.
    pub(crate) key: Option<Signer>,
}

/// The most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// The longest `request_timeout_seconds`: within the time-out of the whole call
/// (`verilane_provider::Limits`), in which a token may be needed first.
const MAX_REQUEST_TIMEOUT_SECONDS: u64 = 20;

impl Settings {
    /// How the connection's HTTP clients are to be set up.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn http(&self, connection: &ConnectionName) -> Result<HttpClients, Vec<SettingsFault>> {
        let checked = self.check()?;
        let token_host = checked.token_url.as_ref().and_then(Url::host_str);
        let hosts = self.api_hosts(&checked.base);
        let with = |hosts: Vec<String>| HttpSettings {
            connection: connection.clone(),
            egress: self.egress(hosts),
            connect_timeout: Duration::from_secs(self.connect_timeout_seconds),
            total_timeout: Duration::from_secs(self.request_timeout_seconds),
            max_answer_bytes: MAX_ANSWER_BYTES,
            propagates_trace: false,
        };
        let evidence_hosts = hosts.iter().chain(&self.evidence_hosts).cloned();
        Ok(HttpClients {
            evidence: with(evidence_hosts.collect()),
            api: with(
                hosts
                    .into_iter()
                    .chain(token_host.map(str::to_owned))
                    .collect(),
            ),
        })
    }

    /// How often a request is looked at.
    #[must_use]
    pub fn pace(&self) -> Pace {
        Pace {
            first: Duration::from_secs(self.poll_interval_seconds),
            longest: Duration::from_secs(self.poll_interval_max_seconds),
        }
    }

    /// Whether Civic waits for a decision.
    #[must_use]
    pub const fn has_review(&self) -> bool {
        matches!(self.generation, Generation::Oauth { review: true, .. })
    }

    /// What loosens the rules, in a sentence each, to be said at every start.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        let table = [
            (self.allow_http, "requests to Civic go over plain http"),
            (
                self.allow_private_addresses,
                "Civic may have an address that is not public",
            ),
            (
                self.auto_approve_claims.is_some(),
                "reviews are approved by themselves once the configured claims are there",
            ),
        ];
        let said = table.into_iter().filter(|(is_so, _)| *is_so);
        said.map(|(_, warning)| warning).collect()
    }

    /// The origins of the API: the base's, and https at the further hosts.
    pub(crate) fn api_origins(&self, base: &Url) -> Vec<String> {
        let further = self
            .request_hosts
            .iter()
            .map(|host| format!("https://{host}"));
        let own = base.origin().ascii_serialization();
        std::iter::once(own).chain(further).collect()
    }

    fn api_hosts(&self, base: &Url) -> Vec<String> {
        let own = base.host_str().map(str::to_owned);
        own.into_iter()
            .chain(self.request_hosts.iter().cloned())
            .collect()
    }

    fn egress(&self, hosts: Vec<String>) -> Egress {
        Egress {
            hosts,
            allow_http: self.allow_http,
            allow_private_addresses: self.allow_private_addresses,
        }
    }

    pub(crate) fn check(&self) -> Result<Checked, Vec<SettingsFault>> {
        let mut faults = Faults::default();
        let allowed = self.egress(Vec::new());
        let base = faults.url("base_url", &self.base_url, &allowed);
        let (mut token_url, mut key) = (None, None);
        match &self.generation {
            Generation::Oauth { client, .. } => {
                token_url = faults.url("token_url", &client.token_url, &allowed);
                faults.name("client_id", &client.client_id);
                faults.name("audience", &client.audience);
                if client.client_secret.expose().is_empty() {
                    faults.add("client_secret", "must not be empty");
                }
            }
            Generation::PartnerJwt { private_key } => match Signer::new(private_key.expose()) {
                Ok(signer) => key = Some(signer),
                Err(problem) => faults.add("private_key", problem),
            },
        }
        self.check_partner(&mut faults);
        faults.hosts("request_hosts", &self.request_hosts);
        faults.host_patterns("evidence_hosts", &self.evidence_hosts);
        self.check_times(&mut faults);
        self.check_claims(&mut faults);
        match base {
            Some(base) => faults.ending(Checked {
                base,
                token_url,
                key,
            }),
            None => faults.ending(()).and(Err(Vec::new())),
        }
    }

    fn check_partner(&self, faults: &mut Faults) {
        let partner = &self.partner;
        faults.name("partner_id", &partner.partner_id);
        faults.name("gatekeeper_network", &partner.gatekeeper_network);
        faults.name("chain", &partner.chain);
        for (setting, text) in [("cluster", &partner.cluster), ("stage", &partner.stage)] {
            if let Some(text) = text {
                faults.name(setting, text);
            }
        }
    }

    fn check_times(&self, faults: &mut Faults) {
        let (first, longest) = (self.poll_interval_seconds, self.poll_interval_max_seconds);
        faults.bound("poll_interval_seconds", first, 1, 3_600);
        let least = first.clamp(1, 3_600);
        faults.bound("poll_interval_max_seconds", longest, least, 86_400);
        faults.bound(
            "connect_timeout_seconds",
            self.connect_timeout_seconds,
            1,
            60,
        );
        let most = MAX_REQUEST_TIMEOUT_SECONDS;
        faults.bound(
            "request_timeout_seconds",
            self.request_timeout_seconds,
            1,
            most,
        );
        faults.bound(
            "evidence_timeout_seconds",
            self.evidence_timeout_seconds,
            1,
            3_600,
        );
    }

    fn check_claims(&self, faults: &mut Faults) {
        let Some(claims) = &self.auto_approve_claims else {
            return;
        };
        if claims.is_empty() {
            faults.add("auto_approve_claims", "must name at least one claim");
        }
        for (claim, number) in claims.iter().zip(1..) {
            if fields::by_claim(*claim).is_none() {
                let problem = "is not offered by Civic Pass";
                faults.add(format_args!("auto_approve_claims[{number}]"), problem);
            }
        }
    }
}

#[cfg(test)]
mod tests;
