//! What is not believed, down to arbitrary and mutated bytes.

use proptest::prelude::*;

use super::*;

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
