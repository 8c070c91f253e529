//! The server for operators, on a Unix socket: `verilane.admin.v1`, and nothing of the public API.
//!
//! It is carried as the public one is: the same deadlines, spans, measurements and reasons, and the
//! same drain. Who may call is decided by the file system before anything gets here.

use std::sync::Arc;

use http::{Request, Response};
use tokio::net::UnixListener;
use tonic::body::Body;
use tonic::server::NamedService as _;
use tower::Service as _;
use verilane_api::admin_server::admin_service_server::{AdminService, AdminServiceServer};
use verilane_core::Reason;
use verilane_engine::Engine;

use crate::config::GrpcConfig;
use crate::handler::admin::AdminHandler;
use crate::health::Health;
use crate::methods::Methods;
use crate::server::{BuildError, Drained, Server};
use crate::services::Answer;
use crate::stack::Stack;
use crate::status::status_of;
use crate::watches::Watches;

/// The largest message of a call, in bytes: what is larger comes as a stream of them.
const MAX_MESSAGE: usize = 256 * 1024;
/// Operators are few.
const MAX_CONNECTIONS: usize = 16;
const MAX_STREAMS: u32 = 4;

/// The admin server.
pub struct AdminServer {
    server: Server<AdminServices<AdminHandler>>,
}

impl AdminServer {
    /// A server over an engine. Provider messages of at most `max_import` bytes are imported; times
    /// are those of `config`, sizes and counts are its own. To be made after telemetry is set up.
    ///
    /// # Errors
    /// [`BuildError`]: a fault of the build.
    pub async fn new(
        engine: Arc<Engine>,
        max_import: usize,
        config: GrpcConfig,
    ) -> Result<Self, BuildError> {
        let config = GrpcConfig {
            max_message_size: MAX_MESSAGE,
            max_connections: MAX_CONNECTIONS,
            max_concurrent_streams: MAX_STREAMS,
            max_watches: 0,
            ..config
        };
        let methods = Arc::new(Methods::of(&[verilane_api::ADMIN_FILE_DESCRIPTOR_SET])?);
        let handler = AdminHandler::new(engine, max_import);
        let services = AdminServices(
            AdminServiceServer::new(handler).max_decoding_message_size(config.max_message_size),
        );
        let stack = Stack::new(services, methods, &[], config);
        let watches = Watches::new(config.max_watches);
        let health = Health::new(&[]).await;
        Ok(Self {
            server: Server::over(stack, watches, health, config),
        })
    }

    /// Serves until `shutdown` ends, then drains. Connections run on the calling task's runtime.
    pub async fn serve(
        &self,
        listener: UnixListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Drained {
        self.server.serve(listener, shutdown).await
    }
}

/// The one service of the server.
struct AdminServices<H>(AdminServiceServer<H>);

impl<H: AdminService> Answer for AdminServices<H> {
    async fn call(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().strip_prefix('/');
        let service = path.and_then(|path| path.split_once('/'));
        let is_ours = service.is_some_and(|(name, _)| name == AdminServiceServer::<H>::NAME);
        if !is_ours {
            return status_of(Reason::MethodUnknown).into_http();
        }
        match self.0.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
