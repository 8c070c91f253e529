//! `AdminService`.
//!
//! Invariant: one message is in memory at a time, and never more of it than may be imported; further
//! calls wait for their turn until their deadline.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming};
use tracing::Span;
use tracing::field::display;
use verilane_api::admin;
use verilane_api::admin::import_provider_message_request::Part;
use verilane_api::admin_server::admin_service_server::AdminService;
use verilane_core::Reason;
use verilane_engine::{Engine, EngineError, ImportMessage, ImportSource};
use verilane_telemetry::attribute;

use crate::caller::operator;
use crate::convert::admin as convert;
use crate::status::{refuse, status_of};

/// Handles `AdminService`.
pub(crate) struct AdminHandler {
    engine: Arc<Engine>,
    max_import: usize,
    turn: Semaphore,
}

impl AdminHandler {
    /// A handler that imports messages of at most so many bytes.
    pub(crate) fn new(engine: Arc<Engine>, max_import: usize) -> Self {
        Self {
            engine,
            max_import,
            turn: Semaphore::new(1),
        }
    }
}

type Parts = Streaming<admin::ImportProviderMessageRequest>;

fn out_of_place(field: &str, description: &str) -> Status {
    let error = EngineError::field(Reason::InvalidArgument, field, description);
    refuse(&error)
}

/// The first message of the stream.
async fn head(parts: &mut Parts) -> Result<admin::ProviderMessage, Status> {
    match parts.message().await?.and_then(|first| first.part) {
        Some(Part::Message(message)) => Ok(message),
        Some(Part::Data(_)) | None => Err(out_of_place("message", "must come first")),
    }
}

/// All the others together.
async fn body(parts: &mut Parts, most: usize) -> Result<Bytes, Status> {
    let mut body = Vec::new();
    while let Some(next) = parts.message().await? {
        let Some(Part::Data(data)) = next.part else {
            return Err(out_of_place("data", "must be all that follows"));
        };
        if body.len().saturating_add(data.len()) > most {
            return Err(status_of(Reason::RequestTooLarge));
        }
        body.extend_from_slice(&data);
    }
    Ok(body.into())
}

/// What is handed in, whole.
async fn read(
    mut parts: Parts,
    most: usize,
    operator: verilane_core::Principal,
) -> Result<ImportMessage, Status> {
    let read = convert::read_import(head(&mut parts).await?, operator);
    let mut import = read.map_err(|error| refuse(&error))?;
    Span::current().record(attribute::VERIFICATION_ID, display(import.verification));
    match &mut import.source {
        ImportSource::Body { body: whole, .. } => *whole = body(&mut parts, most).await?,
        // Nothing may follow.
        ImportSource::Quarantine(_) => {
            body(&mut parts, 0).await?;
        }
    }
    Ok(import)
}

#[tonic::async_trait]
impl AdminService for AdminHandler {
    async fn import_provider_message(
        &self,
        request: Request<Parts>,
    ) -> Result<Response<admin::ImportProviderMessageResponse>, Status> {
        let operator = operator(&request);
        // Nobody closes it.
        let turn = self.turn.acquire().await;
        let _turn = turn.map_err(|_| status_of(Reason::Internal))?;
        let import = read(request.into_inner(), self.max_import, operator).await?;
        let imported = self.engine.import_provider_message(import).await;
        let imported = imported.map_err(|error| refuse(&error))?;
        Ok(Response::new(convert::imported(&imported)))
    }
}
