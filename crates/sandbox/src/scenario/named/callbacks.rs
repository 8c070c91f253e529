//! What goes wrong with callbacks.

use super::{NamedScenario, named};
use crate::ledger::CallbackKind;
use crate::scenario::{
    AnswerFault, AnswerTrouble, CallbackFault, CallbackTrouble, Forgery, RetrySigning, Scenario,
};

pub(super) const EVERY_FORGERY: [Forgery; 3] = [
    Forgery::OtherKey,
    Forgery::OtherKeyPosingAsOurs,
    Forgery::Tampered,
];

pub(super) const ALL: &[NamedScenario] = &[
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
];

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
