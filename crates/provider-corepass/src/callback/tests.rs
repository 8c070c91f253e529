use bytes::Bytes;
use openssl::pkey::{PKey, Private};
use proptest::prelude::*;
use verilane_core::Fact;

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
        told_status(&status_members(word, deadline))
            .unwrap()
            .identity
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

#[test]
fn data_is_divided_into_what_was_asked_for_and_what_was_not() {
    let infos = format!(
        r#"{PHONE},{{"fieldID":"SH_IDCard_DOB","fieldValue":"x"}},{EMAIL},{{"fieldID":"NEW","fieldValue":1}}"#
    );
    let report = told_data(&infos).unwrap();
    let fields: Vec<_> = report
        .items
        .iter()
        .map(|item| item.field.as_str())
        .collect();
    assert_eq!(fields, ["SH_PHONE", "SH_EMAIL"]);
    assert_eq!(report.unrequested, 2);
    assert_eq!(report.items[1].value.expose(), "a@b");
    assert_eq!(report.items[1].pepper.as_ref().unwrap().expose(), "00");
}

#[test]
fn a_missing_item_is_missing_and_so_is_null() {
    assert_eq!(told_data(EMAIL).unwrap().items.len(), 1);
    let null = format!(r#"{EMAIL},{{"fieldID":"SH_PHONE","fieldValue":null}}"#);
    assert_eq!(told_data(&null).unwrap().items.len(), 1);
    assert!(told_data("").unwrap().items.is_empty());
}

#[test]
fn one_item_with_two_values_is_refused() {
    assert_eq!(
        told_data(&format!("{EMAIL},{EMAIL}")).unwrap().items.len(),
        1
    );
    let other_value = EMAIL.replace("a@b", "c@d");
    let other_pepper = EMAIL.replace("00", "02");
    for second in [other_value, other_pepper] {
        assert_eq!(
            told_data(&format!("{EMAIL},{second}")).err(),
            Some(Reason::CallbackItemsMismatch.into())
        );
    }
}

#[test]
fn data_about_other_items_alone_belongs_to_another_request() {
    let infos = r#"{"fieldID":"SH_IDCard_DOB","fieldValue":"x"}"#;
    assert_eq!(
        told_data(infos).err(),
        Some(Reason::CallbackItemsMismatch.into())
    );
}

#[test]
fn data_is_believed_late_and_marked_so() {
    for (deadline, is_late) in [(NOW, false), (NOW - 1, true), (NOW - 90 * 86_400, true)] {
        let members = data_members(EMAIL, deadline);
        let reading = told(CallbackChannel::Data, &members).unwrap();
        assert_eq!(reading.is_late, is_late);
    }
    let samples_kind = data_members(EMAIL, EXPIRATION);
    assert!(told(CallbackChannel::Data, &samples_kind).is_ok());
    let members = data_members(EMAIL, NOW + 961);
    assert_eq!(
        reason(told(CallbackChannel::Data, &members)),
        Reason::CallbackFromFuture
    );
}

#[test]
fn an_expiration_that_is_not_signed_is_not_believed() {
    let connector = connector();
    let covered = format!(r#"{{"user":"{USER}","infos":[{EMAIL}],"deadline":{NOW}}}"#);
    let sent = data_members(EMAIL, NOW);
    let digest = crate::signature::signer::sha3(&covered);
    let body = signed_over(&sent, digest, &connector.key);
    let mut older = candidate(USER, &["SH_EMAIL"]);
    older.start_time = Timestamp::from_secs(NOW - 500);
    let mut newer = candidate(USER, &["SH_EMAIL"]);
    newer.start_time = Timestamp::from_secs(NOW - 100);
    newer.requested_expiry = Timestamp::from_secs(EXPIRATION + 60);
    older.requested_expiry = Timestamp::from_secs(EXPIRATION + 90);
    // By the unsigned expiration it would be about neither; by its time it is about the older.
    let message = callback(
        CallbackChannel::Data,
        body,
        vec![newer.clone(), older.clone()],
    );
    let reading = read(&connector.keys, &message).unwrap();
    assert_eq!(reading.encoding, "wire-without-expiration-sha3");
    assert_eq!(reading.candidate, 1);
    newer.requested_expiry = Timestamp::from_secs(EXPIRATION);
    let message = Callback {
        candidates: vec![newer, older],
        ..message
    };
    assert_eq!(read(&connector.keys, &message).unwrap().candidate, 1);
}

fn failure_members(error: &str, items: &str) -> String {
    format!(
        r#"{{"user":"{USER}","items":[{items}],"error":"{error}","deadline":{NOW},"expiration":{EXPIRATION}}}"#
    )
}

#[test]
fn a_failure_says_a_documented_word_or_other() {
    let both = r#""SH_PHONE","SH_EMAIL""#;
    let failure = |error: &str| {
        let members = failure_members(error, both);
        match told(CallbackChannel::Data, &members).unwrap().report {
            Report::Failure(report) => report,
            other => panic!("{other:?}"),
        }
    };
    let known = failure("VALIDITY_FAILED");
    assert_eq!((&*known.status, known.rank), ("VALIDITY_FAILED", 9));
    assert_eq!(known.fact, Fact::Failed(Reason::ValidityFailed));
    let free = failure("no funds for Ann");
    assert_eq!((&*free.status, free.rank), ("OTHER", 0));
    assert_eq!(free.identity, "FAILURE:OTHER");
    assert_eq!(free.fact, Fact::Failed(Reason::ProviderFailed));
    assert_eq!(failure("FINISH_FAILED").fact, Fact::SettlementFailed);
}

#[test]
fn a_failure_about_other_items_is_refused() {
    for items in [
        r#""SH_EMAIL""#,
        "",
        r#""SH_EMAIL","SH_PHONE","SH_IDCard_DOB""#,
    ] {
        let members = failure_members("X", items);
        assert_eq!(
            reason(told(CallbackChannel::Data, &members)),
            Reason::CallbackItemsMismatch
        );
    }
}

#[test]
fn each_fault_of_a_body_has_its_verdict() {
    let connector = connector();
    let about = || vec![candidate(USER, &["SH_EMAIL", "SH_PHONE"])];
    let verdict = |body: String| {
        reason(read(
            &connector.keys,
            &callback(CallbackChannel::Status, body, about()),
        ))
    };
    let members = status_members("ACCEPTED", NOW);
    let good = signed(&members, &connector.key);
    assert_eq!(verdict(members.clone()), Reason::CallbackUnsigned);
    assert_eq!(
        verdict(signed(&members, &private(2))),
        Reason::CallbackKeyNotPinned
    );
    assert_eq!(
        verdict(good.replace("ACCEPTED", "CONFIRMED")),
        Reason::CallbackSignatureInvalid
    );
    let malformed = [
        String::new(),
        "[]".to_owned(),
        good.replace("\"status\"", "\"state\""),
        good.replace("{\"user\"", "{\"status\":\"PENDING\",\"user\""),
        format!("{good} {}", " ".repeat(MAX_STATUS_BODY)),
        format!("{{\"a\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000)),
    ];
    for body in malformed {
        assert_eq!(verdict(body), Reason::CallbackMalformed);
    }
}

#[test]
fn a_genuine_callback_on_the_other_channel_is_refused() {
    let status = status_members("ACCEPTED", NOW);
    assert_eq!(
        reason(told(CallbackChannel::Data, &status)),
        Reason::CallbackMalformed
    );
    let data = data_members(EMAIL, NOW);
    assert_eq!(
        reason(told(CallbackChannel::Status, &data)),
        Reason::CallbackMalformed
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_answered(
        body in prop::collection::vec(any::<u8>(), 0..300),
        content_type in prop::option::of(".{0,40}"),
        is_status in any::<bool>(),
    ) {
        let channel = if is_status { CallbackChannel::Status } else { CallbackChannel::Data };
        let connector = connector();
        let mut message = callback(channel, String::new(), vec![candidate(USER, &["SH_EMAIL"])]);
        message.body = Bytes::from(body);
        message.content_type = content_type;
        prop_assert!(read(&connector.keys, &message).is_err());
    }

    #[test]
    fn a_genuine_body_with_bytes_changed_is_refused(
        place in any::<prop::sample::Index>(),
        with in prop::collection::vec(any::<u8>(), 0..4),
        cut in 0..4_usize,
    ) {
        let connector = connector();
        let body = signed(&data_members(EMAIL, NOW), &connector.key).into_bytes();
        let from = place.index(body.len());
        let to = (from + cut).min(body.len());
        let mut changed = body.clone();
        changed.splice(from..to, with);
        let mut message = callback(CallbackChannel::Data, String::new(), vec![candidate(USER, &["SH_EMAIL"])]);
        let is_same = crate::wire::Object::parse(&changed).is_ok_and(|object| {
            let genuine = crate::wire::Object::parse(&body).unwrap();
            let plain = |object: &crate::wire::Object<'_>| -> Vec<(String, String)> {
                object.members().iter().map(|m| (m.name.clone(), m.value.to_string())).collect()
            };
            plain(&object) == plain(&genuine)
        });
        message.body = Bytes::from(changed);
        prop_assert_eq!(read(&connector.keys, &message).is_ok(), is_same);
    }
}
