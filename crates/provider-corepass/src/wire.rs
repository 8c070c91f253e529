//! What the connector writes, read as it came.
//!
//! From bytes to an ordered [`Object`] of raw members ([`body`], [`json`]), and from there to the
//! three bodies of callbacks ([`callback`]) and the answers to requests ([`answer`]). Nothing here
//! believes anything: signatures, times and whether a body fits its attempt are checked elsewhere.
//! Every function is pure, and answers any bytes without panicking.

pub mod answer;
pub mod body;
pub mod callback;
pub mod go;
pub mod json;

pub use json::Object;

/// Why bytes are not what the connector writes. Retrying the same bytes does not help. Nothing of
/// the content is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// More bytes than a body of its kind may have.
    #[error("the body is too large")]
    TooLarge,
    /// Text that is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// Not one JSON object and nothing else.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// Arrays and objects stand too deep in each other.
    #[error("the body nests deeper than {} levels", json::MAX_DEPTH)]
    TooDeep,
    /// An object has too many members.
    #[error("an object of the body has more than {} members", json::MAX_MEMBERS)]
    TooManyMembers,
    /// An object names a member twice.
    #[error("an object of the body names a member twice")]
    DuplicateName,
    /// Declared as multipart, and not so.
    #[error("the body is not multipart/form-data as declared")]
    Multipart,
    /// A member is missing, of the wrong type, or too long.
    #[error("member `{0}` is missing or malformed")]
    Member(&'static str),
    /// Neither data nor failure, or both.
    #[error("the body is neither data nor a failure")]
    UnknownShape,
}
