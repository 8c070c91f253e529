//! What a CorePass connector can say about an attempt, in any order and any number of copies.
//!
//! The table of statuses follows the CorePass Connector documentation, API v1.

use proptest::prelude::*;
use verilane_core::{Fact, Reason};

/// The statuses in their documented order, each with what it tells about an attempt.
pub const STATUSES: [(&str, Option<Fact>); 16] = [
    ("PENDING", None),
    ("ACCEPTED", Some(Fact::Accepted)),
    ("INITIATE_SUBMITTED", Some(Fact::Accepted)),
    ("INITIATED", Some(Fact::Accepted)),
    (
        "INITIATED_FAILED",
        Some(Fact::Failed(Reason::InitiationFailed)),
    ),
    ("KYC_RECEIVED", Some(Fact::Accepted)),
    ("VALIDITY_CHECK", Some(Fact::Accepted)),
    ("VALIDITY_SUCCEED", Some(Fact::Accepted)),
    (
        "VALIDITY_FAILED",
        Some(Fact::Failed(Reason::ValidityFailed)),
    ),
    ("CONFIRM_SUBMITTED", Some(Fact::Accepted)),
    ("CONFIRMED", Some(Fact::Confirmed)),
    (
        "CONFIRM_FAILED",
        Some(Fact::Failed(Reason::ConfirmationFailed)),
    ),
    ("CALLBACK_SUCCEED", None),
    ("CALLBACK_FAILED", Some(Fact::DeliveryFailed)),
    ("FINISH_SUCCESS", Some(Fact::Settled)),
    ("FINISH_FAILED", Some(Fact::SettlementFailed)),
];

/// What a failure report can name: a status of failure, or words that are not documented.
pub const FAILURES: [(&str, Reason); 5] = [
    ("INITIATED_FAILED", Reason::InitiationFailed),
    ("VALIDITY_FAILED", Reason::ValidityFailed),
    ("CONFIRM_FAILED", Reason::ConfirmationFailed),
    ("FINISH_FAILED", Reason::FinishFailed),
    ("OTHER", Reason::ProviderFailed),
];

/// One thing that a provider says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum News {
    /// A status, and the provider's own time of it.
    Status(&'static str, i64),
    /// The data, with every required item or not, and with items that nobody asked for or not.
    Data { complete: bool, extra: bool },
    /// A failure report.
    Failure(&'static str, Reason),
}

/// News as it comes in: how long after what came before, and whether past its deadline.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub news: News,
    /// Seconds; below zero where our clock was set back.
    pub after: i64,
    pub late: bool,
}

/// A status' place in the documented order, from 1; 0 for words that are not documented.
pub fn rank(word: &str) -> u16 {
    let place = STATUSES.iter().zip(1..).find(|((w, _), _)| *w == word);
    place.map_or(0, |(_, rank)| rank)
}

/// What makes news one and the same when it comes again: only a failed delivery can recur.
pub fn identity(news: News) -> String {
    match news {
        News::Status("CALLBACK_FAILED", time) => format!("CALLBACK_FAILED@{time}"),
        News::Status(word, _) => word.to_owned(),
        News::Data { .. } => verilane_core::decide::DATA_IDENTITY.to_owned(),
        News::Failure(word, _) => format!("FAILURE:{word}"),
    }
}

fn data() -> impl Strategy<Value = News> {
    any::<(bool, bool)>().prop_map(|(complete, extra)| News::Data { complete, extra })
}

/// Any news that one attempt can give rise to, in documented order.
pub fn flow() -> impl Strategy<Value = Vec<News>> {
    let words: Vec<_> = STATUSES.iter().map(|(word, _)| *word).collect();
    (
        prop::sample::subsequence(words, 0..=STATUSES.len()),
        prop::option::of(Just(News::Status("CALLBACK_FAILED", 999))),
        prop::option::of(data()),
        prop::option::of(prop::sample::select(&FAILURES[..])),
    )
        .prop_map(|(words, again, data, failure)| {
            let statuses = words
                .into_iter()
                .map(|w| News::Status(w, i64::from(rank(w))));
            let failure = failure.map(|(word, reason)| News::Failure(word, reason));
            statuses.chain(again).chain(data).chain(failure).collect()
        })
}

/// The same news in any order, each one to three times.
pub fn shuffled(flow: Vec<News>) -> impl Strategy<Value = Vec<Arrival>> {
    let times = prop::collection::vec(1..=3_usize, flow.len());
    times
        .prop_map(move |times| {
            let copies = flow.iter().zip(times);
            copies
                .flat_map(|(news, times)| std::iter::repeat_n(*news, times))
                .collect::<Vec<_>>()
        })
        .prop_shuffle()
        .prop_flat_map(|news| {
            let how = prop::collection::vec((-30..=120_i64, any::<bool>()), news.len());
            (Just(news), how)
        })
        .prop_map(|(news, how)| {
            let arrivals = news.into_iter().zip(how);
            arrivals
                .map(|(news, (after, late))| Arrival { news, after, late })
                .collect()
        })
}
