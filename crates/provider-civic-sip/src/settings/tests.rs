use std::io::Write as _;

use serde_json::{Value, json};

use super::*;
use crate::token::{Fault, Rules};

const KEY: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const SECRET: &str = "44bbae32d1e02bf481074177002bbdef";
/// The base point of secp256k1, which is as good a key as any.
const SECP256K1: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

fn little() -> Value {
    json!({
        "application_id": "HyhaWO1SG",
        "private_key": KEY,
        "application_secret": SECRET,
    })
}

fn with(others: Value) -> Value {
    crate::forge::with(little(), others)
}

fn faults(written: Value) -> Vec<String> {
    let faults = Settings::read(written).err().unwrap_or_default();
    faults.into_iter().map(|fault| fault.setting).collect()
}

fn clients(settings: &Settings) -> HttpClients {
    settings
        .http(&ConnectionName::new("test").unwrap())
        .unwrap()
}

fn exchange_of(written: Value) -> String {
    let settings = Settings::read(written).unwrap();
    settings.check().ok().unwrap().exchange.to_string()
}

#[test]
fn little_has_to_be_said() {
    let settings = Settings::read(little()).unwrap();
    assert!(settings.warnings().is_empty() && !settings.hide_intro);
    assert_eq!(settings.anonymous_login_retention_hours, 24);
    let clients = clients(&settings);
    assert_eq!(clients.api.egress.hosts, ["api.civic.com"]);
    assert_eq!(clients.payload.egress.hosts, ["*.s3.amazonaws.com"]);
    let checked = settings.check().ok().unwrap();
    let exchange = "https://api.civic.com/sip/prod/scopeRequest/authCode";
    assert_eq!(checked.exchange.as_str(), exchange);
    let trust = checked.reader.trust;
    assert_eq!(trust.audiences, ["https://api.civic.com/sip/"]);
    assert!(trust.keys.has(Curve::P256) && !trust.keys.has(Curve::Secp256k1));
    assert_eq!(
        faults(json!({})),
        ["application_id", "private_key", "application_secret"]
    );
}

#[test]
fn civic_s_own_key_is_pinned_unless_others_are() {
    let recorded = include_str!("../../testdata/civic_sip_token.json");
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    let token = recorded["auth_code_token"].as_str().unwrap();
    let rules = Rules {
        now: verilane_core::Timestamp::from_secs(1_519_931_717),
        earliest: None,
        issuer_may_be_subject: false,
    };
    let told = |written: Value| {
        let checked = Settings::read(written).unwrap().check().ok().unwrap();
        let opened = checked.reader.trust.open::<Value>(token, &rules);
        opened.err()
    };
    assert_eq!(told(little()), None);
    let other = json!({ "keys": [{ "public_key": SECP256K1, "curve": "secp256k1" }] });
    assert_eq!(told(with(other)), Some(Fault::Algorithm));
}

#[test]
fn a_code_is_exchanged_below_base_and_environment() {
    let table = [
        (
            json!({ "environment": "dev" }),
            "https://api.civic.com/sip/dev/scopeRequest/authCode",
        ),
        (
            json!({ "environment": "" }),
            "https://api.civic.com/sip/scopeRequest/authCode",
        ),
        (
            json!({ "base_url": "https://x.example:8443" }),
            "https://x.example:8443/prod/scopeRequest/authCode",
        ),
        (
            json!({ "base_url": "https://x.example/a/b", "environment": "" }),
            "https://x.example/a/b/scopeRequest/authCode",
        ),
    ];
    for (others, expected) in table {
        assert_eq!(exchange_of(with(others)), expected);
    }
}

#[test]
fn tokens_are_meant_for_the_base_unless_it_is_said_for_whom() {
    let audiences = |others: Value| {
        let settings = Settings::read(with(others)).unwrap();
        settings.check().ok().unwrap().reader.trust.audiences
    };
    let base = json!({ "base_url": "https://x.example/sip", "environment": "dev" });
    assert_eq!(audiences(base), ["https://x.example/sip/"]);
    let said = json!({ "audiences": ["https://x.example/dev", "https://x.example/"] });
    assert_eq!(
        audiences(said),
        ["https://x.example/dev", "https://x.example/"]
    );
}

#[test]
fn a_secret_is_shown_by_nothing() {
    let settings = Settings::read(little()).unwrap();
    let shown = format!("{settings:?}");
    assert!(!shown.contains(KEY) && !shown.contains(SECRET));
    for wrong in [
        json!({ "private_key": "MARK-no-key" }),
        json!({ "private_key": ["MARK"] }),
        json!({ "application_secret": "MARK" }),
        json!({ "application_secret": { "MARK": "MARK" } }),
        json!({ "application_secret": format!("MARK{}", &SECRET[4..]) }),
        json!({ "application_secret_file": "somewhere" }),
    ] {
        let found = Settings::read(with(wrong)).unwrap_err();
        assert!(!found.is_empty() && !format!("{found:?}").contains("MARK"));
    }
}

#[test]
fn a_secret_can_stand_in_a_file_of_its_own() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{SECRET}").unwrap();
    let path = file.path().to_str().unwrap();
    let written = with(json!({ "application_secret_file": path }));
    assert_eq!(faults(written), ["application_secret"]);
    let of =
        |path: &str| with(json!({ "application_secret": null, "application_secret_file": path }));
    let settings = Settings::read(of(path)).unwrap();
    assert_eq!(settings.application_secret.expose(), SECRET);
    assert_eq!(
        faults(of(&format!("{path}-not-there"))),
        ["application_secret"]
    );
    assert_eq!(
        faults(with(json!({ "private_key": null }))),
        ["private_key"]
    );
}

#[test]
fn every_fault_is_listed() {
    let mut found = faults(json!({
        "zzz": 1,
        "application_id": "two words",
        "private_key": "x",
        "application_secret": &SECRET[2..],
        "environment": "staging",
        "base_url": "ftp://x/?a",
        "keys": [
            { "public_key": "00", "for": "data" },
            { "public_key": SECP256K1, "curve": "p521" },
            { "curve": "p256" },
            "a text",
        ],
        "audiences": ["https://x.example", ""],
        "accept_issuer_as_subject": "yes",
        "allow_unencrypted_payload": 1,
        "payload_hosts": ["*.com", "*.s3.amazonaws.com", "UPPER.example"],
        "script_url": "civic.sip.min.js",
        "style_sheet_url": "http://x.example/a.css",
        "hide_intro": 7,
        "anonymous_login_retention_hours": 0,
        "allow_http": "no",
        "allow_private_addresses": {},
        "connect_timeout_seconds": 0,
        "request_timeout_seconds": 41,
        "payload_timeout_seconds": "long",
    }));
    found.sort();
    found.dedup();
    let expected = [
        "accept_issuer_as_subject",
        "allow_http",
        "allow_private_addresses",
        "allow_unencrypted_payload",
        "anonymous_login_retention_hours",
        "application_id",
        "application_secret",
        "audiences[2]",
        "base_url",
        "connect_timeout_seconds",
        "environment",
        "hide_intro",
        "keys[1].for",
        "keys[1].public_key",
        "keys[2].curve",
        "keys[3].public_key",
        "keys[4]",
        "payload_hosts[1]",
        "payload_hosts[3]",
        "payload_timeout_seconds",
        "private_key",
        "request_timeout_seconds",
        "script_url",
        "zzz",
    ];
    assert_eq!(found, expected);
    assert_eq!(
        faults(with(json!({ "style_sheet_url": "http://x.example" }))),
        ["style_sheet_url"]
    );
    for (hours, is_fault) in [(1, false), (87_600, false), (87_601, true)] {
        let found = faults(with(json!({ "anonymous_login_retention_hours": hours })));
        assert_eq!(!found.is_empty(), is_fault, "{hours}");
    }
    for list in ["keys", "audiences", "payload_hosts"] {
        assert_eq!(faults(with(json!({ list: [] }))), [list]);
    }
}

#[test]
fn what_loosens_the_rules_must_be_allowed_and_is_said_aloud() {
    let local = json!({ "base_url": "http://127.0.0.1:7490/civic-sip" });
    assert_eq!(faults(with(local.clone())), ["base_url"]);
    let lax = json!({
        "allow_http": true,
        "allow_private_addresses": true,
        "accept_issuer_as_subject": true,
        "allow_unencrypted_payload": true,
    });
    let lax = crate::forge::with(with(local), lax);
    assert_eq!(Settings::read(lax).unwrap().warnings().len(), 4);
}

#[test]
fn a_request_ends_before_the_call_that_it_belongs_to() {
    let call = verilane_provider::Limits::default().call_timeout;
    let request = Duration::from_secs(MAX_TIMEOUT_SECONDS);
    assert!(request + Duration::from_secs(5) <= call);
}
