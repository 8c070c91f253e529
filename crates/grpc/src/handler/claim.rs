//! `ClaimService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use tracing::Span;
use tracing::field::display;
use verilane_api::server::claim_service_server::ClaimService;
use verilane_api::v1;
use verilane_engine::Engine;
use verilane_telemetry::attribute;

use crate::caller::principal;
use crate::convert::claims;
use crate::status::refuse;

/// Handles `ClaimService`.
pub(crate) struct ClaimHandler {
    pub(crate) engine: Arc<Engine>,
}

#[tonic::async_trait]
impl ClaimService for ClaimHandler {
    async fn read_claims(
        &self,
        request: Request<v1::ReadClaimsRequest>,
    ) -> Result<Response<v1::ReadClaimsResponse>, Status> {
        let principal = principal(&request);
        let (id, read) =
            claims::read(request.into_inner(), principal).map_err(|error| refuse(&error))?;
        Span::current().record(attribute::VERIFICATION_ID, display(id));
        let view = self
            .engine
            .read_claims(id, &read)
            .await
            .map_err(|error| refuse(&error))?;
        Ok(Response::new(claims::answer(&view)))
    }
}
