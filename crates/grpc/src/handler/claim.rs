//! `ClaimService`.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};
use tonic::{Request, Response, Status};
use tracing::Span;
use tracing::field::display;
use verilane_api::server::claim_service_server::ClaimService;
use verilane_api::v1;
use verilane_engine::{Download, Engine};
use verilane_telemetry::attribute;

use crate::caller::principal;
use crate::convert::{claims, evidence};
use crate::status::refuse;

/// Handles `ClaimService`.
pub(crate) struct ClaimHandler {
    pub(crate) engine: Arc<Engine>,
}

/// Messages of a download.
pub(crate) type Pieces =
    Pin<Box<dyn Stream<Item = Result<v1::DownloadEvidenceResponse, Status>> + Send>>;

/// The messages of a download, each read when it is wanted. An error is the last one.
fn pieces(first: v1::DownloadEvidenceResponse, download: Download) -> Pieces {
    let rest = stream::unfold(Some(download), |mut download| async move {
        match download.as_mut()?.next().await {
            Ok(Some(bytes)) => Some((Ok(evidence::data(&bytes)), download)),
            Ok(None) => None,
            Err(error) => Some((Err(refuse(&error)), None)),
        }
    });
    Box::pin(stream::once(std::future::ready(Ok(first))).chain(rest))
}

#[tonic::async_trait]
impl ClaimService for ClaimHandler {
    type DownloadEvidenceStream = Pieces;

    async fn download_evidence(
        &self,
        request: Request<v1::DownloadEvidenceRequest>,
    ) -> Result<Response<Pieces>, Status> {
        let principal = principal(&request);
        let wish = evidence::read_download(request.into_inner(), principal)
            .map_err(|error| refuse(&error))?;
        Span::current().record(attribute::VERIFICATION_ID, display(wish.verification));
        let download = self.engine.download_evidence(&wish).await;
        let download = download.map_err(|error| refuse(&error))?;
        let first = evidence::wire_evidence(&download.row, &download.evidence);
        Ok(Response::new(pieces(
            evidence::description(first),
            download,
        )))
    }

    async fn revalidate_claims(
        &self,
        request: Request<v1::RevalidateClaimsRequest>,
    ) -> Result<Response<v1::RevalidateClaimsResponse>, Status> {
        let principal = principal(&request);
        let wish = evidence::read_revalidate(request.into_inner(), principal)
            .map_err(|error| refuse(&error))?;
        Span::current().record(attribute::VERIFICATION_ID, display(wish.verification));
        let view = self.engine.revalidate_claims(&wish).await;
        let view = view.map_err(|error| refuse(&error))?;
        Ok(Response::new(evidence::revalidated(&view)))
    }

    async fn read_claims(
        &self,
        request: Request<v1::ReadClaimsRequest>,
    ) -> Result<Response<v1::ReadClaimsResponse>, Status> {
        let principal = principal(&request);
        let request = request.into_inner();
        let as_identity_assurance = request.as_openid_identity_assurance;
        let (id, read) = claims::read(request, principal).map_err(|error| refuse(&error))?;
        Span::current().record(attribute::VERIFICATION_ID, display(id));
        let view = self
            .engine
            .read_claims(id, &read)
            .await
            .map_err(|error| refuse(&error))?;
        let answer = claims::answer(&view, as_identity_assurance);
        Ok(Response::new(answer.map_err(|error| refuse(&error))?))
    }
}
