//! How a call to a provider can fail, told apart by what may be done next.

use std::time::Duration;

use verilane_core::{Pii, Reason};

/// A call to a provider that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProviderError {
    /// The request never left. Retrying helps, and can double nothing.
    #[error("the provider can't be reached")]
    NotSent,
    /// The request may have been carried out. Retrying helps where the call can be repeated.
    #[error("the provider did not answer")]
    Unclear,
    /// The provider finds that we ask too often. Retrying helps after the time that it asks for.
    #[error("the provider is busy")]
    Busy {
        /// What it asked for.
        retry_after: Option<Duration>,
    },
    /// The provider, or what stands before it, can't serve now. Retrying helps after the time that
    /// it asks for.
    #[error("the provider can't serve now")]
    Overloaded {
        /// What it asked for.
        retry_after: Option<Duration>,
    },
    /// We did not ask: the facade held the call back. Nothing left. Retrying helps after the time.
    #[error("the provider is not asked now: {by}")]
    HeldBack {
        /// What held it back.
        by: Brake,
        /// When asking may be possible again.
        retry_after: Duration,
    },
    /// The provider said no. Retrying does not help.
    #[error("the provider refused: {reason}")]
    Refused {
        /// Why.
        reason: Reason,
        /// The provider's own words, shortened and scrubbed; kept sealed, shown to nobody.
        text: Option<Pii<String>>,
    },
    /// The answer can't be used. Retrying does not help.
    #[error("the provider's answer can't be used: {0}")]
    InvalidAnswer(&'static str),
}

/// What holds a call back before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Brake {
    /// The provider has not answered lately, so it is left alone for a while.
    #[error("its circuit is open")]
    Circuit,
    /// The connection has asked as much as it may.
    #[error("the connection's budget is used up")]
    Budget,
    /// Nobody waits for the answer any more.
    #[error("the caller's deadline has passed")]
    Deadline,
}

impl ProviderError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::NotSent
            | Self::Unclear
            | Self::Busy { .. }
            | Self::Overloaded { .. }
            | Self::HeldBack { .. } => true,
            Self::Refused { .. } | Self::InvalidAnswer(_) => false,
        }
    }

    /// Whether the provider certainly knows nothing of this call.
    #[must_use]
    pub const fn never_left(&self) -> bool {
        matches!(self, Self::NotSent | Self::HeldBack { .. })
    }

    /// How long to wait before asking again, where that was said.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } | Self::Overloaded { retry_after } => *retry_after,
            Self::HeldBack { retry_after, .. } => Some(*retry_after),
            Self::NotSent | Self::Unclear | Self::Refused { .. } | Self::InvalidAnswer(_) => None,
        }
    }
}
