//! Scenarios by name. Names are put together with `+`: what each one says is laid over the ones
//! before it, and lists grow.

use serde::Serialize;

use super::{
    AnswerFault, AnswerTrouble, CallbackFault, CallbackTrouble, Course, DataShape, Digest,
    Encoding, Endpoint, Forgery, Notice, Planted, RetrySigning, Scenario, Scheme, Stage,
    UserBehaviour,
};
use crate::ledger::CallbackKind;
use crate::status::Status;

/// A scenario that has a name.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(bound = "")]
pub struct NamedScenario<S: 'static = Scenario> {
    /// What to ask for it by.
    pub name: &'static str,
    /// What it does, in a line.
    pub description: &'static str,
    #[serde(skip)]
    lay: fn(&mut S),
}

/// A name, and what it lays over a scenario.
pub(crate) const fn named<S>(
    name: &'static str,
    description: &'static str,
    lay: fn(&mut S),
) -> NamedScenario<S> {
    NamedScenario {
        name,
        description,
        lay,
    }
}

impl<S: Default> NamedScenario<S> {
    /// The scenario of a name among `all`, or of several put together with `+`.
    pub(crate) fn put_together(all: &[Self], names: &str) -> Option<S> {
        let mut scenario = S::default();
        for name in names.split('+') {
            let named = all.iter().find(|named| named.name == name)?;
            (named.lay)(&mut scenario);
        }
        Some(scenario)
    }
}

const EVERY_FORGERY: [Forgery; 3] = [
    Forgery::OtherKey,
    Forgery::OtherKeyPosingAsOurs,
    Forgery::Tampered,
];

const MONTH: u64 = 30 * 86_400;

fn fails(scenario: &mut Scenario, at: Stage) {
    scenario.course = Course::Failed {
        at,
        notice: Notice::Status,
        notice_first: false,
        unfinished: false,
    };
}

fn befalls(scenario: &mut Scenario, does: CallbackTrouble) {
    scenario.faults.callbacks.push(CallbackFault::every(does));
}

fn befalls_data(scenario: &mut Scenario, does: CallbackTrouble, tries: Option<u32>) {
    scenario.faults.callbacks.push(CallbackFault {
        kind: Some(CallbackKind::Data),
        tries,
        ..CallbackFault::every(does)
    });
}

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

fn plant(scenario: &mut Scenario, seconds_ago: u64, status: Status) {
    scenario.planted.push(Planted {
        seconds_ago,
        lifetime: 600,
        status,
    });
}

/// Whatever a service must get over without losing anything: the data itself is never lost.
fn chaos(scenario: &mut Scenario) {
    let faults = &mut scenario.faults;
    faults.duplicates = 1;
    faults.reorder_window = 3;
    faults.forge.push(Forgery::Tampered);
    let status = Some(CallbackKind::Status);
    for (does, kind, tries, one_in) in [
        (CallbackTrouble::Lost, status, None, 7),
        (CallbackTrouble::Unsent, None, Some(2), 6),
        (CallbackTrouble::Unheard, None, Some(2), 5),
        (CallbackTrouble::Half, None, Some(2), 6),
        (CallbackTrouble::Late { seconds: 200 }, None, None, 6),
        (CallbackTrouble::Replayed { seconds: 600 }, None, None, 6),
    ] {
        faults.callbacks.push(CallbackFault {
            kind,
            tries,
            one_in,
            ..CallbackFault::every(does)
        });
    }
    for (does, one_in) in [
        (AnswerTrouble::http(429), 6),
        (AnswerTrouble::http(500), 6),
        (AnswerTrouble::Half, 8),
        (AnswerTrouble::CutBefore, 8),
        (AnswerTrouble::CutAfter, 8),
    ] {
        scenario.answers.push(AnswerFault {
            one_in,
            ..AnswerFault::always(does)
        });
    }
}

/// Every named scenario.
static NAMED: [NamedScenario; 58] = [
    // What users do.
    named(
        "scripted",
        "each user does what their role says; nothing goes wrong",
        |_| {},
    ),
    named("accept", "every user accepts; nothing goes wrong", |s| {
        s.user = UserBehaviour::Accept;
    }),
    named("ignore", "no user ever scans the QR code", |s| {
        s.user = UserBehaviour::Ignore;
    }),
    named("accept-late", "users accept after four minutes", |s| {
        s.user = UserBehaviour::AcceptAfter { seconds: 240 };
    }),
    named(
        "passport-only",
        "users have verified their passport alone, if they had",
        |s| {
            s.verified_only = Some(vec!["Passport".to_owned()]);
        },
    ),
    // How transfers go on.
    named(
        "initiation-fails",
        "INITIATED_FAILED, a failure callback, FINISH_FAILED",
        |s| {
            fails(s, Stage::Initiation);
        },
    ),
    named(
        "validity-fails",
        "VALIDITY_FAILED, a failure callback, FINISH_FAILED",
        |s| {
            fails(s, Stage::Validity);
        },
    ),
    named(
        "confirmation-fails",
        "CONFIRM_FAILED, a failure callback, FINISH_FAILED",
        |s| {
            fails(s, Stage::Confirmation);
        },
    ),
    named(
        "confirmation-fails-too",
        "the same, spelt CONFIRMED_FAILED",
        |s| {
            fails(s, Stage::ConfirmationSpeltOtherwise);
        },
    ),
    named(
        "finish-fails",
        "FINISH_FAILED and a failure callback in place of the data",
        |s| {
            fails(s, Stage::FinishWithoutData);
        },
    ),
    named(
        "finish-fails-before-data",
        "FINISH_FAILED a step before the data",
        |s| {
            fails(s, Stage::FinishBeforeData);
        },
    ),
    named(
        "finish-fails-after-data",
        "the data, then FINISH_FAILED and a failure callback",
        |s| {
            fails(s, Stage::FinishAfterData);
        },
    ),
    named(
        "fails-in-words",
        "VALIDITY_FAILED, and a failure callback with a text of its own",
        |s| {
            s.course = Course::Failed {
                at: Stage::Validity,
                notice: Notice::Text("the document could not be read".to_owned()),
                notice_first: true,
                unfinished: false,
            };
        },
    ),
    named(
        "fails-silently",
        "INITIATED_FAILED, no failure callback, ongoing without end",
        |s| {
            s.course = Course::Failed {
                at: Stage::Initiation,
                notice: Notice::None,
                notice_first: false,
                unfinished: true,
            };
        },
    ),
    named(
        "ongoing",
        "transfers stop at INITIATE_SUBMITTED and are ongoing without end",
        |s| {
            s.course = Course::Stalled {
                at: Status::InitiateSubmitted,
            };
        },
    ),
    // What goes wrong with callbacks.
    named(
        "duplicates",
        "each callback is sent three times, one after the other",
        |s| {
            s.faults.duplicates = 2;
        },
    ),
    named(
        "duplicates-at-once",
        "each callback is sent three times at the same time",
        |s| {
            s.faults.duplicates = 2;
            s.faults.duplicates_at_once = true;
        },
    ),
    named(
        "reorder",
        "callbacks go out in a drawn order within windows of four",
        |s| {
            s.faults.reorder_window = 4;
        },
    ),
    named(
        "forge",
        "two forged callbacks and a tampered one go before each genuine one",
        |s| {
            s.faults.forge = EVERY_FORGERY.to_vec();
        },
    ),
    named(
        "storm",
        "duplicates at once, reordering and forgeries together",
        |s| {
            s.faults.duplicates = 2;
            s.faults.duplicates_at_once = true;
            s.faults.reorder_window = 4;
            s.faults.forge = EVERY_FORGERY.to_vec();
        },
    ),
    named(
        "drop",
        "one in three status callbacks is lost, unknown to the connector",
        |s| {
            s.faults.callbacks.push(CallbackFault {
                kind: Some(CallbackKind::Status),
                one_in: 3,
                ..CallbackFault::every(CallbackTrouble::Lost)
            });
        },
    ),
    named(
        "drop-all-statuses",
        "no status callback arrives, unknown to the connector",
        |s| {
            s.faults.callbacks.push(CallbackFault {
                kind: Some(CallbackKind::Status),
                ..CallbackFault::every(CallbackTrouble::Lost)
            });
        },
    ),
    named(
        "data-lost",
        "FINISH_SUCCESS comes, the data never does",
        |s| {
            befalls_data(s, CallbackTrouble::Lost, None);
        },
    ),
    named(
        "unheard",
        "the connector hears no answer to the first try of each callback",
        |s| {
            s.faults.callbacks.push(CallbackFault {
                tries: Some(1),
                ..CallbackFault::every(CallbackTrouble::Unheard)
            });
        },
    ),
    named(
        "half-callbacks",
        "the first try of each callback breaks off in its middle",
        |s| {
            s.faults.callbacks.push(CallbackFault {
                tries: Some(1),
                ..CallbackFault::every(CallbackTrouble::Half)
            });
        },
    ),
    named(
        "late",
        "callbacks arrive 200 seconds after they were signed",
        |s| {
            befalls(s, CallbackTrouble::Late { seconds: 200 });
        },
    ),
    named(
        "late-data",
        "the data arrives an hour after it was signed",
        |s| {
            befalls_data(s, CallbackTrouble::Late { seconds: 3_600 }, None);
        },
    ),
    named(
        "replay",
        "each callback is sent again ten minutes later, byte for byte",
        |s| {
            befalls(s, CallbackTrouble::Replayed { seconds: 600 });
        },
    ),
    named(
        "stale-retries",
        "first tries fail; retries keep their bytes and stale deadline",
        |s| {
            s.retry_signing = RetrySigning::Verbatim;
            s.faults.callbacks.push(CallbackFault {
                tries: Some(2),
                ..CallbackFault::every(CallbackTrouble::Unsent)
            });
        },
    ),
    named(
        "verbatim-retries",
        "retried callbacks keep their first bytes and deadline",
        |s| {
            s.retry_signing = RetrySigning::Verbatim;
        },
    ),
    named(
        "gives-up",
        "no try of the data succeeds; the connector keeps it for an export",
        |s| {
            befalls_data(s, CallbackTrouble::Unsent, None);
        },
    ),
    named(
        "dies-before-data",
        "the connector goes down for 30 s before it sends the data",
        |s| {
            let seconds = Some(30);
            befalls_data(s, CallbackTrouble::DiesBefore { seconds }, Some(1));
        },
    ),
    named(
        "dies-after-data",
        "the connector goes down for 30 s once the data has arrived",
        |s| {
            let seconds = Some(30);
            befalls_data(s, CallbackTrouble::DiesAfter { seconds }, Some(1));
        },
    ),
    named(
        "chaos",
        "one callback or call in several meets each fault from which recovery is possible",
        chaos,
    ),
    // How callbacks are written and signed.
    named(
        "json",
        "data and failure callbacks are sent as one JSON body",
        |s| {
            s.data_shape = DataShape::Json;
        },
    ),
    named(
        "json-as-multipart",
        "the same, under the content type of multipart",
        |s| {
            s.data_shape = DataShape::Json;
            s.json_content_type = Some("multipart/form-data; boundary=none".to_owned());
        },
    ),
    named(
        "multipart-whole",
        "they are multipart with one part that holds the JSON",
        |s| {
            s.data_shape = DataShape::MultipartWhole;
        },
    ),
    named("sha256", "they are digested with SHA-256", |s| {
        s.signing.digest = Digest::Sha256;
    }),
    named(
        "without-expiration",
        "their signature leaves out the expiration",
        |s| {
            s.signing.encoding = Encoding::WithoutExpiration;
        },
    ),
    named(
        "go-struct",
        "their signature is over the documentation's Go structure",
        |s| {
            s.signing.encoding = Encoding::GoStruct;
        },
    ),
    named(
        "secp256k1",
        "all callbacks carry 65-byte recoverable secp256k1 signatures",
        |s| {
            s.signing.data_scheme = Scheme::Secp256k1;
            s.signing.status_scheme = Scheme::Secp256k1;
        },
    ),
    named(
        "rotation",
        "from VALIDITY_CHECK on, callbacks are signed with the next keys",
        |s| {
            s.rotate_at = Some(Status::ValidityCheck);
        },
    ),
    // What goes wrong with the connector's own endpoints.
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
    // What others did before.
    named(
        "other-system",
        "another system has an open request for the same user and items",
        |s| {
            plant(s, 60, Status::Pending);
        },
    ),
    named(
        "other-system-ongoing",
        "another system's request for them is ongoing",
        |s| {
            plant(s, 3_600, Status::InitiateSubmitted);
        },
    ),
    named(
        "past",
        "requests of this month and before, finished well and not",
        |s| {
            plant(s, MONTH + 86_400, Status::FinishSuccess);
            plant(s, 20 * 86_400, Status::FinishSuccess);
            plant(s, 3 * 86_400, Status::FinishFailed);
        },
    ),
    // What the connector has besides.
    named("valid", "the connector has /blockchain/valid", |s| {
        s.has_valid = true;
    }),
    named(
        "revoked",
        "the same, and it calls no passport field valid any more",
        |s| {
            s.has_valid = true;
            let fields = crate::fields::all().into_iter();
            s.revoked
                .extend(fields.filter(|field| field.starts_with("SH_Passport_")));
        },
    ),
];

impl Scenario {
    /// The scenario of a name, or of several put together with `+`, if there are such.
    #[must_use]
    pub fn named(names: &str) -> Option<Self> {
        NamedScenario::put_together(&NAMED, names)
    }

    /// The names that [`Scenario::named`] takes, with a line about each.
    #[must_use]
    pub const fn names() -> &'static [NamedScenario] {
        &NAMED
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_listed_name_is_a_scenario_of_its_own_and_survives_json() {
        let mut seen = HashSet::new();
        for named in Scenario::names() {
            let scenario = Scenario::named(named.name).unwrap();
            let json = serde_json::to_string(&scenario).unwrap();
            assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), scenario);
            assert!(seen.insert(json), "{}", named.name);
        }
        assert_eq!(Scenario::named("nonsense"), None);
    }

    #[test]
    fn every_name_stands_in_the_documentation() {
        let page = include_str!("../../../../docs/sandbox.md");
        for named in Scenario::names() {
            assert!(
                page.contains(&format!("`{}`", named.name)),
                "{}",
                named.name
            );
        }
    }

    #[test]
    fn the_documentations_scenario_in_full_is_one() {
        let page = include_str!("../../../../docs/sandbox.md");
        let (_, rest) = page.split_once("```json\n").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let scenario: Scenario = serde_json::from_str(text).unwrap();
        assert_eq!(scenario.faults.callbacks.len(), 2);
        assert_eq!(scenario.answers.len(), 2);
    }

    #[test]
    fn names_are_put_together_and_the_last_word_counts() {
        let both = Scenario::named("json+forge+multipart-whole+late+replay").unwrap();
        assert_eq!(both.data_shape, DataShape::MultipartWhole);
        assert_eq!(both.faults.forge, EVERY_FORGERY);
        assert_eq!(both.faults.callbacks.len(), 2);
        for wrong in ["json+", "+json", "json+nonsense", "json forge"] {
            assert_eq!(Scenario::named(wrong), None, "{wrong}");
        }
    }
}
