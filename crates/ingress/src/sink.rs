//! What the ingress hands callbacks to: the engine, or in tests something that does as it is told.

use bytes::Bytes;
use verilane_core::{CallbackChannel, ConnectionName, Pii, Reason};
use verilane_engine::{CallbackPath, Engine, Taken};

/// Where a callback path leads.
#[derive(Clone, Debug)]
pub(crate) struct Found<P> {
    pub(crate) connection: ConnectionName,
    pub(crate) channel: CallbackChannel,
    /// What the sink needs to take the message in.
    pub(crate) place: P,
}

/// Takes callbacks in.
pub(crate) trait CallbackSink: Send + Sync + 'static {
    /// Where a path leads, for the sink's own use.
    type Place: Send + Sync + 'static;

    /// Where a path leads.
    fn find(
        &self,
        path: &Pii<String>,
    ) -> impl Future<Output = Result<Found<Self::Place>, Reason>> + Send;

    /// Takes a message in. `Ok` means durable; after an error nothing has changed.
    fn take(
        &self,
        place: &Self::Place,
        content_type: Option<String>,
        body: Bytes,
    ) -> impl Future<Output = Result<Taken, Reason>> + Send;
}

impl CallbackSink for Engine {
    type Place = CallbackPath;

    async fn find(&self, path: &Pii<String>) -> Result<Found<CallbackPath>, Reason> {
        let place = self.callback_path(path).await.map_err(|r| r.reason)?;
        Ok(Found {
            connection: place.connection.clone(),
            channel: place.channel,
            place,
        })
    }

    async fn take(
        &self,
        place: &CallbackPath,
        content_type: Option<String>,
        body: Bytes,
    ) -> Result<Taken, Reason> {
        self.take_callback(place, content_type, body)
            .await
            .map_err(|r| r.reason)
    }
}
