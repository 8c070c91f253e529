//! Links to tokens that are too large for an answer: pre-signed, short-lived, and told from others by
//! their query alone.

use verilane_core::Timestamp;

use super::scenario::Link;
use super::scope_request::ScopeRequest;
use crate::origins::Origins;
use crate::seed::Seed;

/// Why storage refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There are two ways of authorisation at once (400).
    TwoMechanisms,
    /// The signature does not hold (403).
    Signature,
    /// The link's time is over (403).
    Expired,
    /// There is nothing (404).
    Missing,
}

impl Denied {
    /// Storage's own code and message.
    pub const fn said(self) -> (&'static str, &'static str) {
        match self {
            Self::TwoMechanisms => (
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
                 query string parameter or the Authorization header should be specified",
            ),
            Self::Signature => (
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
            ),
            Self::Expired => ("AccessDenied", "Request has expired"),
            Self::Missing => ("NoSuchKey", "The specified key does not exist."),
        }
    }
}

fn signature(seed: Seed, object: &str, expires: i64) -> String {
    seed.hex(&format!("civic-sip/link/{object}/{expires}"))
}

/// The link to a request's token, as it is handed out.
pub fn link(request: &ScopeRequest, seed: Seed, origins: &Origins, now: Timestamp) -> String {
    let Link {
        lifetime,
        origin,
        href,
        ..
    } = &request.scenario.link;
    if let Some(href) = href {
        return href.clone();
    }
    let origin = origin.as_deref().unwrap_or(&origins.storage);
    let object = request.object();
    let lifetime = i64::try_from(*lifetime).unwrap_or(i64::MAX);
    let expires = now.as_secs().saturating_add(lifetime);
    let signature = signature(seed, &object, expires);
    format!(
        "{origin}/civic-sip/storage/{object}?AWSAccessKeyId=SANDBOX&Expires={expires}&Signature={signature}"
    )
}

/// Whether a link holds.
pub fn holds(seed: Seed, object: &str, query: &str, now: Timestamp) -> Result<(), Denied> {
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let expires = parameter("Expires").and_then(|text| text.parse::<i64>().ok());
    let expires = expires.ok_or(Denied::Signature)?;
    if parameter("Signature") != Some(signature(seed, object, expires).as_str()) {
        return Err(Denied::Signature);
    }
    match expires <= now.as_secs() {
        true => Err(Denied::Expired),
        false => Ok(()),
    }
}
