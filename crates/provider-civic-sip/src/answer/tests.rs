use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use verilane_core::Timestamp;
use verilane_provider::ProviderMessage;
use verilane_provider::jwt::Curve;

use super::*;
use crate::fields::{FIELDS, IGNORED};
use crate::forge::{Civic, ISSUED, SECRET, claims, flipped, sealed, signed, with};
use crate::token::SKEW;

const USER: &str = "c6d5795f8a059ez5ad29a33a60f8b402a172c3e0bbe50fd230ae8e0303609b42";

fn reader(civic: &Civic, curves: &[Curve]) -> Reader {
    Reader {
        trust: civic.trust(curves),
        secret: Pii::new(SECRET),
        allows_unencrypted: false,
    }
}

fn clear() -> String {
    let email = "contact.personal.email";
    let one = |label, value| {
        json!({
            "label": label, "value": value, "isValid": true, "isOwner": true
        })
    };
    let all = vec![
        one(email, "jonsmith@example.com"),
        one(IGNORED, "CIVIC:IAL1"),
    ];
    Value::from(all).to_string()
}

/// What a token carries, sealed.
fn carried() -> Value {
    sealed(clear().as_bytes(), &SECRET).into()
}

fn message(body: impl Into<Bytes>) -> ProviderMessage {
    ProviderMessage {
        media_type: "application/json".to_owned(),
        body: body.into(),
    }
}

fn answer_of(token: &str) -> Value {
    json!({ "data": token, "userId": USER, "encrypted": true, "alg": "aes" })
}

fn exchanged(answer: &Value) -> Exchanged {
    Exchanged {
        subject: Pii::from(""),
        fields: FIELDS.iter().map(|field| field.name.to_owned()).collect(),
        bind_time: ISSUED,
        receive_time: ISSUED,
        answer: message(answer.to_string()),
        rest: None,
    }
}

fn reason(reader: &Reader, exchanged: &Exchanged) -> Option<Reason> {
    reader.read(exchanged).err().map(|refusal| refusal.reason)
}

const INVALID: Option<Reason> = Some(Reason::ExchangeAnswerInvalid);

#[test]
fn what_the_user_granted_is_read_with_who_he_is() {
    let civic = Civic::new();
    let reader = reader(&civic, &[Curve::P256]);
    let token = civic.token(&claims(carried()));
    let granted = reader.read(&exchanged(&answer_of(&token))).unwrap();
    assert!(!granted.is_anothers && !granted.digest_mismatch && granted.document.is_none());
    assert_eq!(granted.subject.field, "userId");
    assert_eq!(granted.subject.value.expose(), USER);
    assert!(granted.subject.checks.unwrap().hold());
    let [email] = &granted.data.items[..] else {
        panic!("{granted:?}");
    };
    assert_eq!(email.value.expose(), "jonsmith@example.com");
    assert_eq!(granted.data.unrequested, 0);
    let issued = Timestamp::from_millis(1_700_000_000_250);
    assert_eq!(granted.provider_time, Some(issued));
    assert_eq!(granted.key_fingerprint.len(), 64);
}

#[test]
fn a_token_behind_a_link_is_read_bare_or_as_a_json_string() {
    let civic = Civic::new();
    let reader = reader(&civic, &[Curve::P256]);
    let token = civic.token(&claims(carried()));
    let link = "https://bucket.s3.amazonaws.com/2a340e?X-Amz-Expires=60";
    let answer = with(
        answer_of(link),
        json!({ "processed": true, "payloadUrl": link }),
    );
    let led = link_in(answer.to_string().as_bytes()).unwrap();
    assert_eq!(led.expose(), link);
    let mut exchanged = exchanged(&answer);
    assert_eq!(reason(&reader, &exchanged), INVALID);
    let taken = [
        token.clone(),
        format!("{token}\n"),
        json!(token).to_string(),
        format!(" {} ", json!(token)),
    ];
    for rest in taken {
        exchanged.rest = Some(message(rest));
        assert_eq!(reason(&reader, &exchanged), None);
    }
    let refused = [
        String::new(),
        json!({ "data": token }).to_string(),
        json!([token]).to_string(),
        format!("\"{token}"),
        "<Error><Code>AccessDenied</Code></Error>".to_owned(),
    ];
    for rest in refused {
        exchanged.rest = Some(message(rest));
        assert_eq!(reason(&reader, &exchanged), INVALID);
    }
    exchanged.rest = Some(message(vec![0xff, 0xfe]));
    assert_eq!(reason(&reader, &exchanged), INVALID);
    for processed in [json!(false), json!(null)] {
        let answer = with(answer.clone(), json!({ "processed": processed }));
        assert!(link_in(answer.to_string().as_bytes()).is_none());
    }
}

#[test]
fn data_that_is_not_marked_as_sealed_is_refused_unless_allowed() {
    let civic = Civic::new();
    let mut reader = reader(&civic, &[Curve::P256]);
    let plain = civic.token(&claims(clear().into()));
    let sealed = civic.token(&claims(carried()));
    let not_encrypted = Some(Reason::PayloadNotEncrypted);
    let table = [
        (&plain, json!({ "encrypted": false }), not_encrypted, None),
        (&plain, json!({ "encrypted": null }), not_encrypted, None),
        (
            &plain,
            json!({ "encrypted": null, "alg": null }),
            not_encrypted,
            None,
        ),
        (&plain, json!({}), INVALID, INVALID),
        (&sealed, json!({}), None, None),
        (
            &sealed,
            json!({ "encrypted": false }),
            not_encrypted,
            INVALID,
        ),
        (&sealed, json!({ "encrypted": "true" }), INVALID, INVALID),
        (&sealed, json!({ "alg": null }), INVALID, INVALID),
        (&sealed, json!({ "alg": "rot13" }), INVALID, INVALID),
    ];
    for (token, others, strictly, loosely) in table {
        let exchanged = exchanged(&with(answer_of(token), others.clone()));
        for (allowed, expected) in [(false, strictly), (true, loosely)] {
            reader.allows_unencrypted = allowed;
            assert_eq!(reason(&reader, &exchanged), expected, "{others} {allowed}");
        }
    }
}

#[test]
fn an_answer_that_lacks_what_it_must_have_is_refused() {
    let civic = Civic::new();
    let reader = reader(&civic, &[Curve::P256]);
    let good = answer_of(&civic.token(&claims(carried())));
    for others in [
        json!({ "userId": null }),
        json!({ "userId": "" }),
        json!({ "userId": "two words" }),
        json!({ "userId": 7 }),
        json!({ "userId": "x".repeat(257) }),
        json!({ "data": null }),
        json!({ "data": "" }),
        json!({ "data": {} }),
    ] {
        let exchanged = exchanged(&with(good.clone(), others.clone()));
        assert_eq!(reason(&reader, &exchanged), INVALID, "{others}");
    }
    for body in ["", "x", "[]", "null", "{}", "\u{0}"] {
        let mut exchanged = exchanged(&good);
        exchanged.answer = message(body);
        assert_eq!(reason(&reader, &exchanged), INVALID, "{body}");
    }
    let more = with(good, json!({ "processed": false, "more": [] }));
    assert_eq!(reason(&reader, &exchanged(&more)), None);
}

#[test]
fn a_token_that_is_not_civic_s_for_this_application_and_of_this_time_is_refused() {
    let civic = Civic::new();
    let both = [Curve::P256, Curve::Secp256k1];
    let strict = reader(&civic, &[Curve::P256]);
    let lax = reader(&civic, &both);
    let good = claims(carried());
    let told = |reader: &Reader, token: &str| reason(reader, &exchanged(&answer_of(token)));
    for others in [
        json!({ "iss": "civic" }),
        json!({ "iss": null }),
        json!({ "aud": "https://api.civic.com/sip" }),
        json!({ "sub": "another" }),
        json!({ "sub": crate::token::ISSUER }),
        json!({ "exp": 1_699_999_940 }),
        json!({ "exp": null }),
        json!({ "iat": 1_699_999_939.9 }),
        json!({ "iat": 1_700_000_060.1 }),
        json!({ "iat": null }),
        json!({ "data": null }),
        json!({ "data": { "codeToken": "81f2564c-e7c0-4869-be49-a88f5738534f" } }),
        json!({ "data": "" }),
        json!({ "data": sealed(clear().as_bytes(), b"fedcba9876543210") }),
        json!({ "data": sealed(b"no JSON", &SECRET) }),
    ] {
        let token = civic.token(&with(good.clone(), others.clone()));
        assert_eq!(told(&strict, &token), INVALID, "{others}");
    }
    let k1 = signed("ES256K", &good, &civic.secp256k1);
    assert_eq!((told(&strict, &k1), told(&lax, &k1)), (INVALID, None));
    for (name, pair) in [
        ("ES256", &civic.secp256k1),
        ("ES256K", &civic.p256),
        ("HS256", &civic.p256),
        ("none", &civic.p256),
        ("ES256", &Civic::new().p256),
    ] {
        let token = signed(name, &good, pair);
        assert_eq!(told(&lax, &token), INVALID, "{name}");
    }
}

#[test]
fn an_answer_holds_from_when_its_code_was_bound_until_a_minute_after_its_end() {
    let civic = Civic::new();
    let reader = reader(&civic, &[Curve::P256]);
    let answer = answer_of(&civic.token(&claims(carried())));
    let issued = Timestamp::from_millis(1_700_000_000_250);
    let expires = Timestamp::from_millis(1_700_000_180_250);
    let instant = std::time::Duration::from_micros(1);
    let table = [
        (issued + SKEW, issued, None),
        (issued + SKEW + instant, issued, INVALID),
        (issued, issued - SKEW, None),
        (issued, issued - SKEW - instant, INVALID),
        (issued, expires + SKEW - instant, None),
        (issued, expires + SKEW, INVALID),
    ];
    for (bind_time, receive_time, expected) in table {
        let exchanged = Exchanged {
            bind_time,
            receive_time,
            ..exchanged(&answer)
        };
        let told = reason(&reader, &exchanged);
        assert_eq!(told, expected, "{bind_time:?} {receive_time:?}");
    }
}

#[test]
fn of_another_user_than_the_one_who_is_named_nothing_is_passed_on() {
    let civic = Civic::new();
    let reader = reader(&civic, &[Curve::P256]);
    let answer = answer_of(&civic.token(&claims(carried())));
    let of = |subject: &str| {
        let subject = Pii::from(subject);
        let exchanged = Exchanged {
            subject,
            ..exchanged(&answer)
        };
        reader.read(&exchanged).unwrap()
    };
    let his = of(&format!("subject-id:{USER}"));
    assert!(!his.is_anothers && his.data.items.len() == 1);
    let anothers = of("subject-id:c6d5");
    assert!(anothers.is_anothers && anothers.data.items.is_empty());
}

#[test]
fn every_bit_of_a_token_in_an_answer_counts() {
    let civic = Civic::new();
    let reader = reader(&civic, &[Curve::P256]);
    let token = civic.token(&claims(sealed(b"[]", &SECRET).into()));
    assert_eq!(reason(&reader, &exchanged(&answer_of(&token))), None);
    for other in flipped(&token) {
        let told = reason(&reader, &exchanged(&answer_of(&other)));
        assert_eq!(told, INVALID, "{other}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(
        answer in any::<Vec<u8>>(),
        rest in any::<Vec<u8>>(),
        token in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{86}",
    ) {
        let civic = Civic::new();
        let mut reader = reader(&civic, &[Curve::P256]);
        reader.allows_unencrypted = true;
        let led = with(answer_of("https://x.example"), json!({ "processed": true }));
        let mut first = exchanged(&led);
        first.rest = Some(message(rest));
        let mut second = exchanged(&led);
        second.answer = message(answer);
        for exchanged in [first, second, exchanged(&answer_of(&token))] {
            prop_assert!(reader.read(&exchanged).is_err());
            let _ = link_in(&exchanged.answer.body);
        }
    }

    #[test]
    fn what_a_genuine_token_carries_can_be_anything(
        carried in any::<String>(),
        clear in any::<Vec<u8>>(),
    ) {
        prop_assume!(serde_json::from_slice::<Vec<Value>>(&clear).is_err());
        let civic = Civic::new();
        let reader = reader(&civic, &[Curve::P256]);
        for carried in [carried, sealed(&clear, &SECRET)] {
            let token = civic.token(&claims(carried.into()));
            let told = reason(&reader, &exchanged(&answer_of(&token)));
            prop_assert_eq!(told, INVALID);
        }
    }
}
