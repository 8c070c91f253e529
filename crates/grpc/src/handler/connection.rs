//! `ConnectionService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use verilane_api::server::connection_service_server::ConnectionService;
use verilane_api::v1;
use verilane_engine::Engine;

use crate::convert::connection::connection;

/// Handles `ConnectionService`.
pub(crate) struct ConnectionHandler {
    pub(crate) engine: Arc<Engine>,
}

#[tonic::async_trait]
impl ConnectionService for ConnectionHandler {
    async fn list_connections(
        &self,
        _: Request<v1::ListConnectionsRequest>,
    ) -> Result<Response<v1::ListConnectionsResponse>, Status> {
        let connections = self.engine.list_connections();
        Ok(Response::new(v1::ListConnectionsResponse {
            connections: connections.iter().map(connection).collect(),
        }))
    }
}
