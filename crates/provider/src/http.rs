//! The outbound HTTP client. Plug-ins are given one and build none.
//!
//! One client a connection. It sends requests only where the connection's [`Egress`] allows, to
//! addresses that were looked at before, follows no redirect, uses no proxy, and takes no more
//! bytes or time than it was told, nor more time than the call has that it belongs to. A failure says whether the request may have reached the other
//! side. Spans and metrics carry templates of paths, never the paths, and no bodies.

mod address;
mod download;
mod egress;
mod error;
mod observe;
mod resolver;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use tracing::Instrument;
use verilane_core::{ConnectionName, Pii};
use verilane_telemetry::propagation;

use crate::deadline;

pub use address::{AddressClass, classify};
pub use download::Download;
pub use egress::{Egress, EgressError};
pub use error::{Answer, HttpError};
pub use http::Method;
pub use reqwest::Url;
pub use resolver::NameLookup;

use observe::{Observed, Observer};
use resolver::{SystemLookup, VettingResolver};

/// How a connection's client is set up.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// The connection, for telemetry.
    pub connection: ConnectionName,
    /// Where requests may go.
    pub egress: Egress,
    /// How long a connection may take to stand, name lookup and TLS included.
    pub connect_timeout: Duration,
    /// How long a request may take in all, until the last byte of its answer.
    pub total_timeout: Duration,
    /// The most bytes that an answer's body may have.
    pub max_answer_bytes: usize,
    /// Whether the other side is told our trace (W3C `traceparent`). Only for systems of our own.
    pub propagates_trace: bool,
}

/// A request to send.
pub struct HttpRequest {
    method: Method,
    url: Url,
    template: &'static str,
    headers: HeaderMap,
    body: Option<Pii<Vec<u8>>>,
}

/// Sends requests for one connection. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    settings: Arc<HttpSettings>,
    observer: Arc<Observer>,
}

/// The client could not be made. A fault of the machine or of the configuration; retrying does not
/// help.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client can't be set up: {0}")]
pub struct HttpSetupError(String);

impl HttpRequest {
    /// A request without a body. `template` is the path as telemetry shows it, its variable parts
    /// left out.
    #[must_use]
    pub fn new(method: Method, url: Url, template: &'static str) -> Self {
        Self {
            method,
            url,
            template,
            headers: HeaderMap::new(),
            body: None,
        }
    }

    /// With a header. Its value is never shown.
    #[must_use]
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self
    }

    /// With a JSON body, asking for JSON or text.
    ///
    /// # Errors
    /// [`HttpError::NotSent`] if the value has no JSON form.
    pub fn json(mut self, body: &impl Serialize) -> Result<Self, HttpError> {
        let bytes = serde_json::to_vec(body).map_err(|_| HttpError::NotSent)?;
        self.body = Some(Pii::new(bytes));
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/plain"),
        );
        Ok(self)
    }
}

impl HttpClient {
    /// Sets a client up. Make it after telemetry.
    ///
    /// # Errors
    /// [`HttpSetupError`], if the system offers no usable TLS trust store, for example.
    pub fn new(settings: HttpSettings) -> Result<Self, HttpSetupError> {
        Self::with_lookup(settings, Arc::new(SystemLookup))
    }

    /// The same with another way to look names up than the system's. What it finds is held against the
    /// rules as any other's is.
    ///
    /// # Errors
    /// [`HttpSetupError`], as [`HttpClient::new`].
    pub fn with_lookup(
        settings: HttpSettings,
        lookup: Arc<dyn NameLookup>,
    ) -> Result<Self, HttpSetupError> {
        let resolver = VettingResolver::new(lookup, settings.egress.allow_private_addresses);
        let client = reqwest::Client::builder()
            .user_agent(concat!("verilane/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(resolver)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.total_timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(8)
            .build()
            .map_err(|error| HttpSetupError(error.without_url().to_string()))?;
        Ok(Self {
            client,
            observer: Arc::new(Observer::new(&settings.connection)),
            settings: Arc::new(settings),
        })
    }

    /// The rules that this client keeps.
    #[must_use]
    pub fn egress(&self) -> &Egress {
        &self.settings.egress
    }

    /// Sends a request once, and reads its answer whole.
    ///
    /// # Errors
    /// [`HttpError`]; any status but a success is [`HttpError::Answered`].
    pub async fn send(&self, request: HttpRequest) -> Result<Answer, HttpError> {
        let observed = self.observe(&request);
        let span = observed.span().clone();
        let begun = Instant::now();
        let outcome = self.exchange(request).instrument(span).await;
        observed.end(begun.elapsed(), &outcome);
        outcome
    }

    fn observe(&self, request: &HttpRequest) -> Observed<'_> {
        let permitted = self.settings.egress.permit(&request.url).is_ok();
        self.observer
            .begin(&request.method, &request.url, request.template, permitted)
    }

    async fn exchange(&self, request: HttpRequest) -> Result<Answer, HttpError> {
        let response = self.begin(request, self.time()?).await?;
        self.whole(response).await
    }

    /// An answer with its body.
    async fn whole(&self, response: reqwest::Response) -> Result<Answer, HttpError> {
        let status = response.status().as_u16();
        let retry_after = error::retry_after(response.headers());
        let body = self.read_body(response, status).await?;
        let answer = Answer::new(status, retry_after, body);
        if (200..300).contains(&status) {
            Ok(answer)
        } else {
            Err(HttpError::Answered(answer))
        }
    }

    /// Sends a request where that is allowed, and waits for the head of its answer.
    async fn begin(
        &self,
        request: HttpRequest,
        time: Duration,
    ) -> Result<reqwest::Response, HttpError> {
        self.settings.egress.permit(&request.url)?;
        let mut headers = request.headers;
        if self.settings.propagates_trace {
            propagation::inject(&mut headers);
        }
        let mut builder = self
            .client
            .request(request.method, request.url)
            .timeout(time)
            .headers(headers);
        if let Some(body) = request.body {
            builder = builder.body(body.expose().clone());
        }
        let response = builder.send().await;
        response.map_err(|error| error::sending(&error))
    }

    /// How long a request may take: what is configured, and within the deadline of its call, where
    /// there is one. Ends a little before it, since here more is known about what became of the
    /// request than outside.
    fn time(&self) -> Result<Duration, HttpError> {
        let whole = self.settings.total_timeout;
        let Some(deadline) = deadline::current() else {
            return Ok(whole);
        };
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let time = left.saturating_sub(deadline::MARGIN).min(whole);
        if time.is_zero() {
            return Err(HttpError::NotSent);
        }
        Ok(time)
    }

    /// Reads up to the cap, whatever length was announced. Of a failure's body, what fits is kept.
    async fn read_body(
        &self,
        mut response: reqwest::Response,
        status: u16,
    ) -> Result<Bytes, HttpError> {
        let most = self.settings.max_answer_bytes;
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(body.freeze()),
                Ok(Some(chunk)) => {
                    let room = most.saturating_sub(body.len());
                    if chunk.len() > room {
                        if (200..300).contains(&status) {
                            return Err(HttpError::TooLarge);
                        }
                        body.extend_from_slice(chunk.get(..room).unwrap_or_default());
                        return Ok(body.freeze());
                    }
                    body.extend_from_slice(&chunk);
                }
                Err(_) => return Err(HttpError::Unclear),
            }
        }
    }
}
