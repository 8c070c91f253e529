//! What goes wrong: every fault of the sandbox from which recovery is possible, all at once, and for
//! some users a transfer that comes to nothing at first. Drawn for each user from the run's seed.

use verilane_sandbox::{
    AnswerFault, AnswerTrouble, CallbackFault, CallbackTrouble, Endpoint, Forgery, RetrySigning,
    Scenario,
};

use super::harness::Draw;

/// What becomes of a user's first request.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    course: &'static str,
    /// Whether retries of callbacks keep their first deadline.
    is_stale: bool,
    /// Whether a claim turns out not to hold any more.
    is_revoked: bool,
    at_once: bool,
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

impl Fate {
    /// That of a user, by number.
    pub fn drawn(seed: u64, user: u64) -> Self {
        let mut draw = Draw(seed ^ user.wrapping_mul(0x2545_F491_4F6C_DD1D));
        Self {
            course: draw.one_of(&COURSES),
            is_stale: draw.within(0, 2) == 0,
            is_revoked: draw.within(0, 2) == 0,
            at_once: draw.within(0, 1) == 0,
        }
    }

    /// The same with a transfer that goes well.
    pub fn well(self) -> Self {
        Self {
            course: "accept",
            ..self
        }
    }

    /// For the sandbox.
    pub fn scenario(self) -> Scenario {
        let mut scenario = Scenario::named(&format!("{}+chaos+valid", self.course)).unwrap();
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
}
