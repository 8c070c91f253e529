//! Scenarios about calls of Civic's endpoints, and about who may call.

use super::{S, befalls, handled};
use crate::civic_sip::scenario::CivicSipEndpoint;
use crate::scenario::{AnswerFault, AnswerTrouble, NamedScenario, named};

/// Befalls the first exchange of each code.
fn first(s: &mut S, does: AnswerTrouble) {
    befalls(s, CivicSipEndpoint::Exchange, Some(1), does);
}

/// Befalls every exchange.
fn always(s: &mut S, does: AnswerTrouble) {
    befalls(s, CivicSipEndpoint::Exchange, None, does);
}

fn busy() -> AnswerTrouble {
    AnswerTrouble::Http {
        code: 429,
        retry_after: Some(1),
        text: String::new(),
        handled: false,
    }
}

fn refused(code: u16, text: &str) -> AnswerTrouble {
    AnswerTrouble::Http {
        code,
        retry_after: None,
        text: text.to_owned(),
        handled: false,
    }
}

fn chaos(s: &mut S) {
    for (does, one_in) in [
        (busy(), 5),
        (AnswerTrouble::http(500), 6),
        (AnswerTrouble::http(504), 6),
        (AnswerTrouble::CutBefore, 6),
        (AnswerTrouble::Slow { millis: 50 }, 4),
    ] {
        s.answers.push(AnswerFault {
            one_in,
            ..AnswerFault::always(does)
        });
    }
}

/// All of them.
pub static ALL: [NamedScenario<S>; 16] = [
    named("unapproved", "401 for PROOF_OF_IDENTITY", |s| {
        s.approved_for_identity = false;
    }),
    named("already-spent", "somebody else spent the code", |s| {
        s.already_spent = true;
    }),
    named("long-request-tokens", "of any lifetime", |s| {
        s.request_token_lifetime = u64::MAX;
    }),
    named("bad-request", "400 with a message", |s| {
        always(s, refused(400, r#"{"message":"scope request is invalid"}"#));
    }),
    named("unauthorized", "401 for every exchange", |s| {
        always(s, refused(401, ""));
    }),
    named("not-allowed", "405 for every exchange", |s| {
        always(s, refused(405, ""));
    }),
    named("busy", "429 to the first two", |s| {
        befalls(s, CivicSipEndpoint::Exchange, Some(2), busy());
    }),
    named("errors", "500 to the first two", |s| {
        let does = AnswerTrouble::http(500);
        befalls(s, CivicSipEndpoint::Exchange, Some(2), does);
    }),
    named("error-after", "500 to an effective exchange", |s| {
        first(s, handled(500, ""));
    }),
    named("gateway-timeouts", "504 to an effective exchange", |s| {
        first(s, handled(504, ""));
    }),
    named("slow", "two seconds for each", |s| {
        always(s, AnswerTrouble::Slow { millis: 2_000 });
    }),
    named("silent", "no answer to an effective exchange", |s| {
        first(s, AnswerTrouble::Silent);
    }),
    named("half-answers", "half of the first answer", |s| {
        first(s, AnswerTrouble::Half);
    }),
    named("cut-before", "cut before the first exchange", |s| {
        first(s, AnswerTrouble::CutBefore);
    }),
    named("cut-after", "cut after the first exchange", |s| {
        first(s, AnswerTrouble::CutAfter);
    }),
    named("civic-sip-chaos", "recoverable faults of all kinds", chaos),
];
