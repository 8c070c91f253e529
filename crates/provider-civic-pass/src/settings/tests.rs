use std::io::Write as _;

use serde_json::{Value, json};

use super::*;

const KEY: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";

fn oauth() -> Value {
    json!({
        "generation": "oauth",
        "partner_id": "7SXjaG9TH",
        "gatekeeper_network": "ni1jXzPTq1yTqo67tUmVgnp22b1qGAAZCtPmHtskqYG",
        "client_id": "client",
        "client_secret": "MARK-secret",
    })
}

fn partner_jwt() -> Value {
    json!({
        "generation": "partner-jwt",
        "partner_id": "7SXjaG9TH",
        "gatekeeper_network": "ni1jXzPTq1yTqo67tUmVgnp22b1qGAAZCtPmHtskqYG",
        "private_key": KEY,
    })
}

fn with(mut written: Value, more: Value) -> Value {
    let Value::Object(more) = more else {
        panic!("{more}");
    };
    written.as_object_mut().unwrap().extend(more);
    written
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

#[test]
fn little_has_to_be_said_for_either_generation() {
    let settings = Settings::read(oauth()).unwrap();
    assert_eq!(settings.base_url, "https://api.civic.com/partner");
    assert_eq!(settings.partner.chain, "solana");
    assert!(!settings.has_review() && settings.warnings().is_empty());
    let clients_of_oauth = clients(&settings);
    let hosts = ["api.civic.com", "auth0.civic.com"];
    assert_eq!(clients_of_oauth.api.egress.hosts, hosts);
    let hosts = ["api.civic.com", "*.s3.amazonaws.com"];
    assert_eq!(clients_of_oauth.evidence.egress.hosts, hosts);
    let pace = settings.pace();
    assert_eq!((pace.first.as_secs(), pace.longest.as_secs()), (5, 600));

    let settings = Settings::read(partner_jwt()).unwrap();
    assert_eq!(settings.base_url, "https://verify.civic.com");
    let hosts = ["verify.civic.com", "api.civic.com"];
    assert_eq!(clients(&settings).api.egress.hosts, hosts);
    let own = Url::parse(&settings.base_url).unwrap();
    let origins = ["https://verify.civic.com", "https://api.civic.com"];
    assert_eq!(settings.api_origins(&own), origins);
}

#[test]
fn a_secret_is_shown_by_nothing() {
    let settings = Settings::read(oauth()).unwrap();
    assert!(!format!("{settings:?}").contains("MARK"));
    let settings = Settings::read(partner_jwt()).unwrap();
    assert!(!format!("{settings:?}").contains(KEY));
    for wrong in [
        with(partner_jwt(), json!({ "private_key": "MARK-no-key" })),
        with(partner_jwt(), json!({ "private_key": ["MARK"] })),
        with(oauth(), json!({ "client_secret": { "MARK": "MARK" } })),
        with(partner_jwt(), json!({ "client_secret": "MARK" })),
        with(oauth(), json!({ "client_secret_file": "somewhere" })),
    ] {
        let found = Settings::read(wrong).unwrap_err();
        assert!(!found.is_empty() && !format!("{found:?}").contains("MARK"));
    }
}

#[test]
fn a_secret_can_stand_in_a_file_of_its_own() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "from-a-file").unwrap();
    let path = file.path().to_str().unwrap();
    let mut written = with(oauth(), json!({ "client_secret_file": path }));
    assert_eq!(faults(written.clone()), ["client_secret"]);
    written.as_object_mut().unwrap().remove("client_secret");
    let settings = Settings::read(written.clone()).unwrap();
    let Generation::Oauth { client, .. } = &settings.generation else {
        panic!("{settings:?}");
    };
    assert_eq!(client.client_secret.expose(), "from-a-file");
    written["client_secret_file"] = format!("{path}-not-there").into();
    assert_eq!(faults(written.clone()), ["client_secret"]);
    written
        .as_object_mut()
        .unwrap()
        .remove("client_secret_file");
    assert_eq!(faults(written), ["client_secret"]);
}

#[test]
fn what_belongs_to_the_other_generation_is_refused() {
    let of_other = json!({ "private_key_file": "x" });
    assert_eq!(faults(with(oauth(), of_other)), ["private_key_file"]);
    let of_other = json!({ "client_id": "x", "review": true, "token_url": "https://x.example" });
    let found = faults(with(partner_jwt(), of_other));
    assert_eq!(found, ["client_id", "token_url", "review"]);
    assert_eq!(faults(json!({ "partner_id": "x" })), ["generation"]);
    assert_eq!(
        faults(with(oauth(), json!({ "generation": "sip" }))),
        ["generation"]
    );
}

#[test]
fn every_fault_is_listed() {
    let wrong = json!({
        "zzz": 1,
        "partner_id": "",
        "gatekeeper_network": "two words",
        "chain": 7,
        "cluster": "",
        "client_id": "",
        "client_secret": " ",
        "token_url": "auth0.civic.com",
        "audience": "",
        "review": "yes",
        "base_url": "ftp://x/?a",
        "request_hosts": ["api.civic.com", "https://api.civic.com"],
        "evidence_hosts": ["*.com", "*", "*.s3.amazonaws.com", "UPPER.example", "a.*.example"],
        "poll_interval_seconds": 0,
        "poll_interval_max_seconds": 86_401,
        "auto_approve_claims": ["name", "shoe_size", "gender"],
        "allow_http": "yes",
        "connect_timeout_seconds": 61,
        "request_timeout_seconds": 21,
        "evidence_timeout_seconds": 0,
    });
    let mut found = faults(with(oauth(), wrong));
    found.sort();
    found.dedup();
    let expected = [
        "allow_http",
        "audience",
        "auto_approve_claims[2]",
        "base_url",
        "chain",
        "client_id",
        "client_secret",
        "cluster",
        "connect_timeout_seconds",
        "evidence_hosts[1]",
        "evidence_hosts[2]",
        "evidence_hosts[4]",
        "evidence_hosts[5]",
        "evidence_timeout_seconds",
        "gatekeeper_network",
        "partner_id",
        "poll_interval_max_seconds",
        "poll_interval_seconds",
        "request_hosts[2]",
        "request_timeout_seconds",
        "review",
        "token_url",
        "zzz",
    ];
    assert_eq!(found, expected);
    assert_eq!(
        faults(with(oauth(), json!({ "auto_approve_claims": [] }))),
        ["auto_approve_claims"]
    );
    let gender = json!({ "auto_approve_claims": ["name", "gender"] });
    assert_eq!(faults(with(oauth(), gender)), ["auto_approve_claims[2]"]);
}

#[test]
fn what_loosens_the_rules_must_be_allowed_and_is_said_aloud() {
    let local = json!({
        "base_url": "http://127.0.0.1:7490/civic-pass/partner",
        "token_url": "http://127.0.0.1:7490/civic-pass/oauth/token",
    });
    let local = with(oauth(), local);
    let mut found = faults(local.clone());
    found.dedup();
    assert_eq!(found, ["base_url", "token_url"]);
    let lax = json!({
        "allow_http": true,
        "allow_private_addresses": true,
        "auto_approve_claims": ["name"],
    });
    let settings = Settings::read(with(local, lax)).unwrap();
    assert_eq!(settings.warnings().len(), 3);
}

#[test]
fn two_requests_end_before_the_call_that_they_belong_to() {
    let call = verilane_provider::Limits::default().call_timeout;
    let requests = Duration::from_secs(2 * MAX_REQUEST_TIMEOUT_SECONDS);
    assert!(requests + Duration::from_secs(5) <= call);
}
