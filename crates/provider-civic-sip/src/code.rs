//! What a browser brings back: a code in a token of Civic's, bare or in the event that Civic's script
//! gave to the page. Pure.
//!
//! A browser's word is anybody's, so nothing is sent for a token that is not Civic's, for this
//! application and of this time. Its signature can be written in two ways (`s` and `n - s`), so it is the
//! code in it, and not the token, that tells requests apart.

use serde::Deserialize;
use uuid::Uuid;
use verilane_core::{FieldViolation, Pii, Reason, Timestamp};
use verilane_provider::jwt;

use crate::token::{Fault, Rules, Trust};

/// The field that a violation names.
const FIELD: &str = "authorization_code";
/// The most bytes of what is brought, be it a token or an event.
const MAX_BROUGHT: usize = 8 * 1024;
/// The event, as its handler is registered and as it names itself.
const EVENTS: [&str; 2] = ["scoperequest:auth-code-received", "auth-code-received"];

/// The event that Civic's script gives to the page.
#[derive(Deserialize)]
struct PageEvent {
    event: String,
    response: String,
    #[serde(rename = "type")]
    kind: String,
}

/// What the token carries.
#[derive(Deserialize)]
struct Carried {
    #[serde(rename = "codeToken")]
    code: String,
}

#[derive(Deserialize)]
struct Unchecked {
    data: Carried,
}

/// Checks what a browser brought back, and gives the bare token.
///
/// # Errors
/// Which check it failed.
pub fn read(
    brought: &str,
    trust: &Trust,
    accepts_issuer_as_subject: bool,
    now: Timestamp,
) -> Result<Pii<String>, FieldViolation> {
    let token = bare(brought).ok_or_else(|| violation(Fault::Malformed))?;
    let rules = Rules {
        now,
        earliest: None,
        issuer_may_be_subject: accepts_issuer_as_subject,
    };
    let opened = trust.open::<Carried>(token.expose(), &rules);
    match opened {
        Ok(opened) if is_code(&opened.data.code) => Ok(token),
        Ok(_) => Err(violation(Fault::Malformed)),
        Err(fault) => Err(violation(fault)),
    }
}

/// The code in a token that was read before.
#[must_use]
pub fn code_in(token: &str) -> Option<String> {
    let claims: Unchecked = jwt::unchecked_claims(token)?;
    Some(claims.data.code)
}

fn bare(brought: &str) -> Option<Pii<String>> {
    if brought.len() > MAX_BROUGHT {
        return None;
    }
    if !brought.trim_start().starts_with('{') {
        return Some(Pii::from(brought));
    }
    let event: PageEvent = jwt::object(brought.as_bytes()).ok()?;
    let is_code = EVENTS.contains(&event.event.as_str()) && event.kind == "code";
    is_code.then(|| Pii::new(event.response))
}

fn is_code(text: &str) -> bool {
    const HYPHENATED: usize = uuid::fmt::Hyphenated::LENGTH;
    text.len() == HYPHENATED && Uuid::try_parse(text).is_ok()
}

fn violation(fault: Fault) -> FieldViolation {
    let (reason, description) = match fault {
        Fault::Malformed => (
            Reason::AuthCodeMalformed,
            "must be the token that Civic's script gave to the page, or its event \
             auth-code-received as JSON",
        ),
        Fault::Algorithm => (
            Reason::AuthCodeAlgorithm,
            "must be signed by ES256 or ES256K, with a key that is pinned",
        ),
        Fault::Signature => (Reason::AuthCodeSignatureInvalid, "must be signed by Civic"),
        Fault::Issuer => (Reason::AuthCodeWrongIssuer, "must be issued by Civic"),
        Fault::Audience => (
            Reason::AuthCodeWrongAudience,
            "must be meant for the API that the connection calls",
        ),
        Fault::Subject => (
            Reason::AuthCodeWrongSubject,
            "must be issued to the connection's application",
        ),
        Fault::Expired => (Reason::AuthCodeExpired, "has expired"),
        Fault::NotYetValid => (Reason::AuthCodeNotYetValid, "lies in the future"),
    };
    FieldViolation {
        field: FIELD.to_owned(),
        description: description.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests;
