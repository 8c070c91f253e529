//! Holds the registry of reasons and its pages in `docs/errors/` against each other.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use verilane_core::{Reason, ReasonKind};

fn pages() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
}

/// How the line that says where a reason is seen begins.
fn seen_in(kind: ReasonKind) -> &'static str {
    match kind {
        ReasonKind::Request => "Seen in: a refused call, gRPC code `",
        ReasonKind::End => "Seen in: the reason of an attempt and verification in state ",
        ReasonKind::Warning => "Seen in: the warnings of an event and of its verification.",
        ReasonKind::Callback => "Seen in: the verdict of a provider's callback",
    }
}

/// What a page lacks, if anything.
fn fault(page: &str, code: &str, summary: &str, seen_in: &str) -> Option<&'static str> {
    let section = |title: &str| {
        let text = page.split_once(title).map(|(_, after)| after)?;
        let text = text.split("\n## ").next()?.trim();
        (!text.is_empty()).then_some(())
    };
    let mut paragraphs = page.split("\n\n");
    if paragraphs.next() != Some(&format!("# {code}")) {
        return Some("its title is not its code");
    }
    if paragraphs.next() != Some(summary) {
        return Some("its first paragraph is not the registry's summary");
    }
    if !paragraphs.next().is_some_and(|p| p.starts_with(seen_in)) {
        return Some("its second paragraph does not say where it is seen");
    }
    if section("\n## What happened\n").is_none() {
        return Some("it does not say what happened");
    }
    if section("\n## What to do\n").is_none() {
        return Some("it does not say what to do");
    }
    None
}

#[test]
fn every_reason_has_a_page_that_agrees_with_the_registry() {
    let mut faults = Vec::new();
    for reason in Reason::ALL {
        let code = reason.code();
        match fs::read_to_string(pages().join(format!("{code}.md"))) {
            Ok(page) => {
                if let Some(fault) = fault(&page, code, reason.summary(), seen_in(reason.kind())) {
                    faults.push(format!("{code}: {fault}"));
                }
            }
            Err(error) => faults.push(format!("{code}: {error}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_page_has_a_reason_in_the_registry() {
    let orphans: Vec<String> = fs::read_dir(pages())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
        .filter(|name| name != "README" && Reason::from_code(name).is_none())
        .collect();
    assert!(orphans.is_empty(), "pages without a reason: {orphans:?}");
}

#[test]
fn the_list_of_pages_is_the_registry() {
    let list = fs::read_to_string(pages().join("README.md")).unwrap();
    let listed: BTreeSet<&str> = list.lines().filter(|l| l.starts_with("- [")).collect();
    let registered: Vec<String> = Reason::ALL
        .iter()
        .map(|r| format!("- [{0}]({0}.md): {1}", r.code(), r.summary()))
        .collect();
    assert_eq!(listed, registered.iter().map(String::as_str).collect());
}

#[test]
fn a_page_that_strays_from_the_registry_is_noticed() {
    let good = "# CODE\n\nSummary.\n\nSeen in: here.\n\n## What happened\n\nThis.\n\n## What to do\n\nThat.\n";
    assert_eq!(fault(good, "CODE", "Summary.", "Seen in: here"), None);
    for (from, to) in [
        ("# CODE", "# OTHER"),
        ("Summary.", "Another."),
        ("Seen in: here", "Seen elsewhere"),
        ("This.", ""),
        ("That.", " "),
        ("## What to do", "## What else"),
    ] {
        let bad = good.replace(from, to);
        assert!(
            fault(&bad, "CODE", "Summary.", "Seen in: here").is_some(),
            "{bad}"
        );
    }
}
