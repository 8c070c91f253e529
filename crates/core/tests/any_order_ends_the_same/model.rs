//! What must come of news, written apart from the code under test: it looks at which news there is,
//! never at their order.

use std::collections::{BTreeMap, BTreeSet};

use verilane_core::{
    ClaimStatus, JobAbout, JobKey, JobKind, NewEvent, ProviderStatus, Reason, StartPhase, State,
    Timestamp, Verification,
};

use crate::keeper::DEADLINES;
use crate::news::{FAILURES, News, rank};

/// What comes of news, whatever order it comes in.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    pub state: State,
    pub reason: Option<Reason>,
    pub warnings: Vec<Reason>,
    pub provider_status: Option<ProviderStatus>,
    /// Of the two required claims and the optional one, in this order.
    pub claims: [ClaimStatus; 3],
}

/// What must come of this news.
pub fn outcome_of(flow: &[News]) -> Outcome {
    let heard: BTreeSet<&str> = flow
        .iter()
        .filter_map(|news| match news {
            News::Status(word, _) => Some(*word),
            _ => None,
        })
        .collect();
    let data = flow.iter().find_map(|news| match news {
        News::Data { complete, extra } => Some((*complete, *extra)),
        _ => None,
    });
    let failures = flow.iter().filter_map(|news| match news {
        News::Status(word, _) => FAILURES.iter().find(|(w, _)| w == word).map(|(_, r)| *r),
        News::Data { complete, .. } => (!complete).then_some(Reason::RequiredItemMissing),
        News::Failure(_, reason) => Some(*reason),
    });
    let waiting = ["PENDING", "CALLBACK_SUCCEED", "CALLBACK_FAILED"];
    let (state, reason) = match (data, failures.max()) {
        (Some((true, _)), _) => (State::Verified, None),
        (_, Some(reason)) => (State::Failed, Some(reason)),
        _ if heard.iter().all(|word| waiting.contains(word)) => (State::Pending, None),
        _ => (State::Processing, None),
    };
    // On whichever channel it comes, and before the data or after it.
    let reported = |wanted: &str| {
        let mut news = flow.iter();
        news.any(|news| matches!(news, News::Failure(word, _) if *word == wanted))
    };
    let warnings = [
        (
            heard.contains("FINISH_SUCCESS") && data.is_none(),
            Reason::DataNotDelivered,
        ),
        (
            data.is_some() && (heard.contains("FINISH_FAILED") || reported("FINISH_FAILED")),
            Reason::SettlementFailed,
        ),
        (
            heard.contains("CALLBACK_FAILED") && data.is_none(),
            Reason::DeliveryFailed,
        ),
        (
            data.is_some_and(|(_, extra)| extra),
            Reason::ItemNotRequested,
        ),
    ];
    let words = flow.iter().filter_map(|news| match news {
        News::Status(word, _) | News::Failure(word, _) => (rank(word) > 0).then_some(*word),
        News::Data { .. } => None,
    });
    Outcome {
        state,
        reason,
        warnings: warnings.into_iter().filter(|w| w.0).map(|w| w.1).collect(),
        provider_status: words.max_by_key(|word| rank(word)).map(Into::into),
        claims: match data {
            None => [ClaimStatus::Requested; 3],
            Some((true, _)) => [
                ClaimStatus::Granted,
                ClaimStatus::Granted,
                ClaimStatus::NotHeld,
            ],
            Some((false, _)) => [
                ClaimStatus::Granted,
                ClaimStatus::NotHeld,
                ClaimStatus::Granted,
            ],
        },
    }
}

/// What somebody knows who has only read the events.
pub fn told(events: &[NewEvent]) -> (State, Option<Reason>) {
    let newest = events.iter().map(|event| event.attempt).max();
    let state = events.last().map_or(State::Pending, |e| e.state_after);
    let reasons = events.iter().filter(|e| Some(e.attempt) == newest);
    let reason = reasons.filter_map(|event| event.reason).next_back();
    (state, reason.filter(|_| state != State::Verified))
}

/// The timers that a row needs: of each attempt one or none.
pub fn wanted(row: &Verification) -> BTreeMap<JobKey, Timestamp> {
    let timers = row.attempts.iter().filter_map(|attempt| {
        let (kind, due) = match (attempt.state().0, attempt.phase) {
            (State::Pending, StartPhase::Intended) => (JobKind::Start, attempt.start_time),
            (State::Pending, _) => (
                JobKind::ExpireAction,
                attempt.expire_time.unwrap().min(row.expire_time),
            ),
            (State::Processing, _) => match attempt.confirm_time {
                Some(time) => (JobKind::DataDeadline, time + DEADLINES.data),
                None => {
                    let time = attempt.accept_time.unwrap();
                    (JobKind::ProcessingDeadline, time + DEADLINES.processing)
                }
            },
            _ => {
                let newest = row.newest_attempt().unwrap().number == attempt.number;
                let ends = [State::Expired, State::Failed, State::Rejected];
                let room = row.attempts.len() < row.max_attempts as usize;
                let time = row.update_time < row.expire_time;
                if !(newest && ends.contains(&row.state().0) && room && time) {
                    return None;
                }
                (JobKind::CloseRetry, row.expire_time)
            }
        };
        let about = Some(JobAbout {
            verification: row.id,
            attempt: attempt.number,
        });
        Some((JobKey { kind, about }, due))
    });
    timers.collect()
}
