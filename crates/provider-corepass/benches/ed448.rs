//! How fast a genuine status callback is verified, against OpenSSL's own speed, in one run.
//!
//! Three things are measured in turns, so that a noisy machine hits all of them alike: the
//! plug-in's whole way from bytes to verdict; OpenSSL's verification alone, over the same digest in
//! the same process; and, where the `openssl` program is installed, its own `speed` test. Fails
//! when the first is below 0.9 of the faster of the others.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement takes real time, prints what it found and may stop at a fault"
)]

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use base64::Engine;
use bytes::Bytes;
use openssl::pkey::{Id, PKey};
use openssl::sign::Verifier;
use serde_json::value::RawValue;
use verilane_provider_corepass::signature::candidates;
use verilane_provider_corepass::signature::keys::{Channel, KeySet};
use verilane_provider_corepass::signature::{SIGNATURE_BYTES, verify};
use verilane_provider_corepass::wire::Object;
use verilane_provider_corepass::wire::body::json_text;
use verilane_provider_corepass::wire::callback::StatusBody;
use verilane_provider_corepass::wire::json::compact;

/// Rounds; the median of each is taken.
const ROUNDS: usize = 9;
/// How long each side is run in a round.
const SLICE: Duration = Duration::from_millis(300);
/// The least that counts as good.
const GOAL: f64 = 0.9;

#[derive(serde::Deserialize)]
struct Recorded<'a> {
    connector_public_key: String,
    #[serde(borrow)]
    callbacks: Vec<&'a RawValue>,
}

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

/// The verifications a second that `openssl speed` reports, if the program is there.
fn openssl_speed() -> Option<f64> {
    let run = Command::new("openssl")
        .args(["speed", "-seconds", "1", "ed448"])
        .output()
        .ok()?;
    // "  456 bits EdDSA (Ed448) 0.0002s 0.0002s 5151.0 5090.0": the last column.
    String::from_utf8(run.stdout)
        .ok()?
        .lines()
        .find(|line| line.contains("EdDSA (Ed448)"))?
        .split_whitespace()
        .last()?
        .parse()
        .ok()
}

fn main() -> ExitCode {
    let file = include_str!("../testdata/status_callbacks.json");
    let recorded: Recorded<'_> = serde_json::from_str(file).unwrap();
    let body = Bytes::from(compact(recorded.callbacks[0].get()).into_owned());
    let keys = KeySet::new([(recorded.connector_public_key.as_str(), None)]).unwrap();

    let object = Object::parse(&body).unwrap();
    let digest = candidates::of(Channel::Status)[0].digest(&object).unwrap();
    let encoded: String = object.read("signature").unwrap();
    let signature = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .unwrap();
    let raw_key = hex::decode(&recorded.connector_public_key).unwrap();
    let key = PKey::public_key_from_raw_bytes(&raw_key, Id::ED448).unwrap();

    let ours = || {
        let text = json_text(Some("application/json"), &body).unwrap();
        let object = Object::parse(&text).unwrap();
        verify(&keys, Channel::Status, &object).unwrap();
        StatusBody::read(&object).unwrap();
    };
    let theirs = || {
        let holds = Verifier::new_without_digest(&key)
            .unwrap()
            .verify_oneshot(&signature[..SIGNATURE_BYTES], &digest)
            .unwrap();
        assert!(holds);
    };

    let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        a.push(per_second(ours));
        b.push(per_second(theirs));
        if round % 3 == 0 {
            c.extend(openssl_speed());
        }
    }
    let (ours, library) = (median(a), median(b));
    println!("callback to verdict      {ours:>8.0} /s");
    println!(
        "OpenSSL, same process    {library:>8.0} /s   ratio {:.3}   ({})",
        ours / library,
        openssl::version::version()
    );
    let mut reference = library;
    if c.is_empty() {
        println!("SKIPPED: `openssl speed`, as the program is not installed");
    } else {
        let program = median(c);
        println!(
            "`openssl speed ed448`    {program:>8.0} /s   ratio {:.3}",
            ours / program
        );
        reference = reference.max(program);
    }
    let ratio = ours / reference;
    println!("ratio to the faster one  {ratio:.3}, goal {GOAL}");
    if cfg!(debug_assertions) {
        println!("SKIPPED: the goal, as this build is not optimised (use `cargo bench`)");
        return ExitCode::SUCCESS;
    }
    if ratio < GOAL {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
