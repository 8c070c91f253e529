//! The client of exporters that speak HTTP.
//!
//! Exporters wait in threads of their own, outside any runtime, so requests run on the one that the
//! client was made in. It goes straight to the receiver: neither proxies nor redirections are
//! followed, as over gRPC.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity};
use tokio::runtime::Handle;

/// How long a request may take unless the environment says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// The most of an answer that is read; a receiver has little to say.
const ANSWER_LIMIT: usize = 1 << 20;

/// Sends what exporters make.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    runtime: Handle,
}

#[derive(Debug, thiserror::Error)]
#[error("the receiver's answer is too long")]
struct AnswerTooLong;

impl Client {
    /// Trusts the certificates of a PEM file, or else the system's; presents its own if it has one.
    /// To be made within a runtime.
    pub fn new(
        limit: Duration,
        trusted: Option<Vec<u8>>,
        own: Option<Vec<u8>>,
    ) -> reqwest::Result<Self> {
        let mut http = reqwest::Client::builder()
            .timeout(limit)
            .redirect(Policy::none())
            .no_proxy();
        if let Some(pem) = trusted {
            http = http.tls_certs_only(Certificate::from_pem_bundle(&pem)?);
        }
        if let Some(pem) = own {
            http = http.identity(Identity::from_pem(&pem)?);
        }
        Ok(Self {
            http: http.build()?,
            runtime: Handle::current(),
        })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = send(self.http.clone(), request);
        self.runtime.spawn(sent).await?
    }
}

async fn send(
    http: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let mut answer = http.execute(request.try_into()?).await?;
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(AnswerTooLong.into());
        }
        body.extend_from_slice(&chunk);
    }
    let mut whole = Response::new(body.freeze());
    *whole.status_mut() = answer.status();
    *whole.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(whole)
}
