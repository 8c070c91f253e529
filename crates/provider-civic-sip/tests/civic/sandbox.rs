//! Tokens and answers of the sandbox's Civic, which is written apart from the plug-in and signs with
//! OpenSSL: the usual ones, and each kind of forgery and fault that it knows.

use std::sync::Arc;

use serde_json::json;
use verilane_core::clock::ManualClock;
use verilane_core::{DigestOf, Pii, Reason};
use verilane_provider::jwt::Curve;
use verilane_provider::{Continuation, Exchanged, Granted, Image, Provider as _, Refusal};
use verilane_provider_civic_sip::CivicSip;
use verilane_provider_civic_sip::fields::{FIELDS, IMAGE, IMAGE_MD5};
use verilane_sandbox::{
    CivicSipHandle, CivicSipScenario, Large, Md5, PayloadForm, Sandbox, SandboxConfig, Scope,
    ScopeOrder, SigningKey, TokenAlgorithm, TokenAudience, TokenShape, TokenSubject, TokenTimes,
};

use crate::stage::{NOW, with};

struct Stage {
    civic: CivicSipHandle,
    plugin: CivicSip,
}

impl Stage {
    /// A plug-in that trusts the sandbox's keys of these curves.
    async fn trusting(curves: &[Curve]) -> Self {
        let mut config = SandboxConfig::new(Arc::new(ManualClock::new(NOW)));
        config.load_users = 0;
        let sandbox = Sandbox::bind(config).await.unwrap();
        let civic = sandbox.handle().civic_sip();
        tokio::spawn(sandbox.run(std::future::pending()));
        let told = civic.application();
        let keys = curves.iter().map(|curve| match curve {
            Curve::P256 => json!({ "public_key": told.civic_public_key, "curve": "p256" }),
            Curve::Secp256k1 => json!({ "public_key": told.civic_secp256k1_key }),
        });
        let plugin = with(json!({
            "application_id": told.app_id,
            "private_key": told.private_key,
            "application_secret": told.app_secret,
            "base_url": told.base_url,
            "audiences": [told.audience],
            "keys": keys.collect::<Vec<_>>(),
            "payload_hosts": ["127.0.0.1"],
            "allow_http": true,
            "allow_private_addresses": true,
        }));
        Self { civic, plugin }
    }

    fn code(&self, scenario: CivicSipScenario) -> Result<Pii<String>, Reason> {
        let order = ScopeOrder {
            scope: Scope::ProofOfIdentity,
            scenario: Some(scenario),
            ..ScopeOrder::default()
        };
        let token = self.civic.approved(order).unwrap();
        let brought = Continuation::AuthorizationCode(Pii::new(token));
        let code = self.plugin.read_continuation(&brought, NOW);
        code.map_err(|found| found.reason)
    }

    async fn granted(&self, scenario: CivicSipScenario) -> Result<Granted, Reason> {
        let code = self.code(scenario).unwrap();
        let answer = self.plugin.exchange(&code).await.unwrap();
        let rest = self.plugin.fetch_exchanged(&answer).await.unwrap();
        let exchanged = Exchanged {
            subject: Pii::from(""),
            fields: FIELDS.iter().map(|field| field.name.to_owned()).collect(),
            bind_time: NOW,
            receive_time: NOW,
            answer,
            rest,
        };
        let granted = self.plugin.read_exchanged(&exchanged);
        granted.map_err(|Refusal { reason }| reason)
    }
}

/// Token shapes, and why each is refused, if it is, while keys of both curves are pinned.
fn shapes() -> Vec<(TokenShape, Option<Reason>)> {
    let usual = TokenShape::default;
    let algorithm = |algorithm| TokenShape {
        algorithm,
        ..usual()
    };
    let key = |key| TokenShape { key, ..usual() };
    let audience = |audience| TokenShape {
        audience,
        ..usual()
    };
    let subject = |subject| TokenShape { subject, ..usual() };
    let issued = |issued, lifetime| TokenShape {
        issued,
        lifetime,
        ..usual()
    };
    let without = |claim: &str| TokenShape {
        without: vec![claim.to_owned()],
        ..usual()
    };
    let issuer = TokenShape {
        issuer: Some("another".to_owned()),
        ..usual()
    };
    let times = TokenShape {
        times: TokenTimes::Whole,
        ..usual()
    };
    let other_curve = TokenShape {
        algorithm: TokenAlgorithm::Es256k,
        key: SigningKey::OtherCurve,
        ..usual()
    };
    let wrong_algorithm = Some(Reason::AuthCodeAlgorithm);
    let forged = Some(Reason::AuthCodeSignatureInvalid);
    let wrong_audience = Some(Reason::AuthCodeWrongAudience);
    let wrong_subject = Some(Reason::AuthCodeWrongSubject);
    let malformed = Some(Reason::AuthCodeMalformed);
    let text = "another".to_owned();
    vec![
        (usual(), None),
        (times, None),
        (algorithm(TokenAlgorithm::Es256k), None),
        (algorithm(TokenAlgorithm::Hs256), wrong_algorithm),
        (algorithm(TokenAlgorithm::None), wrong_algorithm),
        (key(SigningKey::Another), forged),
        (key(SigningKey::OtherCurve), forged),
        (other_curve, forged),
        (issuer, Some(Reason::AuthCodeWrongIssuer)),
        (audience(TokenAudience::BaseWithoutSlash), wrong_audience),
        (audience(TokenAudience::Stage), wrong_audience),
        (audience(TokenAudience::Path), wrong_audience),
        (subject(TokenSubject::Issuer), wrong_subject),
        (subject(TokenSubject::Text(text)), wrong_subject),
        (issued(0, Some(-59)), None),
        (issued(0, Some(-62)), Some(Reason::AuthCodeExpired)),
        (issued(58, None), None),
        (issued(62, None), Some(Reason::AuthCodeNotYetValid)),
        (without("jti"), None),
        (without("iss"), malformed),
        (without("aud"), malformed),
        (without("sub"), malformed),
        (without("iat"), malformed),
        (without("exp"), malformed),
        (without("data"), malformed),
    ]
}

#[tokio::test]
async fn each_kind_of_token_is_taken_as_a_code_or_refused_for_its_reason() {
    let both = Stage::trusting(&[Curve::P256, Curve::Secp256k1]).await;
    for (shape, expected) in shapes() {
        let scenario = CivicSipScenario {
            token: shape.clone(),
            ..CivicSipScenario::default()
        };
        assert_eq!(both.code(scenario).err(), expected, "{shape:?}");
    }
    let one = Stage::trusting(&[Curve::P256]).await;
    let mut scenario = CivicSipScenario::default();
    scenario.token.algorithm = TokenAlgorithm::Es256k;
    assert_eq!(one.code(scenario).err(), Some(Reason::AuthCodeAlgorithm));
}

#[tokio::test]
async fn each_kind_of_token_is_believed_in_an_answer_or_the_answer_is_refused() {
    let stage = Stage::trusting(&[Curve::P256, Curve::Secp256k1]).await;
    for large in [Large::AsUsual, Large::Always] {
        for (shape, refused) in shapes() {
            let scenario = CivicSipScenario {
                answer: shape.clone(),
                large,
                ..CivicSipScenario::default()
            };
            let expected = refused.map(|_| Reason::ExchangeAnswerInvalid);
            let told = stage.granted(scenario).await.err();
            assert_eq!(told, expected, "{large:?} {shape:?}");
        }
    }
}

#[tokio::test]
async fn data_that_is_not_sealed_as_it_must_be_is_refused() {
    let stage = Stage::trusting(&[Curve::P256]).await;
    let invalid = Some(Reason::ExchangeAnswerInvalid);
    let not_encrypted = Some(Reason::PayloadNotEncrypted);
    let table = [
        (PayloadForm::Encrypted, None),
        (PayloadForm::Plain, not_encrypted),
        (PayloadForm::PlainUnmarked, not_encrypted),
        (PayloadForm::PlainMarkedEncrypted, invalid),
        (PayloadForm::Damaged, invalid),
        (PayloadForm::Cut, invalid),
        (PayloadForm::NotBase64, invalid),
        (PayloadForm::OtherSecret, invalid),
        (PayloadForm::Empty, invalid),
    ];
    for (form, expected) in table {
        let mut scenario = CivicSipScenario::default();
        scenario.payload.form = form;
        assert_eq!(stage.granted(scenario).await.err(), expected, "{form:?}");
    }
    let members = [
        ("data", invalid),
        ("userId", invalid),
        ("alg", invalid),
        ("encrypted", not_encrypted),
    ];
    for (member, expected) in members {
        let scenario = CivicSipScenario {
            without: vec![member.to_owned()],
            ..CivicSipScenario::default()
        };
        assert_eq!(stage.granted(scenario).await.err(), expected, "{member}");
    }
}

#[tokio::test]
async fn a_picture_comes_with_what_its_digest_is_of() {
    let stage = Stage::trusting(&[Curve::P256]).await;
    for (md5, expected) in [
        (Md5::Bytes, DigestOf::Bytes),
        (Md5::Text, DigestOf::Text),
        (Md5::Wrong, DigestOf::Neither),
    ] {
        let mut scenario = CivicSipScenario::default();
        scenario.image.md5 = md5;
        // Too large for an answer, so it comes by a link.
        scenario.image.bytes = 300 * 1024;
        let granted = stage.granted(scenario).await.unwrap();
        let item = |field: &str| {
            let mut items = granted.data.items.iter();
            items.find(|item| item.field == field).unwrap()
        };
        assert_eq!(item(IMAGE_MD5).checks.unwrap().digest, Some(expected));
        let Some(Image::File(file)) = &item(IMAGE).image else {
            panic!("{:?}", item(IMAGE));
        };
        assert!(file.expose().len() >= 300 * 1024 && file.expose().starts_with(&[0xff, 0xd8]));
        assert_eq!(granted.digest_mismatch, expected == DigestOf::Neither);
        // All but the user's id, which stands beside them; nothing else came.
        assert_eq!(granted.data.items.len(), FIELDS.len() - 1);
        assert_eq!(granted.data.unrequested, 0);
    }
}

#[tokio::test]
async fn debug_shows_nothing_of_codes_the_user_and_what_he_granted() {
    let stage = Stage::trusting(&[Curve::P256]).await;
    for names in ["scripted", "large"] {
        let mut scenario = CivicSipScenario::named(names).unwrap();
        let marked = "marked-5c2d@example.org";
        let label = "contact.personal.email".to_owned();
        scenario.values.insert(label, marked.to_owned());
        scenario.user_id = Some("marked-user-81fe".to_owned());
        let code = stage.code(scenario).unwrap();
        let answer = stage.plugin.exchange(&code).await.unwrap();
        let rest = stage.plugin.fetch_exchanged(&answer).await.unwrap();
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        let exchanged = Exchanged {
            subject: Pii::from("subject-id:marked-user-81fe"),
            fields: FIELDS.iter().map(|field| field.name.to_owned()).collect(),
            bind_time: NOW,
            receive_time: NOW,
            answer,
            rest,
        };
        let granted = stage.plugin.read_exchanged(&exchanged).unwrap();
        assert!(!granted.is_anothers && granted.data.items.len() > 8);
        let brought = Continuation::AuthorizationCode(code.clone());
        let again = stage.plugin.exchange(&code).await.unwrap_err();
        let shown = format!("{code:?}{brought:?}{exchanged:?}{granted:?}{again:?}{again}");
        for secret in ["marked", "eyJ", "Signature=", &body, code.expose()] {
            assert!(!shown.contains(secret), "{secret} is shown: {shown}");
        }
    }
}
