//! What becomes of a user, drawn from the run's seed: how Civic gets on with them, what the caller does,
//! and in which state that must end.

use verilane_api::v1::{Decision, State};
use verilane_sandbox::CivicPassScenario;

use super::harness::{Draw, JWT, OAUTH};

/// What the caller does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller {
    /// Decides once it must.
    Decides(Decision),
    /// Leaves it to others.
    Waits,
    /// Calls it off as soon as it goes on.
    CallsOffSoon,
    /// Calls it off when it should decide.
    CallsOffLate,
}

use Caller::{CallsOffLate, CallsOffSoon, Decides, Waits};

/// How it goes and ends: Civic's scenario, the caller, the state and its reason.
type Course = (&'static str, Caller, State, &'static str);

const APPROVED: (Caller, State, &str) = (Decides(Decision::Approve), State::Verified, "");
const REJECTED: (Caller, State, &str) = (
    Decides(Decision::Reject),
    State::Rejected,
    "REVIEW_REJECTED",
);

const fn course(
    scenario: &'static str,
    (caller, state, reason): (Caller, State, &'static str),
) -> Course {
    (scenario, caller, state, reason)
}

const COURSES: [Course; 14] = [
    course("scripted", APPROVED),
    course("scripted", APPROVED),
    course("scripted", REJECTED),
    course("complete", REJECTED),
    course("collection-status", APPROVED),
    course("late-selfie", APPROVED),
    course("id-card+unannounced-length", REJECTED),
    course("passed-elsewhere", (Waits, State::Verified, "")),
    course(
        "failed-elsewhere",
        (Waits, State::Rejected, "REVIEW_REJECTED"),
    ),
    course("user-cancels", (Waits, State::Rejected, "USER_DECLINED")),
    course(
        "verification-fails",
        (Waits, State::Failed, "IDENTITY_NOT_CONFIRMED"),
    ),
    course(
        "another-wallet",
        (Waits, State::Rejected, "SUBJECT_MISMATCH"),
    ),
    course(
        "scripted",
        (CallsOffSoon, State::Cancelled, "CANCELLED_BY_CALLER"),
    ),
    course(
        "scripted",
        (CallsOffLate, State::Cancelled, "CANCELLED_BY_CALLER"),
    ),
];

/// What becomes of a user.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    /// Over which connection.
    pub connection: &'static str,
    /// Whether Civic's id of the request is a URL.
    pub url_id: bool,
    /// What the caller does.
    pub caller: Caller,
    /// In which state it ends.
    pub ends_as: State,
    /// And why.
    pub reason: &'static str,
    scenario: &'static str,
    /// How large their pictures are: up to more than one write of the side lane.
    bytes: u64,
}

impl Fate {
    /// That of a user, by number. Each course is gone over each connection before one comes again.
    pub fn drawn(seed: u64, user: u64) -> Self {
        let mut draw = Draw(seed ^ user.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let place = usize::try_from(user).unwrap();
        let (scenario, caller, ends_as, reason) = COURSES[place % COURSES.len()];
        let turn = place / COURSES.len() + place;
        Self {
            connection: [OAUTH, JWT][turn % 2],
            url_id: draw.within(0, 1) == 0,
            caller,
            ends_as,
            reason,
            scenario,
            bytes: draw.within(200_000, 2_500_000),
        }
    }

    /// For the sandbox: with every fault from which recovery is possible.
    pub fn scenario(self) -> CivicPassScenario {
        let names = format!("{}+half-evidence+civic-pass-chaos", self.scenario);
        let mut scenario = CivicPassScenario::named(&names).unwrap();
        for picture in &mut scenario.evidence {
            picture.bytes = Some(self.bytes);
        }
        scenario
    }

    /// Whether the caller decides, and Civic has to know.
    pub fn is_told(self) -> bool {
        self.connection == OAUTH && matches!(self.caller, Decides(_))
    }

    /// Whether claims and pictures can be read in the end, whenever Civic was looked at.
    pub fn has_claims(self) -> bool {
        let is_decided = matches!(self.caller, Decides(_) | CallsOffLate);
        is_decided || self.ends_as == State::Verified
    }
}
