//! Settings as somebody wrote them. In place of what could not be read stands something harmless, so
//! that the rest can be checked; settings with a stand-in never leave this file.
//!
//! A secret stands in the settings, which the environment can lay over the file, or in a file of its
//! own.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use verilane_core::ClaimName;
use verilane_provider::settings::{Faults, Read};

use super::{Generation, OauthClient, Partner, Settings, SettingsFault};

#[derive(Deserialize)]
struct Written {
    generation: Option<Read<Kind>>,
    partner_id: Option<Read<String>>,
    gatekeeper_network: Option<Read<String>>,
    chain: Option<Read<String>>,
    cluster: Option<Read<String>>,
    stage: Option<Read<String>>,
    client_id: Option<Read<String>>,
    client_secret: Option<Read<String>>,
    client_secret_file: Option<Read<String>>,
    token_url: Option<Read<String>>,
    audience: Option<Read<String>>,
    review: Option<Read<bool>>,
    private_key: Option<Read<String>>,
    private_key_file: Option<Read<String>>,
    base_url: Option<Read<String>>,
    request_hosts: Option<Read<Vec<String>>>,
    evidence_hosts: Option<Read<Vec<String>>>,
    poll_interval_seconds: Option<Read<u64>>,
    poll_interval_max_seconds: Option<Read<u64>>,
    auto_approve_claims: Option<Read<Vec<String>>>,
    allow_http: Option<Read<bool>>,
    allow_private_addresses: Option<Read<bool>>,
    connect_timeout_seconds: Option<Read<u64>>,
    request_timeout_seconds: Option<Read<u64>>,
    evidence_timeout_seconds: Option<Read<u64>>,
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Oauth,
    PartnerJwt,
}

impl Settings {
    /// Reads and checks settings, in any format that `serde` reads, and the files that they name.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn read<'de>(written: impl Deserializer<'de>) -> Result<Self, Vec<SettingsFault>> {
        let mut written = Written::deserialize(written).map_err(|error| {
            vec![SettingsFault {
                setting: String::new(),
                problem: error.to_string(),
            }]
        })?;
        let mut faults = Faults::default();
        faults.unknown("", &written.unknown);
        let Some(kind) = faults.needed("generation", written.generation.take()) else {
            // What the rest should be, nobody knows.
            return Err(faults.ending(()).err().unwrap_or_default());
        };
        let settings = settings(written, kind, &mut faults);
        faults.extend(settings.check().err().unwrap_or_default());
        faults.ending(settings)
    }
}

fn settings(mut written: Written, kind: Kind, faults: &mut Faults) -> Settings {
    let (generation, base_url) = match kind {
        Kind::Oauth => (oauth(&mut written, faults), "https://api.civic.com/partner"),
        Kind::PartnerJwt => (
            partner_jwt(&mut written, faults),
            "https://verify.civic.com",
        ),
    };
    let request_hosts = match kind {
        // Where the requests of the document's own samples lie.
        Kind::PartnerJwt => vec!["api.civic.com".to_owned()],
        Kind::Oauth => Vec::new(),
    };
    let mut seconds =
        |setting, read: Option<Read<u64>>, usual| faults.optional(setting, read).unwrap_or(usual);
    let poll = seconds("poll_interval_seconds", written.poll_interval_seconds, 5);
    let poll_max = written.poll_interval_max_seconds;
    let poll_max = seconds("poll_interval_max_seconds", poll_max, 600);
    let connect = seconds(
        "connect_timeout_seconds",
        written.connect_timeout_seconds,
        5,
    );
    let request = seconds(
        "request_timeout_seconds",
        written.request_timeout_seconds,
        15,
    );
    let evidence = written.evidence_timeout_seconds;
    let evidence = seconds("evidence_timeout_seconds", evidence, 120);
    Settings {
        partner: Partner {
            partner_id: needed("partner_id", written.partner_id, faults),
            gatekeeper_network: needed("gatekeeper_network", written.gatekeeper_network, faults),
            chain: faults
                .optional("chain", written.chain)
                .unwrap_or_else(|| "solana".to_owned()),
            cluster: faults.optional("cluster", written.cluster),
            stage: faults.optional("stage", written.stage),
        },
        generation,
        base_url: faults
            .optional("base_url", written.base_url)
            .unwrap_or_else(|| base_url.to_owned()),
        request_hosts: faults
            .optional("request_hosts", written.request_hosts)
            .unwrap_or(request_hosts),
        evidence_hosts: faults
            .optional("evidence_hosts", written.evidence_hosts)
            .unwrap_or_else(|| vec!["*.s3.amazonaws.com".to_owned()]),
        poll_interval_seconds: poll,
        poll_interval_max_seconds: poll_max,
        auto_approve_claims: claims(written.auto_approve_claims, faults),
        allow_http: faults.loosening("allow_http", written.allow_http),
        allow_private_addresses: faults
            .loosening("allow_private_addresses", written.allow_private_addresses),
        connect_timeout_seconds: connect,
        request_timeout_seconds: request,
        evidence_timeout_seconds: evidence,
    }
}

fn oauth(written: &mut Written, faults: &mut Faults) -> Generation {
    let (key, file) = (
        written.private_key.is_some(),
        written.private_key_file.is_some(),
    );
    belongs_to(
        "partner-jwt",
        &[("private_key", key), ("private_key_file", file)],
        faults,
    );
    let secret = (
        written.client_secret.take(),
        written.client_secret_file.take(),
    );
    Generation::Oauth {
        client: OauthClient {
            client_id: needed("client_id", written.client_id.take(), faults),
            client_secret: faults.secret_or_file("client_secret", secret),
            token_url: faults
                .optional("token_url", written.token_url.take())
                .unwrap_or_else(|| "https://auth0.civic.com/oauth/token".to_owned()),
            audience: faults
                .optional("audience", written.audience.take())
                .unwrap_or_else(|| "https://api.civic.com/pass".to_owned()),
        },
        review: faults
            .optional("review", written.review.take())
            .unwrap_or_default(),
    }
}

fn partner_jwt(written: &mut Written, faults: &mut Faults) -> Generation {
    let said = [
        ("client_id", written.client_id.is_some()),
        ("client_secret", written.client_secret.is_some()),
        ("client_secret_file", written.client_secret_file.is_some()),
        ("token_url", written.token_url.is_some()),
        ("audience", written.audience.is_some()),
        ("review", written.review.is_some()),
    ];
    belongs_to("oauth", &said, faults);
    let secret = (written.private_key.take(), written.private_key_file.take());
    Generation::PartnerJwt {
        private_key: faults.secret_or_file("private_key", secret),
    }
}

fn belongs_to(other: &str, said: &[(&str, bool)], faults: &mut Faults) {
    for (setting, _) in said.iter().filter(|(_, is_said)| *is_said) {
        faults.add(setting, format_args!("belongs to generation = {other:?}"));
    }
}

fn needed(setting: &str, read: Option<Read<String>>, faults: &mut Faults) -> String {
    faults.needed(setting, read).unwrap_or_default()
}

fn claims(read: Option<Read<Vec<String>>>, faults: &mut Faults) -> Option<Vec<ClaimName>> {
    let words = faults.optional("auto_approve_claims", read)?;
    let mut claims = Vec::with_capacity(words.len());
    for (word, number) in words.iter().zip(1..) {
        match ClaimName::from_name(word) {
            Some(claim) => claims.push(claim),
            None => faults.add(
                format_args!("auto_approve_claims[{number}]"),
                "is no name of a claim",
            ),
        }
    }
    Some(claims)
}
