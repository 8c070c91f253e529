//! Access tokens of the OAuth client generation: got with the client's secret, kept until shortly
//! before they expire.
//!
//! Invariant: one token request is on its way at a time, however many wait for it, and what becomes of it
//! is the same for all of them. A token that came in place of one that was turned away, and is turned away
//! itself, is not replaced within a minute: the fault lies elsewhere. Tokens expire by the service's clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderValue;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use verilane_core::{Pii, SharedClock, Timestamp};
use verilane_provider::ProviderError;
use verilane_provider::http::{HttpClient, HttpRequest, Method, Url};

use crate::refusal;
use crate::settings::OauthClient;

/// How long before its end a token is replaced, at most: a request under way still needs it.
const MARGIN: Duration = Duration::from_secs(60);
/// How long a token is kept whose life is not said.
const UNSAID_LIFE: u64 = 300;
/// The longest life that is believed.
const LONGEST_LIFE: u64 = 30 * 24 * 60 * 60;

/// How long a token is not replaced that came in place of one that was turned away.
const REPLACED_FOR: Duration = Duration::from_secs(60);

/// The tokens of one client.
pub struct AccessTokens {
    http: HttpClient,
    url: Url,
    client: OauthClient,
    clock: SharedClock,
    /// How many token requests have failed.
    failures: AtomicU64,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    token: Option<Token>,
    /// How the last failed request failed.
    failure: Option<ProviderError>,
}

struct Token {
    bearer: HeaderValue,
    until: Timestamp,
    /// When it was asked for in place of one that was turned away, if it was.
    replaced: Option<Timestamp>,
}

#[derive(Serialize)]
struct Order<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    audience: &'a str,
    grant_type: &'static str,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl AccessTokens {
    pub fn new(http: HttpClient, url: Url, client: OauthClient, clock: SharedClock) -> Self {
        Self {
            http,
            url,
            client,
            clock,
            failures: AtomicU64::new(0),
            current: Mutex::default(),
        }
    }

    /// What to be authorised with.
    pub async fn bearer(&self) -> Result<HeaderValue, ProviderError> {
        let failures = self.failures.load(Ordering::SeqCst);
        let mut current = self.current.lock().await;
        let holds = |token: &&Token| self.clock.now() < token.until;
        if let Some(token) = current.token.as_ref().filter(holds) {
            return Ok(token.bearer.clone());
        }
        self.ask_once(&mut current, failures, None).await
    }

    /// The same, after this one was turned away. Whoever comes second gets what the first one got. None if
    /// it came in place of another just before.
    pub async fn renewed(
        &self,
        refused: &HeaderValue,
    ) -> Result<Option<HeaderValue>, ProviderError> {
        let failures = self.failures.load(Ordering::SeqCst);
        let mut current = self.current.lock().await;
        let now = self.clock.now();
        if let Some(token) = &current.token {
            if now < token.until && *refused != token.bearer {
                return Ok(Some(token.bearer.clone()));
            }
            let is_young = |replaced: Timestamp| now < replaced + REPLACED_FOR;
            if *refused == token.bearer && token.replaced.is_some_and(is_young) {
                return Ok(None);
            }
        }
        let replaced = Some(now);
        let bearer = self.ask_once(&mut current, failures, replaced).await?;
        Ok(Some(bearer))
    }

    /// Asks for a token, unless a request has failed since there were so many failures: then it was that
    /// one's outcome that was waited for.
    async fn ask_once(
        &self,
        current: &mut Current,
        failures: u64,
        replaced: Option<Timestamp>,
    ) -> Result<HeaderValue, ProviderError> {
        if self.failures.load(Ordering::SeqCst) != failures
            && let Some(failure) = &current.failure
        {
            return Err(failure.clone());
        }
        current.token = None;
        match self.ask().await {
            Ok(token) => {
                let token = current.token.insert(Token { replaced, ..token });
                Ok(token.bearer.clone())
            }
            Err(failure) => {
                current.failure = Some(failure.clone());
                self.failures.fetch_add(1, Ordering::SeqCst);
                Err(failure)
            }
        }
    }

    async fn ask(&self) -> Result<Token, ProviderError> {
        let order = Order {
            client_id: &self.client.client_id,
            client_secret: self.client.client_secret.expose(),
            audience: &self.client.audience,
            grant_type: "client_credentials",
        };
        let asked_at = self.clock.now();
        let request = HttpRequest::new(Method::POST, self.url.clone(), "/oauth/token");
        let answer = self.http.send(request.json(&order)?).await;
        let granted: Granted = answer.map_err(refusal::of_token)?.json()?;
        let life = granted.expires_in.unwrap_or(UNSAID_LIFE).min(LONGEST_LIFE);
        let life = Duration::from_secs(life);
        Ok(Token {
            bearer: bearer(Pii::new(granted.access_token).expose())?,
            until: asked_at + life.saturating_sub(MARGIN.min(life / 4)),
            replaced: None,
        })
    }
}

/// A header's value that is never shown.
pub fn bearer(token: &str) -> Result<HeaderValue, ProviderError> {
    let wrong = || ProviderError::InvalidAnswer("its access token is none");
    if token.is_empty() {
        return Err(wrong());
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok(value)
}
