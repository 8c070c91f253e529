//! Settings as somebody wrote them: read key by key, so that no fault hides another.
//!
//! In place of what could not be read stands something harmless, so that the rest can be checked;
//! whatever the check then finds at such a place is left out. Settings with a stand-in never leave
//! this file.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use verilane_provider::settings::{Faults, Read};

use super::{KeyUse, PinnedKeySetting, Settings, SettingsFault};

#[derive(Deserialize)]
struct Written {
    base_url: Option<Read<String>>,
    callback_base_url: Option<Read<String>>,
    keys: Option<Read<Vec<Read<WrittenKey>>>>,
    allow_http: Option<Read<bool>>,
    allow_private_addresses: Option<Read<bool>>,
    connect_timeout_seconds: Option<Read<u64>>,
    request_timeout_seconds: Option<Read<u64>>,
    callback_retention_days: Option<Read<u32>>,
    revalidate: Option<Read<bool>>,
    propagate_trace: Option<Read<bool>>,
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct WrittenKey {
    public_key: Option<Read<String>>,
    only_for: Option<Read<KeyUse>>,
    #[serde(flatten)]
    unknown: BTreeMap<String, IgnoredAny>,
}

impl Settings {
    /// Reads and checks settings, in any format that `serde` reads.
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
        let settings = settings(written, &mut faults);
        faults.extend(settings.check().err().unwrap_or_default());
        faults.ending(settings)
    }
}

fn settings(written: Written, faults: &mut Faults) -> Settings {
    faults.unknown("", &written.unknown);
    let base_url = faults.needed("base_url", written.base_url);
    let keys = faults.needed("keys", written.keys).unwrap_or_default();
    let keys = keys.into_iter().zip(1..);
    let keys = keys.map(|(key, number)| pinned_key(key, number, faults));
    Settings {
        base_url: base_url.unwrap_or_default(),
        keys: keys.collect(),
        callback_base_url: faults.optional("callback_base_url", written.callback_base_url),
        allow_http: faults.loosening("allow_http", written.allow_http),
        allow_private_addresses: faults
            .loosening("allow_private_addresses", written.allow_private_addresses),
        connect_timeout_seconds: faults
            .optional("connect_timeout_seconds", written.connect_timeout_seconds)
            .unwrap_or(5),
        request_timeout_seconds: faults
            .optional("request_timeout_seconds", written.request_timeout_seconds)
            .unwrap_or(20),
        callback_retention_days: faults
            .optional("callback_retention_days", written.callback_retention_days)
            .unwrap_or(90),
        revalidate: faults
            .optional("revalidate", written.revalidate)
            .unwrap_or_default(),
        propagate_trace: faults
            .optional("propagate_trace", written.propagate_trace)
            .unwrap_or_default(),
    }
}

fn pinned_key(key: Read<WrittenKey>, number: usize, faults: &mut Faults) -> PinnedKeySetting {
    let at = format!("keys[{number}]");
    let Some(key) = faults.optional(&at, Some(key)) else {
        return PinnedKeySetting {
            public_key: String::new(),
            only_for: None,
        };
    };
    faults.unknown(&format!("{at}."), &key.unknown);
    let public_key = faults.needed(format_args!("{at}.public_key"), key.public_key);
    PinnedKeySetting {
        public_key: public_key.unwrap_or_default(),
        only_for: faults.optional(format_args!("{at}.only_for"), key.only_for),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "ecbce702f4d8548ef8b3fe672d5a58e83e23f55d69a90739904e5793e32bbadaacef919c284d555d84e95f11f21da607e4880d9ae7b6143980";

    fn faults(written: serde_json::Value) -> Vec<String> {
        let faults = Settings::read(written).err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.setting).collect()
    }

    #[test]
    fn little_has_to_be_said() {
        let written = json!({ "base_url": "https://x.example", "keys": [{ "public_key": KEY }] });
        let settings = Settings::read(written).unwrap();
        assert_eq!(settings.connect_timeout_seconds, 5);
        assert_eq!(settings.request_timeout_seconds, 20);
        assert_eq!(settings.callback_retention_days, 90);
        assert!(!settings.allow_http && !settings.allow_private_addresses);
        assert!(!settings.propagate_trace && !settings.revalidate);
        assert_eq!(faults(json!({})), ["base_url", "keys"]);
    }

    #[test]
    fn faults_of_every_kind_are_listed_beside_each_other() {
        let written = json!({
            "zzz": 1,
            "base_url": "ftp://x",
            "callback_base_url": 7,
            "keys": [
                { "public_key": "00", "for": "data" },
                { "public_key": KEY, "only_for": "both" },
                { "public_key": KEY },
                "a text",
                {},
            ],
            "allow_http": "yes",
            "connect_timeout_seconds": 0,
            "request_timeout_seconds": "20",
            "callback_retention_days": -1,
        });
        let mut found = faults(written);
        found.sort();
        let expected = [
            "allow_http",
            "base_url",
            "callback_base_url",
            "callback_retention_days",
            "connect_timeout_seconds",
            "keys[1].for",
            "keys[1].public_key",
            "keys[2].only_for",
            "keys[3].public_key",
            "keys[4]",
            "keys[5].public_key",
            "request_timeout_seconds",
            "zzz",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_could_not_be_read_is_not_also_said_to_break_a_rule() {
        let written = json!({
            "base_url": "http://127.0.0.1",
            "keys": [{ "public_key": KEY, "only_for": 1 }],
            "allow_http": 1,
            "allow_private_addresses": 1,
        });
        let expected = ["keys[1].only_for", "allow_http", "allow_private_addresses"];
        assert_eq!(faults(written), expected);
    }
}
