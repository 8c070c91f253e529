//! Access tokens of the OAuth client generation: got with the client's secret, kept until shortly
//! before they expire.
//!
//! Invariant: one token request is on its way at a time, however many wait for it. Tokens expire by the
//! service's clock.

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

/// The tokens of one client.
pub struct AccessTokens {
    http: HttpClient,
    url: Url,
    client: OauthClient,
    clock: SharedClock,
    current: Mutex<Option<Token>>,
}

struct Token {
    bearer: HeaderValue,
    until: Timestamp,
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
            current: Mutex::const_new(None),
        }
    }

    /// What to be authorised with.
    pub async fn bearer(&self) -> Result<HeaderValue, ProviderError> {
        self.other_than(None).await
    }

    /// The same, after this one was turned away. Whoever comes second gets what the first one got.
    pub async fn renewed(&self, refused: &HeaderValue) -> Result<HeaderValue, ProviderError> {
        self.other_than(Some(refused)).await
    }

    async fn other_than(
        &self,
        refused: Option<&HeaderValue>,
    ) -> Result<HeaderValue, ProviderError> {
        let mut current = self.current.lock().await;
        let holds = |token: &&Token| {
            self.clock.now() < token.until && refused.is_none_or(|refused| *refused != token.bearer)
        };
        if let Some(token) = current.as_ref().filter(holds) {
            return Ok(token.bearer.clone());
        }
        *current = None;
        let token = self.ask().await?;
        Ok(current.insert(token).bearer.clone())
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
