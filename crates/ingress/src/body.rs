//! Reads a callback's body into memory, as far as limits allow.
//!
//! Invariants: room is taken from the budget before memory is; a body that did not arrive whole is
//! never handed on.

use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::Body;
use http_body_util::BodyExt as _;
use verilane_core::Reason;

use crate::budget::{Budget, Room};

/// What is allocated first, in bytes; most statuses fit.
const FIRST: usize = 2 * 1024;

/// A body that has arrived whole, with the room that it takes until it is dropped.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    pub(crate) room: Room,
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// `CALLBACK_TOO_LARGE`, before a byte is read if the sender says so itself; `CALLBACK_TOO_SLOW`;
/// `CALLBACK_INCOMPLETE`; `CALLBACK_OVERLOAD`.
pub(crate) async fn read<B: Body>(
    body: B,
    limit: usize,
    time: Duration,
    budget: &Budget,
) -> Result<Whole, Reason> {
    let hint = body.size_hint();
    let announced = usize::try_from(hint.lower()).map_err(|_| Reason::CallbackTooLarge)?;
    if announced > limit {
        return Err(Reason::CallbackTooLarge);
    }
    let reader = Reader {
        // A sender that announces nothing may go up to the limit.
        most: hint.exact().map_or(limit, |_| announced),
        bytes: Vec::new(),
        room: budget.nothing(),
    };
    tokio::time::timeout(time, reader.read(body))
        .await
        .unwrap_or(Err(Reason::CallbackTooSlow))
}

struct Reader {
    /// Where the body ends at the latest.
    most: usize,
    bytes: Vec<u8>,
    room: Room,
}

impl Reader {
    async fn read<B: Body>(mut self, body: B) -> Result<Whole, Reason> {
        let mut body = std::pin::pin!(body);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Reason::CallbackIncomplete)?;
            // Trailers mean nothing here.
            if let Ok(data) = frame.into_data() {
                self.append(data)?;
            }
        }
        Ok(Whole {
            bytes: self.bytes.into(),
            room: self.room,
        })
    }

    fn append(&mut self, mut data: impl Buf) -> Result<(), Reason> {
        let size = self.bytes.len().saturating_add(data.remaining());
        if size > self.most {
            return Err(Reason::CallbackTooLarge);
        }
        let capacity = self.bytes.capacity();
        if size > capacity {
            // Doubled, so that little is copied; never beyond the end, so that no room is wasted.
            let wanted = capacity
                .saturating_mul(2)
                .max(size)
                .max(FIRST)
                .min(self.most);
            if !self.room.grow(wanted.saturating_sub(capacity)) {
                return Err(Reason::CallbackOverload);
            }
            self.bytes
                .reserve_exact(wanted.saturating_sub(self.bytes.len()));
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            self.bytes.extend_from_slice(chunk);
            let taken = chunk.len();
            data.advance(taken);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
