//! Every status, every failure and the data, signed and read, in every order of any three of them:
//! what comes of them is what the table says of the set. The table here is written apart from the
//! one under test.

use verilane_core::{Facts, State};

use super::data::failure_members;
use super::*;

/// What a connector can say, by channel and word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Status(&'static str),
    Failure(&'static str),
    /// With every item, or without one.
    Data(bool),
}

/// Both spellings of one of the sixteen, and a word that is not documented.
const WORDS: [&str; 18] = [
    "PENDING",
    "ACCEPTED",
    "INITIATE_SUBMITTED",
    "INITIATED",
    "INITIATED_FAILED",
    "KYC_RECEIVED",
    "VALIDITY_CHECK",
    "VALIDITY_SUCCEED",
    "VALIDITY_FAILED",
    "CONFIRM_SUBMITTED",
    "CONFIRMED",
    "CONFIRM_FAILED",
    "CONFIRMED_FAILED",
    "CALLBACK_SUCCEED",
    "CALLBACK_FAILED",
    "FINISH_SUCCESS",
    "FINISH_FAILED",
    "ON_HOLD",
];

/// What a failure's `error` can be: words of failure, other words, and free text.
const ERRORS: [&str; 8] = [
    "INITIATED_FAILED",
    "VALIDITY_FAILED",
    "CONFIRM_FAILED",
    "CONFIRMED_FAILED",
    "FINISH_FAILED",
    "FINISH_SUCCESS",
    "out of gas",
    "",
];

fn all() -> Vec<Said> {
    let statuses = WORDS.map(Said::Status).into_iter();
    let failures = ERRORS.map(Said::Failure);
    statuses
        .chain(failures)
        .chain([true, false].map(Said::Data))
        .collect()
}

/// What is said, signed by a connector and read: the facts that it adds.
fn facts_of(said: Said) -> Vec<Fact> {
    let items = r#""SH_EMAIL","SH_PHONE""#;
    let (channel, members) = match said {
        Said::Status(word) => (CallbackChannel::Status, status_members(word, NOW + 100)),
        Said::Failure(error) => (CallbackChannel::Data, failure_members(error, items)),
        Said::Data(true) => (
            CallbackChannel::Data,
            data_members(&format!("{EMAIL},{PHONE}"), NOW + 100),
        ),
        Said::Data(false) => (CallbackChannel::Data, data_members(EMAIL, NOW + 100)),
    };
    match told(channel, &members).unwrap().report {
        Report::Status(report) => report.fact.into_iter().collect(),
        Report::Failure(report) => vec![report.fact],
        Report::Data(report) if report.items.len() == 2 => vec![Fact::DataComplete],
        Report::Data(_) => vec![Fact::DataIncomplete],
    }
}

/// What the table says of a set.
fn expected(said: &[Said]) -> (State, bool, bool) {
    let status = |words: &[&str]| {
        let is = |one: &Said| matches!(one, Said::Status(word) if words.contains(word));
        said.iter().any(is)
    };
    let data = said.iter().any(|one| matches!(one, Said::Data(_)));
    let failure = |one: &Said| matches!(one, Said::Failure(_) | Said::Data(false));
    let failed = said.iter().any(failure)
        || status(&[
            "INITIATED_FAILED",
            "VALIDITY_FAILED",
            "CONFIRM_FAILED",
            "CONFIRMED_FAILED",
            "FINISH_FAILED",
        ]);
    let waits = ["PENDING", "CALLBACK_SUCCEED", "CALLBACK_FAILED", "ON_HOLD"];
    let waits = |one: &Said| matches!(one, Said::Status(word) if waits.contains(word));
    let state = if said.contains(&Said::Data(true)) {
        State::Verified
    } else if failed {
        State::Failed
    } else if !said.iter().all(waits) {
        State::Processing
    } else {
        State::Pending
    };
    let unsettled = status(&["FINISH_FAILED"]) || said.contains(&Said::Failure("FINISH_FAILED"));
    (
        state,
        data && unsettled,
        !data && status(&["FINISH_SUCCESS"]),
    )
}

#[test]
fn any_three_in_any_order_end_as_the_table_says() {
    let all: Vec<(Said, Vec<Fact>)> = all()
        .into_iter()
        .map(|said| (said, facts_of(said)))
        .collect();
    for (a, first) in &all {
        for (b, second) in &all {
            for (c, third) in &all {
                let facts = [first, second, third].into_iter().flatten().copied();
                let facts = facts.fold(Facts::default(), Facts::with);
                let warns = |reason| facts.warnings().any(|warning| warning == reason);
                let outcome = (
                    facts.state().0,
                    warns(Reason::SettlementFailed),
                    warns(Reason::DataNotDelivered),
                );
                let said = [*a, *b, *c];
                assert_eq!(outcome, expected(&said), "{said:?}");
            }
        }
    }
}

#[test]
fn a_settlement_that_failed_warns_beside_the_data_and_fails_without_on_either_channel() {
    for said in [
        Said::Status("FINISH_FAILED"),
        Said::Failure("FINISH_FAILED"),
    ] {
        let alone = facts_of(said)
            .into_iter()
            .fold(Facts::default(), Facts::with);
        assert_eq!(alone.state(), (State::Failed, Some(Reason::FinishFailed)));
        let data = facts_of(Said::Data(true));
        for order in [[facts_of(said), data.clone()], [data, facts_of(said)]] {
            let both = order
                .concat()
                .into_iter()
                .fold(Facts::default(), Facts::with);
            assert_eq!(both.state().0, State::Verified);
            let warnings: Vec<_> = both.warnings().collect();
            assert_eq!(warnings, [Reason::SettlementFailed]);
        }
    }
}
