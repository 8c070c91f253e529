//! What an operator says about one application at Civic, and what can be wrong with it.
//!
//! Every fault is reported, not only the first. What loosens the rules is said aloud. Secrets are never
//! shown, and what is wrong with them is said without them.

mod written;

use std::time::Duration;

use serde::Deserialize;
use verilane_core::{ConnectionName, Pii};
use verilane_provider::http::{Egress, HttpSettings, Url};
use verilane_provider::jwt::{Curve, PinnedKeys, Signer};
use verilane_provider::settings::Faults;

use crate::answer::Reader;
use crate::order::{Authority, PATH};
use crate::payload::SECRET_BYTES;
use crate::token::Trust;

pub use verilane_provider::settings::SettingsFault;

/// One application.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The application's id.
    pub application_id: String,
    /// The private key that it signs its requests with: PEM, or hex.
    pub private_key: Pii<String>,
    /// Its secret: 16 bytes in hex.
    pub application_secret: Pii<String>,
    /// Which of Civic's environments it belongs to.
    pub environment: Environment,
    /// Where the API answers, without the environment.
    pub base_url: String,
    /// Civic's public keys that are trusted.
    pub keys: Vec<PinnedKeySetting>,
    /// Whom Civic's tokens may be meant for; the API's base, with a slash at its end, if unsaid.
    pub audiences: Option<Vec<String>>,
    /// Whether a code is taken that names its issuer instead of an application, as old ones do.
    pub accept_issuer_as_subject: bool,
    /// Whether the user's data is taken unencrypted.
    pub allow_unencrypted_payload: bool,
    /// The hosts from which an answer's payload may be fetched.
    pub payload_hosts: Vec<String>,
    /// The script that a page includes.
    pub script_url: String,
    /// The style sheet that goes with it.
    pub style_sheet_url: String,
    /// Whether the introduction to a proof of identity is left out.
    pub hide_intro: bool,
    /// How long what an `ANONYMOUS_LOGIN` gave is kept after its end, hours.
    pub anonymous_login_retention_hours: u64,
    /// Whether Civic is called over plain http. For a sandbox.
    pub allow_http: bool,
    /// Whether its hosts may have addresses that are not public.
    pub allow_private_addresses: bool,
    /// How long a connection may take to stand, seconds.
    pub connect_timeout_seconds: u64,
    /// How long an exchange may take in all, seconds.
    pub request_timeout_seconds: u64,
    /// How long a payload may take in all, seconds.
    pub payload_timeout_seconds: u64,
}

/// One of Civic's environments, as the part of a path that it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// For real users.
    #[default]
    Prod,
    /// For tests.
    Dev,
    /// The base already leads to one.
    #[serde(rename = "")]
    Unsaid,
}

/// A key that is trusted.
#[derive(Clone, Debug)]
pub struct PinnedKeySetting {
    /// The public key in hex: a point, 66 digits if it is compressed and 130 if not.
    pub public_key: String,
    /// Its curve; the one on which it lies if unsaid.
    pub curve: Option<Curve>,
}

/// How the connection's two HTTP clients are to be set up.
#[derive(Clone, Debug)]
pub struct HttpClients {
    /// For the API.
    pub api: HttpSettings,
    /// For the storage that large payloads lie in.
    pub payload: HttpSettings,
}

/// Settings that were checked.
pub(crate) struct Checked {
    pub(crate) exchange: Url,
    pub(crate) authority: Authority,
    pub(crate) reader: Reader,
}

/// The most bytes of an answer: what is larger lies in storage.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// The most bytes that are kept of what storage answers when it refuses.
const MAX_STORAGE_REFUSAL: usize = 64 * 1024;
/// The longest time-out of a request: within that of the whole call (`verilane_provider::Limits`),
/// which knows less of what became of it.
const MAX_TIMEOUT_SECONDS: u64 = 40;
/// The longest that what an anonymous login gave is kept: ten years.
const MAX_RETENTION_HOURS: u64 = 87_600;
/// The most audiences and keys.
const MAX_LISTED: usize = 16;

impl Environment {
    const fn path(self) -> &'static str {
        match self {
            Self::Prod => "prod/",
            Self::Dev => "dev/",
            Self::Unsaid => "",
        }
    }
}

impl Settings {
    /// How the connection's HTTP clients are to be set up.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn http(&self, connection: &ConnectionName) -> Result<HttpClients, Vec<SettingsFault>> {
        let checked = self.check()?;
        let with = |hosts, seconds, max_answer_bytes| HttpSettings {
            connection: connection.clone(),
            egress: self.egress(hosts),
            connect_timeout: Duration::from_secs(self.connect_timeout_seconds),
            total_timeout: Duration::from_secs(seconds),
            max_answer_bytes,
            propagates_trace: false,
        };
        let own = Egress::to_host_of(&checked.exchange).hosts;
        let (payload, seconds) = (self.payload_hosts.clone(), self.payload_timeout_seconds);
        Ok(HttpClients {
            api: with(own, self.request_timeout_seconds, MAX_ANSWER_BYTES),
            payload: with(payload, seconds, MAX_STORAGE_REFUSAL),
        })
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
                self.accept_issuer_as_subject,
                "authorization codes are taken that name no application, and so could be another's",
            ),
            (
                self.allow_unencrypted_payload,
                "Civic may send users' data unencrypted",
            ),
        ];
        let said = table.into_iter().filter(|(is_so, _)| *is_so);
        said.map(|(_, warning)| warning).collect()
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
        faults.name("application_id", &self.application_id);
        let signer = Signer::new(self.private_key.expose())
            .map_err(|problem| faults.add("private_key", problem))
            .ok();
        let secret = self.secret(&mut faults);
        let base = self.base(&mut faults);
        let keys = self.pinned(&mut faults);
        let audiences = self.audiences(base.as_ref(), &mut faults);
        let payload_hosts = &self.payload_hosts;
        if payload_hosts.is_empty() {
            faults.add("payload_hosts", "must name at least one host");
        }
        faults.host_patterns("payload_hosts", payload_hosts);
        self.check_page(&mut faults);
        self.check_times(&mut faults);
        faults.ending(())?;
        let whole = (|| {
            let base = base?;
            let exchange = below(&base, self.environment);
            let authority = Authority::new(
                signer?,
                &self.application_secret,
                self.application_id.clone(),
                base.to_string(),
            );
            let trust = Trust {
                keys: keys?,
                audiences,
                application_id: self.application_id.clone(),
            };
            let reader = Reader {
                trust,
                secret: secret?,
                allows_unencrypted: self.allow_unencrypted_payload,
            };
            Some(Checked {
                exchange,
                authority,
                reader,
            })
        })();
        // What is missing was said above.
        whole.ok_or_else(Vec::new)
    }

    fn secret(&self, faults: &mut Faults) -> Option<Pii<[u8; SECRET_BYTES]>> {
        let mut bytes = [0; SECRET_BYTES];
        let read = hex::decode_to_slice(self.application_secret.expose(), &mut bytes);
        if read.is_err() {
            faults.add("application_secret", "must be 32 hexadecimal digits");
        }
        read.is_ok().then(|| Pii::new(bytes))
    }

    /// The base, with a slash at its end.
    fn base(&self, faults: &mut Faults) -> Option<Url> {
        let allowed = self.egress(Vec::new());
        let mut base = faults.url("base_url", &self.base_url, &allowed)?;
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        Some(base)
    }

    fn pinned(&self, faults: &mut Faults) -> Option<PinnedKeys> {
        if !(1..=MAX_LISTED).contains(&self.keys.len()) {
            faults.add("keys", "must name 1 to 16 of Civic's public keys");
        }
        let keys = self.keys.iter();
        match PinnedKeys::new(keys.map(|key| (key.public_key.as_str(), key.curve))) {
            Ok(keys) => Some(keys),
            Err(wrong) => {
                for (number, fault) in wrong {
                    faults.add(format_args!("keys[{number}].public_key"), fault);
                }
                None
            }
        }
    }

    fn audiences(&self, base: Option<&Url>, faults: &mut Faults) -> Vec<String> {
        let Some(said) = &self.audiences else {
            return base.map(Url::to_string).into_iter().collect();
        };
        if !(1..=MAX_LISTED).contains(&said.len()) {
            faults.add("audiences", "must name 1 to 16 audiences");
        }
        for (audience, number) in said.iter().zip(1..) {
            faults.name(&format!("audiences[{number}]"), audience);
        }
        said.clone()
    }

    /// What is given to the page. It is the page's browser that goes there, so an address may be any.
    fn check_page(&self, faults: &mut Faults) {
        let allowed = Egress {
            allow_private_addresses: true,
            ..self.egress(Vec::new())
        };
        faults.url("script_url", &self.script_url, &allowed);
        faults.url("style_sheet_url", &self.style_sheet_url, &allowed);
    }

    fn check_times(&self, faults: &mut Faults) {
        let times = [
            ("connect_timeout_seconds", self.connect_timeout_seconds),
            ("request_timeout_seconds", self.request_timeout_seconds),
            ("payload_timeout_seconds", self.payload_timeout_seconds),
        ];
        for (setting, seconds) in times {
            faults.bound(setting, seconds, 1, MAX_TIMEOUT_SECONDS);
        }
        let hours = self.anonymous_login_retention_hours;
        let setting = "anonymous_login_retention_hours";
        faults.bound(setting, hours, 1, MAX_RETENTION_HOURS);
    }
}

/// Where codes are exchanged, below a base that ends in a slash.
fn below(base: &Url, environment: Environment) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{}{PATH}", base.path(), environment.path()));
    url
}

#[cfg(test)]
mod tests;
