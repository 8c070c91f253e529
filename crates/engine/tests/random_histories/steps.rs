//! What a history is made of: steps drawn from a seed. What a step is about is drawn as a number and
//! looked up when it is taken, so that any part of a history is a history too.

use crate::connector::{Act, Hand, Mood};
use crate::histories::chance::Chance;
use crate::model::PROCESSING;

/// Where the process dies while a request is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Crash {
    No,
    BeforeSending,
    AfterTheAnswer,
}

/// Under which deadline a callback comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signed {
    /// As it was first written.
    AsWritten,
    /// Anew, just now.
    Anew,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Wait(i64),
    Create {
        slot: (usize, usize),
        principal: usize,
        ttl: i64,
        most: usize,
        crash: Crash,
    },
    Retry(usize, Crash),
    Cancel(usize),
    Connector(usize, Act),
    /// A callback, the newest that is still to be delivered or any; cut off by the end of the process
    /// after so many looks at how far it is.
    Deliver {
        which: Option<usize>,
        signed: Signed,
        hand: Hand,
        cut: Option<usize>,
    },
    Mood(Mood),
    /// The watchers read so many events.
    Watch(usize),
    /// The watchers come back with the last token that they read.
    Reconnect,
    /// In good order, or not.
    Restart(bool),
}

/// The steps of a history.
pub fn steps(chance: &mut Chance) -> Vec<Step> {
    let count = 20 + chance.pick(25);
    let mut steps = vec![create(chance)];
    while steps.len() < count {
        if chance.is_one_in(40) {
            steps.extend(late_success(chance));
        }
        if chance.is_one_in(60) {
            steps.extend(called_off(chance));
        }
        if chance.is_one_in(120) {
            steps.extend(old_and_incomplete(chance));
        }
        if chance.is_one_in(60) {
            let slot = (chance.pick(2), chance.pick(2));
            steps.extend(accepted_and_taken_over(slot));
            steps.push(DELIVERED);
        }
        if chance.is_one_in(60) {
            let slot = (chance.pick(2), chance.pick(2));
            steps.extend(beside_a_stalled_one(slot, 1 + chance.pick(2)));
            steps.extend(stalled_one_goes_on(chance.is_one_in(2)));
        }
        let step = step(chance);
        steps.push(step);
        // Most of what a connector writes comes at once.
        if matches!(step, Step::Connector(..)) && !chance.is_one_in(3) {
            steps.push(DELIVERED);
        }
    }
    steps
}

pub const DELIVERED: Step = Step::Deliver {
    which: None,
    signed: Signed::AsWritten,
    hand: Hand::Genuine,
    cut: None,
};

const FORGED: Step = Step::Deliver {
    which: None,
    signed: Signed::AsWritten,
    hand: Hand::Stranger,
    cut: None,
};

/// An attempt fails, another is asked for, and the first succeeds after all, perhaps after somebody
/// has forged its data; chance alone seldom finds it.
fn late_success(chance: &mut Chance) -> Vec<Step> {
    let data = Act::WritesData {
        with_expiration: true,
    };
    let mut steps = vec![
        Step::Mood(Mood::Well),
        Step::Connector(0, Act::Next(2)),
        Step::Connector(0, Act::Fails(1)),
        DELIVERED,
        Step::Retry(0, Crash::No),
        Step::Connector(1, data),
    ];
    if chance.is_one_in(2) {
        steps.push(FORGED);
    }
    steps.push(DELIVERED);
    if chance.is_one_in(2) {
        steps.extend([
            Step::Connector(0, Act::Next(2)),
            Step::Connector(0, data),
            DELIVERED,
        ]);
    }
    steps
}

/// A request is worked on for so long that its attempt is given up; another verification takes it
/// over and is called off, and then it succeeds. Whose the data is tells its expiration, which both
/// have: the one that still waits is meant.
fn called_off(chance: &mut Chance) -> Vec<Step> {
    let slot = (chance.pick(2), chance.pick(2));
    let principal = chance.pick(2);
    let create = Step::Create {
        slot,
        principal,
        ttl: 86_400,
        most: 1 + chance.pick(2),
        crash: Crash::No,
    };
    let mut steps = vec![
        Step::Mood(Mood::Well),
        create,
        Step::Connector(0, Act::Next(2)),
        DELIVERED,
        Step::Wait(PROCESSING + 100),
        create,
        Step::Cancel(0),
    ];
    if chance.is_one_in(3) {
        steps.extend([Step::Connector(0, Act::Next(0)), DELIVERED]);
    }
    let with_expiration = true;
    steps.push(Step::Connector(0, Act::WritesData { with_expiration }));
    if chance.is_one_in(4) {
        steps.push(FORGED);
    }
    steps.push(DELIVERED);
    steps
}

/// Two attempts bring less than is required, the older one last: it must not replace the newer one's.
fn old_and_incomplete(chance: &mut Chance) -> Vec<Step> {
    let data = Act::WritesData {
        with_expiration: true,
    };
    vec![
        Step::Mood(Mood::Well),
        Step::Create {
            // With one item, nothing can be left out.
            slot: (chance.pick(2), 0),
            principal: chance.pick(2),
            ttl: 86_400,
            most: 2 + chance.pick(2),
            crash: Crash::No,
        },
        Step::Connector(0, Act::Next(2)),
        Step::Connector(0, Act::Lacks),
        Step::Connector(0, Act::Fails(1)),
        DELIVERED,
        Step::Retry(0, Crash::No),
        Step::Connector(0, Act::Next(2)),
        Step::Connector(0, Act::Lacks),
        Step::Connector(0, data),
        DELIVERED,
        Step::Connector(1, data),
        DELIVERED,
    ]
}

/// A request is worked on for so long that its attempt is given up, and others ask for the same while
/// the connector takes no requests: none of what it still works on is theirs.
pub fn beside_a_stalled_one(slot: (usize, usize), others: usize) -> Vec<Step> {
    let create = |principal| Step::Create {
        slot,
        principal,
        ttl: 20 * 86_400,
        most: 1,
        crash: Crash::No,
    };
    let mut steps = vec![
        Step::Mood(Mood::Well),
        create(0),
        Step::Connector(0, Act::Next(2)),
        DELIVERED,
        Step::Wait(PROCESSING + 60),
        Step::Mood(Mood::Busy),
    ];
    for _ in 0..others {
        steps.extend([create(1), Step::Wait(700)]);
    }
    steps.push(Step::Mood(Mood::Well));
    steps
}

/// A user accepts what a caller has called off, and asks for again; nothing tells of it in time.
pub fn accepted_and_taken_over(slot: (usize, usize)) -> Vec<Step> {
    let create = Step::Create {
        slot,
        principal: 0,
        ttl: 86_400,
        most: 1,
        crash: Crash::No,
    };
    vec![
        Step::Mood(Mood::Well),
        create,
        Step::Wait(10),
        Step::Connector(0, Act::Next(0)),
        Step::Cancel(0),
        Step::Wait(10),
        create,
        Step::Mood(Mood::Busy),
        Step::Wait(200),
        Step::Mood(Mood::Well),
    ]
}

/// What comes then does not say by its expiration which request it is of: data, or the history.
pub fn stalled_one_goes_on(by_data: bool) -> [Step; 2] {
    let with_expiration = false;
    if by_data {
        [
            Step::Connector(0, Act::WritesData { with_expiration }),
            DELIVERED,
        ]
    } else {
        [Step::Connector(0, Act::Next(0)), Step::Wait(80_000)]
    }
}

fn step(chance: &mut Chance) -> Step {
    match chance.below(100) {
        0..34 => Step::Connector(chance.pick(4), act(chance)),
        34..49 => Step::Deliver {
            which: (!chance.is_one_in(3)).then(|| chance.pick(1_000)),
            signed: chance.one(&[Signed::AsWritten, Signed::AsWritten, Signed::Anew]),
            hand: chance.one(&[
                Hand::Genuine,
                Hand::Genuine,
                Hand::Genuine,
                Hand::Genuine,
                Hand::Stranger,
                Hand::Changed,
            ]),
            cut: chance.is_one_in(12).then(|| chance.pick(12)),
        },
        49..68 => Step::Wait(match chance.below(20) {
            0..10 => 1 + chance.below(90) as i64,
            10..15 => 120 + chance.below(900) as i64,
            15..19 => 3_600 + chance.below(10_000) as i64,
            _ => 40_000 + chance.below(200_000) as i64,
        }),
        68..73 => create(chance),
        73..83 => Step::Retry(chance.pick(3), crash(chance)),
        83..88 => Step::Cancel(chance.pick(3)),
        88..91 => Step::Mood(chance.one(&[
            Mood::Well,
            Mood::Well,
            Mood::Well,
            Mood::Busy,
            Mood::Mute,
            Mood::Down,
        ])),
        91..94 => Step::Watch(chance.pick(8)),
        94..97 => Step::Reconnect,
        _ => Step::Restart(chance.is_one_in(2)),
    }
}

fn create(chance: &mut Chance) -> Step {
    Step::Create {
        slot: (chance.pick(5) / 4, chance.pick(4) / 3),
        principal: chance.pick(4) / 3,
        ttl: chance.one(&[300, 1_200, 86_400, 86_400, 400_000]),
        most: 1 + chance.pick(4),
        crash: crash(chance),
    }
}

fn crash(chance: &mut Chance) -> Crash {
    match chance.below(12) {
        0 => Crash::BeforeSending,
        1 => Crash::AfterTheAnswer,
        _ => Crash::No,
    }
}

fn act(chance: &mut Chance) -> Act {
    match chance.below(20) {
        0..9 => Act::Next(chance.pick(8) / 4 + chance.pick(16) / 15),
        9..11 => Act::Fails(chance.pick(6)),
        11 | 12 => Act::Finishes,
        13 => Act::CannotDeliver,
        14..19 => Act::WritesData {
            with_expiration: !chance.is_one_in(4),
        },
        _ => Act::WritesFailure(chance.pick(6)),
    }
}
