//! Civic's tokens: whether one is Civic's, and for this application. Pure.
//!
//! Checked in this order: shape, algorithm, signature, issuer, audience, subject, times. Both kinds, the
//! one around a code and the one around data, have the same claims, and differ in what they carry.
//! Civic's times are seconds with fractions.

use std::time::Duration;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use verilane_core::Timestamp;
use verilane_provider::jwt::{self, PinnedKeys, TokenFault};

/// Who issues them.
pub const ISSUER: &str = "civic-sip-hosted-service";
/// How far clocks may differ.
pub const SKEW: Duration = Duration::from_secs(60);
/// The last second that is believed: the end of the year 9999.
const LATEST: f64 = 253_402_300_799.0;

/// What a token is held against.
pub struct Trust {
    /// Civic's keys.
    pub keys: PinnedKeys,
    /// Whom a token may be meant for.
    pub audiences: Vec<String>,
    /// The application that it must be issued to.
    pub application_id: String,
}

/// What is different from kind to kind.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The time.
    pub now: Timestamp,
    /// It can't have been issued before, but for the skew.
    pub earliest: Option<Timestamp>,
    /// Whether it may name its issuer instead of an application, as old ones do.
    pub issuer_may_be_subject: bool,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no token of Civic's kind.
    Malformed,
    /// It is signed by an algorithm for which no key is pinned.
    Algorithm,
    /// Its signature does not hold.
    Signature,
    /// Somebody else issued it.
    Issuer,
    /// It is meant for somebody else.
    Audience,
    /// It is another application's.
    Subject,
    /// Its time has passed, or it is older than it can be.
    Expired,
    /// It lies in the future.
    NotYetValid,
}

/// A token that is believed.
pub struct Opened<'k, T> {
    /// What it carries.
    pub data: T,
    /// When it was issued.
    pub issue_time: Timestamp,
    /// The fingerprint of the key that signed it.
    pub key: &'k str,
}

#[derive(Deserialize)]
struct Claims<T> {
    iss: String,
    aud: Audience,
    sub: String,
    iat: Seconds,
    exp: Seconds,
    nbf: Option<Seconds>,
    data: T,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

struct Seconds(Timestamp);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !(0.0..=LATEST).contains(&seconds) {
            return Err(D::Error::custom("a time out of all proportion"));
        }
        // Within the bounds it fits, and for centuries to come a double tells microseconds apart.
        let micros = (seconds * 1e6).round() as i64;
        Ok(Self(Timestamp::from_micros(micros)))
    }
}

impl Trust {
    /// Opens a token.
    ///
    /// # Errors
    /// [`Fault`], by the first check that fails.
    pub fn open<T: DeserializeOwned>(
        &self,
        token: &str,
        rules: &Rules,
    ) -> Result<Opened<'_, T>, Fault> {
        let opened = self.keys.open(token)?;
        let claims: Claims<T> = jwt::object(opened.claims.expose())?;
        if claims.iss != ISSUER {
            return Err(Fault::Issuer);
        }
        let is_meant = match &claims.aud {
            Audience::One(one) => self.audiences.contains(one),
            Audience::Several(all) => all.iter().any(|one| self.audiences.contains(one)),
        };
        if !is_meant {
            return Err(Fault::Audience);
        }
        let names_issuer = rules.issuer_may_be_subject && claims.sub == ISSUER;
        if claims.sub != self.application_id && !names_issuer {
            return Err(Fault::Subject);
        }
        let issue_time = claims.iat.0;
        let is_old = rules
            .earliest
            .is_some_and(|earliest| issue_time + SKEW < earliest);
        if rules.now >= claims.exp.0 + SKEW || is_old {
            return Err(Fault::Expired);
        }
        let not_before = claims.nbf.map_or(issue_time, |nbf| nbf.0.max(issue_time));
        if not_before > rules.now + SKEW {
            return Err(Fault::NotYetValid);
        }
        Ok(Opened {
            data: claims.data,
            issue_time,
            key: opened.key,
        })
    }
}

impl From<TokenFault> for Fault {
    fn from(fault: TokenFault) -> Self {
        match fault {
            TokenFault::Malformed => Self::Malformed,
            TokenFault::Algorithm => Self::Algorithm,
            TokenFault::Signature => Self::Signature,
        }
    }
}
