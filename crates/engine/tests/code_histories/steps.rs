//! What a history is made of: steps drawn from a seed. What a step is about is drawn as a number and
//! looked up when it is taken, so that any part of a history is a history too.

use std::time::Duration;

use verilane_core::Reason;
use verilane_core::decide::PageEvent;
use verilane_engine::CrashPoint;

use crate::histories::chance::Chance;
use crate::stage::codes::{Link, Reply};

/// Who the users are.
pub const USERS: [&str; 2] = ["u-1", "u-2"];
/// How long a code lives, in seconds.
pub const LIFE: u64 = 180;
/// Where the process can be made to die.
pub const CRASHES: [CrashPoint; 7] = [
    CrashPoint::CodeBound,
    CrashPoint::ExchangeAsked,
    CrashPoint::ExchangeAnswered,
    CrashPoint::EvidenceWritten,
    CrashPoint::ExchangeKept,
    CrashPoint::ExchangeRead,
    CrashPoint::CallbackCommitted,
];

/// What a user grants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Approval {
    pub user: usize,
    pub is_large: bool,
    /// Whether the e-mail address, which is required, does not hold.
    pub is_refuted: bool,
    /// Whether it is left out.
    pub lacks: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Time passes, from one thing that is due to the next.
    Wait(u64),
    /// The clock is put forward, past whatever is due.
    Leap(u64),
    /// The clock is put back.
    Back(u64),
    Create {
        user: Option<usize>,
        lifetime: u64,
        ttl: u64,
        most: u32,
    },
    Retry(usize),
    Cancel(usize),
    /// A user approves in the popup, and the page is given a code.
    Approve(Approval),
    /// A page hands a code in: to which verification, and which, counted from the newest.
    Continue(usize, usize),
    Page(usize, PageEvent),
    /// The provider does this with a code that comes.
    Reply(Reply),
    Link(Link),
    /// What is to be read next is not, for this reason, so many times.
    Unread(Reason, usize),
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
    let count = 15 + chance.pick(30);
    let mut steps = Vec::new();
    while steps.len() < count {
        match chance.below(10) {
            0..3 => steps.extend(to_an_exchange(chance)),
            3 => steps.extend(another_attempt(chance)),
            _ => steps.push(step(chance)),
        }
    }
    steps
}

fn create(chance: &mut Chance) -> Step {
    Step::Create {
        user: chance.is_one_in(3).then(|| chance.pick(USERS.len())),
        lifetime: chance.one(&[300, 900, 3_000]),
        ttl: chance.one(&[400, 2_000, 20_000]),
        most: 1 + u32::try_from(chance.below(3)).unwrap_or_default(),
    }
}

fn approval(chance: &mut Chance) -> Step {
    Step::Approve(Approval {
        user: chance.pick(USERS.len()),
        is_large: chance.is_one_in(2),
        is_refuted: chance.is_one_in(6),
        lacks: chance.is_one_in(6),
    })
}

/// What leads to an exchange, and what can stand in its way.
fn to_an_exchange(chance: &mut Chance) -> Vec<Step> {
    let mut steps = vec![create(chance), approval(chance)];
    for _ in 0..chance.below(3) {
        steps.push(match chance.below(6) {
            0 => Step::Crash(chance.one(&CRASHES)),
            1 => Step::Link(link(chance)),
            2 => unread(chance),
            3 => Step::Page(0, page(chance)),
            _ => Step::Reply(reply(chance)),
        });
    }
    steps.push(Step::Continue(0, 0));
    steps.push(Step::Wait(chance.one(&[0, 1, 2, 10, 1_000])));
    steps
}

/// What leads to one more exchange, perhaps by another user.
fn another_attempt(chance: &mut Chance) -> Vec<Step> {
    vec![
        Step::Retry(0),
        approval(chance),
        Step::Continue(0, 0),
        Step::Wait(chance.one(&[0, 1, 10])),
    ]
}

fn reply(chance: &mut Chance) -> Reply {
    let some = Duration::from_secs(chance.one(&[1, 5, 70, 200]));
    let asked = chance.one(&[None, Some(some)]);
    match chance.below(9) {
        0 => Reply::Gives,
        1 => Reply::IsLost,
        2 => Reply::NeverGotIt,
        3 => Reply::NotSent,
        4 | 5 => Reply::Busy(asked),
        6 => Reply::Overloaded(asked),
        7 => Reply::Refuses(chance.one(&[
            Reason::CodeAlreadyUsed,
            Reason::ExchangeRefused,
            Reason::ExchangeUnauthorized,
        ])),
        _ => Reply::Nonsense,
    }
}

fn link(chance: &mut Chance) -> Link {
    chance.one(&[
        Link::Gives,
        Link::IsDead,
        Link::IsSlow,
        Link::IsSlow,
        Link::Nonsense,
    ])
}

fn unread(chance: &mut Chance) -> Step {
    let reason = chance.one(&[Reason::CallbackOverload, Reason::Internal]);
    Step::Unread(reason, chance.one(&[1, 1, 20]))
}

fn page(chance: &mut Chance) -> PageEvent {
    match chance.below(6) {
        0..3 => PageEvent::Seen,
        3 => PageEvent::Declined,
        4 => PageEvent::Error("a-fault".into()),
        _ => PageEvent::Error("another".into()),
    }
}

fn step(chance: &mut Chance) -> Step {
    let which = chance.pick(3);
    match chance.below(100) {
        0..16 => Step::Wait(chance.one(&[1, 3, 30, 100, 200, 1_000, 25_000])),
        16..20 => Step::Leap(chance.one(&[1, 61, 130, 200, 5_000])),
        20..22 => Step::Back(chance.one(&[1, 30, 100, 400])),
        22..26 => create(chance),
        26..34 => Step::Retry(which),
        34..38 => Step::Cancel(which),
        38..45 => approval(chance),
        45..60 => Step::Continue(which, chance.pick(3)),
        60..66 => Step::Page(which, page(chance)),
        66..76 => Step::Reply(reply(chance)),
        76..79 => Step::Link(link(chance)),
        79 => unread(chance),
        80..88 => Step::Crash(chance.one(&CRASHES)),
        88..92 => Step::Watch(chance.pick(8)),
        92..94 => Step::Reconnect,
        _ => Step::Restart(chance.is_one_in(2)),
    }
}
