//! What goes wrong: every fault of the sandbox from which recovery is possible, all at once; callbacks in
//! every form and under every key that may be met; and for some users a transfer that comes to nothing at
//! first, is called off, or is in another system's way. Drawn for each user from the run's seed.

use verilane_sandbox::{
    AnswerFault, AnswerTrouble, CallbackFault, CallbackTrouble, Endpoint, Forgery, Planted,
    PublicKeys, RetrySigning, Scenario, Status,
};

use super::harness::Draw;

/// What becomes of a user's first request.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    course: &'static str,
    /// How callbacks are written and signed.
    shape: &'static str,
    signing: &'static str,
    /// From which status on they are signed with the next keys.
    rotate_at: Option<Status>,
    /// Whether retries of callbacks keep their first deadline.
    is_stale: bool,
    /// Whether a claim turns out not to hold any more.
    is_revoked: bool,
    at_once: bool,
    /// What others did.
    pub others: Others,
    /// At which revision the caller calls it off, unless it has ended before.
    pub called_off_at: Option<u64>,
}

/// What another system on the same connector has to do with a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Others {
    /// Nothing.
    Nothing,
    /// It has had its data long ago, and failed to since.
    Past,
    /// It waits for the user, and will not for long.
    Open,
    /// Its transfer goes on for ever.
    Ongoing,
}

/// How first requests go on; most of them well.
const COURSES: [&str; 12] = [
    "accept",
    "accept",
    "accept",
    "accept",
    "accept",
    "accept",
    "ignore",
    "ignore",
    "initiation-fails",
    "validity-fails",
    "confirmation-fails",
    "finish-fails",
];
const SHAPES: [&str; 4] = ["scripted", "json", "json-as-multipart", "multipart-whole"];
/// Ed448 throughout, but for the last.
const SIGNINGS: [&str; 6] = [
    "scripted",
    "sha256",
    "without-expiration",
    "go-struct",
    "go-struct+sha256",
    SECP256K1,
];
const SECP256K1: &str = "secp256k1";
const ROTATIONS: [Option<Status>; 6] = [
    Some(Status::Accepted),
    Some(Status::ValidityCheck),
    Some(Status::Confirmed),
    None,
    None,
    None,
];
const OTHERS: [Others; 10] = [
    Others::Past,
    Others::Past,
    Others::Open,
    Others::Open,
    Others::Ongoing,
    Others::Nothing,
    Others::Nothing,
    Others::Nothing,
    Others::Nothing,
    Others::Nothing,
];
const DAY: u64 = 24 * 60 * 60;

impl Fate {
    /// That of a user, by number. What there are few kinds of goes round, each at a pace of its own, so
    /// that some fifty users have met all of it; where it begins is drawn.
    pub fn drawn(seed: u64, user: u64) -> Self {
        let mut draw = Draw(seed ^ user.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let round = usize::try_from(user + Draw(seed).within(0, 9_999)).unwrap();
        let signing = SIGNINGS[(round + round / 6) % SIGNINGS.len()];
        let others = OTHERS[(round * 3 + round / 10) % OTHERS.len()];
        let is_called_off = (round * 5 + round / 7) % 6 == 0;
        let rotate_at = ROTATIONS[(round / 2) % ROTATIONS.len()];
        Self {
            course: COURSES[round % COURSES.len()],
            shape: SHAPES[(round + round / 12) % SHAPES.len()],
            signing,
            // The sandbox does not tell its next keys on secp256k1.
            rotate_at: rotate_at.filter(|_| signing != SECP256K1),
            is_stale: draw.within(0, 2) == 0,
            is_revoked: draw.within(0, 2) == 0,
            at_once: draw.within(0, 1) == 0,
            others,
            called_off_at: is_called_off.then(|| draw.within(1, 12)),
        }
    }

    /// The same with a transfer that goes well.
    pub fn well(self) -> Self {
        Self {
            course: "accept",
            ..self
        }
    }

    /// What is special about it, so that a run can say whether it had all of it.
    pub fn traits(self) -> Vec<String> {
        let rotates = self
            .rotate_at
            .map(|status| format!("rotation at {status:?}"));
        let others = format!("{:?} of others", self.others);
        let called_off = self.called_off_at.map(|_| "called off".to_owned());
        let all = [self.course, self.shape, self.signing].map(str::to_owned);
        let all = all.into_iter().chain([others]);
        all.chain(rotates).chain(called_off).collect()
    }

    /// How many traits there are in all.
    pub fn traits_in_all() -> usize {
        // "accept" to "finish-fails", the other shapes and signings ("scripted" is one), what others did,
        // rotations, and whether it is called off.
        6 + (SHAPES.len() + SIGNINGS.len() - 1) + 4 + 3 + 1
    }

    /// For the sandbox.
    pub fn scenario(self) -> Scenario {
        let names = [self.course, "chaos+valid", self.shape, self.signing].join("+");
        let mut scenario = Scenario::named(&names).unwrap();
        scenario.rotate_at = self.rotate_at;
        scenario.planted = self.planted();
        let faults = &mut scenario.faults;
        faults.duplicates_at_once = self.at_once;
        faults
            .forge
            .extend([Forgery::OtherKey, Forgery::OtherKeyPosingAsOurs]);
        faults.callbacks.push(CallbackFault {
            one_in: 60,
            ..CallbackFault::every(CallbackTrouble::DiesBefore { seconds: Some(5) })
        });
        faults.callbacks.push(CallbackFault {
            one_in: 60,
            ..CallbackFault::every(CallbackTrouble::DiesAfter { seconds: Some(5) })
        });
        let gateway = AnswerTrouble::Http {
            code: 504,
            retry_after: None,
            text: String::new(),
            handled: true,
        };
        scenario.answers.push(AnswerFault {
            endpoint: Some(Endpoint::Qrcode),
            one_in: 6,
            ..AnswerFault::always(gateway)
        });
        for (does, one_in) in [
            (AnswerTrouble::Slow { millis: 300 }, 10),
            (AnswerTrouble::Dripping { millis: 20 }, 10),
            // It takes effect, and who asks has to give up; or has given up by then.
            (AnswerTrouble::Silent, 12),
            (AnswerTrouble::Slow { millis: 1_500 }, 20),
        ] {
            scenario.answers.push(AnswerFault {
                one_in,
                ..AnswerFault::always(does)
            });
        }
        if self.is_stale {
            scenario.retry_signing = RetrySigning::Verbatim;
        }
        if self.is_revoked {
            scenario.revoked = vec!["SH_EMAIL".to_owned()];
        }
        scenario
    }

    fn planted(self) -> Vec<Planted> {
        let planted = |seconds_ago, status| Planted {
            seconds_ago,
            lifetime: 600,
            status,
        };
        match self.others {
            Others::Nothing => Vec::new(),
            Others::Past => vec![
                planted(20 * DAY, Status::FinishSuccess),
                planted(3 * DAY, Status::FinishFailed),
            ],
            Others::Open => vec![planted(480, Status::Pending)],
            Others::Ongoing => vec![planted(DAY, Status::InitiateSubmitted)],
        }
    }
}

/// The keys that are pinned besides those that the connector begins with.
pub fn more_keys(keys: PublicKeys) -> Vec<(String, &'static str)> {
    vec![
        (keys.next_status, "status"),
        (keys.next_data, "data"),
        (keys.status_secp256k1, "status"),
        (keys.data_secp256k1, "data"),
    ]
}
