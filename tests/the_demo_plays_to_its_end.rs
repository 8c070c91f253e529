//! `verilane demo` plays the main job over every provider to its end, and over one alone, and soon.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

/// As long as the demo may take that somebody waits for, by its own clock.
const SOON_S: f64 = 25.0;

/// Of each provider: its name, and what only its story says.
const STORIES: [(&str, &str); 3] = [
    ("corepass", "FINISH_SUCCESS"),
    ("civic-pass", "partner-pass"),
    ("civic-sip", "SUBJECT_MISMATCH"),
];

/// What the demo says.
fn demo(words: &[&str]) -> String {
    let binary = env!("CARGO_BIN_EXE_verilane");
    let ran = Command::new(binary)
        .arg("demo")
        .args(words)
        .env_clear()
        .output();
    let ran = ran.unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    let complained = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}\n{complained}");
    said
}

#[test]
fn the_demo_plays_each_provider_to_its_end_and_soon() {
    let said = demo(&[]);
    for (provider, word) in STORIES {
        assert!(said.contains(word), "{provider} in {said}");
    }
    let whole = said.matches("none missed, none twice").count();
    assert_eq!(whole, STORIES.len(), "{said}");
    let took = said.rsplit_once("Done in ").unwrap().1;
    let took: f64 = took.split_once(" s.").unwrap().0.parse().unwrap();
    assert!(took < SOON_S, "{took} s");
}

#[test]
fn one_provider_is_played_alone() {
    for (provider, _) in STORIES {
        let said = demo(&["--provider", provider]);
        for (other, word) in STORIES {
            assert_eq!(said.contains(word), other == provider, "{other} in {said}");
        }
    }
}
