//! What cannot be run is refused in words that say what to do, with an exit code, and before
//! anything is written.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A configuration that `serve` takes, with a keyring that has yet to be made.
    fn config(&self, more: &str) -> PathBuf {
        let text = format!(
            "[grpc]\nlisten = \"127.0.0.1:0\"\n[ingress]\nlisten = \"127.0.0.1:0\"\n\
             [store]\nfolder = \"{}\"\n[vault]\nkeyring_file = \"{}\"\n{more}",
            self.path("data").display(),
            self.path("keyring.json").display(),
        );
        let path = self.path("verilane.toml");
        fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_verilane"))
            .args(words)
            .env_clear()
            .envs(variables.iter().copied())
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn serve_without_a_keyring_names_the_command_that_makes_one_and_writes_nothing() {
    let place = Place::new();
    let config = shown(&place.config(""));
    let refused = place.run(&["serve", "--config", &config], &[]);
    assert_eq!(refused.status.code(), Some(1));
    let last = text(&refused.stderr).lines().last().unwrap();
    assert!(
        last.starts_with("verilane: there is no keyring at "),
        "{last}"
    );
    assert!(last.contains("`verilane keyring generate "), "{last}");
    assert!(!place.path("data").exists());
}

#[test]
fn a_keyring_is_made_for_its_owner_and_never_made_anew() {
    let place = Place::new();
    let config = shown(&place.config(""));
    let keyring = shown(&place.path("keyring.json"));
    let made = place.run(&["keyring", "generate", &keyring], &[]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let mode = fs::metadata(&keyring).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let secrets = fs::read_to_string(&keyring).unwrap();
    let again = place.run(&["keyring", "generate", &keyring], &[]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&keyring).unwrap(), secrets);
    let checked = place.run(&["config", "check", "--config", &config], &[]);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    assert!(text(&checked.stdout).contains("has no faults"));
}

#[test]
fn every_fault_of_a_configuration_is_listed_at_once() {
    let place = Place::new();
    let config = shown(&place.config("[engine]\nmax_jobs = 0\nunknown = 1\n[dev]\n"));
    let variables = [
        ("VERILANE_CONFIG", config.as_str()),
        ("VERILANE__GRPC__LISTEN", "0.0.0.0:0"),
        ("VERILANE__GRPC__STALL_LIMIT", "soon"),
    ];
    for command in [&["serve"][..], &["config", "check"]] {
        let refused = place.run(command, &variables);
        assert_eq!(refused.status.code(), Some(1));
        let said = text(&refused.stderr);
        for key in [
            "engine.max_jobs",
            "engine.unknown",
            "dev",
            "VERILANE__GRPC__STALL_LIMIT",
        ] {
            assert!(said.contains(&format!("\n  {key}: ")), "{key} in {said}");
        }
    }
}

#[test]
fn serve_refuses_an_open_address_a_clock_and_crash_points() {
    let place = Place::new();
    let config = shown(&place.config(""));
    let keyring = shown(&place.path("keyring.json"));
    assert!(
        place
            .run(&["keyring", "generate", &keyring], &[])
            .status
            .success()
    );
    for (variable, value, key) in [
        ("VERILANE__GRPC__LISTEN", "0.0.0.0:0", "grpc.listen"),
        ("VERILANE__DEV__CLOCK_FILE", "clock", "dev"),
        ("VERILANE__DEV__CRASH_AT", "after-commit", "dev"),
    ] {
        let refused = place.run(&["serve", "--config", &config], &[(variable, value)]);
        assert_eq!(refused.status.code(), Some(1), "{variable}");
        let said = text(&refused.stderr);
        assert!(said.contains(&format!("\n  {key}: ")), "{said}");
        assert!(!place.path("data").exists(), "{variable}");
    }
}

#[test]
fn the_printed_defaults_are_a_configuration_that_is_taken() {
    let place = Place::new();
    let defaults = place.run(&["config", "default"], &[]);
    assert!(defaults.status.success());
    fs::write(place.path("printed.toml"), &defaults.stdout).unwrap();
    let dev = ["config", "check", "--dev", "--config", "printed.toml"];
    let checked = place.run(&dev, &[]);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}

#[test]
fn wrong_usage_and_the_version_have_their_own_exit_codes() {
    let place = Place::new();
    assert_eq!(place.run(&["serv"], &[]).status.code(), Some(2));
    assert_eq!(place.run(&[], &[]).status.code(), Some(2));
    let nowhere = ["sandbox", "--civic-sip-env", "nowhere"];
    let refused = place.run(&nowhere, &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("must be prod or dev"));
    let version = place.run(&["--version"], &[]);
    assert!(version.status.success());
    assert_eq!(
        text(&version.stdout),
        format!("verilane {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn the_sandbox_lists_its_scenarios() {
    let place = Place::new();
    for (flag, name) in [
        ("--list-scenarios", "storm "),
        ("--list-civic-pass-scenarios", "passed-elsewhere "),
        ("--list-civic-sip-scenarios", "md5-of-text "),
    ] {
        let listed = place.run(&["sandbox", flag], &[]);
        assert!(listed.status.success());
        let listed = text(&listed.stdout);
        assert!(listed.lines().any(|line| line.starts_with(name)), "{flag}");
    }
}
