//! What becomes of a user, drawn from the run's seed: what is asked for, how the answer comes, and what
//! goes wrong with it.

use verilane_sandbox::{CivicSipScenario, Scope};

use super::harness::Draw;

/// How answers come, and what goes wrong from which there is a way back.
const COURSES: [(Scope, &str); 8] = [
    (Scope::BasicSignup, "civic-sip-chaos"),
    (Scope::ProofOfIdentity, "large+civic-sip-chaos"),
    (Scope::AnonymousLogin, "civic-sip-chaos"),
    (Scope::ProofOfIdentity, "civic-sip-chaos"),
    (Scope::BasicSignup, "busy"),
    (
        Scope::ProofOfIdentity,
        "large+large-picture+link-half+civic-sip-chaos",
    ),
    (Scope::AnonymousLogin, "large+civic-sip-chaos"),
    (Scope::ProofOfIdentity, "link-fails+civic-sip-chaos"),
];
/// How long codes live here, seconds: as long as any run takes. Links live as long as Civic's.
const LIFE: i64 = 3_600;

/// What becomes of a user.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    /// What he is asked for.
    pub scope: Scope,
    names: &'static str,
    bytes: u64,
}

impl Fate {
    /// That of a user, by number. Each course is gone over before one comes again.
    pub fn drawn(seed: u64, user: u64) -> Self {
        let mut draw = Draw(seed ^ user.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let place = usize::try_from(user).unwrap();
        let (scope, names) = COURSES[place % COURSES.len()];
        Self {
            scope,
            names,
            bytes: draw.within(1_000, 300_000),
        }
    }

    /// For the sandbox.
    pub fn scenario(self) -> CivicSipScenario {
        let mut scenario = CivicSipScenario::named(self.names).unwrap();
        scenario.image.bytes = scenario.image.bytes.max(self.bytes);
        scenario.token.lifetime = Some(LIFE);
        scenario
    }
}
