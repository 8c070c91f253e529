//! What is sent to exchange a code, and how it is authorised: a token of our own, made afresh for every
//! request, and behind it a digest of the body.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde::Serialize;
use uuid::Builder;
use verilane_core::{Pii, Reason, Timestamp};
use verilane_provider::ProviderError;
use verilane_provider::jwt::Signer;

/// Where codes are exchanged, below the API's base and environment.
pub const PATH: &str = "scopeRequest/authCode";
/// How long a request token lives, in seconds.
const LIFE: i64 = 180;

/// The body. Its members stand in the order of their names, so that it goes out as it is digested:
/// Civic sorts them before it checks.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    #[serde(rename = "allowS3UploadedPayload")]
    allow_s3_uploaded_payload: bool,
    auth_token: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: String,
    iat: i64,
    exp: i64,
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    data: Call,
}

#[derive(Serialize)]
struct Call {
    method: &'static str,
    path: &'static str,
}

/// What one application authorises its requests with.
pub struct Authority {
    signer: Signer,
    extension_key: hmac::Key,
    application_id: String,
    audience: String,
    random: SystemRandom,
}

impl<'a> Body<'a> {
    /// For a token that a browser brought back.
    #[must_use]
    pub const fn of(token: &'a str) -> Self {
        Self {
            allow_s3_uploaded_payload: true,
            auth_token: token,
        }
    }
}

impl Authority {
    /// Of an application, for the API at this base. The secret is keyed with as the text that it is
    /// written in.
    #[must_use]
    pub fn new(
        signer: Signer,
        secret: &Pii<String>,
        application_id: String,
        audience: String,
    ) -> Self {
        Self {
            signer,
            extension_key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()),
            application_id,
            audience,
            random: SystemRandom::new(),
        }
    }

    /// The `Authorization` of a request with this body, from now on.
    ///
    /// # Errors
    /// `CONNECTION_MISCONFIGURED` where nothing can be signed.
    pub fn header(&self, body: &Body<'_>, now: Timestamp) -> Result<HeaderValue, ProviderError> {
        let token = self.request_token(now)?;
        let body = serde_json::to_vec(body).map_err(|_| useless())?;
        let digest = hmac::sign(&self.extension_key, &body);
        let extension = STANDARD.encode(digest);
        HeaderValue::from_str(&format!("Civic {token}.{extension}")).map_err(|_| useless())
    }

    /// A request token, from now on.
    ///
    /// # Errors
    /// `CONNECTION_MISCONFIGURED` where nothing can be signed.
    pub fn request_token(&self, now: Timestamp) -> Result<String, ProviderError> {
        let mut id = [0; 16];
        self.random.fill(&mut id).map_err(|_| useless())?;
        let iat = now.as_secs();
        self.signer.sign(&Claims {
            jti: Builder::from_random_bytes(id).into_uuid().to_string(),
            iat,
            exp: iat.saturating_add(LIFE),
            iss: &self.application_id,
            aud: &self.audience,
            sub: &self.application_id,
            data: Call {
                method: "POST",
                path: PATH,
            },
        })
    }
}

fn useless() -> ProviderError {
    ProviderError::Refused {
        reason: Reason::ConnectionMisconfigured,
        text: None,
    }
}

#[cfg(test)]
mod tests;
