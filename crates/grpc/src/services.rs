//! Which service a path belongs to.
//!
//! Requests may come in gzip, and answers go in it where the caller takes that; but what watches send
//! is made once for all of them, and goes as it is.
//!
//! Ours are called without a detour, since a watch pays for each layer with memory for as long as
//! it is open. The standard ones (health, reflection) are few and short.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, Response};
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::server::NamedService;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt as _};
use verilane_api::server::claim_service_server::{ClaimService, ClaimServiceServer};
use verilane_api::server::connection_service_server::{ConnectionService, ConnectionServiceServer};
use verilane_api::server::verification_service_server::{
    VerificationService, VerificationServiceServer,
};
use verilane_core::Reason;

use crate::methods::Methods;
use crate::status::status_of;

const GZIP: CompressionEncoding = CompressionEncoding::Gzip;
/// The header in which a caller says how answers may be compressed.
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// Answers calls by their paths.
pub(crate) trait Answer: Send + Sync + 'static {
    /// Answers a call.
    fn call(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

type Standard = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// All services of one server.
pub(crate) struct Services<V, C, N> {
    methods: Arc<Methods>,
    verification: VerificationServiceServer<V>,
    claim: ClaimServiceServer<C>,
    connection: ConnectionServiceServer<N>,
    standard: Vec<(&'static str, Standard)>,
}

impl<V, C, N> Services<V, C, N>
where
    V: VerificationService,
    C: ClaimService,
    N: ConnectionService,
{
    /// Our three services over their handlers, taking messages of at most so many bytes, unpacked.
    pub(crate) fn new(
        methods: Arc<Methods>,
        (verification, claim, connection): (V, C, N),
        max_message_size: usize,
    ) -> Self {
        Self {
            methods,
            verification: VerificationServiceServer::new(verification)
                .accept_compressed(GZIP)
                .send_compressed(GZIP)
                .max_decoding_message_size(max_message_size),
            claim: ClaimServiceServer::new(claim)
                .accept_compressed(GZIP)
                .send_compressed(GZIP)
                .max_decoding_message_size(max_message_size),
            connection: ConnectionServiceServer::new(connection)
                .accept_compressed(GZIP)
                .send_compressed(GZIP)
                .max_decoding_message_size(max_message_size),
            standard: Vec::new(),
        }
    }

    /// Adds a standard service.
    pub(crate) fn with<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.standard
            .push((S::NAME, BoxCloneSyncService::new(service)));
        self
    }
}

impl<V, C, N> Answer for Services<V, C, N>
where
    V: VerificationService,
    C: ClaimService,
    N: ConnectionService,
{
    async fn call(&self, mut request: Request<Body>) -> Response<Body> {
        let Some(method) = self.methods.get(request.uri().path()) else {
            return status_of(Reason::MethodUnknown).into_http();
        };
        if method.is_stream {
            request.headers_mut().remove(ACCEPT_ENCODING);
        }
        let path = request.uri().path();
        let service = path
            .strip_prefix('/')
            .and_then(|path| path.split_once('/'))
            .map_or("", |(service, _)| service);
        let answer = if service == VerificationServiceServer::<V>::NAME {
            self.verification.clone().call(request).await
        } else if service == ClaimServiceServer::<C>::NAME {
            self.claim.clone().call(request).await
        } else if service == ConnectionServiceServer::<N>::NAME {
            self.connection.clone().call(request).await
        } else {
            let found = self.standard.iter().find(|(name, _)| *name == service);
            match found {
                Some((_, standard)) => standard.clone().oneshot(request).await,
                None => Ok(status_of(Reason::MethodUnknown).into_http()),
            }
        };
        match answer {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
