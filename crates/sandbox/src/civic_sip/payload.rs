//! An answer's clear text, how it is encrypted, and the answer around it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use openssl::symm::{Cipher, encrypt};
use serde::Serialize;
use serde_json::Value;

use super::scenario::{Attribute, CivicSipScenario, PayloadForm};
use crate::seed::Seed;

/// Bytes of an initialisation vector, and of a secret.
const BLOCK: usize = 16;

/// An answer, in the order of recorded ones.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<&'static str>,
}

/// Where an answer's token is.
#[derive(Debug)]
pub enum Carried {
    /// In the answer.
    Token(String),
    /// At the end of a link.
    Link(String),
}

/// The answer around a token or a link.
pub fn answer(scenario: &CivicSipScenario, carried: Carried, user_id: &str) -> Answer {
    let has = |member: &str| !scenario.without.iter().any(|missing| missing == member);
    let encrypted = match scenario.payload.form {
        PayloadForm::Plain => Some(false),
        PayloadForm::PlainUnmarked => None,
        _ => Some(true),
    };
    let user_id = scenario.user_id.as_deref().unwrap_or(user_id);
    let (data, is_link) = match carried {
        Carried::Token(token) => (token, false),
        Carried::Link(link) => (link, true),
    };
    Answer {
        payload_url: (is_link && has("payloadUrl")).then(|| data.clone()),
        processed: (is_link && has("processed")).then_some(true),
        data: has("data").then_some(data),
        user_id: has("userId").then(|| user_id.to_owned()),
        encrypted: encrypted.filter(|_| has("encrypted")),
        alg: has("alg").then_some("aes"),
    }
}

/// The clear text: the attributes, unless the scenario says another.
pub fn clear_text(scenario: &CivicSipScenario, attributes: &[Attribute]) -> String {
    let json = || serde_json::to_string(attributes).unwrap_or_default();
    scenario.payload.text.clone().unwrap_or_else(json)
}

/// The token's `data` claim.
pub fn claim(
    form: PayloadForm,
    text: &str,
    secret: &str,
    seed: Seed,
    label: &str,
) -> Result<Value, ErrorStack> {
    let vector = seed.draw(&format!("{label}/iv")).take(BLOCK);
    let sealed = |secret: &[u8]| {
        encrypt(
            Cipher::aes_128_cbc(),
            secret,
            Some(&vector),
            text.as_bytes(),
        )
    };
    let own = hex::decode(secret).unwrap_or_default();
    let written = |bytes: &[u8]| format!("{}{}", hex::encode(&vector), STANDARD.encode(bytes));
    Ok(Value::from(match form {
        PayloadForm::Plain | PayloadForm::PlainUnmarked | PayloadForm::PlainMarkedEncrypted => {
            text.to_owned()
        }
        PayloadForm::Encrypted => written(&sealed(&own)?),
        PayloadForm::Damaged => {
            let mut bytes = sealed(&own)?;
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            written(&bytes)
        }
        PayloadForm::Cut => {
            let mut bytes = sealed(&own)?;
            bytes.pop();
            written(&bytes)
        }
        PayloadForm::NotBase64 => format!("{}%", written(&sealed(&own)?)),
        PayloadForm::OtherSecret => {
            written(&sealed(&seed.draw(&format!("{label}/secret")).take(BLOCK))?)
        }
        PayloadForm::Empty => written(&[]),
    }))
}

#[cfg(test)]
mod tests {
    use openssl::symm::decrypt;

    use super::*;

    const SECRET: &str = "44bbae32d1e02bf481074177002bbdef";

    fn opened(form: PayloadForm) -> Option<String> {
        let claim = claim(form, "[{\"a\":1}]", SECRET, Seed(1), "a").unwrap();
        let (vector, text) = claim.as_str().unwrap().split_at(32);
        let vector = hex::decode(vector).ok()?;
        let bytes = STANDARD.decode(text).ok()?;
        let secret = hex::decode(SECRET).unwrap();
        let clear = decrypt(Cipher::aes_128_cbc(), &secret, Some(&vector), &bytes).ok()?;
        String::from_utf8(clear).ok()
    }

    #[test]
    fn the_claim_is_a_vector_in_hex_and_base64_of_what_the_secret_opens() {
        assert_eq!(opened(PayloadForm::Encrypted).unwrap(), "[{\"a\":1}]");
        for form in [
            PayloadForm::Damaged,
            PayloadForm::Cut,
            PayloadForm::NotBase64,
            PayloadForm::OtherSecret,
            PayloadForm::Empty,
        ] {
            let clear = opened(form);
            assert_ne!(clear.as_deref(), Some("[{\"a\":1}]"), "{form:?}");
        }
    }

    #[test]
    fn an_answer_has_the_recorded_members_in_their_order() {
        let scenario = CivicSipScenario::default();
        let inline = answer(&scenario, Carried::Token("t".to_owned()), "u");
        assert_eq!(
            serde_json::to_string(&inline).unwrap(),
            r#"{"data":"t","userId":"u","encrypted":true,"alg":"aes"}"#
        );
        let linked = answer(&scenario, Carried::Link("l".to_owned()), "u");
        assert_eq!(
            serde_json::to_string(&linked).unwrap(),
            r#"{"payloadUrl":"l","processed":true,"data":"l","userId":"u","encrypted":true,"alg":"aes"}"#
        );
    }
}
