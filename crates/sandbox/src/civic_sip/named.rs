//! Civic SIP scenarios by name. Names are put together with `+`: what each one says is laid over the
//! ones before it, and lists grow.

use super::scenario::{
    Attribute, CivicSipEndpoint, CivicSipScenario, DocumentShown, ImageKind, Large, Md5,
    PayloadForm, SigningKey, TokenAlgorithm, TokenAudience, TokenSubject, TokenTimes,
};
use crate::scenario::{AnswerFault, AnswerTrouble, NamedScenario, named};

type S = CivicSipScenario;

const EMAIL: &str = "contact.personal.email";
const PHONE: &str = "contact.personal.phoneNumber";

fn befalls(s: &mut S, endpoint: CivicSipEndpoint, times: Option<u32>, does: AnswerTrouble) {
    s.answers.push(AnswerFault {
        endpoint: Some(endpoint),
        times,
        ..AnswerFault::always(does)
    });
}

/// Befalls the first exchange of each code.
fn first(s: &mut S, does: AnswerTrouble) {
    befalls(s, CivicSipEndpoint::Exchange, Some(1), does);
}

/// Befalls every exchange.
fn always(s: &mut S, does: AnswerTrouble) {
    befalls(s, CivicSipEndpoint::Exchange, None, does);
}

fn busy() -> AnswerTrouble {
    AnswerTrouble::Http {
        code: 429,
        retry_after: Some(1),
        text: String::new(),
        handled: false,
    }
}

fn handled(code: u16, text: &str) -> AnswerTrouble {
    AnswerTrouble::Http {
        code,
        retry_after: None,
        text: text.to_owned(),
        handled: true,
    }
}

fn refused(code: u16, text: &str) -> AnswerTrouble {
    AnswerTrouble::Http {
        code,
        retry_after: None,
        text: text.to_owned(),
        handled: false,
    }
}

fn chaos(s: &mut S) {
    for (does, one_in) in [
        (busy(), 5),
        (AnswerTrouble::http(500), 6),
        (AnswerTrouble::http(504), 6),
        (AnswerTrouble::CutBefore, 6),
        (AnswerTrouble::Slow { millis: 50 }, 4),
    ] {
        s.answers.push(AnswerFault {
            one_in,
            ..AnswerFault::always(does)
        });
    }
}

/// Every named scenario.
static NAMED: [NamedScenario<S>; 84] = [
    named("scripted", "all is well", |_| {}),
    // Auth-code tokens.
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
        always(s, handled(200, "<html><body>OK</body></html>"));
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
        befalls(s, CivicSipEndpoint::Storage, None, AnswerTrouble::http(404));
    }),
    named("link-fails", "500 to its first call", |s| {
        s.large = Large::Always;
        let does = AnswerTrouble::http(500);
        befalls(s, CivicSipEndpoint::Storage, Some(1), does);
    }),
    named("link-half", "half of its first answer", |s| {
        s.large = Large::Always;
        befalls(s, CivicSipEndpoint::Storage, Some(1), AnswerTrouble::Half);
    }),
    // What is known of the user.
    named("not-valid", "isValid is false throughout", |s| {
        s.not_valid.push("*".to_owned());
    }),
    named("not-owner", "isOwner is false throughout", |s| {
        s.not_owner.push("*".to_owned());
    }),
    named("email-not-valid", "isValid of the e-mail", |s| {
        s.not_valid.push(EMAIL.to_owned());
    }),
    named("email-not-owner", "isOwner of the e-mail", |s| {
        s.not_owner.push(EMAIL.to_owned());
    }),
    named("without-email", "the label is missing", |s| {
        s.without_labels.push(EMAIL.to_owned());
    }),
    named("without-phone", "the label is missing", |s| {
        s.without_labels.push(PHONE.to_owned());
    }),
    named("without-name", "the label is missing", |s| {
        s.without_labels.push("documents.genericId.name".to_owned());
    }),
    named("more-labels", "a label that no list has", |s| {
        s.more.push(Attribute {
            label: "documents.genericId.issuer".to_owned(),
            value: "Passport Office".to_owned(),
            is_valid: true,
            is_owner: true,
        });
    }),
    named("driving-license", "dates without zeros", |s| {
        s.document = DocumentShown::DrivingLicense;
    }),
    named("id-card", "months without zeros", |s| {
        s.document = DocumentShown::IdCard;
    }),
    named("residence-permit", "another document", |s| {
        s.document = DocumentShown::ResidencePermit;
    }),
    named("png", "the picture is a PNG", |s| {
        s.image.kind = ImageKind::Png;
    }),
    named("not-a-picture", "it is no picture", |s| {
        s.image.kind = ImageKind::Noise;
    }),
    named("md5-of-text", "the MD5 is of the base64 text", |s| {
        s.image.md5 = Md5::Text;
    }),
    named("wrong-md5", "the MD5 is of something else", |s| {
        s.image.md5 = Md5::Wrong;
    }),
    // The calls.
    named("unapproved", "401 for PROOF_OF_IDENTITY", |s| {
        s.approved_for_identity = false;
    }),
    named("already-spent", "somebody else spent the code", |s| {
        s.already_spent = true;
    }),
    named("long-request-tokens", "of any lifetime", |s| {
        s.request_token_lifetime = u64::MAX;
    }),
    named("bad-request", "400 with a message", |s| {
        always(s, refused(400, r#"{"message":"scope request is invalid"}"#));
    }),
    named("unauthorized", "401 for every exchange", |s| {
        always(s, refused(401, ""));
    }),
    named("not-allowed", "405 for every exchange", |s| {
        always(s, refused(405, ""));
    }),
    named("busy", "429 to the first two", |s| {
        befalls(s, CivicSipEndpoint::Exchange, Some(2), busy());
    }),
    named("errors", "500 to the first two", |s| {
        let does = AnswerTrouble::http(500);
        befalls(s, CivicSipEndpoint::Exchange, Some(2), does);
    }),
    named("error-after", "500 to an effective exchange", |s| {
        first(s, handled(500, ""));
    }),
    named("gateway-timeouts", "504 to an effective exchange", |s| {
        first(s, handled(504, ""));
    }),
    named("slow", "two seconds for each", |s| {
        always(s, AnswerTrouble::Slow { millis: 2_000 });
    }),
    named("silent", "no answer to an effective exchange", |s| {
        first(s, AnswerTrouble::Silent);
    }),
    named("half-answers", "half of the first answer", |s| {
        first(s, AnswerTrouble::Half);
    }),
    named("cut-before", "cut before the first exchange", |s| {
        first(s, AnswerTrouble::CutBefore);
    }),
    named("cut-after", "cut after the first exchange", |s| {
        first(s, AnswerTrouble::CutAfter);
    }),
    named("civic-sip-chaos", "recoverable faults of all kinds", chaos),
];

impl CivicSipScenario {
    /// The scenario of a name, or of several put together with `+`, if there are such.
    #[must_use]
    pub fn named(names: &str) -> Option<Self> {
        NamedScenario::put_together(&NAMED, names)
    }

    /// The names that [`CivicSipScenario::named`] takes, with a line about each.
    #[must_use]
    pub const fn names() -> &'static [NamedScenario<Self>] {
        &NAMED
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const PAGE: &str = include_str!("../../../../docs/sandbox.md");

    fn section() -> &'static str {
        PAGE.split_once("\n## Civic SIP\n").unwrap().1
    }

    #[test]
    fn every_listed_name_is_a_scenario_of_its_own_survives_json_and_stands_in_the_docs() {
        let mut seen = HashSet::new();
        for named in S::names() {
            let scenario = S::named(named.name).unwrap();
            let json = serde_json::to_string(&scenario).unwrap();
            assert_eq!(serde_json::from_str::<S>(&json).unwrap(), scenario);
            assert!(seen.insert(json), "{}", named.name);
            let name = format!("`{}`", named.name);
            assert!(section().contains(&name), "{name}");
        }
        assert_eq!(S::named("scripted+nonsense"), None);
    }

    #[test]
    fn the_documentations_scenario_in_full_is_one() {
        let (_, rest) = section().split_once("```json\n").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let scenario: S = serde_json::from_str(text).unwrap();
        assert_eq!((scenario.more.len(), scenario.answers.len()), (1, 3));
        assert_eq!(serde_json::from_str::<S>("{}").unwrap(), S::default());
        assert!(serde_json::from_str::<S>(r#"{"tokens":{}}"#).is_err());
    }
}
