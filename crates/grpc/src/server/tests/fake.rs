//! Handlers that do as they are told, and a server over them.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{Stream, stream};
use http::HeaderValue;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use verilane_api::server::claim_service_server::ClaimService;
use verilane_api::server::connection_service_server::ConnectionService;
use verilane_api::server::verification_service_server::VerificationService;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_api::{SharedMessage, v1};

use crate::config::GrpcConfig;
use crate::connection::Connection;
use crate::server::{Drained, Server};
use crate::watches::Watches;

type Messages = Pin<Box<dyn Stream<Item = Result<SharedMessage, Status>> + Send>>;

/// Answers what the id asks for.
struct Fake {
    watches: Arc<Watches>,
    /// How many messages endless watches have handed out.
    sent: Arc<AtomicUsize>,
    /// Told when a watch is dropped.
    dropped: mpsc::UnboundedSender<()>,
}

struct Tell(mpsc::UnboundedSender<()>);

impl Drop for Tell {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

impl Fake {
    fn messages(&self, id: &str) -> Messages {
        let tell = Tell(self.dropped.clone());
        match id {
            "endless" => {
                let sent = Arc::clone(&self.sent);
                Box::pin(stream::repeat_with(move || {
                    let _ = &tell;
                    sent.fetch_add(1, Ordering::Relaxed);
                    Ok(SharedMessage::of(&v1::WatchVerificationResponse {
                        resume_token: "x".repeat(1_000),
                        ..Default::default()
                    }))
                }))
            }
            _ => Box::pin(stream::poll_fn(move |_| {
                let _ = &tell;
                std::task::Poll::Pending
            })),
        }
    }
}

#[tonic::async_trait]
impl VerificationService for Fake {
    type WatchVerificationStream = Messages;
    type WatchVerificationsStream = Messages;

    async fn create_verification(
        &self,
        _: Request<v1::CreateVerificationRequest>,
    ) -> Result<Response<v1::CreateVerificationResponse>, Status> {
        std::future::pending().await
    }

    async fn continue_verification(
        &self,
        _: Request<v1::ContinueVerificationRequest>,
    ) -> Result<Response<v1::ContinueVerificationResponse>, Status> {
        std::future::pending().await
    }

    async fn review_verification(
        &self,
        _: Request<v1::ReviewVerificationRequest>,
    ) -> Result<Response<v1::ReviewVerificationResponse>, Status> {
        std::future::pending().await
    }

    async fn check_availability(
        &self,
        _: Request<v1::CheckAvailabilityRequest>,
    ) -> Result<Response<v1::CheckAvailabilityResponse>, Status> {
        std::future::pending().await
    }

    async fn get_verification(
        &self,
        request: Request<v1::GetVerificationRequest>,
    ) -> Result<Response<v1::GetVerificationResponse>, Status> {
        Ok(Response::new(v1::GetVerificationResponse {
            verification: Some(v1::Verification {
                id: request.into_inner().verification_id,
                ..Default::default()
            }),
        }))
    }

    async fn list_verifications(
        &self,
        _: Request<v1::ListVerificationsRequest>,
    ) -> Result<Response<v1::ListVerificationsResponse>, Status> {
        Err(Status::unknown("as told"))
    }

    async fn cancel_verification(
        &self,
        _: Request<v1::CancelVerificationRequest>,
    ) -> Result<Response<v1::CancelVerificationResponse>, Status> {
        Err(Status::not_found(""))
    }

    async fn retry_verification(
        &self,
        _: Request<v1::RetryVerificationRequest>,
    ) -> Result<Response<v1::RetryVerificationResponse>, Status> {
        Err(Status::not_found(""))
    }

    async fn list_events(
        &self,
        _: Request<v1::ListEventsRequest>,
    ) -> Result<Response<SharedMessage>, Status> {
        Err(Status::not_found(""))
    }

    async fn watch_verification(
        &self,
        request: Request<v1::WatchVerificationRequest>,
    ) -> Result<Response<Messages>, Status> {
        let connection = request.extensions().get::<Connection>().unwrap();
        let connection = connection.closer.clone();
        let messages = self.messages(&request.into_inner().verification_id);
        let watch = self
            .watches
            .enter(connection, "single", messages)
            .map_err(crate::status::status_of)?;
        Ok(Response::new(Box::pin(watch)))
    }

    async fn watch_verifications(
        &self,
        _: Request<v1::WatchVerificationsRequest>,
    ) -> Result<Response<Messages>, Status> {
        Err(Status::not_found(""))
    }
}

#[tonic::async_trait]
impl ClaimService for Fake {
    type DownloadEvidenceStream =
        std::pin::Pin<Box<dyn Stream<Item = Result<v1::DownloadEvidenceResponse, Status>> + Send>>;

    async fn download_evidence(
        &self,
        _: Request<v1::DownloadEvidenceRequest>,
    ) -> Result<Response<Self::DownloadEvidenceStream>, Status> {
        Err(Status::not_found(""))
    }

    async fn revalidate_claims(
        &self,
        _: Request<v1::RevalidateClaimsRequest>,
    ) -> Result<Response<v1::RevalidateClaimsResponse>, Status> {
        Err(Status::not_found(""))
    }

    async fn read_claims(
        &self,
        _: Request<v1::ReadClaimsRequest>,
    ) -> Result<Response<v1::ReadClaimsResponse>, Status> {
        Err(Status::not_found(""))
    }
}

#[tonic::async_trait]
impl ConnectionService for Fake {
    async fn list_connections(
        &self,
        _: Request<v1::ListConnectionsRequest>,
    ) -> Result<Response<v1::ListConnectionsResponse>, Status> {
        Err(Status::not_found(""))
    }
}

pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) server: JoinHandle<Drained>,
    pub(super) sent: Arc<AtomicUsize>,
    pub(super) dropped: mpsc::UnboundedReceiver<()>,
}

pub(super) async fn start(config: GrpcConfig) -> Running {
    start_for(&[], config).await
}

/// One that pages of other origins may call.
pub(super) async fn start_for(origins: &[HeaderValue], config: GrpcConfig) -> Running {
    let watches = Watches::new(config.max_watches);
    let sent = Arc::new(AtomicUsize::new(0));
    let (tell, dropped) = mpsc::unbounded_channel();
    let fake = || Fake {
        watches: Arc::clone(&watches),
        sent: Arc::clone(&sent),
        dropped: tell.clone(),
    };
    let server = Server::new(
        (fake(), fake(), fake()),
        Arc::clone(&watches),
        origins,
        config,
    )
    .await
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(async move {
        let shutdown = async {
            let _ = stopped.await;
        };
        server.serve(listener, shutdown).await
    });
    Running {
        address,
        stop,
        server,
        sent,
        dropped,
    }
}

impl Running {
    pub(super) async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address))
            .unwrap()
            .initial_stream_window_size(65_535)
            .connect()
            .await
            .unwrap()
    }

    pub(super) async fn client(&self) -> VerificationServiceClient<Channel> {
        VerificationServiceClient::new(self.channel().await)
    }
}

pub(super) fn watch(id: &str) -> v1::WatchVerificationRequest {
    v1::WatchVerificationRequest {
        verification_id: id.to_owned(),
        ..Default::default()
    }
}
