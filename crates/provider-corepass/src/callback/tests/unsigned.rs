//! Data that is read without its signature.

use super::*;

fn unsigned(members: String, channel: CallbackChannel) -> Result<Vec<String>, Reason> {
    let about = vec![
        candidate(
            "ab22b1671b4f7ccc0b16a87514adde84513b6348232e",
            &["SH_EMAIL"],
        ),
        candidate(USER, &["SH_EMAIL", "SH_PHONE"]),
    ];
    let read = read_unsigned(&callback(channel, members, about));
    let read = read.map_err(|refusal| refusal.reason)?;
    assert_eq!(read.candidate, 1);
    let items = read.data.items.into_iter();
    Ok(items.map(|item| item.field).collect())
}

#[test]
fn what_is_right_but_for_its_signature_is_read_with_its_attempt() {
    let members = data_members(&format!("{EMAIL},{PHONE}"), NOW - 1_000);
    let extra = r#"{"fieldID":"SH_IDCard_DOB","fieldValue":"x"}"#;
    for body in [
        members.clone(),
        // With a good signature it would be taken, and the extra item left out.
        data_members(&format!("{EMAIL},{PHONE},{extra}"), NOW - 1_000),
        members.replacen('{', r#"{"signature":"made up","#, 1),
    ] {
        let fields = unsigned(body, CallbackChannel::Data).unwrap();
        assert_eq!(fields, ["SH_EMAIL", "SH_PHONE"]);
    }
}

#[test]
fn what_is_wrong_in_more_than_its_signature_is_refused() {
    let data = |infos: &str| data_members(infos, NOW);
    let nobody = "ab148af5f9cdad10beddb05fbec4a3bef02577130e56";
    for (members, expected) in [
        (data(""), Reason::CallbackItemsMismatch),
        (
            data(&format!("{EMAIL},{}", EMAIL.replace("a@b", "c@d"))),
            Reason::CallbackItemsMismatch,
        ),
        (
            data(EMAIL).replace(USER, nobody),
            Reason::CallbackSubjectMismatch,
        ),
        (data_members(EMAIL, NOW + 7_200), Reason::CallbackFromFuture),
        (status_members("ACCEPTED", NOW), Reason::CallbackMalformed),
        ("{}".to_owned(), Reason::CallbackMalformed),
    ] {
        let refused = unsigned(members.clone(), CallbackChannel::Data);
        assert_eq!(refused.unwrap_err(), expected, "{members}");
    }
    let on_status = unsigned(data(EMAIL), CallbackChannel::Status);
    assert_eq!(on_status.unwrap_err(), Reason::CallbackMalformed);
}
