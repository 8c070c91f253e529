//! A connector changes its keys in the middle of a transfer. Whoever pins the new ones in time
//! notices nothing; whoever does not loses nothing: what was refused comes again, or waits in
//! quarantine, and counts as signed once its key is pinned.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, reason = "a part of it is used here")]
#[path = "imports/command.rs"]
mod command;
mod harness;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use command::Import;
use harness::{BEGINNING, From, LIMIT, Raw, Server, Stage, Wish, exchange, is_finished};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use sha3::{Digest as _, Sha3_256};
use verilane_api::v1::{Assurance, Claim, Event, EventType, State};
use verilane_sandbox::{
    CallbackKind, CallbackUnit, DataDelivery, Delivery, PublicKeys, SandboxConfig, Scenario, Status,
};

const FIELD: &str = "SH_Passport_DOB";
/// Between two tries of a callback.
const GAP: Duration = Duration::from_secs(60 * 60);
/// Of an Ed448 signature, before the signer's key: bytes.
const SIGNATURE: usize = 114;

/// A stage whose connector changes its keys while it checks validity, with tries after these hours.
async fn stage(names: &str, tries: &[u64]) -> Stage {
    let scenario = Scenario::named(names).unwrap();
    let change = |config: &mut SandboxConfig| {
        config.scenario = scenario;
        config.callback_topics = tries.to_vec();
        config.callback_unit = CallbackUnit::Hour;
    };
    // So that nothing is pulled but for a refused callback, or a start.
    Stage::with(
        change,
        "[engine]\npoll_interval = \"1d\"\npoll_interval_max = \"1d\"\n",
    )
    .await
}

fn pin_next_keys(stage: &Stage) -> PublicKeys {
    let keys = stage.sandbox.keys();
    stage.pin(&keys.next_status, "status");
    stage.pin(&keys.next_data, "data");
    keys
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key that a callback's signature carries.
fn signer(stage: &Stage, delivery: &Delivery) -> String {
    let body = stage.sandbox.body(delivery.number).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let signature = body["signature"].as_str().unwrap();
    hex(&STANDARD.decode(signature).unwrap()[SIGNATURE..])
}

/// As claims name a key.
fn fingerprint(key: &str) -> String {
    let digits = key.as_bytes().chunks(2);
    let byte = |digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    hex(&Sha3_256::digest(digits.map(byte).collect::<Vec<_>>()))
}

/// The callbacks of one kind, oldest first.
fn sent(stage: &Stage, kind: CallbackKind) -> Vec<Delivery> {
    let mut sent = stage.sandbox.deliveries(0, None);
    sent.retain(|delivery| delivery.kind == kind);
    sent
}

fn is_old(delivery: &Delivery) -> bool {
    let words = [
        Status::Accepted,
        Status::InitiateSubmitted,
        Status::Initiated,
        Status::KycReceived,
    ];
    delivery
        .status
        .is_some_and(|status| words.contains(&status))
}

/// Finds fault unless events tell all that the connector noted, each word once, in its order, and
/// without a gap between them.
fn check_history(stage: &Stage, events: &[Event]) {
    let request = stage.sandbox.requests(None).unwrap().remove(0);
    let noted = request.statuses.iter().map(|one| one.status.as_str());
    let noted: Vec<_> = noted.filter(|word| *word != "PENDING").collect();
    let told = events.iter().map(|event| event.provider_status.as_str());
    let told: Vec<_> = told.filter(|word| !word.is_empty()).collect();
    assert_eq!(told, noted);
    let revisions: Vec<_> = events.iter().map(|event| event.revision).collect();
    assert_eq!(revisions, (1..=events.len() as u64).collect::<Vec<_>>());
    let sequences = events.windows(2);
    assert!(
        sequences
            .into_iter()
            .all(|two| two[0].sequence < two[1].sequence)
    );
}

fn of_type(events: &[Event], kind: EventType) -> Vec<&Event> {
    events.iter().filter(|e| e.r#type() == kind).collect()
}

/// How each word of the provider was learnt.
fn assurances(events: &[Event]) -> impl Iterator<Item = (&str, Assurance)> {
    let told = of_type(events, EventType::ProviderStatus).into_iter();
    told.map(|event| (event.provider_status.as_str(), event.assurance()))
}

/// The one claim, which holds the user's value.
async fn claim(stage: &Stage, server: &Server, id: &str) -> Claim {
    let mut claims = server.read_claims(id).await.unwrap().claims;
    assert_eq!(claims.len(), 1);
    let value = stage.user("accepts").value(FIELD).unwrap();
    assert_eq!(claims[0].raw_value, value);
    assert_eq!(claims[0].assurance(), Assurance::Signed);
    claims.remove(0)
}

/// Who has done this, as the audit chain says.
fn audited(stage: &Stage, action: &str) -> Vec<String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let path = stage.data_folder().join("verilane.db");
    let store = Connection::open_with_flags(path, flags).unwrap();
    let query = "SELECT principal FROM audit WHERE action = ?1 ORDER BY number";
    let mut query = store.prepare(query).unwrap();
    let rows = query.query_map([action], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn with_both_keys_pinned_whatever_either_has_signed_is_taken_as_signed() {
    let stage = stage("rotation+json", &[1]).await;
    let keys = pin_next_keys(&stage);
    let server = stage.start();
    let user = stage.user("accepts");
    let created = server.create(&user, &[FIELD]).await;
    let mut watch = server.watch(Wish::one(&created.id, BEGINNING)).await;
    let events = watch.until(is_finished).await;
    check_history(&stage, &events);
    assert!(assurances(&events).all(|(_, how)| how == Assurance::Signed));
    let data = of_type(&events, EventType::DataReceived);
    assert_eq!(data.len(), 1);
    assert_eq!(data[0].assurance(), Assurance::Signed);
    assert_eq!(data[0].state_after(), State::Verified);
    let claim = claim(&stage, &server, &created.id).await;
    let provenance = claim.provenance.unwrap();
    assert_eq!(
        provenance.signing_key_fingerprint,
        fingerprint(&keys.next_data)
    );

    stage.sandbox.finished(LIMIT).await.unwrap();
    // That is what the connector did: four statuses under the old key, all else under the new one.
    for delivery in sent(&stage, CallbackKind::Status) {
        let key = if is_old(&delivery) {
            &keys.status
        } else {
            &keys.next_status
        };
        assert_eq!(signer(&stage, &delivery), *key, "{delivery:?}");
        assert!(delivery.was_taken(), "{delivery:?}");
    }
    let data = sent(&stage, CallbackKind::Data);
    assert_eq!(data.len(), 1);
    assert_eq!(signer(&stage, &data[0]), keys.next_data);
    assert!(server.terminate().await.success());
    stage.end().await;
}

#[tokio::test]
async fn what_a_new_key_has_signed_is_refused_until_it_is_pinned_and_then_the_next_try_counts() {
    for names in ["rotation+json", "rotation+json+verbatim-retries"] {
        refused_then_taken(names).await;
    }
}

async fn refused_then_taken(names: &str) {
    let stage = stage(names, &[1]).await;
    let server = stage.start();
    let user = stage.user("accepts");
    let id = server.create(&user, &[FIELD]).await.id;
    let mut watch = server.watch(Wish::one(&id, BEGINNING)).await;
    let is_told = |event: &Event| event.provider_status == "CALLBACK_FAILED";
    let request = stage.sandbox.requests(None).unwrap().remove(0).id;
    let reached = stage
        .sandbox
        .reached(&request, Status::CallbackFailed, LIMIT);
    reached.await.unwrap();
    stage.sandbox.idle(LIMIT).await.unwrap();
    // What was refused had the history asked at once, and again as soon as that may be.
    stage.clock.advance(Duration::from_secs(31));
    let mut seen = watch.until(is_told).await;
    let quarantined = of_type(&seen, EventType::DataQuarantined);
    assert_eq!(quarantined.len(), 1);
    assert_eq!(quarantined[0].assurance(), Assurance::Local);
    assert!(!quarantined[0].applied);

    // By its signature alone, and whoever sends it again.
    let urls = stage.callback_urls(&user);
    let refused = sent(&stage, CallbackKind::Data).remove(0);
    let body = stage.sandbox.body(refused.number).unwrap();
    let before = server.log_of(&id).await;
    for _ in 0..2 {
        let answer = exchange(&Raw::json(&urls.data, &body)).await;
        let said = (answer.code, answer.reason());
        assert_eq!(said, (401, "CALLBACK_KEY_NOT_PINNED"));
    }
    assert_eq!(server.log_of(&id).await, before);
    assert_eq!(server.get(&id).await.state(), State::Processing);
    assert!(server.read_claims(&id).await.is_err());
    let refused: Vec<_> = stage.sandbox.deliveries(0, None);
    for delivery in &refused {
        let expected = if is_old(delivery) { 200 } else { 401 };
        assert_eq!(delivery.http, Some(expected), "{delivery:?}");
    }
    let logs = stage.logs();
    let said = r#"callback refused verilane.reason="CALLBACK_KEY_NOT_PINNED""#;
    let new = refused.iter().filter(|delivery| !is_old(delivery));
    assert_eq!(logs.matches(said).count(), new.count() + 2, "{logs}");
    for (word, how) in assurances(&seen) {
        let is_old = [
            "ACCEPTED",
            "INITIATE_SUBMITTED",
            "INITIATED",
            "KYC_RECEIVED",
        ];
        let expected = if is_old.contains(&word) {
            Assurance::Signed
        } else {
            Assurance::Pulled
        };
        assert_eq!(how, expected, "{word}");
    }

    let token = watch.token.clone();
    drop(watch);
    assert!(server.terminate().await.success());
    let keys = pin_next_keys(&stage);
    let server = stage.start();
    let mut watch = server.watch(Wish::one(&id, From::Token(token))).await;
    stage.clock.advance(GAP);
    seen.extend(watch.until(is_finished).await);
    check_history(&stage, &seen);
    assert_eq!(seen, server.log_of(&id).await);
    let data = of_type(&seen, EventType::DataReceived);
    assert_eq!(data.len(), 1);
    assert_eq!(data[0].assurance(), Assurance::Signed);
    assert_eq!(data[0].state_after(), State::Verified);
    assert_eq!(data[0].late, names.contains("verbatim"));
    assert_eq!(server.get(&id).await.state(), State::Verified);
    let provenance = claim(&stage, &server, &id).await.provenance.unwrap();
    let expected = fingerprint(&keys.next_data);
    assert_eq!(provenance.signing_key_fingerprint, expected);
    assert!(!provenance.imported);

    // The connector has said all again that was refused, and no more.
    let idle = stage.sandbox.idle(LIMIT).await.unwrap();
    assert_eq!(idle.next_due_ms, None);
    let again = stage.sandbox.deliveries(0, None);
    let again: Vec<_> = again.iter().filter(|one| one.attempt == 2).collect();
    assert_eq!(again.len(), refused.len() - 4);
    for one in again {
        // Signed anew, the one word that can recur waits for the history, which may just have been
        // asked; it is told.
        let may_wait = one.status == Some(Status::CallbackFailed);
        assert!(one.was_taken() || may_wait, "{one:?}");
    }
    assert_eq!(server.log_of(&id).await, seen);
    assert!(server.terminate().await.success());
    stage.end().await;
}

#[tokio::test]
async fn a_message_in_quarantine_whose_key_is_pinned_later_is_imported_as_signed() {
    // The connector would confirm every value, and is not to be asked.
    let stage = stage("rotation+json+valid", &[]).await;
    let server = stage.start();
    let user = stage.user("accepts");
    let id = server.create(&user, &[FIELD]).await.id;
    stage.sandbox.finished(LIMIT).await.unwrap();
    let request = stage.sandbox.requests(None).unwrap().remove(0);
    assert_eq!(request.data, DataDelivery::GivenUp);
    assert_eq!(sent(&stage, CallbackKind::Data).len(), 1);
    let mut watch = server.watch(Wish::one(&id, BEGINNING)).await;
    stage.clock.advance(Duration::from_secs(31));
    let mut seen = watch.until(is_finished).await;
    assert_eq!(of_type(&seen, EventType::DataQuarantined).len(), 1);
    assert_eq!(server.get(&id).await.state(), State::Processing);
    let token = watch.token.clone();
    drop(watch);
    assert!(server.terminate().await.success());

    let keys = pin_next_keys(&stage);
    stage.clock.advance(3 * GAP);
    let server = stage.start();
    // Nothing comes by itself.
    assert_eq!(server.get(&id).await.state(), State::Processing);
    let import = || Import::of(&stage, &id).quarantined();
    let said = import().done(&id).await;
    assert_eq!(said, "verdict=ACCEPTED assurance=SIGNED");

    let mut watch = server.watch(Wish::one(&id, From::Token(token))).await;
    let is_verified = |event: &Event| event.state_after() == State::Verified;
    seen.extend(watch.until(is_verified).await);
    check_history(&stage, &seen);
    assert_eq!(seen, server.log_of(&id).await);
    let imported = seen.last().unwrap();
    assert_eq!(imported.r#type(), EventType::DataImported);
    assert_eq!(imported.assurance(), Assurance::Signed);
    assert!(imported.applied && imported.late);
    assert_eq!(server.get(&id).await.state(), State::Verified);
    let claim = claim(&stage, &server, &id).await;
    let provenance = claim.provenance.unwrap();
    assert!(provenance.imported);
    let expected = fingerprint(&keys.next_data);
    assert_eq!(provenance.signing_key_fingerprint, expected);
    let audits = audited(&stage, "MESSAGE_IMPORTED");
    assert_eq!(audits.len(), 1, "{audits:?}");
    assert!(audits[0].starts_with("operator:"), "{audits:?}");
    assert!(audited(&stage, "CLAIMS_REVALIDATED").is_empty());

    let again = import().done(&id).await;
    assert_eq!(again, "verdict=REPEATED assurance=SIGNED");
    assert_eq!(seen, server.log_of(&id).await);
    assert!(server.terminate().await.success());
    stage.end().await;
}
