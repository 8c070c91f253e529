//! What users do, and how their transfers go on.

use super::{NamedScenario, named};
use crate::scenario::{Course, Notice, Scenario, Stage, UserBehaviour};
use crate::status::Status;

pub(super) const ALL: &[NamedScenario] = &[
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
];

fn fails(scenario: &mut Scenario, at: Stage) {
    scenario.course = Course::Failed {
        at,
        notice: Notice::Status,
        notice_first: false,
        unfinished: false,
    };
}
