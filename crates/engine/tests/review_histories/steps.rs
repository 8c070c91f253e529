//! What a history is made of: steps drawn from a seed. What a step is about is drawn as a number and
//! looked up when it is taken, so that any part of a history is a history too.

use verilane_core::Decision;
use verilane_engine::CrashPoint;

use crate::civic::{Act, Info, Link, Mood, PROGRESS, WALLETS, WORDS};
use crate::histories::chance::Chance;
use crate::service::CONNECTIONS;

const DECISIONS: [Decision; 2] = [Decision::Approve, Decision::Reject];
/// Where the process can be made to die.
pub const CRASHES: [CrashPoint; 6] = [
    CrashPoint::LookAsked,
    CrashPoint::LookAnswered,
    CrashPoint::EvidenceChunkWritten,
    CrashPoint::EvidenceWritten,
    CrashPoint::DecisionAsked,
    CrashPoint::DecisionSent,
];

/// Whether the caller says which revision he has seen, and which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expects {
    Nothing,
    Newest,
    Older,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Wait(u64),
    Create {
        via: usize,
        subject: Option<usize>,
        lifetime: u64,
        ttl: u64,
        most: u32,
        needs_picture: bool,
    },
    Retry(usize),
    Cancel(usize),
    /// A user begins a request at Civic.
    Begin(usize),
    Civic(usize, Act),
    /// What the browser brought back is handed in: a request, or nonsense.
    Continue(usize, Option<usize>, Expects),
    Review(usize, Decision, Expects),
    Mood(Mood),
    /// The process dies the next time that it comes to this.
    Crash(CrashPoint),
    /// The watchers read so many events.
    Watch(usize),
    /// The watchers come back with the last token that they read.
    Reconnect,
    /// In good order, or not.
    Restart(bool),
}

/// The steps of a history.
pub fn steps(chance: &mut Chance) -> Vec<Step> {
    let count = 20 + chance.pick(30);
    let mut steps = Vec::new();
    steps.extend(to_a_review(chance));
    while steps.len() < count {
        match chance.below(30) {
            0..2 => steps.extend(to_a_review(chance)),
            2 => steps.extend(told_to_nobody(chance)),
            3 => steps.extend(approved_when_replaced(chance)),
            4 => steps.extend(stalls(chance)),
            5..7 => steps.extend(unnamed(chance)),
            _ => steps.push(step(chance)),
        }
    }
    steps
}

fn create(chance: &mut Chance) -> Step {
    Step::Create {
        via: chance.pick(CONNECTIONS.len()),
        subject: chance.is_one_in(3).then(|| chance.pick(WALLETS.len())),
        lifetime: chance.one(&[600, 3_600, 2 * 86_400]),
        ttl: chance.one(&[600, 20_000, 3 * 86_400]),
        most: 1 + u32::try_from(chance.below(3)).unwrap_or_default(),
        needs_picture: chance.is_one_in(2),
    }
}

fn step(chance: &mut Chance) -> Step {
    let which = chance.pick(3);
    match chance.below(100) {
        0..18 => Step::Wait(chance.one(&[1, 60, 700, 5_000, 30_000, 100_000, 200_000])),
        18..24 => create(chance),
        24..28 => Step::Retry(which),
        28..31 => Step::Cancel(which),
        31..36 => Step::Begin(chance.pick(WALLETS.len())),
        36..56 => Step::Civic(which, act(chance)),
        56..66 => {
            let request = (!chance.is_one_in(12)).then(|| chance.pick(3));
            Step::Continue(which, request, expects(chance))
        }
        66..80 => Step::Review(which, chance.one(&DECISIONS), expects(chance)),
        80..87 => {
            let bad = [
                Mood::Busy,
                Mood::Down,
                Mood::Mute,
                Mood::Confused,
                Mood::Shut,
            ];
            let well = chance.is_one_in(2);
            Step::Mood(if well { Mood::Well } else { chance.one(&bad) })
        }
        87..92 => Step::Crash(chance.one(&CRASHES)),
        92..95 => Step::Watch(chance.pick(8)),
        95..97 => Step::Reconnect,
        _ => Step::Restart(chance.is_one_in(2)),
    }
}

fn expects(chance: &mut Chance) -> Expects {
    chance.one(&[
        Expects::Nothing,
        Expects::Nothing,
        Expects::Newest,
        Expects::Older,
    ])
}

fn act(chance: &mut Chance) -> Act {
    let infos = [
        Info::InTime,
        Info::InTime,
        Info::Early,
        Info::Nameless,
        Info::Missing,
    ];
    match chance.below(25) {
        0..8 => Act::Next,
        8..11 => Act::Says(chance.pick(WORDS.len())),
        11 => Act::Progresses(chance.pick(PROGRESS.len())),
        12..15 => Act::Links(chance.one(&[Link::Good, Link::Good, Link::Dead, Link::Astray])),
        15 => Act::Lacks,
        16 | 17 => Act::IsDecided(chance.one(&DECISIONS)),
        18 => Act::IsForgotten,
        19 | 20 => Act::Informs(chance.one(&infos)),
        21 | 22 => Act::LinksMore(chance.is_one_in(2)),
        23 => Act::Progresses(chance.pick(PROGRESS.len())),
        _ => Act::IsRemembered,
    }
}

/// What leads to a review, if nothing comes between.
fn to_a_review(chance: &mut Chance) -> Vec<Step> {
    vec![
        create(chance),
        Step::Begin(chance.pick(WALLETS.len())),
        Step::Continue(0, Some(0), Expects::Nothing),
        Step::Civic(0, Act::Next),
        Step::Civic(0, Act::Next),
        Step::Wait(700),
    ]
}

/// The user has begun and Civic comes to no end, or its pictures can't be had.
fn stalls(chance: &mut Chance) -> Vec<Step> {
    let mut steps = to_a_review(chance);
    if chance.is_one_in(2) {
        steps.truncate(4);
    } else {
        steps.insert(2, Step::Civic(0, Act::Links(Link::Dead)));
    }
    steps.push(Step::Wait(300_000));
    steps
}

/// A request that names nobody, for a while or for good, is handed in for its user or for another.
fn unnamed(chance: &mut Chance) -> Vec<Step> {
    let info = chance.one(&[Info::Nameless, Info::Missing]);
    let word = chance.one(&[2, 3, 4, 5, 6]);
    let owner = chance.pick(WALLETS.len());
    let mut steps = vec![
        Step::Create {
            via: chance.pick(CONNECTIONS.len()),
            subject: Some(chance.pick(WALLETS.len())),
            lifetime: 3_600,
            ttl: 3 * 86_400,
            most: 2,
            needs_picture: chance.is_one_in(2),
        },
        Step::Begin(owner),
        Step::Civic(0, Act::Informs(info)),
        Step::Continue(0, Some(0), Expects::Nothing),
        Step::Civic(0, Act::Says(word)),
        Step::Wait(chance.one(&[700, 5_000, 30_000, 200_000])),
    ];
    if chance.is_one_in(2) {
        steps.push(Step::Civic(0, Act::Informs(Info::InTime)));
        steps.push(Step::Wait(30_000));
        steps.push(Step::Civic(0, Act::Informs(info)));
        steps.push(Step::Review(0, chance.one(&DECISIONS), Expects::Nothing));
        steps.push(Step::Wait(5_000));
    }
    steps
}

/// A request is handed in before Civic knows it; what is free again is handed in for another.
fn told_to_nobody(chance: &mut Chance) -> Vec<Step> {
    let mut steps = vec![
        create(chance),
        create(chance),
        Step::Begin(chance.pick(WALLETS.len())),
        Step::Civic(0, Act::IsForgotten),
        Step::Continue(0, Some(0), Expects::Nothing),
        Step::Wait(chance.one(&[700, 60_000])),
        Step::Civic(0, Act::IsRemembered),
        Step::Continue(1, Some(0), Expects::Nothing),
        Step::Civic(0, Act::Says(2)),
        Step::Wait(700),
    ];
    if chance.is_one_in(2) {
        steps.push(Step::Civic(0, Act::IsDecided(chance.one(&DECISIONS))));
        steps.push(Step::Wait(5_000));
    }
    steps
}

/// A request is approved elsewhere after its attempt has failed and another's claims have come.
fn approved_when_replaced(chance: &mut Chance) -> Vec<Step> {
    let mut steps = to_a_review(chance);
    steps.extend([
        Step::Create {
            via: chance.pick(CONNECTIONS.len()),
            subject: None,
            lifetime: 3_600,
            ttl: 5 * 86_400,
            most: 3,
            needs_picture: true,
        },
        Step::Begin(0),
        Step::Continue(0, Some(0), Expects::Nothing),
        Step::Civic(0, Act::Says(2)),
        Step::Wait(5_000),
        Step::Civic(0, Act::Says(3)),
        Step::Wait(30_000),
        Step::Retry(0),
        Step::Begin(0),
        Step::Civic(0, Act::Links(chance.one(&[Link::Good, Link::Astray]))),
        Step::Continue(0, Some(0), Expects::Nothing),
        Step::Civic(0, Act::Says(2)),
        Step::Wait(700),
        Step::Civic(1, Act::Links(chance.one(&[Link::Good, Link::Dead]))),
        Step::Civic(1, Act::Says(5)),
        Step::Wait(30_000),
        Step::Civic(1, Act::Links(Link::Good)),
    ]);
    steps
}
