//! What others did before, and what the connector has besides.

use super::{NamedScenario, named};
use crate::scenario::{Planted, Scenario};
use crate::status::Status;

const MONTH: u64 = 30 * 86_400;

pub(super) const ALL: &[NamedScenario] = &[
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

fn plant(scenario: &mut Scenario, seconds_ago: u64, status: Status) {
    scenario.planted.push(Planted {
        seconds_ago,
        lifetime: 600,
        status,
    });
}
