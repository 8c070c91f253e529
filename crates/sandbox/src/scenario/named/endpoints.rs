//! What goes wrong with the connector's own endpoints.

use super::{NamedScenario, named};
use crate::scenario::{AnswerFault, AnswerTrouble, Endpoint, Scenario};

pub(super) const ALL: &[NamedScenario] = &[
    named(
        "busy",
        "the first two calls of each user get 429 with Retry-After",
        |s| {
            answers(
                s,
                2,
                AnswerTrouble::Http {
                    code: 429,
                    retry_after: Some(1),
                    text: String::new(),
                    handled: false,
                },
            );
        },
    ),
    named("errors", "the first two calls of each user get 500", |s| {
        answers(s, 2, AnswerTrouble::http(500));
    }),
    named(
        "gateway-timeouts",
        "the first call for a QR code takes effect and gets 504",
        |s| {
            answers_at(
                s,
                Endpoint::Qrcode,
                AnswerTrouble::Http {
                    code: 504,
                    retry_after: None,
                    text: String::new(),
                    handled: true,
                },
            );
        },
    ),
    named("slow", "every call is answered after two seconds", |s| {
        s.answers
            .push(AnswerFault::always(AnswerTrouble::Slow { millis: 2_000 }));
    }),
    named(
        "silent",
        "the first call for a QR code takes effect and is never answered",
        |s| {
            answers_at(s, Endpoint::Qrcode, AnswerTrouble::Silent);
        },
    ),
    named(
        "half-answers",
        "the first call for a QR code is answered by half",
        |s| {
            answers_at(s, Endpoint::Qrcode, AnswerTrouble::Half);
        },
    ),
    named(
        "cut-before",
        "the first call for a QR code is cut before it takes effect",
        |s| {
            answers_at(s, Endpoint::Qrcode, AnswerTrouble::CutBefore);
        },
    ),
    named(
        "cut-after",
        "the first call for a QR code is cut after it has taken effect",
        |s| {
            answers_at(s, Endpoint::Qrcode, AnswerTrouble::CutAfter);
        },
    ),
    named(
        "dies-before-call",
        "the connector goes down for 30 s at the first QR code call",
        |s| {
            let seconds = Some(30);
            answers_at(s, Endpoint::Qrcode, AnswerTrouble::DiesBefore { seconds });
        },
    ),
    named(
        "dies-after-call",
        "the same, once the call has taken effect",
        |s| {
            let seconds = Some(30);
            answers_at(s, Endpoint::Qrcode, AnswerTrouble::DiesAfter { seconds });
        },
    ),
    named(
        "refuses",
        "QR codes are refused with a sentence that is not documented",
        |s| {
            s.answers.push(AnswerFault {
                endpoint: Some(Endpoint::Qrcode),
                ..AnswerFault::always(AnswerTrouble::Http {
                    code: 400,
                    retry_after: None,
                    text: "the moon is in the wrong house".to_owned(),
                    handled: false,
                })
            });
        },
    ),
];

/// At the first `times` calls of each endpoint.
fn answers(scenario: &mut Scenario, times: u32, does: AnswerTrouble) {
    scenario.answers.push(AnswerFault {
        times: Some(times),
        ..AnswerFault::always(does)
    });
}

fn answers_at(scenario: &mut Scenario, endpoint: Endpoint, does: AnswerTrouble) {
    scenario.answers.push(AnswerFault {
        endpoint: Some(endpoint),
        times: Some(1),
        ..AnswerFault::always(does)
    });
}
