//! A watch of the engine as a stream of messages: the engine's bytes, joined and passed on.

use std::pin::Pin;

use futures_util::{Stream, stream};
use tonic::Status;
use verilane_api::SharedMessage;
use verilane_engine::{Delivery, EngineError, WatchMany, WatchOne};

use crate::status::refuse;

/// Messages of a watch.
pub(crate) type Messages = Pin<Box<dyn Stream<Item = Result<SharedMessage, Status>> + Send>>;

/// Something that gives one delivery after the other.
pub(crate) trait Source: Send + 'static {
    /// What comes next; none at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Delivery>, EngineError>> + Send;
}

impl Source for WatchOne {
    fn next(&mut self) -> impl Future<Output = Result<Option<Delivery>, EngineError>> + Send {
        Self::next(self)
    }
}

impl Source for WatchMany {
    fn next(&mut self) -> impl Future<Output = Result<Option<Delivery>, EngineError>> + Send {
        Self::next(self)
    }
}

/// The messages of a watch. An error is the last one.
pub(crate) fn messages(source: impl Source) -> Messages {
    // The source is used in its place: moved into a variable it would stand in the future twice,
    // for as long as the watch waits.
    Box::pin(stream::unfold(Some(source), |mut source| async move {
        match source.as_mut()?.next().await {
            Ok(Some(delivery)) => {
                let message = SharedMessage::new(delivery.head, delivery.token);
                Some((Ok(message), source))
            }
            Ok(None) => None,
            Err(error) => Some((Err(refuse(&error)), None)),
        }
    }))
}
