//! What a provider can hold only once: a request for a user and his items, with the paths on which it is
//! called back.

use crate::{
    AttemptNumber, BlindIndex, ConnectionName, SlotId, Timestamp, VerificationId, Wrapped,
};

/// Which of a slot's two callback paths.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CallbackChannel {
    /// Where the provider reports how far it is.
    Status,
    /// Where it delivers data, or reports a failure.
    Data,
}

impl CallbackChannel {
    /// The name in telemetry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Data => "data",
        }
    }
}

/// Our durable record of what a provider can hold only once. Outlives verifications and erasure:
/// it keeps nothing about anybody but keyed digests and its paths, wrapped under the keyring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slot {
    /// Its name.
    pub id: SlotId,
    /// Keyed digest of (connection, user, items). Unique.
    pub key: BlindIndex,
    /// The connection it is at.
    pub connection: ConnectionName,
    /// Its two callback paths, wrapped.
    pub paths: Wrapped,
    /// Keyed digest of the status path. Unique.
    pub status_path: BlindIndex,
    /// Keyed digest of the data path. Unique.
    pub data_path: BlindIndex,
    /// The attempt that asked for it last.
    pub holder: SlotHolder,
    /// When it was made.
    pub create_time: Timestamp,
    /// Until when its paths must be answered.
    pub keep_until: Timestamp,
}

/// An attempt, by name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SlotHolder {
    /// The verification.
    pub verification: VerificationId,
    /// The attempt's number in it.
    pub attempt: AttemptNumber,
}
