//! That the files with the defaults document every key, and show what is taken.

use verilane_core::ClaimName;

use super::super::section::{Asked, Section};
use super::*;

/// What a section asked for while it was read.
fn asked_in(section: &'static str) -> Vec<&'static str> {
    let mut faults = Faults::default();
    let mut layers = Layers::default();
    let section = layers.section(section, &mut faults);
    let read: fn(Section<'_>) -> Asked = match section.path() {
        "grpc" => |section| Grpc::read(section, &mut Across::default()).1,
        "ingress" => |section| Ingress::read(section, &mut Across::default()).1,
        "store" => |section| Store::read(section).1,
        "vault" => |section| Vault::read(section, None).1,
        "engine" => |section| Engine::read(section).1,
        "telemetry" => |section| Telemetry::read(section).1,
        "shutdown" => |section| Shutdown::read(section).1,
        "dev" => |section| Dev::read(section).1,
        other => panic!("{other}"),
    };
    read(section).keys
}

/// The keys that a commented file shows in a section, active or as a comment, and whether each
/// stands under a sentence.
fn shown_in(text: &str, section: &str) -> Vec<(String, bool)> {
    let mut inside = false;
    let mut explained = false;
    let mut shown = Vec::new();
    for line in text.lines() {
        let bare = line.trim_start_matches("# ");
        if bare.starts_with('[') {
            inside = line == format!("[{section}]");
            explained = false;
        } else if let Some((key, _)) = bare.split_once(" = ")
            && inside
            && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            shown.push((key.to_owned(), explained));
        } else if line.starts_with('#') {
            explained = true;
        } else if line.is_empty() {
            explained = false;
        }
    }
    shown
}

#[test]
fn every_key_is_documented_where_its_default_stands() {
    let sections = [
        "grpc",
        "ingress",
        "store",
        "vault",
        "engine",
        "telemetry",
        "shutdown",
    ];
    let sections = sections.map(|section| (DEFAULT, section));
    for (text, section) in sections.into_iter().chain([(DEV, "dev")]) {
        let shown = shown_in(text, section);
        assert!(shown.iter().all(|(_, explained)| *explained), "{shown:?}");
        let mut names: Vec<&str> = shown.iter().map(|(key, _)| key.as_str()).collect();
        names.sort_unstable();
        let mut asked = asked_in(section);
        asked.sort_unstable();
        assert_eq!(names, asked, "[{section}]");
    }
}

/// The examples of connections, each as it would be written, and its keys.
fn examples() -> Vec<(String, Vec<String>)> {
    let examples = DEFAULT.split("\n# [[connections]]").skip(1).map(|text| {
        let text = text.split("\n#\n").next().unwrap_or(text);
        let text = format!("[[connections]]{}", text.replace("\n# ", "\n"));
        let keys = text.lines().filter_map(|line| line.split_once(" = "));
        let keys = keys.map(|(key, _)| key.to_owned());
        let keys = keys.filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        let keys = keys.collect();
        (text, keys)
    });
    examples.collect()
}

#[test]
fn the_documented_connector_is_one_that_is_taken() {
    let (example, keys) = examples().remove(0);
    let text = example.replacen('…', KEY, 1);
    let text = text.replacen('…', &format!("0x{KEY}"), 1);
    // One key can't be pinned twice, which shows that everything else was read.
    let faults = load_with(Mode::Serve, &text, &[]).unwrap_err();
    assert_eq!(faults.all().len(), 1, "{faults}");
    assert!(faults.to_string().contains("is listed before"), "{faults}");
    let every = [
        "allow_http",
        "propagate_trace",
        "callback_retention_days",
        "max_calls",
        "calls_per_second",
        "calls_burst",
        "turn_wait",
        "call_tries",
        "circuit_failures",
        "circuit_open",
    ];
    assert!(
        every
            .iter()
            .all(|key| keys.iter().any(|shown| shown == key))
    );
}

#[test]
fn the_documented_account_at_civic_is_one_that_is_taken() {
    let (example, keys) = examples().remove(1);
    let text = example.replace('…', "x");
    // It shows both generations' keys, and a secret that is not on this machine.
    let faults = load_with(Mode::Serve, &text, &[]).unwrap_err();
    let mut wrong: Vec<&str> = faults.all().iter().map(|f| f.key.as_str()).collect();
    wrong.sort_unstable();
    let at = |key: &str| format!("connections.civic-live.{key}");
    assert_eq!(wrong, [at("client_secret"), at("private_key_file")]);
    let every = [
        "generation",
        "partner_id",
        "gatekeeper_network",
        "chain",
        "cluster",
        "stage",
        "client_id",
        "client_secret_file",
        "token_url",
        "audience",
        "review",
        "private_key_file",
        "base_url",
        "request_hosts",
        "evidence_hosts",
        "poll_interval_seconds",
        "poll_interval_max_seconds",
        "auto_approve_claims",
        "allow_http",
        "allow_private_addresses",
        "connect_timeout_seconds",
        "request_timeout_seconds",
        "evidence_timeout_seconds",
    ];
    assert!(
        every
            .iter()
            .all(|key| keys.iter().any(|shown| shown == key))
    );
}

#[test]
fn an_account_at_civic_needs_no_public_url_and_its_secret_can_come_by_the_environment() {
    let text = "[[connections]]\nname = \"civic-live\"\nprovider = \"civic-pass\"\n\
                generation = \"oauth\"\npartner_id = \"p\"\ngatekeeper_network = \"n\"\n\
                client_id = \"c\"\nauto_approve_claims = [\"name\"]\n";
    let variable = "VERILANE__CONNECTIONS__CIVIC_LIVE__CLIENT_SECRET";
    let config = load_with(Mode::Serve, text, &[(variable, "MARK")]).unwrap();
    let settings = &config.connections[0].settings;
    assert_eq!(settings.provider(), "civic-pass");
    assert_eq!(settings.auto_approve(), Some(&[ClaimName::Name][..]));
    assert_eq!(settings.warnings().len(), 1);
    assert!(!format!("{config:?}").contains("MARK"));
    let faults = load_with(Mode::Serve, text, &[]).unwrap_err();
    assert_eq!(faults.all().len(), 1, "{faults}");
}
