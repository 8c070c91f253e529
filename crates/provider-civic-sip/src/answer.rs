//! What an exchange gives: an answer, and where it does not hold everything itself, what it points to.
//! Pure.
//!
//! The answer says who the user is, outside of what is signed, and holds a token, or a link to one that
//! is too large for it. What the token carries is sealed, unless the connection allows otherwise.

use serde::Deserialize;
use verilane_core::{Pii, Reason};
use verilane_provider::{DataItem, DataReport, Exchanged, Granted, Refusal, jwt};

use crate::fields::USER_ID;
use crate::payload::{self, SECRET_BYTES};
use crate::subject;
use crate::token::{Rules, Trust};

/// How data is sealed.
const ALGORITHM: &str = "aes";

/// The answer, as far as it is of use.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    data: String,
    user_id: Option<String>,
    encrypted: Option<bool>,
    alg: Option<String>,
    processed: Option<bool>,
}

/// What a connection needs to read answers.
pub struct Reader {
    /// What tokens are held against.
    pub trust: Trust,
    /// The application's secret.
    pub secret: Pii<[u8; SECRET_BYTES]>,
    /// Whether data may come unsealed.
    pub allows_unencrypted: bool,
}

/// The link in an answer that does not hold its token itself.
#[must_use]
pub fn link_in(answer: &[u8]) -> Option<Pii<String>> {
    let answer: Answer = jwt::object(answer).ok()?;
    (answer.processed == Some(true)).then(|| Pii::new(answer.data))
}

impl Reader {
    /// Checks everything that an exchange gave, and says what the user has granted.
    ///
    /// # Errors
    /// `PAYLOAD_NOT_ENCRYPTED`, and `EXCHANGE_ANSWER_INVALID` for all else.
    pub fn read(&self, exchanged: &Exchanged) -> Result<Granted, Refusal> {
        let invalid = || Refusal::from(Reason::ExchangeAnswerInvalid);
        let answer: Answer = jwt::object(&exchanged.answer.body).map_err(|_| invalid())?;
        let is_sealed = answer.encrypted == Some(true);
        if !is_sealed && !self.allows_unencrypted {
            return Err(Reason::PayloadNotEncrypted.into());
        }
        if is_sealed && answer.alg.as_deref() != Some(ALGORITHM) {
            return Err(invalid());
        }
        let user_id = answer.user_id.filter(|id| subject::is_id(id));
        let user_id = user_id.ok_or_else(invalid)?;
        let token = if answer.processed == Some(true) {
            let rest = exchanged.rest.as_ref().ok_or_else(invalid)?;
            token_in(&rest.body).ok_or_else(invalid)?
        } else {
            Pii::new(answer.data)
        };
        let rules = Rules {
            now: exchanged.receive_time,
            earliest: Some(exchanged.bind_time),
            issuer_may_be_subject: false,
        };
        let opened = self.trust.open::<String>(token.expose(), &rules);
        let opened = opened.map_err(|_| invalid())?;
        let clear = if is_sealed {
            payload::unsealed(&opened.data, self.secret.expose()).map_err(|_| invalid())?
        } else {
            Pii::new(opened.data.into_bytes())
        };
        let read = payload::read(clear.expose(), &exchanged.fields).map_err(|_| invalid())?;
        let is_anothers = subject::is_another(exchanged.subject.expose(), &user_id);
        // Of somebody whom the verification is not about, nothing is passed on but who it is.
        let (data, document, digest_mismatch) = if is_anothers {
            let nothing = DataReport {
                items: Vec::new(),
                unrequested: 0,
            };
            (nothing, None, false)
        } else {
            (read.data, read.document, read.digest_mismatch)
        };
        Ok(Granted {
            is_anothers,
            data,
            subject: DataItem {
                field: USER_ID.to_owned(),
                value: Pii::new(user_id),
                pepper: None,
                image: None,
                checks: read.user,
            },
            document,
            digest_mismatch,
            provider_time: Some(opened.issue_time),
            key_fingerprint: opened.key.to_owned(),
        })
    }
}

/// The token that lies behind a link: bare, or as a JSON string.
fn token_in(body: &[u8]) -> Option<Pii<String>> {
    let text = std::str::from_utf8(body).ok()?.trim();
    if text.starts_with('"') {
        return serde_json::from_str(text).ok().map(Pii::new);
    }
    Some(Pii::from(text))
}

#[cfg(test)]
mod tests;
