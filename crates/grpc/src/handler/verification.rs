//! `VerificationService`.

use std::str::FromStr as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tracing::field::display;
use tracing::{Instrument as _, Span};
use verilane_api::server::verification_service_server::VerificationService;
use verilane_api::{SharedMessage, v1};
use verilane_core::{Reason, Revision, VerificationId};
use verilane_engine::{
    CreateVerification, Engine, EngineError, EventPage, RetryVerification, VerificationView,
    deadline,
};
use verilane_telemetry::{attribute, value};

use crate::caller::principal;
use crate::connection::Connection;
use crate::convert::verification::{Picture, verification};
use crate::convert::violations::Violations;
use crate::convert::{asking, create, query, review, watch};
use crate::messages::{Messages, messages};
use crate::status::{refuse, status_of};
use crate::watches::{Watch, Watches};

/// Creates and retries at once, on all connections together; more wait.
const MAX_CREATES: usize = 4_096;

/// Handles `VerificationService`.
pub(crate) struct VerificationHandler {
    engine: Arc<Engine>,
    watches: Arc<Watches>,
    /// A place for each create or retry under way, whether or not anybody waits for its answer.
    creates: Arc<Semaphore>,
}

impl VerificationHandler {
    pub(crate) fn new(engine: Arc<Engine>, watches: Arc<Watches>) -> Self {
        Self {
            engine,
            watches,
            creates: Arc::new(Semaphore::new(MAX_CREATES)),
        }
    }

    /// Creates in a task of its own, so that a caller who gives up, or is cut off, takes nothing
    /// with him: between intent and outcome that would leave the end user without an action until
    /// the intent's lease is over.
    ///
    /// A drain waits for the calls, and not for a task whose caller is gone. One that outlasts it
    /// finds the store closed, or ends with the process; its intent is durable by then, and goes on
    /// at the next start, or nothing was stored.
    async fn create(&self, wish: CreateVerification) -> Result<VerificationView, Status> {
        let engine = Arc::clone(&self.engine);
        self.begin(async move { engine.create(wish).await }).await
    }

    /// Retries in a task of its own, as a create does.
    async fn retry(&self, wish: RetryVerification) -> Result<VerificationView, Status> {
        let engine = Arc::clone(&self.engine);
        self.begin(async move { engine.retry(wish).await }).await
    }

    async fn begin(
        &self,
        beginning: impl Future<Output = Result<VerificationView, EngineError>> + Send + 'static,
    ) -> Result<VerificationView, Status> {
        // Waited for within the call, so that those who wait end with their callers.
        let place = Arc::clone(&self.creates).acquire_owned().await;
        let deadline = deadline::current();
        let beginning = async move {
            let _place = place;
            beginning.await
        };
        // It is still his deadline until the intent is durable.
        let beginning = async move {
            match deadline {
                Some(deadline) => deadline::within(deadline, beginning).await,
                None => beginning.await,
            }
        };
        match tokio::spawn(beginning.instrument(Span::current())).await {
            Ok(begun) => begun.map_err(|e| refuse(&e)),
            Err(error) => {
                tracing::error!(%error, "a create or retry broke off");
                Err(status_of(Reason::Internal))
            }
        }
    }

    /// Puts a watch on the call's connection under the registry's eye.
    fn enter(
        &self,
        connection: CancellationToken,
        kind: &'static str,
        messages: Messages,
    ) -> Result<Response<Watch<Messages>>, Status> {
        self.watches
            .enter(connection, kind, messages)
            .map(Response::new)
            .map_err(status_of)
    }
}

#[tonic::async_trait]
impl VerificationService for VerificationHandler {
    type WatchVerificationStream = Watch<Messages>;
    type WatchVerificationsStream = Watch<Messages>;

    async fn create_verification(
        &self,
        request: Request<v1::CreateVerificationRequest>,
    ) -> Result<Response<v1::CreateVerificationResponse>, Status> {
        let principal = principal(&request);
        let wish = create::read(request.into_inner(), principal).map_err(|e| refuse(&e))?;
        Span::current().record(attribute::CONNECTION, wish.connection.as_str());
        let without_picture = wish.without_picture;
        let view = self.create(wish).await?;
        note(view.row.id);
        Ok(Response::new(v1::CreateVerificationResponse {
            joined: view.joined,
            verification: pictured(view, without_picture).await,
        }))
    }

    async fn retry_verification(
        &self,
        request: Request<v1::RetryVerificationRequest>,
    ) -> Result<Response<v1::RetryVerificationResponse>, Status> {
        let principal = principal(&request);
        let wish = create::read_retry(request.into_inner(), principal).map_err(|e| refuse(&e))?;
        note(wish.verification);
        let without_picture = wish.without_picture;
        let view = self.retry(wish).await?;
        Ok(Response::new(v1::RetryVerificationResponse {
            verification: pictured(view, without_picture).await,
        }))
    }

    async fn check_availability(
        &self,
        request: Request<v1::CheckAvailabilityRequest>,
    ) -> Result<Response<v1::CheckAvailabilityResponse>, Status> {
        let principal = principal(&request);
        let check = asking::read(request.into_inner(), principal).map_err(|e| refuse(&e))?;
        Span::current().record(attribute::CONNECTION, check.connection.as_str());
        // Nothing is started, so a caller who gives up ends it.
        let checked = self.engine.check_availability(&check).await;
        let view = checked.map_err(|e| refuse(&e))?;
        Ok(Response::new(asking::answer(&view)))
    }

    async fn get_verification(
        &self,
        request: Request<v1::GetVerificationRequest>,
    ) -> Result<Response<v1::GetVerificationResponse>, Status> {
        let id = read_id(&request.get_ref().verification_id)?;
        let view = self.engine.get(id).await.map_err(|e| refuse(&e))?;
        Ok(Response::new(v1::GetVerificationResponse {
            verification: pictured(view, request.get_ref().without_qr_png).await,
        }))
    }

    async fn list_verifications(
        &self,
        request: Request<v1::ListVerificationsRequest>,
    ) -> Result<Response<v1::ListVerificationsResponse>, Status> {
        let list = query::read(request.into_inner()).map_err(|e| refuse(&e))?;
        let (views, next) = self.engine.list(&list).await.map_err(|e| refuse(&e))?;
        Ok(Response::new(v1::ListVerificationsResponse {
            verifications: views
                .iter()
                .map(|view| verification(view, Picture::Without))
                .collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn cancel_verification(
        &self,
        request: Request<v1::CancelVerificationRequest>,
    ) -> Result<Response<v1::CancelVerificationResponse>, Status> {
        let principal = principal(&request);
        let request = request.into_inner();
        let mut violations = Violations::default();
        let id = violations.id("verification_id", &request.verification_id);
        let access = create::access(&mut violations, request.access_context, false);
        let id = violations.into_result(id).map_err(|e| refuse(&e))?;
        note(id);
        let expected = request.expected_revision.map(Revision);
        let view = self
            .engine
            .cancel(id, expected, &principal, &access)
            .await
            .map_err(|e| refuse(&e))?;
        Ok(Response::new(v1::CancelVerificationResponse {
            verification: shown(&view, Picture::Without),
        }))
    }

    async fn continue_verification(
        &self,
        request: Request<v1::ContinueVerificationRequest>,
    ) -> Result<Response<v1::ContinueVerificationResponse>, Status> {
        let principal = principal(&request);
        let read = review::read_continuation(request.into_inner(), principal);
        let request = read.map_err(|e| refuse(&e))?;
        note(request.verification);
        let view = self.engine.continue_verification(request).await;
        Ok(Response::new(v1::ContinueVerificationResponse {
            verification: shown(&view.map_err(|e| refuse(&e))?, Picture::Without),
        }))
    }

    async fn review_verification(
        &self,
        request: Request<v1::ReviewVerificationRequest>,
    ) -> Result<Response<v1::ReviewVerificationResponse>, Status> {
        let principal = principal(&request);
        let read = review::read_decision(request.into_inner(), principal);
        let request = read.map_err(|e| refuse(&e))?;
        note(request.verification);
        let view = self.engine.review_verification(request).await;
        Ok(Response::new(v1::ReviewVerificationResponse {
            verification: shown(&view.map_err(|e| refuse(&e))?, Picture::Without),
        }))
    }

    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<SharedMessage>, Status> {
        let list = watch::read_list(request.into_inner()).map_err(|e| refuse(&e))?;
        // Reading changes nothing, so a wait can be given up where it stands.
        let page = tokio::select! {
            page = self.engine.list_events(list) => page.map_err(|e| refuse(&e))?,
            () = self.watches.draining() => return Err(status_of(Reason::ShuttingDown)),
        };
        Ok(Response::new(joined(&page)))
    }

    async fn watch_verification(
        &self,
        request: Request<v1::WatchVerificationRequest>,
    ) -> Result<Response<Self::WatchVerificationStream>, Status> {
        let connection = connection_of(&request)?;
        let wish = watch::read_one(request.into_inner()).map_err(|e| refuse(&e))?;
        note(wish.id);
        let opened = self
            .engine
            .watch_one(wish.id, &wish.start, wish.end, wish.heartbeat)
            .await
            .map_err(|e| refuse(&e))?;
        self.enter(connection, value::watch_kind::SINGLE, messages(opened))
    }

    async fn watch_verifications(
        &self,
        request: Request<v1::WatchVerificationsRequest>,
    ) -> Result<Response<Self::WatchVerificationsStream>, Status> {
        let connection = connection_of(&request)?;
        let wish = watch::read_many(request.into_inner()).map_err(|e| refuse(&e))?;
        let opened = self
            .engine
            .watch_many(wish.filter, &wish.start, wish.heartbeat)
            .await
            .map_err(|e| refuse(&e))?;
        self.enter(connection, value::watch_kind::TAIL, messages(opened))
    }
}

/// The connection that a call came on; the server puts it into every request.
fn connection_of<T>(request: &Request<T>) -> Result<CancellationToken, Status> {
    request
        .extensions()
        .get::<Connection>()
        .map(|connection| connection.closer.clone())
        .ok_or_else(|| status_of(Reason::Internal))
}

fn read_id(text: &str) -> Result<VerificationId, Status> {
    let id = VerificationId::from_str(text).map_err(|_| {
        let (field, description) = ("verification_id", "must be a UUID in hyphenated form");
        refuse(&EngineError::field(
            Reason::InvalidArgument,
            field,
            description,
        ))
    })?;
    note(id);
    Ok(id)
}

/// Notes in the call's span which verification it is about.
fn note(id: VerificationId) {
    Span::current().record(attribute::VERIFICATION_ID, display(id));
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "a message in an answer is always optional"
)]
fn shown(view: &VerificationView, picture: Picture) -> Option<v1::Verification> {
    Some(verification(view, picture))
}

/// A verification with the pictures of its actions, if they are wanted. What is missing is drawn, off
/// the threads that serve connections.
async fn pictured(view: VerificationView, without: bool) -> Option<v1::Verification> {
    if without {
        return shown(&view, Picture::Without);
    }
    if !view.lacks_pictures() {
        return shown(&view, Picture::With);
    }
    let drawn = tokio::task::spawn_blocking(move || {
        let mut view = view;
        view.draw_pictures();
        verification(&view, Picture::With)
    });
    // Only a runtime that shuts down ends it early.
    drawn.await.ok()
}

/// A page of events: their bytes as they are, and the token.
fn joined(page: &EventPage) -> SharedMessage {
    let mut events = BytesMut::with_capacity(page.events.iter().map(Bytes::len).sum());
    for event in &page.events {
        events.extend_from_slice(event);
    }
    let tail = v1::ListEventsResponse {
        events: Vec::new(),
        next_resume_token: page.next_token.clone(),
    };
    SharedMessage::new(events.freeze(), tail.encode_to_vec().into())
}
