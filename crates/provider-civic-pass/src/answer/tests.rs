use proptest::prelude::*;
use serde_json::json;
use verilane_core::Fact;

use super::*;
use crate::words::WORDS;

const FIELDS: [&str; 6] = [
    "email",
    "evidence-document",
    "evidence-selfie",
    "idDocumentBack",
    "name",
    "phoneNumber",
];

fn look_at(body: &[u8], reference: &str, subject: &str) -> Result<LookAnswer, ProviderError> {
    let (reference, subject) = (Pii::from(reference), Pii::from(subject));
    let asked = LookRequest {
        reference: &reference,
        subject: &subject,
        fields: &FIELDS,
    };
    read(body, &asked, &Api(vec!["https://api.civic.com".to_owned()]))
}

fn look(answer: &Value, subject: &str) -> LookAnswer {
    look_at(answer.to_string().as_bytes(), "abcde", subject).unwrap()
}

/// The document's own sample, and what the newer generation adds.
fn sample(status: &str) -> Value {
    json!({
        "id": "abcde",
        "type": "proofOfIdentity",
        "status": status,
        "reference": "1234",
        "collection-status": "documents-collected",
        "verifiedInformation": {
            "email": "m.mustermann@test.test",
            "phoneNumber": 12345,
            "name": "Max M Mustermann",
            "documentType": "passport",
            "documentNumber": "12345",
            "issueCountry": "DE",
            "address": "0xAB",
            "accountId": "did:x:ab",
            "riskScore": 3,
        },
        "links": [
            { "rel": "self", "href": "https://api.civic.com/verification/abcde" },
            { "rel": "evidence-document", "href": "https://b.s3.amazonaws.com/d?s=1" },
            { "rel": "evidence-selfie", "href": "https://b.s3.amazonaws.com/s?s=1" },
        ],
    })
}

fn fields_of(answer: &LookAnswer) -> Vec<(&str, &str)> {
    let items = answer.data.iter().flat_map(|data| &data.items);
    items
        .map(|item| (item.field.as_str(), item.value.expose().as_str()))
        .collect()
}

#[test]
fn of_the_sample_what_was_asked_for_is_taken_and_nothing_else() {
    let answer = look(&sample("complete"), "");
    assert_eq!((answer.rank, answer.fact), (3, Some(Fact::Confirmed)));
    assert_eq!(answer.progress.as_ref().unwrap(), "documents-collected");
    assert_eq!(
        fields_of(&answer),
        [
            ("email", "m.mustermann@test.test"),
            ("name", "Max M Mustermann"),
            ("phoneNumber", "12345"),
        ]
    );
    assert_eq!(answer.data.as_ref().unwrap().unrequested, 3);
    assert_eq!(answer.document.as_ref().unwrap().expose(), "passport");
    let offered: Vec<_> = answer
        .offers
        .iter()
        .map(|offer| offer.field.as_str())
        .collect();
    assert_eq!(offered, ["evidence-document", "evidence-selfie"]);
    assert_eq!(
        answer.message.expose(),
        sample("complete").to_string().as_bytes()
    );
}

#[test]
fn nothing_is_taken_before_it_may_be_read() {
    for (word, meaning) in &WORDS {
        let answer = look(&sample(word), "");
        assert_eq!(answer.status, *word);
        assert_eq!((answer.rank, answer.fact), (meaning.rank, meaning.fact));
        assert_eq!(answer.data.is_some(), meaning.is_readable, "{word}");
        assert_eq!(answer.document.is_some(), meaning.is_readable, "{word}");
        assert_eq!(answer.offers.is_empty(), !meaning.is_readable, "{word}");
    }
    let unknown = look(&sample("archived"), "");
    assert_eq!((&*unknown.status, unknown.rank), ("archived", 0));
    assert!(unknown.data.is_none() && unknown.fact.is_none());
    assert_eq!(look(&sample("call 0800 12345"), "").status, "OTHER");
}

#[test]
fn another_user_s_request_gives_nothing_and_is_known_whatever_its_status() {
    let table = [
        ("", Whose::Theirs),
        ("wallet:0xab", Whose::Theirs),
        ("did:x:ab", Whose::Theirs),
        ("wallet:0xac", Whose::Anothers),
        ("did:x:ac", Whose::Anothers),
    ];
    let words = WORDS
        .iter()
        .map(|(word, meaning)| (*word, meaning.is_readable));
    for (word, is_readable) in words.chain([("archived", false)]) {
        for (subject, whose) in table {
            let answer = look(&sample(word), subject);
            assert_eq!(answer.whose, whose, "{word} {subject}");
            let gives = is_readable && whose == Whose::Theirs;
            assert_eq!(answer.data.is_some(), gives);
            assert_eq!(answer.offers.is_empty(), !gives);
            assert_eq!(answer.links.is_empty(), whose == Whose::Anothers);
        }
    }
}

#[test]
fn an_answer_that_names_nobody_tells_whether_it_should() {
    let mut unnamed = sample("verification-success");
    let information = unnamed["verifiedInformation"].as_object_mut().unwrap();
    information.retain(|name, _| name != "address");
    let bare = |word| json!({ "id": "abcde", "status": word });
    let table = [
        (&unnamed, "wallet:0xab", Whose::Nameless),
        (&unnamed, "did:x:ab", Whose::Theirs),
        (&unnamed, "", Whose::Theirs),
        (
            &bare("verification-success"),
            "wallet:0xab",
            Whose::Nameless,
        ),
        (&bare("partner-pass"), "wallet:0xab", Whose::Nameless),
        (&bare("partner-fail"), "did:x:ab", Whose::Nameless),
        (&bare("user-acknowledged"), "wallet:0xab", Whose::Unsaid),
        (&bare("user-cancelled"), "wallet:0xab", Whose::Unsaid),
        (&bare("verification-success"), "", Whose::Theirs),
    ];
    for (answer, subject, whose) in table {
        assert_eq!(look(answer, subject).whose, whose, "{answer} {subject}");
    }
}

#[test]
fn an_answer_about_another_request_is_none() {
    let url = "https://api.civic.com/sip/v3/scopeRequest/abcde";
    for (id, reference, is_taken) in [
        ("abcde", "abcde", true),
        ("abcde", url, true),
        (url, url, true),
        (url, "abcde", true),
        (url, "bcde", false),
        ("https://evil.example/abcde", "abcde", false),
        ("https://api.civic.com.evil.example/abcde", "abcde", false),
        ("abcdf", "abcde", false),
        ("https://evil.example/abcde", url, false),
        ("", "abcde", false),
    ] {
        let body = json!({ "id": id, "status": "complete" }).to_string();
        let outcome = look_at(body.as_bytes(), reference, "");
        assert_eq!(outcome.is_ok(), is_taken, "{id} for {reference}");
    }
}

#[test]
fn a_picture_goes_by_either_name_is_offered_once_and_what_is_no_link_is_passed_over() {
    let mut answer = sample("complete");
    answer["links"] = json!([
        { "rel": "idDocumentFront", "href": "https://api.civic.com/front" },
        { "rel": "idDocumentBack", "href": "https://api.civic.com/back" },
        { "rel": "idDocumentBack", "href": "https://api.civic.com/back-again" },
        { "rel": "evidence-selfie", "href": "not a link" },
        { "rel": "evidence-selfie", "href": "https://api.civic.com/selfie" },
        { "rel": "evidence-video", "href": "https://api.civic.com/video" },
        { "rel": "evidence-document" },
        { "rel": "evidence-document", "href": 7 },
        { "rel": ["evidence-document"], "href": "https://api.civic.com/d" },
        { "href": "https://api.civic.com/unnamed" },
        "https://api.civic.com/bare",
        null,
    ]);
    let answer = look(&answer, "");
    let offers = answer.offers.iter();
    let offers: Vec<_> = offers
        .map(|o| (o.field.as_str(), o.link.expose().as_str()))
        .collect();
    let expected = [
        ("evidence-document", "https://api.civic.com/front#abcde"),
        ("evidence-selfie", "https://api.civic.com/selfie#abcde"),
        ("idDocumentBack", "https://api.civic.com/back#abcde"),
    ];
    assert_eq!(offers, expected);
}

#[test]
fn links_are_named_whatever_the_status_and_whether_or_not_they_were_asked_for() {
    let link = |rel: &str| json!({ "rel": rel, "href": "https://api.civic.com/x?of=max" });
    let mut links: Vec<Value> = ["self", "evidence-video", "idDocumentFront", "step-2"]
        .into_iter()
        .chain(["evidence-video", "of Max Mustermann", "a,b", ""])
        .map(link)
        .collect();
    links.push(json!({ "rel": "evidence-selfie", "href": null }));
    for word in ["awaiting-user", "complete", "archived"] {
        let body = json!({ "id": "abcde", "status": word, "links": links });
        let answer = look(&body, "");
        let named = ["evidence-video", "idDocumentFront", "step-2"];
        assert_eq!(answer.links, named, "{word}");
    }
    let many: Vec<_> = (0..200)
        .map(|number| link(&format!("link-{number}")))
        .collect();
    let body = json!({ "id": "abcde", "status": "complete", "links": many });
    assert_eq!(look(&body, "").links.len(), MAX_LINKS);
}

#[test]
fn a_value_that_is_none_did_not_come() {
    let mut answer = sample("complete");
    for nothing in [
        json!(null),
        json!(""),
        json!("  "),
        json!(true),
        json!(["Max"]),
        json!({ "first": "Max" }),
        json!("x".repeat(MAX_VALUE + 1)),
    ] {
        answer["verifiedInformation"]["name"] = nothing;
        let taken = look(&answer, "");
        assert!(fields_of(&taken).iter().all(|(field, _)| *field != "name"));
    }
}

#[test]
fn both_words_are_passed_on_and_what_is_none_is_told_apart_without_being_shown() {
    for (word, passed, unshown) in [
        (json!(null), None, None),
        (json!(""), None, None),
        (json!("started"), Some("started"), None),
        (json!("IN_PROGRESS"), Some("IN_PROGRESS"), None),
        (json!("step-2"), Some("step-2"), None),
        (
            json!("Max Mustermann"),
            Some("OTHER"),
            Some("Max Mustermann"),
        ),
        (json!({ "step": 2 }), Some("OTHER"), Some("{\"step\":2}")),
    ] {
        let body = json!({ "id": "abcde", "status": "complete", "collection-status": word });
        let answer = look(&body, "");
        assert_eq!(answer.progress.as_deref(), passed);
        let told = answer.unshown.progress.as_ref();
        assert_eq!(told.map(|text| text.expose().as_str()), unshown);
        assert!(answer.unshown.status.is_none());
        assert!(!format!("{answer:?}").contains("Mustermann"));
    }
    let answer = look(&json!({ "id": "abcde", "status": "0800 12345" }), "");
    assert_eq!(answer.status, "OTHER");
    assert_eq!(answer.unshown.status.unwrap().expose(), "0800 12345");
}

#[test]
fn what_is_no_answer_is_refused() {
    let deep = "[".repeat(100_000);
    let bodies = [
        "",
        "null",
        "{}",
        "[]",
        "7",
        "<html>welcome</html>",
        r#"{"id":"abcde"}"#,
        r#"{"status":"complete"}"#,
        r#"{"id":"abcde","status":7}"#,
        r#"{"id":"abcde","status":"complete","status":"partner-pass"}"#,
        r#"{"id":"abcde","status":"complete","verifiedInformation":"x"}"#,
        r#"{"id":"abcde","status":"complete","links":{}}"#,
        &deep,
    ];
    for body in bodies {
        let outcome = look_at(body.as_bytes(), "abcde", "");
        let refused = matches!(outcome, Err(ProviderError::InvalidAnswer(_)));
        assert!(refused, "{}", body.get(..40).unwrap_or(body));
    }
}

#[test]
fn debug_shows_nothing_of_the_user() {
    let shown = format!("{:?}", look(&sample("complete"), "wallet:0xab"));
    for telling in ["Mustermann", "12345", "0xab", "amazonaws"] {
        assert!(!shown.contains(telling), "{telling}: {shown}");
    }
}

/// JSON that an answer could nearly be.
fn nearly() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::from("abcde")),
        Just(Value::from("complete")),
    ];
    let name = prop_oneof![
        "[a-z-]{0,12}",
        Just("id".to_owned()),
        Just("status".to_owned()),
        Just("links".to_owned()),
        Just("verifiedInformation".to_owned()),
        Just("rel".to_owned()),
        Just("href".to_owned()),
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in any::<Vec<u8>>(), place in any::<usize>(), byte in any::<u8>()) {
        let _ = look_at(&bytes, "abcde", "wallet:a");
        let mut whole = sample("complete").to_string().into_bytes();
        let place = place % whole.len();
        whole[place] = byte;
        let _ = look_at(&whole, "abcde", "wallet:a");
        let _ = look_at(&whole[..place], "abcde", "wallet:a");
    }

    #[test]
    fn only_what_was_asked_for_comes_out(mut answer in nearly()) {
        if let Some(members) = answer.as_object_mut() {
            members.insert("id".to_owned(), "abcde".into());
            members.insert("status".to_owned(), "complete".into());
        }
        if let Ok(look) = look_at(answer.to_string().as_bytes(), "abcde", "") {
            for (field, _) in fields_of(&look) {
                prop_assert!(FIELDS.contains(&field));
            }
            for offer in &look.offers {
                prop_assert!(FIELDS.contains(&offer.field.as_str()));
            }
        }
    }
}
