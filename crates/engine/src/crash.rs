//! Named moments at which a process can be made to die, to show what survives.
//!
//! They stand on both sides of each call of a provider, and wherever two steps follow each other of
//! which the second can be missing: the work of the one must not depend on the other. What is durable
//! by then is said of each.

/// What ends the process at such a moment. Only a `dev` configuration passes one.
pub trait CrashPoints: Send + Sync + 'static {
    /// This moment is here.
    fn reached(&self, point: CrashPoint);
}

/// A moment between two steps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CrashPoint {
    /// The provider has told what a user holds; nothing is durable.
    AvailabilityAnswered,
    /// The intent of a first attempt is durable; its request was not sent.
    IntentWritten,
    /// The provider took the request of a first attempt; its answer is not durable.
    ProviderAnswered,
    /// The same as [`Self::IntentWritten`], of a further attempt.
    RetryIntentWritten,
    /// The same as [`Self::ProviderAnswered`], of a further attempt.
    RetryAnswered,
    /// The provider's history is to be fetched; that is leased at most.
    HistoryAsked,
    /// The history is here; nothing of it is durable.
    HistoryAnswered,
    /// What was missed is durable; nobody knows it yet.
    HistoryMerged,
    /// A piece of evidence is durable; nothing shows it.
    EvidenceWritten,
    /// What a provider's message means is durable; if it was a callback, it was not answered.
    CallbackCommitted,
    /// That values are checked again is in the audit chain; none has left.
    RevalidationAsked,
    /// The provider has checked them; what it said is not durable.
    RevalidationAnswered,
    /// The provider is to be looked at; that is leased at most.
    LookAsked,
    /// What a look shows is here; nothing of it is durable.
    LookAnswered,
    /// Some bytes of a piece of evidence have come; the piece is not whole.
    EvidenceChunkWritten,
    /// A decision is durable and about to be sent to the provider.
    DecisionAsked,
    /// The provider was told a decision; what came of it is not durable.
    DecisionSent,
    /// A code is bound to its attempt; it was not sent.
    CodeBound,
    /// A code is to be sent; that it may have been is durable.
    ExchangeAsked,
    /// The provider has answered a code; nothing of the answer is durable.
    ExchangeAnswered,
    /// The answer is durable, or what it points to is; neither was read.
    ExchangeKept,
    /// The answer was read; what it says is not durable.
    ExchangeRead,
}

impl CrashPoint {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::AvailabilityAnswered,
        Self::IntentWritten,
        Self::ProviderAnswered,
        Self::RetryIntentWritten,
        Self::RetryAnswered,
        Self::HistoryAsked,
        Self::HistoryAnswered,
        Self::HistoryMerged,
        Self::EvidenceWritten,
        Self::CallbackCommitted,
        Self::RevalidationAsked,
        Self::RevalidationAnswered,
        Self::LookAsked,
        Self::LookAnswered,
        Self::EvidenceChunkWritten,
        Self::DecisionAsked,
        Self::DecisionSent,
        Self::CodeBound,
        Self::ExchangeAsked,
        Self::ExchangeAnswered,
        Self::ExchangeKept,
        Self::ExchangeRead,
    ];

    /// The name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AvailabilityAnswered => "availability-answered",
            Self::IntentWritten => "intent-written",
            Self::ProviderAnswered => "provider-answered",
            Self::RetryIntentWritten => "retry-intent-written",
            Self::RetryAnswered => "retry-answered",
            Self::HistoryAsked => "history-asked",
            Self::HistoryAnswered => "history-answered",
            Self::HistoryMerged => "history-merged",
            Self::EvidenceWritten => "evidence-written",
            Self::CallbackCommitted => "callback-committed",
            Self::RevalidationAsked => "revalidation-asked",
            Self::RevalidationAnswered => "revalidation-answered",
            Self::LookAsked => "look-asked",
            Self::LookAnswered => "look-answered",
            Self::EvidenceChunkWritten => "evidence-chunk-written",
            Self::DecisionAsked => "decision-asked",
            Self::DecisionSent => "decision-sent",
            Self::CodeBound => "code-bound",
            Self::ExchangeAsked => "exchange-asked",
            Self::ExchangeAnswered => "exchange-answered",
            Self::ExchangeKept => "exchange-kept",
            Self::ExchangeRead => "exchange-read",
        }
    }
}
