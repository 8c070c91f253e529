//! Answers that are too large to be held: taken piece by piece, up to a cap, within a time.
//!
//! Redirects are followed here, since storage answers with them: each target is held against the
//! client's rules before anything is sent there, and gets none of the headers. What they authorise was meant
//! for the first address: a target may be storage on the same host, whose links are signed themselves and
//! which turns away whoever shows a bearer besides.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{HeaderMap, LOCATION};
use reqwest::{Response, Url};
use tracing::Instrument;

use super::{Answer, HttpClient, HttpError, HttpRequest};
use crate::{EvidenceBody, ProviderError};

/// How many redirects are followed.
const MOST_REDIRECTS: usize = 3;

/// An answer's body under way. It ends with an error if it has more bytes than it may, or comes too
/// slowly.
pub struct Download {
    response: Response,
    room: u64,
}

impl HttpClient {
    /// Begins to fetch what lies somewhere: GET, without a body. `headers` go to this address, and nowhere
    /// that it redirects to. `time` bounds all of it, to the last byte.
    ///
    /// # Errors
    /// [`HttpError`], of the first request or of one that it was redirected to.
    pub async fn download(
        &self,
        mut url: Url,
        mut headers: HeaderMap,
        template: &'static str,
        most_bytes: u64,
        time: Duration,
    ) -> Result<Download, HttpError> {
        let begun = Instant::now();
        for _ in 0..=MOST_REDIRECTS {
            let mut request = HttpRequest::new(http::Method::GET, url.clone(), template);
            for (name, value) in std::mem::take(&mut headers) {
                if let Some(name) = name {
                    request = request.header(name, value);
                }
            }
            let left = time.saturating_sub(begun.elapsed());
            let response = self.head_of(request, left).await?;
            if response
                .content_length()
                .is_some_and(|length| length > most_bytes)
            {
                return Err(HttpError::TooLarge);
            }
            if response.status().is_success() {
                return Ok(Download {
                    response,
                    room: most_bytes,
                });
            }
            url = target(&response, &url).ok_or(HttpError::Unusable)?;
        }
        Err(HttpError::Unusable)
    }

    /// Sends a request and waits for an answer that is a success or leads elsewhere.
    async fn head_of(&self, request: HttpRequest, time: Duration) -> Result<Response, HttpError> {
        let observed = self.observe(&request);
        let span = observed.span().clone();
        let begun = Instant::now();
        let outcome = async {
            let response = self.begin(request, time).await?;
            let status = response.status();
            if status.is_success() || status.is_redirection() {
                return Ok(response);
            }
            let refusal = self.whole(response).await;
            Err(refusal.map_or_else(|error| error, HttpError::Answered))
        };
        let outcome = outcome.instrument(span).await;
        let told = match &outcome {
            Ok(response) => Ok(Answer::new(response.status().as_u16(), None, Bytes::new())),
            Err(error) => Err(error.clone()),
        };
        observed.end(begun.elapsed(), &told);
        outcome
    }
}

/// Where a redirect leads.
fn target(response: &Response, from: &Url) -> Option<Url> {
    let target = response.headers().get(LOCATION)?.to_str().ok()?;
    from.join(target).ok()
}

impl Download {
    /// The next bytes, never none; nothing once all have come.
    ///
    /// # Errors
    /// [`HttpError::TooLarge`], and [`HttpError::Unclear`] for a body that breaks off or is slow.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            match self.response.chunk().await {
                Ok(Some(chunk)) if chunk.is_empty() => {}
                Ok(Some(chunk)) => {
                    let room = self.room.checked_sub(chunk.len() as u64);
                    self.room = room.ok_or(HttpError::TooLarge)?;
                    return Ok(Some(chunk));
                }
                Ok(None) => return Ok(None),
                Err(_) => return Err(HttpError::Unclear),
            }
        }
    }
}

#[async_trait]
impl EvidenceBody for Download {
    async fn next(&mut self) -> Result<Option<Bytes>, ProviderError> {
        Ok(self.chunk().await?)
    }
}
