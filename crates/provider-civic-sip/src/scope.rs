//! Civic's scope requests: sets of claims with names, each of which gives all that the smaller ones give.

/// A scope request, smaller ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Who the user is to this application, and nothing else.
    AnonymousLogin,
    /// His e-mail address and telephone number.
    BasicSignup,
    /// The whole of his identity check.
    ProofOfIdentity,
}

/// The names, in the order of Civic's document.
pub const NAMES: [&str; 3] = [
    Scope::BasicSignup.name(),
    Scope::AnonymousLogin.name(),
    Scope::ProofOfIdentity.name(),
];

impl Scope {
    /// Every one, smaller ones first.
    pub const ALL: [Self; 3] = [
        Self::AnonymousLogin,
        Self::BasicSignup,
        Self::ProofOfIdentity,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnonymousLogin => "ANONYMOUS_LOGIN",
            Self::BasicSignup => "BASIC_SIGNUP",
            Self::ProofOfIdentity => "PROOF_OF_IDENTITY",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// Whether it gives what another gives.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self >= other
    }
}
