//! What can happen in a run, and runs of it.

use std::time::Duration;

use proptest::prelude::*;
use verilane_core::Reason;

use crate::stage::puppet::Answer;
use crate::stage::{DAY, MINUTE, SECOND, START};

/// One thing that happens. Numbers choose among what there is.
#[derive(Clone, Debug)]
pub enum Deed {
    Create {
        user: usize,
        request: usize,
        answer: Answer,
    },
    Report {
        which: usize,
        word: &'static str,
    },
    Fail {
        which: usize,
    },
    Deliver {
        which: usize,
        complete: bool,
    },
    Forge {
        which: usize,
    },
    Cancel {
        which: usize,
    },
    Wait {
        by: Duration,
    },
    RunJobs,
    Restart,
    LookAtAll {
        messages: usize,
    },
    LookAtOne {
        which: usize,
        messages: usize,
    },
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::Takes),
        1 => Just(Answer::NotSent),
        1 => Just(Answer::Unclear),
        1 => Just(Answer::Refuses(Reason::ProviderRefused)),
        1 => Just(Answer::HoldsOne(START + 9 * MINUTE)),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    let which = 0..100_usize;
    let words = [
        "PENDING",
        "ACCEPTED",
        "INITIATED",
        "VALIDITY_FAILED",
        "CONFIRMED",
        "CALLBACK_FAILED",
        "FINISH_SUCCESS",
        "FINISH_FAILED",
    ];
    let by = prop::sample::select(vec![SECOND, 30 * SECOND, 6 * MINUTE, DAY, 100 * DAY]);
    prop_oneof![
        4 => (which.clone(), 0..6_usize, answer())
            .prop_map(|(user, request, answer)| Deed::Create { user, request, answer }),
        8 => (which.clone(), prop::sample::select(words.to_vec()))
            .prop_map(|(which, word)| Deed::Report { which, word }),
        1 => which.clone().prop_map(|which| Deed::Fail { which }),
        3 => (which.clone(), prop::bool::weighted(0.8))
            .prop_map(|(which, complete)| Deed::Deliver { which, complete }),
        1 => which.clone().prop_map(|which| Deed::Forge { which }),
        1 => which.clone().prop_map(|which| Deed::Cancel { which }),
        2 => by.prop_map(|by| Deed::Wait { by }),
        2 => Just(Deed::RunJobs),
        1 => Just(Deed::Restart),
        2 => (1..8_usize).prop_map(|messages| Deed::LookAtAll { messages }),
        2 => (which, 1..5_usize)
            .prop_map(|(which, messages)| Deed::LookAtOne { which, messages }),
    ]
}

/// A run.
pub fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    prop::collection::vec(deed(), 1..60)
}
