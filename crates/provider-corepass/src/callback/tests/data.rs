//! Data and failures.

use super::*;

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
fn a_missing_item_is_missing_and_so_is_one_without_a_value() {
    assert_eq!(told_data(EMAIL).unwrap().items.len(), 1);
    for nothing in ["null", "\"\"", "\" \\t\""] {
        let phone = format!(r#"{{"fieldID":"SH_PHONE","fieldValue":{nothing}}}"#);
        let report = told_data(&format!("{EMAIL},{phone}")).unwrap();
        assert_eq!((report.items.len(), report.unrequested), (1, 0));
        assert_eq!(
            told_data(&phone).err(),
            Some(Reason::CallbackItemsMismatch.into())
        );
    }
}

#[test]
fn data_without_any_value_is_refused_so_that_the_real_data_can_still_come() {
    assert_eq!(
        told_data("").err(),
        Some(Reason::CallbackItemsMismatch.into())
    );
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

pub(super) fn failure_members(error: &str, items: &str) -> String {
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
