//! The configuration as a whole: what is refused and what is said.

mod documented;

use std::net::SocketAddr;
use std::time::Duration;

use super::*;

const KEY: &str = "ecbce702f4d8548ef8b3fe672d5a58e83e23f55d69a90739904e5793e32bbadaacef919c284d555d84e95f11f21da607e4880d9ae7b6143980";

/// A file that stands as long as the configuration is read from it.
fn load_with(mode: Mode, text: &str, variables: &[(&str, &str)]) -> Result<Config, Faults> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("verilane.toml");
    std::fs::write(&file, text).unwrap();
    let variables = variables.iter();
    let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(
        mode,
        Sources {
            file: Some(file),
            variables: variables.collect(),
            flags: Vec::new(),
        },
    )
}

fn keys(result: Result<Config, Faults>) -> Vec<String> {
    let faults = result.expect_err("it was taken");
    faults.all().iter().map(|fault| fault.key.clone()).collect()
}

fn connection(rest: &str) -> String {
    format!(
        "[ingress]\npublic_url = \"https://v.example.com\"\n[[connections]]\nname = \"live\"\n\
         provider = \"corepass\"\nbase_url = \"https://connector.example.com\"\n\
         keys = [{{ public_key = \"{KEY}\" }}]\n{rest}"
    )
}

#[test]
fn the_defaults_are_a_configuration() {
    let config = Config::load(Mode::Serve, Sources::default()).unwrap();
    assert!(config.grpc.listen.ip().is_loopback());
    assert!(config.dev.is_none());
    assert_eq!(config.engine.config.event_retention, None);
    let dev = Config::load(Mode::Dev, Sources::default()).unwrap();
    assert!(dev.dev.unwrap().sandbox.is_some());
    let KeyringSource::File(keyring) = dev.vault.keyring else {
        panic!("a file");
    };
    assert_eq!(keyring, dev.store.folder.join("keyring.json"));
}

#[test]
fn a_folder_must_leave_room_for_the_path_of_the_admin_socket() {
    let folder = |length: usize| format!("[store]\nfolder = \"/{}\"\n", "x".repeat(length));
    let taken = load_with(Mode::Serve, &folder(60), &[]).unwrap();
    assert!(taken.store.admin_socket().ends_with("admin.sock"));
    assert_eq!(
        keys(load_with(Mode::Serve, &folder(120), &[])),
        ["store.folder"]
    );
}

#[test]
fn every_fault_is_listed_at_once_with_its_key() {
    let text = format!(
        r#"
        [grpc]
        listen = "0.0.0.0:7400"
        max_connections = 0
        keepalive = "30s"
        drain_deadline = "31s"
        [engine]
        event_retention = "10"
        max_jobs = "many"
        start_lease = "49s"
        [vault]
        keyring = "written here"
        [store]
        folder = 7
        [ingress]
        listen = "localhost"
        [grcp]
        [[connections]]
        name = "Live"
        provider = "corepass"
        base_url = "ftp://connector.example.com"
        keys = [{{ public_key = "{KEY}" }}]
        [[connections]]
        name = "other"
        provider = "acme"
        [[connections]]
        name = "test"
        provider = "corepass"
        zzz = 1
        base_url = "https://connector.example.com/?a"
        keys = [{{ public_key = "00", only_for = "both" }}, {{ public_key = 5, for = "data" }}]
        allow_http = "yes"
        connect_timeout_seconds = 0
        request_timeout_seconds = 41
        callback_retention_days = "90"
        [[connections]]
        name = "test"
        provider = "corepass"
        base_urls = "https://connector.example.com"
    "#
    );
    let variables = [
        ("VERILANE__GRPC__STALL_LIMIT", "soon"),
        ("VERILANE__GRPC__STAL_LIMIT", "10s"),
        ("VERILANE__LOG__LEVEL", "debug"),
        ("VERILANE__CONNECTIONS__NOBODY__BASE_URL", "https://x"),
        ("VERILANE__CONNECTIONS__TEST__PROPAGATE_TRACE", "maybe"),
    ];
    let mut found = keys(load_with(Mode::Serve, &text, &variables));
    found.sort();
    let mut expected = [
        "grpc.listen",
        "grpc.max_connections",
        "grpc.keepalive",
        "VERILANE__GRPC__STALL_LIMIT",
        "VERILANE__GRPC__STAL_LIMIT",
        "shutdown.deadline",
        "store.folder",
        "vault.keyring",
        "engine.max_jobs",
        "engine.event_retention",
        "engine.start_lease",
        "ingress.listen",
        "ingress.public_url",
        "connections[1].name",
        "connections[1].base_url",
        "connections.other.provider",
        "connections.test.zzz",
        "connections.test.base_url",
        "connections.test.keys[1].public_key",
        "connections.test.keys[1].only_for",
        "connections.test.keys[2].public_key",
        "connections.test.keys[2].for",
        "connections.test.allow_http",
        "connections.test.connect_timeout_seconds",
        "connections.test.request_timeout_seconds",
        "connections.test.callback_retention_days",
        "connections.test.propagate_trace",
        "connections[4].name",
        "connections[4].base_urls",
        "connections[4].base_url",
        "connections[4].keys",
        "VERILANE__CONNECTIONS__NOBODY__BASE_URL",
        "grcp",
        "VERILANE__LOG__LEVEL",
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn a_folder_with_a_fault_is_not_said_to_lack_a_keyring() {
    let text = "[store]\nfolder = 7\n";
    assert_eq!(keys(load_with(Mode::Dev, text, &[])), ["store.folder"]);
}

#[test]
fn a_lease_outlasts_the_call_that_it_is_for() {
    let lease = |time: &str| {
        let text = format!("[engine]\nstart_lease = \"{time}\"\n");
        load_with(Mode::Serve, &text, &[])
    };
    assert!(lease("50s").is_ok());
    assert_eq!(keys(lease("49s")), ["engine.start_lease"]);
}

#[test]
fn the_environment_goes_above_the_file_and_the_file_above_the_defaults() {
    let text = "[grpc]\nmax_connections = 5\nstall_limit = \"7s\"\n";
    let variables = [
        ("VERILANE__GRPC__STALL_LIMIT", "9s"),
        ("VERILANE__GRPC__LISTEN", "127.0.0.1:0"),
        ("UNRELATED__GRPC__LISTEN", "127.0.0.1:1"),
    ];
    let config = load_with(Mode::Serve, text, &variables).unwrap();
    assert_eq!(config.grpc.limits.max_connections, 5);
    assert_eq!(config.grpc.limits.stall_limit, Duration::from_secs(9));
    assert_eq!(config.grpc.listen, SocketAddr::from(([127, 0, 0, 1], 0)));
    assert_eq!(config.grpc.limits.max_concurrent_streams, 1_000);
}

#[test]
fn serve_refuses_to_listen_beyond_this_machine_unless_that_is_said_to_be_insecure() {
    let open = [("VERILANE__GRPC__LISTEN", "0.0.0.0:7400")];
    assert_eq!(keys(load_with(Mode::Serve, "", &open)), ["grpc.listen"]);
    let meant = "[grpc]\ninsecure_no_auth = true\n";
    let config = load_with(Mode::Serve, meant, &open).unwrap();
    let warnings = config.warnings();
    let said = |warning: &String| warning.contains("nobody is authenticated");
    assert!(warnings.iter().any(said), "{warnings:?}");
    for loopback in ["127.0.0.9:1", "[::1]:1"] {
        let local = [("VERILANE__GRPC__LISTEN", loopback)];
        let strict = load_with(Mode::Serve, "", &local).unwrap();
        assert!(!strict.warnings().iter().any(said), "{loopback}");
        let lax = load_with(Mode::Serve, meant, &local).unwrap();
        assert!(lax.warnings().iter().any(said), "{loopback}");
    }
}

#[test]
fn serve_refuses_a_clock_and_crash_points_and_dev_says_them() {
    assert_eq!(
        keys(load_with(Mode::Serve, "[dev]\nclock_file = \"c\"\n", &[])),
        ["dev"]
    );
    let crash = [("VERILANE__DEV__CRASH_AT", "intent-written:3,after-commit:9")];
    assert_eq!(keys(load_with(Mode::Serve, "", &crash)), ["dev"]);
    let config = load_with(Mode::Dev, "[dev]\nclock_file = \"c\"\n", &crash).unwrap();
    assert_eq!(config.dev.as_ref().unwrap().crash_at.len(), 2);
    assert_eq!(config.warnings().len(), 3);
    let wrong = [("VERILANE__DEV__CRASH_AT", "intent-written:0")];
    assert_eq!(
        keys(load_with(Mode::Dev, "", &wrong)),
        ["VERILANE__DEV__CRASH_AT"]
    );
}

#[test]
fn a_connection_takes_its_plug_ins_settings_and_no_others() {
    let config = load_with(Mode::Serve, &connection(""), &[]).unwrap();
    assert_eq!(config.connections.len(), 1);
    let retention = |settings: &str| {
        let config = load_with(Mode::Serve, &connection(settings), &[]).unwrap();
        config.connections[0].settings.callback_retention()
    };
    let day = Duration::from_secs(86_400);
    assert_eq!(retention(""), 90 * day);
    assert_eq!(retention("callback_retention_days = 7\n"), 7 * day);
    let lax = connection("base_urls = 1\n");
    assert_eq!(
        keys(load_with(Mode::Serve, &lax, &[])),
        ["connections.live.base_urls"]
    );
    let wrong = connection("request_timeout_seconds = 0\nconnect_timeout_seconds = 0\n");
    let expected = [
        "connections.live.connect_timeout_seconds",
        "connections.live.request_timeout_seconds",
    ];
    assert_eq!(keys(load_with(Mode::Serve, &wrong, &[])), expected);
}

#[test]
fn a_connection_can_be_changed_from_the_environment() {
    let variables = [
        ("VERILANE__CONNECTIONS__LIVE__BASE_URL", "http://10.0.0.7"),
        ("VERILANE__CONNECTIONS__LIVE__ALLOW_HTTP", "true"),
        (
            "VERILANE__CONNECTIONS__LIVE__ALLOW_PRIVATE_ADDRESSES",
            "true",
        ),
    ];
    let config = load_with(Mode::Serve, &connection(""), &variables).unwrap();
    assert_eq!(config.warnings().len(), 2, "{:?}", config.warnings());
    let unknown = [("VERILANE__CONNECTIONS__TEST__BASE_URL", "https://x.example")];
    assert_eq!(
        keys(load_with(Mode::Serve, &connection(""), &unknown)),
        ["VERILANE__CONNECTIONS__TEST__BASE_URL"]
    );
}

#[test]
fn two_connections_of_one_name_are_refused() {
    let one = connection("");
    let (_, again) = one.split_once("[[connections]]").unwrap();
    let twice = format!("{one}[[connections]]{again}");
    assert_eq!(
        keys(load_with(Mode::Serve, &twice, &[])),
        ["connections[2].name"]
    );
}

#[test]
fn serve_must_know_what_providers_call() {
    let unset = connection("").replace("public_url", "# public_url");
    assert_eq!(
        keys(load_with(Mode::Serve, &unset, &[])),
        ["ingress.public_url"]
    );
    let own = format!("{unset}callback_base_url = \"v.example.com/callbacks\"\n");
    assert!(load_with(Mode::Serve, &own, &[]).is_ok());
    for wrong in ["", "https://v.example.com/?a=b", "https://v example"] {
        let text = format!("[ingress]\npublic_url = \"{wrong}\"\n");
        assert_eq!(
            keys(load_with(Mode::Serve, &text, &[])),
            ["ingress.public_url"],
            "{wrong}"
        );
    }
}

#[test]
fn the_drain_fits_into_the_whole_end() {
    let text = "[grpc]\ndrain_deadline = \"31s\"\n";
    assert_eq!(
        keys(load_with(Mode::Serve, text, &[])),
        ["shutdown.deadline"]
    );
}

#[test]
fn a_secret_comes_by_the_environment_and_is_never_shown() {
    let secret = [("VERILANE__VAULT__KEYRING", "{\"index_key\":\"5EC2E7\"}")];
    let config = load_with(Mode::Serve, "", &secret).unwrap();
    assert!(matches!(
        config.vault.keyring,
        KeyringSource::Environment(_)
    ));
    assert!(!format!("{config:?}").contains("5EC2E7"));
    let also_wrong = [secret[0], ("VERILANE__GRPC__LISTEN", "nowhere")];
    let faults = load_with(Mode::Serve, "", &also_wrong).unwrap_err();
    assert!(!format!("{faults:?} {faults}").contains("5EC2E7"));
}

#[test]
fn a_file_that_is_not_there_is_a_fault() {
    let sources = Sources {
        file: Some(PathBuf::from("no/such/file.toml")),
        ..Sources::default()
    };
    assert_eq!(
        keys(Config::load(Mode::Serve, sources)),
        ["no/such/file.toml"]
    );
}

#[test]
fn an_operator_can_narrow_how_long_a_verification_waits() {
    let text = "[engine]\nshortest_lifetime = \"10m\"\nlongest_lifetime = \"2h\"\n\
                default_lifetime = \"1h\"\n";
    let engine = load_with(Mode::Serve, text, &[]).unwrap().engine.config;
    let minutes = [engine.expire_min, engine.expire_max, engine.expire_default]
        .map(|lifetime| lifetime.as_secs() / 60);
    assert_eq!(minutes, [10, 120, 60]);
    for (wrong, key) in [
        ("longest_lifetime = \"31d\"", "engine.longest_lifetime"),
        ("shortest_lifetime = \"4m\"", "engine.shortest_lifetime"),
        ("longest_lifetime = \"12h\"", "engine.default_lifetime"),
        (
            "shortest_lifetime = \"3h\"\nlongest_lifetime = \"2h\"",
            "engine.shortest_lifetime",
        ),
    ] {
        let text = format!("[engine]\n{wrong}\n");
        assert_eq!(keys(load_with(Mode::Serve, &text, &[])), [key], "{wrong}");
    }
}

#[test]
fn an_origin_is_taken_only_as_browsers_write_it() {
    let good =
        "[grpc]\nallowed_origins = [\"https://app.example.com\", \"http://localhost:3000\"]\n";
    let grpc = load_with(Mode::Serve, good, &[]).unwrap().grpc;
    assert_eq!(
        grpc.allowed_origins,
        ["https://app.example.com", "http://localhost:3000"]
    );
    for wrong in [
        "*",
        "null",
        "app.example.com",
        "https://app.example.com/",
        "https://app.example.com/a",
        "https://App.example.com",
        "https://app.example.com:443",
        "https://a@app.example.com",
        "ftp://app.example.com",
        "https://*.example.com",
        "https://app.example.com:x",
        "https://app.example.com:",
    ] {
        let text = format!("[grpc]\nallowed_origins = [\"{wrong}\"]\n");
        let found = keys(load_with(Mode::Serve, &text, &[]));
        assert_eq!(found, ["grpc.allowed_origins"], "{wrong}");
    }
    let variable = [(
        "VERILANE__GRPC__ALLOWED_ORIGINS",
        "https://a.example, https://b.example",
    )];
    let grpc = load_with(Mode::Serve, "", &variable).unwrap().grpc;
    assert_eq!(grpc.allowed_origins.len(), 2);
}
