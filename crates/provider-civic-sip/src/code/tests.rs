use proptest::prelude::*;
use serde_json::{Value, json};
use verilane_provider::jwt::{Curve, PinnedKeys};

use super::*;
use crate::forge::{APPLICATION, AUDIENCE, Civic, ISSUED, claims, flipped, signed, with};
use crate::token::{ISSUER, SKEW};

/// From Civic's document, in the section on the browser.
const DOCUMENTED: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NksifQ.eyJqdGkiOiI2Y2EwNTEzMi0wYTJmLTQwZjItYTg2Yi03NTkwYmRjYzBmZmUiLCJpYXQiOjE0OTQyMjUxMTkuMTk4LCJleHAiOjE0OTQyMjUyOTkuMTk4LCJpc3MiOiJjaXZpYy1zaXAtaG9zdGVkLXNlcnZpY2UiLCJhdWQiOiJodHRwczovL3BoNHg1ODA4MTUuZXhlY3V0ZS1hcGkudXMtZWFzdC0xLmFtYXpvbmF3cy5jb20vZGV2Iiwic3ViIjoiY2l2aWMtc2lwLWhvc3RlZC1zZXJ2aWNlIiwiZGF0YSI6eyJjb2RlVG9rZW4iOiJjY2E3NTE1Ni0wNTY2LTRhNjUtYWZkMi1iOTQzNjc1NDY5NGIifX0.gUGzPPI2Av43t1kVg35diCm4VF9RUCF5d4hfQhcSLFvKC69RamVDYHxPvofyyoTlwZZaX5QI7ATiEMcJOjXRYQ";
const CODE: &str = "81f2564c-e7c0-4869-be49-a88f5738534f";

/// A token that Civic issued in production, and the key that signed it.
struct Recorded {
    token: String,
    trust: Trust,
    issued: Timestamp,
    expires: Timestamp,
}

fn recorded() -> Recorded {
    let file = include_str!("../../testdata/civic_sip_token.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let key = file["civic_production_public_key"].as_str().unwrap();
    Recorded {
        token: file["auth_code_token"].as_str().unwrap().to_owned(),
        trust: Trust {
            keys: PinnedKeys::new([(key, Some(Curve::P256))]).unwrap(),
            audiences: vec![AUDIENCE.to_owned()],
            application_id: APPLICATION.to_owned(),
        },
        issued: Timestamp::from_millis(1_519_931_717_035),
        expires: Timestamp::from_millis(1_519_933_517_035),
    }
}

fn reason(brought: &str, trust: &Trust, now: Timestamp) -> Option<Reason> {
    read(brought, trust, false, now)
        .err()
        .map(|found| found.reason)
}

fn carries(code: &str) -> Value {
    json!({ "codeToken": code })
}

fn event(name: &str, kind: &str, token: &str) -> String {
    json!({ "event": name, "response": token, "type": kind }).to_string()
}

#[test]
fn a_recorded_token_passes_every_check_at_its_time() {
    let Recorded {
        token,
        trust,
        issued,
        expires,
    } = recorded();
    let instant = std::time::Duration::from_micros(1);
    let table = [
        (issued - SKEW - instant, Some(Reason::AuthCodeNotYetValid)),
        (issued - SKEW, None),
        (issued, None),
        (expires, None),
        (expires + SKEW - instant, None),
        (expires + SKEW, Some(Reason::AuthCodeExpired)),
    ];
    for (now, expected) in table {
        assert_eq!(reason(&token, &trust, now), expected, "{now:?}");
    }
    let brought = [
        token.clone(),
        event("scoperequest:auth-code-received", "code", &token),
        event("auth-code-received", "code", &token),
    ];
    for brought in brought {
        let kept = read(&brought, &trust, false, issued).unwrap();
        assert_eq!(kept.expose(), &token);
    }
    let code = code_in(&token).unwrap();
    assert_eq!(code, "a4ab1501-e846-46e2-a0d9-3125006b1753");
}

#[test]
fn a_recorded_token_is_no_other_application_s_and_holds_under_no_other_key() {
    let recorded = recorded();
    let told = |trust: &Trust| reason(&recorded.token, trust, recorded.issued);
    let other = Trust {
        application_id: "another".to_owned(),
        ..self::recorded().trust
    };
    assert_eq!(told(&other), Some(Reason::AuthCodeWrongSubject));
    let other = Trust {
        audiences: vec!["https://api.civic.com/sip".to_owned()],
        ..self::recorded().trust
    };
    assert_eq!(told(&other), Some(Reason::AuthCodeWrongAudience));
    let other = Trust {
        keys: Civic::new().trust(&[Curve::P256]).keys,
        ..self::recorded().trust
    };
    assert_eq!(told(&other), Some(Reason::AuthCodeSignatureInvalid));
}

#[test]
fn every_bit_of_a_recorded_token_counts() {
    let recorded = recorded();
    for other in flipped(&recorded.token) {
        let told = reason(&other, &recorded.trust, recorded.issued);
        assert!(told.is_some(), "{other}");
    }
}

#[test]
fn the_document_s_own_token_is_refused_for_its_algorithm_and_then_for_its_key() {
    let civic = Civic::new();
    let now = Timestamp::from_secs(1_494_225_200);
    let event = event("scoperequest:auth-code-received", "code", DOCUMENTED);
    for brought in [DOCUMENTED, &event] {
        let told = |curves: &[Curve]| reason(brought, &civic.trust(curves), now);
        assert_eq!(told(&[Curve::P256]), Some(Reason::AuthCodeAlgorithm));
        let both = [Curve::P256, Curve::Secp256k1];
        assert_eq!(told(&both), Some(Reason::AuthCodeSignatureInvalid));
    }
}

#[test]
fn an_algorithm_is_taken_with_a_pinned_key_of_its_curve_and_in_no_other_way() {
    let civic = Civic::new();
    let claims = claims(carries(CODE));
    let (p256, k1) = (&civic.p256, &civic.secp256k1);
    let (algorithm, invalid) = (Reason::AuthCodeAlgorithm, Reason::AuthCodeSignatureInvalid);
    let (only_p256, both) = (&[Curve::P256][..], &[Curve::P256, Curve::Secp256k1][..]);
    let table = [
        ("ES256", p256, only_p256, None),
        ("ES256", p256, &[Curve::Secp256k1], Some(algorithm)),
        ("ES256K", k1, both, None),
        ("ES256K", k1, &[Curve::Secp256k1], None),
        ("ES256K", k1, only_p256, Some(algorithm)),
        ("ES256K", p256, both, Some(invalid)),
        ("ES256", k1, both, Some(invalid)),
        ("HS256", p256, both, Some(algorithm)),
        ("RS256", p256, both, Some(algorithm)),
        ("ES384", p256, both, Some(algorithm)),
        ("none", p256, both, Some(algorithm)),
    ];
    for (name, pair, curves, expected) in table {
        let token = signed(name, &claims, pair);
        let told = reason(&token, &civic.trust(curves), ISSUED);
        assert_eq!(told, expected, "{name} {curves:?}");
    }
    let token = signed("none", &claims, p256);
    let (bare, _) = token.rsplit_once('.').unwrap();
    let told = reason(&format!("{bare}."), &civic.trust(both), ISSUED);
    assert_eq!(told, Some(algorithm));
}

#[test]
fn each_wrong_claim_is_refused_for_a_reason_of_its_own() {
    let civic = Civic::new();
    let trust = civic.trust(&[Curve::P256]);
    let good = claims(carries(CODE));
    let malformed = Some(Reason::AuthCodeMalformed);
    let audience = Some(Reason::AuthCodeWrongAudience);
    let table = [
        (json!({}), None),
        (json!({ "iat": 1_700_000_000, "exp": 1_700_000_180 }), None),
        (json!({ "aud": ["https://x.example", AUDIENCE] }), None),
        (json!({ "jti": null, "more": { "a": 1 } }), None),
        (json!({ "nbf": 1_700_000_060 }), None),
        (
            json!({ "nbf": 1_700_000_061 }),
            Some(Reason::AuthCodeNotYetValid),
        ),
        (json!({ "iss": "civic" }), Some(Reason::AuthCodeWrongIssuer)),
        (json!({ "aud": "https://api.civic.com/sip" }), audience),
        (json!({ "aud": "https://api.civic.com/sip/dev" }), audience),
        (json!({ "aud": [] }), audience),
        (
            json!({ "sub": "another" }),
            Some(Reason::AuthCodeWrongSubject),
        ),
        (json!({ "sub": ISSUER }), Some(Reason::AuthCodeWrongSubject)),
        (
            json!({ "exp": 1_699_999_940 }),
            Some(Reason::AuthCodeExpired),
        ),
        (
            json!({ "iat": 1_700_000_060.5 }),
            Some(Reason::AuthCodeNotYetValid),
        ),
        (json!({ "iss": null }), malformed),
        (json!({ "aud": null }), malformed),
        (json!({ "sub": null }), malformed),
        (json!({ "iat": null }), malformed),
        (json!({ "exp": null }), malformed),
        (json!({ "data": null }), malformed),
        (json!({ "iat": "1700000000" }), malformed),
        (json!({ "exp": 1e300 }), malformed),
        (json!({ "iat": -1 }), malformed),
        (json!({ "aud": 7 }), malformed),
        (json!({ "data": {} }), malformed),
        (json!({ "data": carries("") }), malformed),
        (
            json!({ "data": carries(&CODE.replace('-', "")) }),
            malformed,
        ),
        (
            json!({ "data": carries(&format!("{{{CODE}}}")) }),
            malformed,
        ),
        (
            json!({ "data": carries(&CODE.replace('f', "g")) }),
            malformed,
        ),
        (json!({ "data": CODE }), malformed),
    ];
    for (others, expected) in table {
        let token = civic.token(&with(good.clone(), others.clone()));
        assert_eq!(reason(&token, &trust, ISSUED), expected, "{others}");
    }
    for claims in [json!([]), json!("x"), json!(null)] {
        let token = civic.token(&claims);
        assert_eq!(reason(&token, &trust, ISSUED), malformed, "{claims}");
    }
}

#[test]
fn an_old_token_that_names_no_application_is_taken_only_where_that_is_allowed() {
    let civic = Civic::new();
    let trust = civic.trust(&[Curve::P256]);
    let of = |subject: &str| {
        let token = civic.token(&with(claims(carries(CODE)), json!({ "sub": subject })));
        read(&token, &trust, true, ISSUED).is_ok()
    };
    assert!(of(ISSUER) && of(APPLICATION) && !of("another"));
}

#[test]
fn no_other_event_is_taken() {
    let civic = Civic::new();
    let trust = civic.trust(&[Curve::P256]);
    let token = civic.token(&claims(carries(CODE)));
    let received = "scoperequest:auth-code-received";
    let bare = |event: Value| event.to_string();
    let refused = [
        event("scoperequest:user-cancelled", "code", &token),
        event("auth-code-received ", "code", &token),
        event(received, "token", &token),
        event(received, "code", &format!(" {token}")),
        event(received, "code", ""),
        bare(json!({ "event": received, "response": token })),
        bare(json!({ "event": received, "type": "code" })),
        bare(json!({ "event": received, "type": "code", "response": { "a": token } })),
        bare(json!([received, token, "code"])),
        bare(json!(token)),
        format!("{}x", event(received, "code", &token)),
        format!("{token}\n"),
        "x".repeat(MAX_BROUGHT + 1),
        String::new(),
    ];
    for brought in refused {
        let told = reason(&brought, &trust, ISSUED);
        assert_eq!(told, Some(Reason::AuthCodeMalformed), "{brought}");
    }
    let more = json!({ "event": received, "response": token, "type": "code", "more": 1 });
    assert_eq!(reason(&format!(" {more}\n"), &trust, ISSUED), None);
}

#[test]
fn a_token_and_an_event_are_taken_up_to_8_kib() {
    let civic = Civic::new();
    let trust = civic.trust(&[Curve::P256]);
    let filled = |fill: usize| {
        let more = json!({ "more": "x".repeat(fill) });
        civic.token(&with(claims(carries(CODE)), more))
    };
    let token = filled(0);
    let wrapped = |fill: usize| {
        json!({
            "event": "auth-code-received", "response": token, "type": "code", "more": "x".repeat(fill),
        })
        .to_string()
    };
    let fill = 8_192 - wrapped(0).len();
    assert_eq!(wrapped(fill).len(), 8_192);
    assert_eq!(reason(&wrapped(fill), &trust, ISSUED), None);
    let too_long = reason(&wrapped(fill + 1), &trust, ISSUED);
    assert_eq!(too_long, Some(Reason::AuthCodeMalformed));
    // Three bytes take four characters.
    let fill = (8_192 - token.len()) / 4 * 3;
    assert!((8_180..=8_192).contains(&filled(fill).len()));
    assert_eq!(reason(&filled(fill), &trust, ISSUED), None);
}

/// The order of P-256.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

#[test]
fn a_token_whose_signature_is_written_otherwise_has_the_same_code() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let recorded = recorded();
    let (signed, signature) = recorded.token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0_i32;
    for place in (0..32).rev() {
        let left = i32::from(ORDER[place]) - i32::from(signature[32 + place]) - borrow;
        borrow = i32::from(left < 0);
        signature[32 + place] = (left & 0xff) as u8;
    }
    let other = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_ne!(other, recorded.token);
    assert_eq!(reason(&other, &recorded.trust, recorded.issued), None);
    assert_eq!(code_in(&other), code_in(&recorded.token));
}

#[test]
fn a_violation_shows_nothing_of_what_was_brought() {
    let trust = Civic::new().trust(&[Curve::P256]);
    for brought in ["MARK", "MARK.MARK.MARK", r#"{"event":"MARK"}"#] {
        let found = read(brought, &trust, false, ISSUED).unwrap_err();
        assert_eq!(found.field, "authorization_code");
        assert!(!format!("{found:?}").contains("MARK"));
    }
}

proptest! {
    #[test]
    fn arbitrary_text_is_refused(
        text in any::<String>(),
        token in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{86}",
        event in "\\{\"event\":\"auth-code-received\",\"type\":\"code\",\"response\":\".{0,20}\"\\}",
    ) {
        let trust = Civic::new().trust(&[Curve::P256]);
        for brought in [text, token, event] {
            prop_assert!(read(&brought, &trust, false, ISSUED).is_err());
            let _ = code_in(&brought);
        }
    }
}
