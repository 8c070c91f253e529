//! What a sandbox's Civic SIP is set up with.

use serde::{Deserialize, Serialize};

use super::scenario::CivicSipScenario;

/// One of Civic's environments, each with applications of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CivicSipEnv {
    /// The live one.
    Prod,
    /// The one for tests.
    Dev,
}

impl CivicSipEnv {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Prod, Self::Dev];

    /// As it stands in the path of a call.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prod => "prod",
            Self::Dev => "dev",
        }
    }

    /// The environment of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|env| env.as_str() == name)
    }
}

/// How a sandbox's Civic SIP is set up. What is left out is drawn from the seed.
#[derive(Clone, Default)]
pub struct CivicSipSetup {
    /// The application's id.
    pub app_id: Option<String>,
    /// Its secret: 32 hex digits.
    pub app_secret: Option<String>,
    /// The public key that its request tokens are verified with: a P-256 point in hex. One whose
    /// private key the sandbox tells if left out.
    pub public_key: Option<String>,
    /// The only environment that it belongs to; calls of either are taken if left out.
    pub env: Option<CivicSipEnv>,
    /// The audience of Civic's tokens, and one that request tokens may name. The base under which
    /// the sandbox is called if left out.
    pub audience: Option<String>,
    /// What the tokens and answers are like, and what goes wrong.
    pub scenario: CivicSipScenario,
}

/// Shows no secret.
impl std::fmt::Debug for CivicSipSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CivicSipSetup")
            .field("app_id", &self.app_id)
            .field("env", &self.env)
            .field("audience", &self.audience)
            .field("scenario", &self.scenario)
            .finish_non_exhaustive()
    }
}
