//! That the files with the defaults document every key, and show what is taken.

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

#[test]
fn the_documented_connection_is_one_that_is_taken() {
    let (_, example) = DEFAULT.split_once("\n# [[connections]]").unwrap();
    let example = example.replace("\n# ", "\n").replacen('…', KEY, 1);
    let example = example.replacen('…', &format!("0x{KEY}"), 1);
    let text = format!("[[connections]]{example}");
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
            .all(|key| text.contains(&format!("\n{key} = ")))
    );
}
