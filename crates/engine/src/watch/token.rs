//! Resume tokens: opaque to callers; inside, the log, a place in it, and the filter under which the
//! token was given.
//!
//! A token is no secret and grants nothing: whoever may watch may begin anywhere.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use parking_lot::Mutex;
use verilane_core::{LogId, Reason, Sequence};

use super::filter::FilterHash;
use crate::EngineError;
use crate::relay::FrameEncoder;

const VERSION: u8 = 1;

/// What a token says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ResumeToken {
    pub log: LogId,
    pub sequence: Sequence,
    pub filter: FilterHash,
}

impl ResumeToken {
    pub(super) fn parse(text: &str) -> Result<Self, EngineError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let token = bytes.as_deref().and_then(|bytes| {
            let (&VERSION, bytes) = bytes.split_first()? else {
                return None;
            };
            let (log, bytes) = bytes.split_first_chunk()?;
            let (sequence, filter) = bytes.split_first_chunk()?;
            Some(Self {
                log: LogId::from_bytes(*log),
                sequence: Sequence(u64::from_be_bytes(*sequence)),
                filter: filter.try_into().ok()?,
            })
        });
        token.ok_or_else(|| {
            EngineError::field(
                Reason::ResumeTokenMalformed,
                "resume_token",
                "was not made by this service",
            )
        })
    }
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 33];
        let (version, rest) = bytes.split_at_mut(1);
        let (log, rest) = rest.split_at_mut(16);
        let (sequence, filter) = rest.split_at_mut(8);
        version.copy_from_slice(&[VERSION]);
        log.copy_from_slice(self.log.as_bytes());
        sequence.copy_from_slice(&self.sequence.0.to_be_bytes());
        filter.copy_from_slice(&self.filter);
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// Makes the tokens of one filter, each once: watches that share the filter share the maker, and
/// most of them ask for the same place.
pub(super) struct TokenMaker {
    log: LogId,
    filter: FilterHash,
    last: Mutex<(Sequence, Bytes)>,
}

impl TokenMaker {
    pub(super) fn new(log: LogId, filter: FilterHash) -> Arc<Self> {
        Arc::new(Self {
            log,
            filter,
            last: Mutex::new((Sequence(u64::MAX), Bytes::new())),
        })
    }

    pub(super) const fn filter(&self) -> &FilterHash {
        &self.filter
    }

    pub(super) fn token(&self, sequence: Sequence) -> ResumeToken {
        ResumeToken {
            log: self.log,
            sequence,
            filter: self.filter,
        }
    }

    pub(super) fn encoded(&self, sequence: Sequence, encoder: &dyn FrameEncoder) -> Bytes {
        let mut last = self.last.lock();
        if last.0 != sequence {
            *last = (sequence, encoder.token(&self.token(sequence).to_string()));
        }
        last.1.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_it_was_made_of_and_a_broken_one_is_refused() {
        let token = ResumeToken {
            log: LogId::generate(),
            sequence: Sequence(77),
            filter: [7; 8],
        };
        let text = token.to_string();
        assert_eq!(ResumeToken::parse(&text).unwrap(), token);
        for broken in ["", "AA", "not base64!", &text[1..], &format!("{text}A")] {
            let error = ResumeToken::parse(broken).unwrap_err();
            assert_eq!(error.reason, Reason::ResumeTokenMalformed);
        }
    }
}
