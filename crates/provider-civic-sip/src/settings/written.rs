//! Settings as somebody wrote them. In place of what could not be read stands something harmless, so
//! that the rest can be checked; settings with a stand-in never leave this file.
//!
//! A secret stands in the settings, which the environment can lay over the file, or in a file of its
//! own.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use verilane_provider::jwt::Curve;
use verilane_provider::settings::{Faults, Read};

use super::{Environment, PinnedKeySetting, Settings, SettingsFault};

/// The key that Civic signs with in production.
const CIVIC_KEY: &str = "049a45998638cfb3c4b211d72030d9ae8329a242db63bfb0076a54e7647370a8ac5708b57af6065805d5a6be72332620932dbb35e8d318fce18e7c980a0eb26aa1";

#[derive(Deserialize)]
struct Written {
    application_id: Option<Read<String>>,
    private_key: Option<Read<String>>,
    private_key_file: Option<Read<String>>,
    application_secret: Option<Read<String>>,
    application_secret_file: Option<Read<String>>,
    environment: Option<Read<Environment>>,
    base_url: Option<Read<String>>,
    keys: Option<Read<Vec<Read<WrittenKey>>>>,
    audiences: Option<Read<Vec<String>>>,
    accept_issuer_as_subject: Option<Read<bool>>,
    allow_unencrypted_payload: Option<Read<bool>>,
    payload_hosts: Option<Read<Vec<String>>>,
    script_url: Option<Read<String>>,
    style_sheet_url: Option<Read<String>>,
    hide_intro: Option<Read<bool>>,
    anonymous_login_retention_hours: Option<Read<u64>>,
    allow_http: Option<Read<bool>>,
    allow_private_addresses: Option<Read<bool>>,
    connect_timeout_seconds: Option<Read<u64>>,
    request_timeout_seconds: Option<Read<u64>>,
    payload_timeout_seconds: Option<Read<u64>>,
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct WrittenKey {
    public_key: Option<Read<String>>,
    curve: Option<Read<Curve>>,
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

impl Settings {
    /// Reads and checks settings, in any format that `serde` reads, and the files that they name.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn read<'de>(written: impl Deserializer<'de>) -> Result<Self, Vec<SettingsFault>> {
        let written = Written::deserialize(written).map_err(|error| {
            vec![SettingsFault {
                setting: String::new(),
                problem: error.to_string(),
            }]
        })?;
        let mut faults = Faults::default();
        faults.unknown("", &written.unknown);
        let settings = settings(written, &mut faults);
        faults.extend(settings.check().err().unwrap_or_default());
        faults.ending(settings)
    }
}

fn settings(written: Written, faults: &mut Faults) -> Settings {
    let mut number =
        |setting, read: Option<Read<u64>>, usual| faults.optional(setting, read).unwrap_or(usual);
    let retention = written.anonymous_login_retention_hours;
    let retention = number("anonymous_login_retention_hours", retention, 24);
    let connect = written.connect_timeout_seconds;
    let connect = number("connect_timeout_seconds", connect, 5);
    let request = written.request_timeout_seconds;
    let request = number("request_timeout_seconds", request, 20);
    let payload = written.payload_timeout_seconds;
    let payload = number("payload_timeout_seconds", payload, 30);
    let mut text = |setting, read: Option<Read<String>>, usual: &str| {
        let said = faults.optional(setting, read);
        said.unwrap_or_else(|| usual.to_owned())
    };
    let base_url = text("base_url", written.base_url, "https://api.civic.com/sip/");
    let script = "https://hosted-sip.civic.com/js/civic.sip.min.js";
    let script_url = text("script_url", written.script_url, script);
    let style_sheet = "https://hosted-sip.civic.com/css/civic-modal.min.css";
    let style_sheet_url = text("style_sheet_url", written.style_sheet_url, style_sheet);
    let private_key = (written.private_key, written.private_key_file);
    let secret = (written.application_secret, written.application_secret_file);
    Settings {
        application_id: faults
            .needed("application_id", written.application_id)
            .unwrap_or_default(),
        private_key: faults.secret_or_file("private_key", private_key),
        application_secret: faults.secret_or_file("application_secret", secret),
        environment: faults
            .optional("environment", written.environment)
            .unwrap_or_default(),
        base_url,
        keys: keys(written.keys, faults),
        audiences: faults.optional("audiences", written.audiences),
        accept_issuer_as_subject: faults
            .loosening("accept_issuer_as_subject", written.accept_issuer_as_subject),
        allow_unencrypted_payload: faults.loosening(
            "allow_unencrypted_payload",
            written.allow_unencrypted_payload,
        ),
        payload_hosts: faults
            .optional("payload_hosts", written.payload_hosts)
            .unwrap_or_else(|| vec!["*.s3.amazonaws.com".to_owned()]),
        script_url,
        style_sheet_url,
        hide_intro: faults
            .optional("hide_intro", written.hide_intro)
            .unwrap_or_default(),
        anonymous_login_retention_hours: retention,
        allow_http: faults.loosening("allow_http", written.allow_http),
        allow_private_addresses: faults
            .loosening("allow_private_addresses", written.allow_private_addresses),
        connect_timeout_seconds: connect,
        request_timeout_seconds: request,
        payload_timeout_seconds: payload,
    }
}

/// The keys that are said, instead of Civic's own.
fn keys(read: Option<Read<Vec<Read<WrittenKey>>>>, faults: &mut Faults) -> Vec<PinnedKeySetting> {
    let Some(written) = faults.optional("keys", read) else {
        return vec![PinnedKeySetting {
            public_key: CIVIC_KEY.to_owned(),
            curve: Some(Curve::P256),
        }];
    };
    let mut keys = Vec::with_capacity(written.len());
    for (key, number) in written.into_iter().zip(1..) {
        let place = format!("keys[{number}]");
        let key = faults.optional(&place, Some(key));
        let mut setting = PinnedKeySetting {
            public_key: String::new(),
            curve: None,
        };
        if let Some(key) = key {
            faults.unknown(&format!("{place}."), &key.unknown);
            let public_key = faults.needed(format_args!("{place}.public_key"), key.public_key);
            setting.public_key = public_key.unwrap_or_default();
            setting.curve = faults.optional(format_args!("{place}.curve"), key.curve);
        }
        keys.push(setting);
    }
    keys
}
