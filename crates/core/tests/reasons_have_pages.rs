//! Holds the registry of reasons, its pages in `docs/errors/`, and what the comments of the RPCs
//! promise, against each other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use verilane_core::{Reason, ReasonKind};

fn pages() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
}

/// The lines of all protos.
fn proto_lines(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            lines.extend(proto_lines(&path)?);
        } else if path.extension().is_some_and(|kind| kind == "proto") {
            lines.extend(fs::read_to_string(&path)?.lines().map(str::to_owned));
        }
    }
    Ok(lines)
}

/// What a line of an RPC's list of errors promises: `- CODE `REASON`, `REASON` or `REASON`: …`.
fn promised(line: &str) -> Option<(&str, Vec<&str>)> {
    let entry = line.trim_start().strip_prefix("// - ")?;
    let (code, rest) = entry.split_once(" `")?;
    let is_code = code.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let reasons = rest.split(':').next()?.split('`').step_by(2).collect();
    is_code.then_some((code, reasons))
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

/// What a link to a heading names.
fn anchor(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = title
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}

#[test]
fn what_a_page_points_to_is_there() {
    let mut links = 0;
    for reason in Reason::ALL {
        let page = fs::read_to_string(pages().join(format!("{}.md", reason.code()))).unwrap();
        for target in page.split("](").skip(1) {
            let target = target.split(')').next().unwrap_or_default();
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let found = fs::read_to_string(pages().join(file));
            let found = found.unwrap_or_else(|_| panic!("{reason} points to {target}"));
            let mut anchors = found.lines().filter_map(anchor);
            let is_there = section.is_empty() || anchors.any(|anchor| anchor == section);
            assert!(is_there, "{reason} points to {target}");
            links += 1;
        }
    }
    assert!(links > 0, "no links were found");
}

#[test]
fn the_rpcs_promise_only_registered_reasons_under_the_codes_of_their_pages() {
    let lines = proto_lines(&pages().join("../../proto")).unwrap();
    let promises: Vec<_> = lines.iter().filter_map(|line| promised(line)).collect();
    assert!(promises.len() > 10, "no lists of errors were found");
    let mut faults = Vec::new();
    for (code, reasons) in promises {
        for name in reasons.into_iter().filter(|name| !name.is_empty()) {
            let page = fs::read_to_string(pages().join(format!("{name}.md"))).unwrap_or_default();
            let registered = Reason::from_code(name).map(Reason::kind);
            if registered != Some(ReasonKind::Request) {
                faults.push(format!("{name} is not registered as one of a refused call"));
            } else if !page.contains(&format!("gRPC code `{code}`")) {
                faults.push(format!(
                    "{name} is promised as {code}, its page says otherwise"
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_line_of_an_rpcs_errors_is_read_whole() {
    let line = "  // - UNAVAILABLE `A_B`, `C` or `D`: retry with the same `request_id`";
    let (code, reasons) = promised(line).unwrap();
    assert_eq!((code, reasons.len()), ("UNAVAILABLE", 3));
    assert_eq!(reasons, ["A_B", "C", "D"]);
    assert_eq!(promised("  // answers OUT_OF_RANGE `A_B`"), None);
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
