//! What blind indexes are made for.
//!
//! The kind is part of what is hashed: a person's id indexed as a subject and as a label gives
//! two digests that show no relation.

/// What is looked up by an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexKind {
    /// Verifications by subject.
    Subject,
    /// Verifications by the caller's reference to the subject.
    SubjectRef,
    /// Verifications by one label.
    Label,
    /// A slot by connection, user and items.
    Slot,
    /// A slot by the path a provider calls.
    CallbackPath,
    /// What an idempotent request said, to compare a repeat with.
    Request,
    /// An idempotent request by principal and request id.
    RequestId,
    /// What a browser brought back, by provider.
    Binding,
    /// A provider's text that is not shown, to tell whether it has changed.
    Word,
}

impl IndexKind {
    /// Part of the format at rest: a number, once given, keeps its meaning.
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::Subject => 1,
            Self::SubjectRef => 2,
            Self::Label => 3,
            Self::Slot => 4,
            Self::CallbackPath => 5,
            Self::Request => 6,
            Self::RequestId => 7,
            Self::Binding => 8,
            Self::Word => 9,
        }
    }
}
