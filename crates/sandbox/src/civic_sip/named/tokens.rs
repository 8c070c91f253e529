//! Scenarios about auth-code tokens.

use super::S;
use crate::civic_sip::scenario::{
    SigningKey, TokenAlgorithm, TokenAudience, TokenSubject, TokenTimes,
};
use crate::scenario::{NamedScenario, named};

/// All of them.
pub static ALL: [NamedScenario<S>; 19] = [
    named("scripted", "all is well", |_| {}),
    named("es256k", "tokens on secp256k1", |s| {
        s.token.algorithm = TokenAlgorithm::Es256k;
    }),
    named("old-token", "a token of the first kind", |s| {
        s.token.algorithm = TokenAlgorithm::Es256k;
        s.token.subject = TokenSubject::Issuer;
        s.token.audience = TokenAudience::Stage;
    }),
    named("issuer-subject", "the token's sub is its issuer", |s| {
        s.token.subject = TokenSubject::Issuer;
    }),
    named("audience-without-slash", "in both tokens", |s| {
        s.token.audience = TokenAudience::BaseWithoutSlash;
        s.answer.audience = TokenAudience::BaseWithoutSlash;
    }),
    named("path-audience", "the token's aud is a path", |s| {
        s.token.audience = TokenAudience::Path;
    }),
    named("whole-times", "whole seconds in both tokens", |s| {
        s.token.times = TokenTimes::Whole;
        s.answer.times = TokenTimes::Whole;
    }),
    named("long-token", "the token lives half an hour", |s| {
        s.token.lifetime = Some(1_800);
    }),
    named("token-other-key", "nobody's key signs the token", |s| {
        s.token.key = SigningKey::Another;
    }),
    named("token-other-curve", "a key of the other curve", |s| {
        s.token.key = SigningKey::OtherCurve;
    }),
    named("token-hs256", "an HMAC under the public key", |s| {
        s.token.algorithm = TokenAlgorithm::Hs256;
    }),
    named("token-unsigned", "alg none", |s| {
        s.token.algorithm = TokenAlgorithm::None;
    }),
    named("token-other-issuer", "another issuer", |s| {
        s.token.issuer = Some("another-service".to_owned());
    }),
    named("token-other-audience", "another API's", |s| {
        let other = "https://api.example/sip/".to_owned();
        s.token.audience = TokenAudience::Text(other);
    }),
    named("token-other-subject", "another application's", |s| {
        s.token.subject = TokenSubject::Text("another".to_owned());
    }),
    named("token-expired", "expired two minutes ago", |s| {
        s.token.issued = -300;
    }),
    named("token-from-the-future", "from in an hour", |s| {
        s.token.issued = 3_600;
    }),
    named("token-without-code", "without data", |s| {
        s.token.without.push("data".to_owned());
    }),
    named("token-without-times", "without iat and exp", |s| {
        s.token.without.extend(["iat", "exp"].map(str::to_owned));
    }),
];
