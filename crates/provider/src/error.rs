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
    /// The provider asks for time. Retrying helps after it.
    #[error("the provider is busy")]
    Busy {
        /// What it asked for.
        retry_after: Option<Duration>,
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

impl ProviderError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::NotSent | Self::Unclear | Self::Busy { .. } => true,
            Self::Refused { .. } | Self::InvalidAnswer(_) => false,
        }
    }
}
