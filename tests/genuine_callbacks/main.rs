//! Two status callbacks that a real connector once sent are taken in, at their time and under its
//! pinned key. Any one bit of them changed, or the same content under another key, and they are
//! refused and change nothing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and shows what it counted"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod connector;
mod recorded;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use harness::{Server, Stage};
use openssl::pkey::PKey;
use openssl::sign::Signer;
use sha3::{Digest as _, Sha3_256};
use verilane_api::v1::{
    Assurance, CreateVerificationRequest, Event, State, Subject, Verification, subject,
};
use verilane_core::Timestamp;

use connector::{Connector, Order};
use recorded::{EXPIRATION, ITEM, Recorded, USER};
use wire::Answer;

/// The connection to the recorded connector.
const CONNECTION: &str = "recorded";
/// Between the request and its expiration, seconds.
const ACTION: i64 = 600;
/// An Ed448 public key, and with it the signature: bytes.
const KEY: usize = 57;

/// The recording's world: the clock at its time, its connector, a verification that waits.
struct Play {
    stage: Stage,
    server: Server,
    order: Order,
    id: String,
}

/// Everything that a forgery could change.
#[derive(Debug, PartialEq)]
struct Standing {
    verification: Verification,
    log: Vec<Event>,
    claims: tonic::Code,
}

impl Play {
    async fn begin() -> Self {
        let mut connector = Connector::listen().await;
        let configuration = format!(
            r#"
            [ingress]
            # Thousands of forgeries come from one address, and each shall reach the signature.
            callbacks_per_second = 1000000
            callbacks_burst = 1000000
            [telemetry]
            log_filter = "warn"
            [[connections]]
            name = "{CONNECTION}"
            provider = "corepass"
            base_url = "http://{}"
            allow_http = true
            allow_private_addresses = true
            keys = [{{ public_key = "{}" }}]
            "#,
            connector.address,
            recorded::public_key(),
        );
        let stage = Stage::with(|_| {}, &configuration).await;
        stage
            .clock
            .stop_at(Timestamp::from_secs(EXPIRATION - ACTION));
        let server = stage.start();
        let request = CreateVerificationRequest {
            connection: CONNECTION.to_owned(),
            subject: Some(Subject {
                identifier: Some(subject::Identifier::CoreId(USER.to_owned())),
            }),
            action_lifetime: Some(
                Duration::from_secs(ACTION.unsigned_abs())
                    .try_into()
                    .unwrap(),
            ),
            ..harness::create_request(&stage.user("accepts"), &[ITEM])
        };
        let created = server.verifications().create_verification(request).await;
        let created = created.unwrap().into_inner().verification.unwrap();
        assert_eq!(created.state(), State::Pending);
        Self {
            order: connector.order().await,
            id: created.id,
            stage,
            server,
        }
    }

    /// Turns the clock to when a callback was signed, and a second on.
    fn at(&self, callback: &Recorded) {
        let time = Timestamp::from_secs(callback.time + 1);
        self.stage.clock.stop_at(time);
    }

    async fn standing(&self) -> Standing {
        Standing {
            verification: self.server.get(&self.id).await,
            log: self.server.log().await,
            claims: self.server.read_claims(&self.id).await.unwrap_err().code(),
        }
    }

    async fn send(&self, body: &[u8]) -> Answer {
        wire::send(&self.order.status_callback, body).await
    }
}

/// Refused by a look at the message itself, and not because too many came at once.
fn is_refusal(answer: &Answer) -> bool {
    matches!(answer.code, 400 | 401)
}

fn reason(answer: &Answer) -> &str {
    let rest = answer.body.strip_prefix(r#"{"reason":""#);
    rest.and_then(|rest| rest.strip_suffix(r#""}"#))
        .unwrap_or_else(|| panic!("{answer:?}"))
}

fn with_flipped_bit(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

/// The body with each of its bits changed, and with each bit of the decoded signature changed.
fn bit_flips(callback: &Recorded) -> Vec<Vec<u8>> {
    let bits = |bytes: &[u8]| 0..bytes.len() * 8;
    let of_body = bits(&callback.body).map(|bit| with_flipped_bit(&callback.body, bit));
    let of_signature = bits(&callback.signature)
        .map(|bit| callback.signed(&with_flipped_bit(&callback.signature, bit)));
    of_body.chain(of_signature).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bit_counts_and_what_is_genuine_is_taken_in() {
    let play = Play::begin().await;
    let before = play.standing().await;
    let callbacks = recorded::callbacks();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for callback in &callbacks {
        play.at(callback);
        let flips = bit_flips(callback);
        let count = flips.len();
        let answers = wire::send_all(&play.order.status_callback, flips).await;
        assert_eq!(answers.values().sum::<usize>(), count);
        for (answer, count) in answers {
            assert!(is_refusal(&answer), "{} flips: {answer:?}", count);
            *reasons.entry(reason(&answer).to_owned()).or_default() += count;
        }
    }
    println!("flips by why they were refused: {reasons:?}");
    assert_eq!(play.standing().await, before);

    // Those that were changed were refused for the change alone.
    for callback in &callbacks {
        play.at(callback);
        let answer = play.send(&callback.body).await;
        assert_eq!(answer.code, 200, "{answer:?}");
    }
    let after = play.standing().await;
    assert_eq!(after.verification.state(), State::Processing);
    let [one, other] = &after.log[before.log.len()..] else {
        panic!("{:?}", after.log);
    };
    for (event, callback) in [one, other].into_iter().zip(&callbacks) {
        assert_eq!(event.provider_status, callback.status);
        assert_eq!(event.provider_time.unwrap().seconds, callback.time);
        assert_eq!(event.tx_hash, callback.tx_hash);
        assert_eq!(event.state_after(), State::Processing);
        assert_eq!(event.assurance(), Assurance::Signed);
        assert!(event.applied && !event.late, "{event:?}");
    }
    assert!(!other.tx_hash.is_empty());
    play.stage.end().await;
}

#[tokio::test]
async fn the_same_content_under_another_key_is_refused_and_changes_nothing() {
    let play = Play::begin().await;
    let before = play.standing().await;
    let stranger = PKey::generate_ed448().unwrap();
    for callback in recorded::callbacks() {
        play.at(&callback);
        let digest = Sha3_256::digest(callback.content());
        let mut signer = Signer::new_without_digest(&stranger).unwrap();
        let signature = signer.sign_oneshot_to_vec(&digest).unwrap();
        let genuine_key = &callback.signature[callback.signature.len() - KEY..];
        assert_eq!(hex(genuine_key), recorded::public_key());
        let own_key = stranger.raw_public_key().unwrap();
        for (key, why) in [
            (own_key.as_slice(), "CALLBACK_KEY_NOT_PINNED"),
            (genuine_key, "CALLBACK_SIGNATURE_INVALID"),
        ] {
            let body = callback.signed(&[signature.as_slice(), key].concat());
            let answer = play.send(&body).await;
            assert_eq!((answer.code, reason(&answer)), (401, why));
        }
    }
    assert_eq!(play.standing().await, before);
    play.stage.end().await;
}

#[tokio::test]
async fn a_genuine_status_on_the_path_for_data_is_refused_and_changes_nothing() {
    let play = Play::begin().await;
    let before = play.standing().await;
    for callback in recorded::callbacks() {
        play.at(&callback);
        let answer = wire::send(&play.order.callback, &callback.body).await;
        assert!(is_refusal(&answer), "{answer:?}");
    }
    assert_eq!(play.standing().await, before);
    play.stage.end().await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
