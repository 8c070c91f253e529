//! What an operator says about one connector, and what can be wrong with it.
//!
//! Every fault is reported, not only the first. What loosens the rules is said aloud.

mod written;

use std::time::Duration;

use serde::Deserialize;
use verilane_core::ConnectionName;
use verilane_provider::http::{Egress, HttpSettings, Url};

use crate::signature::keys::{Channel, KeySet};

pub use verilane_provider::settings::SettingsFault;

/// One connection to a CorePass Connector.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the connector answers, such as `https://connector.example.com`; a path is kept.
    pub base_url: String,
    /// Where the connector reaches our ingress, sent as it stands with the path of a callback
    /// added; the server's own base if unsaid.
    pub callback_base_url: Option<String>,
    /// The connector's public keys that are trusted.
    pub keys: Vec<PinnedKeySetting>,
    /// Whether the connector is called over plain http. For one that runs beside us.
    pub allow_http: bool,
    /// Whether the connector may have an address that is not public.
    pub allow_private_addresses: bool,
    /// How long a connection to it may take to stand, seconds.
    pub connect_timeout_seconds: u64,
    /// How long a request may take in all, seconds: 40 at most, so that it ends before the time-out
    /// of the whole call (`verilane_provider::Limits`), which knows less of what became of it.
    pub request_timeout_seconds: u64,
    /// How long callback paths stay valid, days: the connector's longest retry schedule and a day.
    pub callback_retention_days: u32,
    /// Whether the connector answers `/api/v1/blockchain/valid`, which its later versions do: then
    /// claims can be checked again.
    pub revalidate: bool,
    /// Whether the connector is told our traces (W3C `traceparent`).
    pub propagate_trace: bool,
}

/// A key that is trusted.
#[derive(Clone, Debug)]
pub struct PinnedKeySetting {
    /// The public key in hex: 114 digits of Ed448, or 66 or 130 of secp256k1.
    pub public_key: String,
    /// The only callbacks it may sign; all if unsaid.
    pub only_for: Option<KeyUse>,
}

/// A kind of callback, as connectors divide their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// Status callbacks.
    Status,
    /// Data and failure callbacks.
    Data,
}

/// Settings that were checked.
pub(crate) struct Checked {
    pub(crate) base: Url,
    pub(crate) keys: KeySet,
}

/// The most bytes of an answer: a QR code's picture is the largest part of one.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// The longest `request_timeout_seconds`.
const MAX_REQUEST_TIMEOUT_SECONDS: u64 = 40;

impl Settings {
    /// How the connection's HTTP client is to be set up.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn http(&self, connection: &ConnectionName) -> Result<HttpSettings, Vec<SettingsFault>> {
        let checked = self.check()?;
        Ok(HttpSettings {
            connection: connection.clone(),
            egress: Egress {
                allow_http: self.allow_http,
                allow_private_addresses: self.allow_private_addresses,
                ..Egress::to_host_of(&checked.base)
            },
            connect_timeout: Duration::from_secs(self.connect_timeout_seconds),
            total_timeout: Duration::from_secs(self.request_timeout_seconds),
            max_answer_bytes: MAX_ANSWER_BYTES,
            propagates_trace: self.propagate_trace,
        })
    }

    /// How long callback paths stay valid.
    #[must_use]
    pub fn callback_retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.callback_retention_days) * 24 * 60 * 60)
    }

    /// What loosens the rules, in a sentence each, to be said at every start.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.allow_http {
            warnings.push("requests to the connector go over plain http");
        }
        if self.allow_private_addresses {
            warnings.push("the connector may have an address that is not public");
        }
        warnings
    }

    pub(crate) fn check(&self) -> Result<Checked, Vec<SettingsFault>> {
        let mut faults = Vec::new();
        let mut fault = |setting: &str, problem: &str| {
            faults.push(SettingsFault {
                setting: setting.to_owned(),
                problem: problem.to_owned(),
            });
        };
        let base = match base_url(&self.base_url) {
            Ok(base) => Some(base),
            Err(problem) => {
                fault("base_url", problem);
                None
            }
        };
        if let Some(base) = &base {
            let rules = Egress {
                allow_http: self.allow_http,
                allow_private_addresses: self.allow_private_addresses,
                ..Egress::to_host_of(base)
            };
            if let Err(refused) = rules.permit(base) {
                fault("base_url", &refused.to_string());
            }
        }
        if let Some(callbacks) = &self.callback_base_url
            && (callbacks.is_empty() || callbacks.contains(['?', '#', ' ']))
        {
            fault(
                "callback_base_url",
                "must be a URL without query and fragment",
            );
        }
        let keys = self.keys.iter().map(|key| {
            let channel = key.only_for.map(|only| match only {
                KeyUse::Status => Channel::Status,
                KeyUse::Data => Channel::Data,
            });
            (key.public_key.as_str(), channel)
        });
        let keys = match KeySet::new(keys) {
            Ok(keys) => Some(keys),
            Err(problems) => {
                for problem in problems {
                    fault(&problem.setting(), &problem.to_string());
                }
                None
            }
        };
        if !(1..=60).contains(&self.connect_timeout_seconds) {
            fault("connect_timeout_seconds", "must be 1 to 60");
        }
        if !(1..=MAX_REQUEST_TIMEOUT_SECONDS).contains(&self.request_timeout_seconds) {
            let problem = format!("must be 1 to {MAX_REQUEST_TIMEOUT_SECONDS}");
            fault("request_timeout_seconds", &problem);
        }
        if !(1..=3_650).contains(&self.callback_retention_days) {
            fault("callback_retention_days", "must be 1 to 3650");
        }
        match (base, keys) {
            (Some(base), Some(keys)) if faults.is_empty() => Ok(Checked { base, keys }),
            _ => Err(faults),
        }
    }
}

fn base_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL with a scheme")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("must start with https:// (or http://) and a host");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have neither query nor fragment");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ecbce702f4d8548ef8b3fe672d5a58e83e23f55d69a90739904e5793e32bbadaacef919c284d555d84e95f11f21da607e4880d9ae7b6143980";

    fn with(base_url: &str) -> Settings {
        Settings {
            base_url: base_url.to_owned(),
            callback_base_url: None,
            keys: vec![PinnedKeySetting {
                public_key: KEY.to_owned(),
                only_for: None,
            }],
            allow_http: false,
            allow_private_addresses: false,
            connect_timeout_seconds: 5,
            request_timeout_seconds: 20,
            callback_retention_days: 90,
            revalidate: false,
            propagate_trace: false,
        }
    }

    fn faults(settings: &Settings) -> Vec<String> {
        let faults = settings.check().err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.setting).collect()
    }

    #[test]
    fn only_the_connectors_own_host_is_called() {
        let settings = with("https://connector.example.com/corepass/");
        let http = settings
            .http(&ConnectionName::new("test").unwrap())
            .unwrap();
        assert_eq!(http.egress.hosts, ["connector.example.com"]);
        assert!(!http.egress.allow_http && !http.egress.allow_private_addresses);
        assert_eq!(
            settings.callback_retention(),
            Duration::from_secs(90 * 86_400)
        );
        assert!(settings.warnings().is_empty());
    }

    #[test]
    fn every_fault_is_listed() {
        let mut wrong = with("ftp://x/?a");
        wrong.keys.clear();
        wrong.connect_timeout_seconds = 0;
        wrong.request_timeout_seconds = 41;
        wrong.callback_retention_days = 0;
        wrong.callback_base_url = Some(String::new());
        assert_eq!(
            faults(&wrong),
            [
                "base_url",
                "callback_base_url",
                "keys",
                "keys",
                "connect_timeout_seconds",
                "request_timeout_seconds",
                "callback_retention_days"
            ]
        );
    }

    #[test]
    fn a_request_ends_before_the_call_that_it_belongs_to() {
        let call = verilane_provider::Limits::default().call_timeout;
        let request = Duration::from_secs(MAX_REQUEST_TIMEOUT_SECONDS);
        assert!(request + Duration::from_secs(5) <= call);
        let mut longest = with("https://x.example");
        longest.request_timeout_seconds = MAX_REQUEST_TIMEOUT_SECONDS;
        assert!(faults(&longest).is_empty());
    }

    #[test]
    fn plain_http_and_private_addresses_must_be_allowed_and_are_said_aloud() {
        for base in [
            "http://connector.example.com",
            "https://127.0.0.1",
            "https://u@x.example",
        ] {
            assert_eq!(faults(&with(base)), ["base_url"], "{base}");
        }
        let mut lax = with("http://127.0.0.1:8080");
        lax.allow_http = true;
        lax.allow_private_addresses = true;
        assert!(faults(&lax).is_empty());
        assert_eq!(lax.warnings().len(), 2);
    }

    #[test]
    fn a_key_may_be_limited_to_a_kind_of_callback() {
        let mut status_only = with("https://x.example");
        status_only.keys[0].only_for = Some(KeyUse::Status);
        assert_eq!(faults(&status_only), ["keys"]);
    }
}
