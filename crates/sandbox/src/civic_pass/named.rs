//! Civic Pass scenarios by name. Names are put together with `+`: what each one says is laid over
//! the ones before it, and lists of faults grow.

use serde_json::json;

use super::scenario::{
    AnsweredId, CivicPassEndpoint, CivicPassScenario, Evidence, EvidenceTrouble, LinkStyle,
    Subject, Turn, word,
};
use crate::scenario::{AnswerFault, AnswerTrouble, NamedScenario, named};

/// The most that a picture may have for who keeps to the limit.
const LARGE: u64 = 20 * 1024 * 1024;

type S = CivicPassScenario;

fn goes(s: &mut S, course: &[&str]) {
    s.course = course.iter().map(|status| Turn::to(status)).collect();
}

fn befalls(s: &mut S, endpoint: Option<CivicPassEndpoint>, times: u32, does: AnswerTrouble) {
    s.answers.push(AnswerFault {
        endpoint,
        times: Some(times),
        ..AnswerFault::always(does)
    });
}

fn busy() -> AnswerTrouble {
    AnswerTrouble::Http {
        code: 429,
        retry_after: Some(1),
        text: String::new(),
        handled: false,
    }
}

fn handled(code: u16, text: &str) -> AnswerTrouble {
    AnswerTrouble::Http {
        code,
        retry_after: None,
        text: text.to_owned(),
        handled: true,
    }
}

fn pictures(s: &mut S, trouble: &EvidenceTrouble) {
    for evidence in &mut s.evidence {
        evidence.trouble = Some(trouble.clone());
    }
}

fn document_of(s: &mut S, bytes: u64) {
    for evidence in &mut s.evidence {
        if evidence.rel == "evidence-document" {
            evidence.bytes = Some(bytes);
        }
    }
}

fn without(s: &mut S, member: &str) {
    s.without.push(member.to_owned());
}

fn chaos(s: &mut S) {
    for (does, one_in) in [
        (busy(), 6),
        (AnswerTrouble::http(500), 6),
        (AnswerTrouble::http(504), 8),
        (AnswerTrouble::Half, 8),
        (AnswerTrouble::CutBefore, 8),
        (AnswerTrouble::CutAfter, 8),
        (handled(504, ""), 8),
    ] {
        s.answers.push(AnswerFault {
            one_in,
            ..AnswerFault::always(does)
        });
    }
    s.revokes_tokens = 1;
}

use CivicPassEndpoint as At;

/// Every named scenario.
static NAMED: [NamedScenario<S>; 61] = [
    // How requests go on.
    named("scripted", "verification-success after two steps", |_| {}),
    named("ready", "verification-success from the start", |s| {
        word::SUCCESS.clone_into(&mut s.starts_as);
        s.course.clear();
    }),
    named("by-hand", "awaiting-user until a command", |s| {
        s.course.clear();
    }),
    named(
        "complete",
        "complete in place of verification-success",
        |s| {
            if s.starts_as == word::SUCCESS {
                word::COMPLETE.clone_into(&mut s.starts_as);
            } else {
                goes(s, &[word::ACKNOWLEDGED, word::COMPLETE]);
            }
        },
    ),
    named("verification-fails", "verification-failed", |s| {
        goes(s, &[word::ACKNOWLEDGED, word::FAILED]);
    }),
    named("user-cancels", "user-cancelled", |s| {
        goes(s, &[word::CANCELLED]);
    }),
    named("stalled", "user-acknowledged, and nothing more", |s| {
        goes(s, &[word::ACKNOWLEDGED]);
    }),
    named("passed-elsewhere", "somebody else says yes", |s| {
        goes(s, &[word::ACKNOWLEDGED, word::SUCCESS, word::PASS]);
    }),
    named("failed-elsewhere", "somebody else says no", |s| {
        goes(s, &[word::ACKNOWLEDGED, word::SUCCESS, word::FAIL]);
    }),
    named(
        "unknown-status",
        "a word that no list has on the way",
        |s| {
            goes(s, &[word::ACKNOWLEDGED, "liveness-check", word::SUCCESS]);
        },
    ),
    named("unknown-end", "a word that no list has in the end", |s| {
        goes(s, &[word::ACKNOWLEDGED, word::SUCCESS, "manual-hold"]);
    }),
    named(
        "collection-status",
        "it moves while the status stays",
        |s| {
            s.collection_status = Some("not-started".to_owned());
            s.course = vec![Turn::to(word::ACKNOWLEDGED)];
            s.course.extend(
                ["started", "documents-collected", "finished"].map(|collection| Turn {
                    collection_status: Some(collection.to_owned()),
                    ..Turn::default()
                }),
            );
            s.course.push(Turn::to(word::SUCCESS));
        },
    ),
    named("late-selfie", "its link comes after success", |s| {
        let shows = |turn: Turn, rels: &[&str]| Turn {
            evidence: Some(rels.iter().map(|rel| (*rel).to_owned()).collect()),
            ..turn
        };
        s.course = vec![
            Turn::to(word::ACKNOWLEDGED),
            shows(Turn::to(word::SUCCESS), &["evidence-document"]),
            shows(Turn::default(), &["evidence-document", "evidence-selfie"]),
        ];
    }),
    // What answers say.
    named("proof-of-identity", "type proofOfIdentity", |s| {
        s.r#type = Some(super::answer::PROOF.to_owned());
    }),
    named("id-document", "type …WithIdDocument-v3", |s| {
        s.r#type = Some(super::answer::WITH_DOCUMENT.to_owned());
    }),
    named("driving-license", "the user shows a driving license", |s| {
        s.document_type = Some("Driving License".to_owned());
    }),
    named("id-card", "the user shows an ID card", |s| {
        s.document_type = Some("ID Card".to_owned());
    }),
    named("unknown-claims", "three claims that no list has", |s| {
        for (name, value) in [
            ("nationality", json!("NOR")),
            ("riskScore", json!(3)),
            ("screening", json!({"pep": false, "lists": ["EU", "UN"]})),
        ] {
            s.more_claims.insert(name.to_owned(), value);
        }
    }),
    named("few-claims", "only email and name", |s| {
        s.only_claims = Some(vec!["email".to_owned(), "name".to_owned()]);
    }),
    named("reference", "the answer has a reference", |s| {
        s.reference = Some("1234".to_owned());
    }),
    named("another-wallet", "address is somebody else's", |s| {
        s.subject = Subject::AnotherWallet;
    }),
    named("another-did", "accountId is somebody else's", |s| {
        s.subject = Subject::AnotherDid;
    }),
    named("unnamed", "neither address nor accountId", |s| {
        s.subject = Subject::Unnamed;
    }),
    named("wrong-id", "id is another request's", |s| {
        s.id = AnsweredId::Another;
    }),
    named("id-as-given", "id is the whole id", |s| {
        s.id = AnsweredId::AsGiven;
    }),
    named("without-status", "no status", |s| without(s, "status")),
    named("without-id", "no id", |s| without(s, "id")),
    named("without-links", "no links", |s| without(s, "links")),
    named("without-claims", "no verifiedInformation", |s| {
        without(s, "verifiedInformation");
    }),
    named("not-json", "requests are answered with HTML", |s| {
        let page = handled(200, "<html><body>Please wait</body></html>");
        s.answers.push(AnswerFault {
            endpoint: Some(At::Request),
            ..AnswerFault::always(page)
        });
    }),
    // Evidence.
    named("api-links", "links to the API", |s| {
        s.links = LinkStyle::Api;
    }),
    named("pre-signed-links", "pre-signed links", |s| {
        s.links = LinkStyle::PreSigned;
    }),
    named(
        "storage-on-api-host",
        "pre-signed, on the API's host",
        |s| {
            s.links = LinkStyle::PreSignedOnApiHost;
        },
    ),
    named("expired-links", "pre-signed links have expired", |s| {
        s.links = LinkStyle::PreSigned;
        s.link_lifetime = 0;
    }),
    named("dead-links", "evidence answers 404", |s| {
        pictures(s, &EvidenceTrouble::Dead);
    }),
    named("no-evidence", "no links to evidence", |s| {
        s.evidence.clear();
    }),
    named("four-pictures", "two more pictures", |s| {
        s.evidence = [
            "evidence-document",
            "evidence-selfie",
            "idDocumentFront",
            "idDocumentBack",
        ]
        .map(Evidence::of)
        .to_vec();
    }),
    named("large-evidence", "a picture of 20 MiB", |s| {
        document_of(s, LARGE);
    }),
    named(
        "too-large-evidence",
        "a picture of 20 MiB and a byte",
        |s| {
            document_of(s, LARGE + 1);
        },
    ),
    named("wrong-content-type", "pictures are text/html", |s| {
        for evidence in &mut s.evidence {
            evidence.content_type = Some("text/html".to_owned());
        }
    }),
    named("login-pages", "pages that ask to log in", |s| {
        pictures(s, &EvidenceTrouble::LoginPage);
    }),
    named("cut-evidence", "pictures end early", |s| {
        pictures(s, &EvidenceTrouble::Cut);
    }),
    named("short-evidence", "half of each is announced", |s| {
        pictures(s, &EvidenceTrouble::Short);
    }),
    named("unannounced-length", "pictures come without length", |s| {
        pictures(s, &EvidenceTrouble::Unannounced);
    }),
    named("redirected-evidence", "302 to a private address", |s| {
        let to = "http://169.254.169.254/latest/meta-data/".to_owned();
        pictures(s, &EvidenceTrouble::Redirect { to });
    }),
    // Civic's endpoints.
    named("no-decisions", "no PUT …/status", |s| {
        s.has_decisions = false;
    }),
    named("busy", "429 to the first two calls", |s| {
        befalls(s, None, 2, busy());
    }),
    named("errors", "500 to the first two calls", |s| {
        befalls(s, None, 2, AnswerTrouble::http(500));
    }),
    named("gateway-timeouts", "504 to the first call", |s| {
        befalls(s, None, 1, AnswerTrouble::http(504));
    }),
    named("slow", "every call takes two seconds", |s| {
        let slow = AnswerTrouble::Slow { millis: 2_000 };
        s.answers.push(AnswerFault::always(slow));
    }),
    named("half-answers", "half of the first answer", |s| {
        befalls(s, None, 1, AnswerTrouble::Half);
    }),
    named("half-evidence", "half of the first picture", |s| {
        befalls(s, Some(At::Evidence), 1, AnswerTrouble::Half);
        befalls(s, Some(At::Storage), 1, AnswerTrouble::Half);
    }),
    named("cut-before", "cut before the first decision", |s| {
        befalls(s, Some(At::Decision), 1, AnswerTrouble::CutBefore);
    }),
    named("cut-after", "cut after the first decision", |s| {
        befalls(s, Some(At::Decision), 1, AnswerTrouble::CutAfter);
    }),
    named("decision-unclear", "504 to an effective decision", |s| {
        befalls(s, Some(At::Decision), 1, handled(504, ""));
    }),
    named("token-down", "503 from the token endpoint", |s| {
        s.answers.push(AnswerFault {
            endpoint: Some(At::Token),
            ..AnswerFault::always(AnswerTrouble::http(503))
        });
    }),
    named("token-busy", "429 to its first call", |s| {
        befalls(s, Some(At::Token), 1, busy());
    }),
    named("slow-token", "it takes a second", |s| {
        s.answers.push(AnswerFault {
            endpoint: Some(At::Token),
            ..AnswerFault::always(AnswerTrouble::Slow { millis: 1_000 })
        });
    }),
    named("short-tokens", "tokens hold for a minute", |s| {
        s.token_lifetime = 60;
    }),
    named("revoked-token", "revoked before the first call", |s| {
        s.revokes_tokens = 1;
    }),
    named("civic-pass-chaos", "recoverable faults of all kinds", chaos),
];

impl CivicPassScenario {
    /// The scenario of a name, or of several put together with `+`, if there are such.
    #[must_use]
    pub fn named(names: &str) -> Option<Self> {
        NamedScenario::put_together(&NAMED, names)
    }

    /// The names that [`CivicPassScenario::named`] takes, with a line about each.
    #[must_use]
    pub const fn names() -> &'static [NamedScenario<Self>] {
        &NAMED
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const PAGE: &str = include_str!("../../../../docs/sandbox.md");

    fn section() -> &'static str {
        PAGE.split_once("\n## Civic Pass\n").unwrap().1
    }

    #[test]
    fn every_listed_name_is_a_scenario_of_its_own_survives_json_and_stands_in_the_docs() {
        let mut seen = HashSet::new();
        for named in S::names() {
            let scenario = S::named(named.name).unwrap();
            let json = serde_json::to_string(&scenario).unwrap();
            assert_eq!(serde_json::from_str::<S>(&json).unwrap(), scenario);
            assert!(seen.insert(json), "{}", named.name);
            let name = format!("`{}`", named.name);
            assert!(section().contains(&name), "{name}");
        }
        assert_eq!(S::named("scripted+nonsense"), None);
    }

    #[test]
    fn the_documentations_scenario_in_full_is_one() {
        let (_, rest) = section().split_once("```json\n").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let scenario: S = serde_json::from_str(text).unwrap();
        assert_eq!((scenario.course.len(), scenario.evidence.len()), (4, 3));
        assert_eq!(serde_json::from_str::<S>("{}").unwrap(), S::default());
        assert!(serde_json::from_str::<S>(r#"{"cours":[]}"#).is_err());
    }
}
