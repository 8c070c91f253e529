use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// RFC 6979, A.2.5.
const PRIVATE: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const PUBLIC: &str = "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";

fn pinned() -> PinnedKeys {
    PinnedKeys::new([(PUBLIC, Some(Curve::P256))]).unwrap()
}

fn fault(keys: &PinnedKeys, token: &str) -> Option<TokenFault> {
    keys.open(token).err()
}

/// A token with this header, signed by this pair.
fn signed(header: &Value, pair: &EcdsaKeyPair) -> String {
    let [header, claims] =
        [header, &json!({})].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn key_of(pair: &EcdsaKeyPair) -> String {
    hex::encode(pair.public_key().as_ref())
}

#[test]
fn a_token_of_our_own_holds_under_its_key_and_says_what_was_put_in() {
    let claims = json!({ "iss": "somebody", "iat": 1.5 });
    let token = Signer::new(PRIVATE).unwrap().sign(&claims).unwrap();
    let keys = pinned();
    let opened = keys.open(&token).unwrap();
    assert_eq!(opened.key.len(), 64);
    let read: Value = object(opened.claims.expose()).unwrap();
    assert_eq!(read, claims);
    assert_eq!(unchecked_claims::<Value>(&token).unwrap(), claims);
}

#[test]
fn every_bit_of_a_token_counts() {
    let token = Signer::new(PRIVATE).unwrap().sign(&json!({})).unwrap();
    let keys = pinned();
    for at in 0..token.len() {
        for bit in 0..7 {
            let mut other = token.clone().into_bytes();
            other[at] ^= 1 << bit;
            let other = String::from_utf8(other).unwrap();
            assert!(keys.open(&other).is_err(), "{other}");
        }
    }
}

#[test]
fn an_algorithm_without_a_pinned_key_is_refused_before_a_key_is_touched() {
    let keys = pinned();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    for alg in [
        "none", "None", "HS256", "RS256", "PS256", "ES384", "ES256K", "es256", "",
    ] {
        let token = signed(&json!({ "alg": alg }), &pair);
        assert_eq!(fault(&keys, &token), Some(TokenFault::Algorithm), "{alg}");
        // Nobody looks at what stands where a signature would.
        let (rest, _) = token.rsplit_once('.').unwrap();
        let bare = format!("{rest}.");
        assert_eq!(fault(&keys, &bare), Some(TokenFault::Algorithm), "{alg}");
    }
}

#[test]
fn each_curve_s_tokens_hold_under_that_curve_s_keys_alone() {
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let k1 = EcdsaKeyPair::generate(&ECDSA_P256K1_SHA256_FIXED_SIGNING).unwrap();
    let both = PinnedKeys::new([(key_of(&p256).as_str(), None), (key_of(&k1).as_str(), None)]);
    let both = both.unwrap();
    let (es256, es256k) = (json!({ "alg": "ES256" }), json!({ "alg": "ES256K" }));
    let keys = [(&es256, &p256), (&es256k, &k1)].map(|(header, pair)| {
        let token = signed(header, pair);
        both.open(&token).unwrap().key
    });
    assert_ne!(keys[0], keys[1]);
    for (header, pair) in [(&es256, &k1), (&es256k, &p256)] {
        let token = signed(header, pair);
        assert_eq!(fault(&both, &token), Some(TokenFault::Signature));
    }
    let others = PinnedKeys::new([(PUBLIC, Some(Curve::P256))]).unwrap();
    let token = signed(&es256, &p256);
    assert_eq!(fault(&others, &token), Some(TokenFault::Signature));
}

#[test]
fn what_is_no_token_is_malformed() {
    let keys = pinned();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let good = signed(&json!({ "alg": "ES256" }), &pair);
    let parts: Vec<&str> = good.split('.').collect();
    let with_header = |header: &str| {
        format!(
            "{}.{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            parts[1],
            parts[2]
        )
    };
    for wrong in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        parts[..2].join("."),
        format!("{good}."),
        format!("{good}.{}", parts[2]),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        with_header("{}"),
        with_header("[]"),
        with_header(r#"["ES256",null]"#),
        with_header(r#"{"alg":null}"#),
        with_header(r#"{"alg":"ES256","alg":"ES256"}"#),
        with_header(r#"{"alg":"ES256","crit":["exp"]}"#),
        with_header(r#"{"alg":"ES256"} {}"#),
    ] {
        assert_eq!(fault(&keys, &wrong), Some(TokenFault::Malformed), "{wrong}");
    }
    for short in ["", "AAAA", &"A".repeat(84), &"A".repeat(86)] {
        let token = format!("{}.{}.{short}", parts[0], parts[1]);
        assert_eq!(fault(&keys, &token), Some(TokenFault::Signature), "{short}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_is_refused(text in any::<String>(), parts in "[A-Za-z0-9_.-]{0,200}") {
        let keys = pinned();
        prop_assert!(keys.open(&text).is_err() && keys.open(&parts).is_err());
        let _ = unchecked_claims::<Value>(&parts);
    }
}
