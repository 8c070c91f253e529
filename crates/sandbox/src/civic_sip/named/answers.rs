//! Scenarios about answers: their tokens, what is in them, and the links to large ones.

use super::{S, befalls, handled};
use crate::civic_sip::scenario::{
    CivicSipEndpoint as At, Large, PayloadForm, SigningKey, TokenAlgorithm, TokenAudience,
    TokenSubject,
};
use crate::scenario::{AnswerTrouble, NamedScenario, named};

/// All of them.
pub static ALL: [NamedScenario<S>; 34] = [
    // The tokens in answers.
    named("answer-es256k", "signed on secp256k1", |s| {
        s.answer.algorithm = TokenAlgorithm::Es256k;
    }),
    named("answer-other-key", "signed with nobody's key", |s| {
        s.answer.key = SigningKey::Another;
    }),
    named("answer-hs256", "an HMAC under the public key", |s| {
        s.answer.algorithm = TokenAlgorithm::Hs256;
    }),
    named("answer-unsigned", "alg none", |s| {
        s.answer.algorithm = TokenAlgorithm::None;
    }),
    named("answer-other-issuer", "another issuer", |s| {
        s.answer.issuer = Some("another-service".to_owned());
    }),
    named("answer-other-audience", "another API's", |s| {
        let other = "https://api.example/sip/".to_owned();
        s.answer.audience = TokenAudience::Text(other);
    }),
    named("answer-other-subject", "another application's", |s| {
        s.answer.subject = TokenSubject::Text("another".to_owned());
    }),
    named("answer-early", "issued ten minutes before", |s| {
        s.answer.issued = -600;
    }),
    named("answer-expired", "expired two minutes ago", |s| {
        s.answer.lifetime = Some(-120);
    }),
    // What is in them.
    named("damaged", "a bit of the ciphertext turned", |s| {
        s.payload.form = PayloadForm::Damaged;
    }),
    named("cut-ciphertext", "its last byte missing", |s| {
        s.payload.form = PayloadForm::Cut;
    }),
    named("not-base64", "the ciphertext is not base64", |s| {
        s.payload.form = PayloadForm::NotBase64;
    }),
    named("other-secret", "encrypted with another secret", |s| {
        s.payload.form = PayloadForm::OtherSecret;
    }),
    named("no-ciphertext", "no more than a vector", |s| {
        s.payload.form = PayloadForm::Empty;
    }),
    named("plain", "not encrypted, as it says", |s| {
        s.payload.form = PayloadForm::Plain;
    }),
    named("plain-unmarked", "not encrypted", |s| {
        s.payload.form = PayloadForm::PlainUnmarked;
    }),
    named("plain-marked-encrypted", "not as it says", |s| {
        s.payload.form = PayloadForm::PlainMarkedEncrypted;
    }),
    named("not-json", "the clear text is not JSON", |s| {
        s.payload.text = Some("[{\"label\":".to_owned());
    }),
    named("not-a-list", "the clear text is a JSON object", |s| {
        s.payload.text = Some("{\"label\":\"contact.personal.email\"}".to_owned());
    }),
    named("no-attributes", "the clear text is an empty list", |s| {
        s.payload.text = Some("[]".to_owned());
    }),
    // The answers.
    named("another-user", "somebody else's userId", |s| {
        s.user_id = Some("0".repeat(64));
    }),
    named("without-user-id", "no userId", |s| {
        s.without.push("userId".to_owned());
    }),
    named("without-data", "no data", |s| {
        s.without.push("data".to_owned());
    }),
    named("answer-not-json", "a page of HTML, after effect", |s| {
        befalls(
            s,
            At::Exchange,
            None,
            handled(200, "<html><body>OK</body></html>"),
        );
    }),
    named("large", "a link for who takes links", |s| {
        s.large = Large::Always;
    }),
    named("large-unasked", "a link for everybody", |s| {
        s.large = Large::Forced;
    }),
    named("large-picture", "a picture of 2 MiB", |s| {
        s.image.bytes = 2 * 1024 * 1024;
    }),
    named("link-expired", "expired when handed out", |s| {
        s.large = Large::Always;
        s.link.lifetime = 0;
    }),
    named("link-foreign", "a link to a foreign host", |s| {
        s.large = Large::Always;
        s.link.origin = Some("https://files.example".to_owned());
    }),
    named("link-private", "to a private address", |s| {
        s.large = Large::Always;
        s.link.href = Some("http://169.254.169.254/latest/meta-data/".to_owned());
    }),
    named("link-redirects", "302 to a private address", |s| {
        s.large = Large::Always;
        s.link.redirects_to = Some("http://169.254.169.254/".to_owned());
    }),
    named("link-dead", "404 from storage", |s| {
        s.large = Large::Always;
        befalls(s, At::Storage, None, AnswerTrouble::http(404));
    }),
    named("link-fails", "500 to its first call", |s| {
        s.large = Large::Always;
        let does = AnswerTrouble::http(500);
        befalls(s, At::Storage, Some(1), does);
    }),
    named("link-half", "half of its first answer", |s| {
        s.large = Large::Always;
        befalls(s, At::Storage, Some(1), AnswerTrouble::Half);
    }),
];
