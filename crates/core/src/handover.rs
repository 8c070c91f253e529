//! What a user's browser brings back for an attempt, and what comes of it: looks, and a review.

use crate::{Marks, ProviderStatus, Revision, Sealed, Timestamp};

/// What a user's browser brought back for an attempt, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handover {
    /// What it is.
    pub kind: HandoverKind,
    /// The provider's own name of its request, or the code that it takes, sealed.
    pub reference: Sealed,
    /// The revision named in its associated data.
    pub revision: Revision,
    /// What the provider showed when it was last asked; empty before.
    pub shown: Shown,
    /// The caller's part; none before there is something to decide.
    pub review: Option<Review>,
}

/// What a user's browser brings back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HandoverKind {
    /// The name of the provider's request, at which the provider is looked.
    Request,
    /// A code that the provider takes once for what the user granted.
    Code,
}

impl HandoverKind {
    /// The name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "REQUEST",
            Self::Code => "CODE",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Request, Self::Code]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// What a provider showed of a request: a next look tells what has changed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Shown {
    /// Its status.
    pub status: Option<ProviderStatus>,
    /// Its second word for how far it is.
    pub progress: Option<ProviderStatus>,
    /// What tells these two apart from others that are not shown either.
    pub marks: Marks,
    /// What it links to, asked for or not, by its own names. Sorted, each once.
    pub offers: Vec<String>,
}

/// Whose a provider's request is, as far as an answer tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// The user's whom the verification names, or it names nobody.
    Theirs,
    /// Another's.
    Anothers,
    /// The answer names nobody, and need not yet.
    Unsaid,
    /// The answer names nobody, though the user's information can be read by now. It may lag behind.
    Nameless,
}

/// A caller's decision on claims and evidence.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Decision {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

impl Decision {
    /// The name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "APPROVE",
            Self::Reject => "REJECT",
        }
    }

    /// The decision of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Approve, Self::Reject]
            .into_iter()
            .find(|decision| decision.as_str() == name)
    }
}

/// A review: since when a decision is waited for, and what it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Review {
    /// When claims and evidence were durable.
    pub open_time: Timestamp,
    /// Until when the caller has time; for ever if none.
    pub deadline: Option<Timestamp>,
    /// Whether the caller was reminded.
    pub reminded: bool,
    /// The decision, and when it was made. Made once.
    pub decided: Option<(Decision, Timestamp)>,
}
