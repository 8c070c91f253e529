//! Callbacks signed by a connector of the tests' own, and recorded ones. Statuses here.

mod data;
mod refused;
mod table;
mod unsigned;

use bytes::Bytes;
use openssl::pkey::{PKey, Private};
use verilane_core::Fact;
use verilane_provider::StatusReport;

use super::*;
use crate::signature::signer::{hex_key, private, recorded, signed, signed_over};

const USER: &str = "ab432e666932c53128d9f73712b058a7a8f7df52f5cb";
const NOW: i64 = 1_700_000_100;
const EXPIRATION: i64 = 1_700_000_500;

struct Connector {
    key: PKey<Private>,
    keys: KeySet,
}

fn connector() -> Connector {
    let key = private(1);
    let keys = KeySet::new([(hex_key(&key).as_str(), None)]).unwrap();
    Connector { key, keys }
}

fn candidate(subject: &str, fields: &[&str]) -> Candidate {
    Candidate {
        subject: Pii::from(subject),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        start_time: Timestamp::from_secs(NOW - 100),
        requested_expiry: Timestamp::from_secs(EXPIRATION),
        expire_time: None,
        is_cancelled: false,
        was_taken: true,
    }
}

fn callback(channel: CallbackChannel, body: String, candidates: Vec<Candidate>) -> Callback {
    Callback {
        channel,
        content_type: Some("application/json".into()),
        body: Bytes::from(body),
        receive_time: Timestamp::from_secs(NOW),
        candidates,
    }
}

fn reason(outcome: Result<Reading, Refusal>) -> Reason {
    outcome.unwrap_err().reason
}

/// Reads members signed by the connector, for attempts about two fields of the user.
fn told(channel: CallbackChannel, members: &str) -> Result<Reading, Refusal> {
    let connector = connector();
    let body = signed(members, &connector.key);
    let about = candidate(USER, &["SH_EMAIL", "SH_PHONE"]);
    read(&connector.keys, &callback(channel, body, vec![about]))
}

fn status_members(status: &str, deadline: i64) -> String {
    let (email, phone) = (fields::hash_of("SH_EMAIL"), fields::hash_of("SH_PHONE"));
    format!(
        r#"{{"user":"{USER}","fields":["{phone}","{email}"],"status":"{status}","expiration":{EXPIRATION},"deadline":{deadline}}}"#
    )
}

fn told_status(members: &str) -> Result<StatusReport, Refusal> {
    match told(CallbackChannel::Status, members)?.report {
        Report::Status(report) => Ok(report),
        other => panic!("{other:?}"),
    }
}

fn data_members(infos: &str, deadline: i64) -> String {
    format!(
        r#"{{"user":"{USER}","infos":[{infos}],"deadline":{deadline},"expiration":{EXPIRATION}}}"#
    )
}

fn told_data(infos: &str) -> Result<DataReport, Refusal> {
    match told(CallbackChannel::Data, &data_members(infos, NOW + 100))?.report {
        Report::Data(report) => Ok(report),
        other => panic!("{other:?}"),
    }
}

const EMAIL: &str = r#"{"fieldID":"SH_EMAIL","fieldValue":"a@b","pepper":"00"}"#;
const PHONE: &str = r#"{"fieldID":"SH_PHONE","fieldValue":"+1","pepper":"01"}"#;

#[test]
fn recorded_callbacks_are_believed_at_their_time_late_after_it_and_not_before() {
    let recorded = recorded();
    let keys = KeySet::new([(recorded.key.as_str(), None)]).unwrap();
    let about = Candidate {
        start_time: Timestamp::from_secs(1_677_255_000),
        requested_expiry: Timestamp::from_secs(1_677_255_563),
        ..candidate(
            "ab148af5f9cdad10beddb05fbec4a3bef02577130e56",
            &["SH_EMAIL"],
        )
    };
    let deadlines = [1_677_255_437, 1_677_255_497];
    let words = ["ACCEPTED", "INITIATE_SUBMITTED"];
    for ((body, deadline), word) in recorded.bodies.iter().zip(deadlines).zip(words) {
        let mut message = callback(CallbackChannel::Status, body.clone(), vec![about.clone()]);
        for at in [deadline - 240, deadline - 180, deadline] {
            message.receive_time = Timestamp::from_secs(at);
            let reading = read(&keys, &message).unwrap();
            assert_eq!(reading.candidate, 0);
            assert_eq!(reading.encoding, "wire-sha3");
            assert!(!reading.is_late);
            let time = Timestamp::from_secs(deadline - 180);
            assert_eq!(reading.provider_time, Some(time));
            let Report::Status(report) = reading.report else {
                panic!("not a status");
            };
            assert_eq!(report.status, word);
            assert_eq!(report.fact, Some(Fact::Accepted));
            assert_eq!(report.tx_hash.is_some(), word == "INITIATE_SUBMITTED");
        }
        message.receive_time = Timestamp::from_secs(deadline + 1);
        assert!(read(&keys, &message).unwrap().is_late);
        message.receive_time = Timestamp::from_secs(deadline - 241);
        assert_eq!(reason(read(&keys, &message)), Reason::CallbackFromFuture);
    }
}

#[test]
fn a_status_says_its_word_its_rank_and_its_fact() {
    let report = told_status(&status_members("CONFIRMED", NOW + 100)).unwrap();
    assert_eq!(report.status, "CONFIRMED");
    assert_eq!(report.identity, "CONFIRMED");
    assert_eq!(report.rank, 11);
    assert_eq!(report.fact, Some(Fact::Confirmed));
}

#[test]
fn a_status_signed_anew_is_the_same_event_and_a_failed_delivery_another() {
    let identity = |word: &str, deadline| {
        let report = told_status(&status_members(word, deadline)).unwrap();
        (report.identity, report.occurrence)
    };
    assert_eq!(identity("ACCEPTED", NOW), identity("ACCEPTED", NOW + 9));
    assert_ne!(
        identity("CALLBACK_FAILED", NOW),
        identity("CALLBACK_FAILED", NOW + 9)
    );
    assert_eq!(
        identity("CONFIRM_FAILED", NOW),
        identity("CONFIRMED_FAILED", NOW)
    );
    let spelt = told_status(&status_members("CONFIRMED_FAILED", NOW)).unwrap();
    assert_eq!(spelt.status, "CONFIRMED_FAILED", "word for word");
}

#[test]
fn a_word_that_is_not_documented_moves_nothing_and_is_not_repeated() {
    let report = told_status(&status_members("Ann Example", NOW)).unwrap();
    assert_eq!(report.status, "OTHER");
    assert_eq!((report.rank, report.fact), (0, None));
    assert!(!report.identity.contains("Ann"));
    let other = told_status(&status_members("Bob Example", NOW)).unwrap();
    assert_ne!(report.identity, other.identity);
}

#[test]
fn a_status_about_another_user_or_other_items_is_refused() {
    let about = |subject: &str, fields: &[&str]| {
        let connector = connector();
        let body = signed(&status_members("ACCEPTED", NOW), &connector.key);
        let candidates = vec![candidate(subject, fields)];
        let message = callback(CallbackChannel::Status, body, candidates);
        reason(read(&connector.keys, &message))
    };
    let both = ["SH_EMAIL", "SH_PHONE"];
    let else_user = "ab06b37c90098790e90bbcd56a701e50ec8b51b6bd5e";
    assert_eq!(about(else_user, &both), Reason::CallbackSubjectMismatch);
    for fields in [&both[..1], &["SH_EMAIL", "SH_PHONE", "SH_IDCard_DOB"]] {
        assert_eq!(about(USER, fields), Reason::CallbackItemsMismatch);
    }
    let connector = connector();
    let body = signed(&status_members("ACCEPTED", NOW), &connector.key);
    let nobody = callback(CallbackChannel::Status, body, Vec::new());
    assert_eq!(
        reason(read(&connector.keys, &nobody)),
        Reason::CallbackAttemptUnknown
    );
}

#[test]
fn a_callback_from_before_the_attempt_is_about_none() {
    let connector = connector();
    let members = status_members("ACCEPTED", NOW).replace(&EXPIRATION.to_string(), "1600000000");
    let body = signed(&members, &connector.key);
    let mut about = candidate(USER, &["SH_EMAIL", "SH_PHONE"]);
    about.start_time = Timestamp::from_secs(NOW - 180 + 61);
    let message = callback(CallbackChannel::Status, body, vec![about]);
    assert_eq!(
        reason(read(&connector.keys, &message)),
        Reason::CallbackAttemptUnknown
    );
}
