//! How fast the ES256 work of one exchange is done, against AWS-LC's own speed, in one run.
//!
//! Two things are measured in turns, so that a noisy machine hits both alike: the plug-in's whole way,
//! from the token that a browser brings back to its code, to a request token, and from the token in the
//! answer to what it carries; and AWS-LC's two verifications and one signature alone, over the same bytes
//! and under the same keys. Fails when the first is below 0.9 of the second.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement takes real time, prints what it found and may stop at a fault"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    ParsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use verilane_core::{Pii, Timestamp};
use verilane_provider::jwt::{Curve, PinnedKeys, Signer};
use verilane_provider_civic_sip::code;
use verilane_provider_civic_sip::order::Authority;
use verilane_provider_civic_sip::token::{ISSUER, Rules, Trust};

/// Rounds; the median of each is taken.
const ROUNDS: usize = 9;
/// How long each side is run in a round.
const SLICE: Duration = Duration::from_millis(300);
/// The least that counts as good.
const GOAL: f64 = 0.9;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const APPLICATION: &str = "HyhaWO1SG";
const BASE: &str = "https://api.civic.com/sip/";
/// The private key of RFC 6979, A.2.5.
const PRIVATE: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";

fn per_second(mut once: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut count = 0_u32;
    while begun.elapsed() < SLICE {
        for _ in 0..20 {
            once();
        }
        count += 20;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A token as Civic makes it.
fn token(data: Value, civic: &EcdsaKeyPair) -> String {
    let header = json!({ "alg": "ES256", "typ": "JWT" });
    let claims = json!({
        "jti": "1775d402-9f3c-449e-afda-8d982c48b1b2",
        "iat": 1_700_000_000.035,
        "exp": 1_700_000_180.035,
        "iss": ISSUER,
        "aud": BASE,
        "sub": APPLICATION,
        "data": data,
    });
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let signature = civic.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What was signed, and the signature.
fn taken_apart(token: &str) -> (Vec<u8>, Vec<u8>) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    (signed.as_bytes().to_vec(), signature)
}

fn main() -> ExitCode {
    let civic = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let public = civic.public_key().as_ref().to_vec();
    let trust = Trust {
        keys: PinnedKeys::new([(hex::encode(&public).as_str(), Some(Curve::P256))]).unwrap(),
        audiences: vec![BASE.to_owned()],
        application_id: APPLICATION.to_owned(),
    };
    let authority = Authority::new(
        Signer::new(PRIVATE).unwrap(),
        &Pii::from("44bbae32d1e02bf481074177002bbdef"),
        APPLICATION.to_owned(),
        BASE.to_owned(),
    );
    let code_token = json!({ "codeToken": "a4ab1501-e846-46e2-a0d9-3125006b1753" });
    let brought = token(code_token, &civic);
    // As long as e-mail address and telephone number are when they are sealed.
    let answered = token("0".repeat(416).into(), &civic);
    let rules = Rules {
        now: NOW,
        earliest: Some(NOW),
        issuer_may_be_subject: false,
    };
    let ours = || {
        code::read(&brought, &trust, false, NOW).unwrap();
        authority.request_token(NOW).unwrap();
        trust.open::<String>(&answered, &rules).unwrap();
    };

    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &public).unwrap();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let random = SystemRandom::new();
    let (brought_bytes, brought_signature) = taken_apart(&brought);
    let (answered_bytes, answered_signature) = taken_apart(&answered);
    let (to_sign, _) = taken_apart(&authority.request_token(NOW).unwrap());
    let theirs = || {
        key.verify_sig(&brought_bytes, &brought_signature).unwrap();
        pair.sign(&random, &to_sign).unwrap();
        key.verify_sig(&answered_bytes, &answered_signature)
            .unwrap();
    };

    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        a.push(per_second(ours));
        b.push(per_second(theirs));
    }
    let (ours, library) = (median(a), median(b));
    let ratio = ours / library;
    println!("ES256 work of an exchange {ours:>8.0} /s");
    println!("AWS-LC, same process      {library:>8.0} /s");
    println!("ratio                     {ratio:.3}, goal {GOAL}");
    if cfg!(debug_assertions) {
        println!("SKIPPED: the goal, as this build is not optimised (use `cargo bench`)");
        return ExitCode::SUCCESS;
    }
    if ratio < GOAL {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
