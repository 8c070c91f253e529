//! An event as watchers need it: enough to choose by, and the bytes to send.

use bytes::Bytes;
use verilane_core::{
    AttemptNumber, ConnectionName, Event, Pii, ProviderName, Revision, Sequence, State, Timestamp,
    VerificationId,
};

use crate::VerificationView;

/// Makes the opaque bytes that a stream sends. Lives where the wire format does.
pub trait FrameEncoder: Send + Sync + 'static {
    /// An event, all but its token.
    fn event(&self, event: &Event, tx_hash: Option<&Pii<String>>) -> Bytes;
    /// A row of a snapshot.
    fn snapshot(&self, view: &VerificationView) -> Bytes;
    /// The end of a snapshot of so many rows, all but its token.
    fn snapshot_end(&self, rows: u64) -> Bytes;
    /// A sign of life at this time, all but its token.
    fn heartbeat(&self, now: Timestamp) -> Bytes;
    /// The token that follows any of them.
    fn token(&self, token: &str) -> Bytes;
}

/// One event in the ring.
#[derive(Debug)]
pub struct Entry {
    /// Its place in the log.
    pub sequence: Sequence,
    /// Whose it is.
    pub verification: VerificationId,
    /// The verification's revision after it.
    pub revision: Revision,
    /// The attempt that it is about.
    pub attempt: AttemptNumber,
    /// The attempt's connection.
    pub connection: ConnectionName,
    /// The attempt's provider.
    pub provider: ProviderName,
    /// The state before; none for the first event.
    pub state_before: Option<State>,
    /// The state after.
    pub state_after: State,
    /// Whether a new attempt may be asked for after it.
    pub retryable: bool,
    /// Encoded once, all but its token. None where the key was not at hand: then the store is
    /// asked.
    pub bytes: Option<Bytes>,
}

impl Entry {
    pub(crate) fn new(event: &Event, bytes: Option<Bytes>) -> Self {
        let body = &event.body;
        Self {
            sequence: event.sequence,
            verification: body.verification,
            revision: body.revision,
            attempt: body.attempt,
            connection: body.connection.clone(),
            provider: body.provider.clone(),
            state_before: body.state_before,
            state_after: body.state_after,
            retryable: body.retryable,
            bytes,
        }
    }
}
