use proptest::prelude::*;
use serde_json::{Value, json};
use verilane_core::DocumentType;

use super::*;
use crate::fields::FIELDS;
use crate::forge::{SECRET, sealed};

/// "abc" as a picture, and the digests of its text and of its bytes (the latter from RFC 1321).
const PICTURE: &str = "YWJj";
const OF_TEXT: &str = "f4c0128178a6a21b7a3dd76729725d91";
const OF_BYTES: &str = "900150983cd24fb0d6963f7d28e17f72";

fn labelled(label: &str, value: Value) -> Value {
    json!({ "label": label, "value": value, "isValid": true, "isOwner": true })
}

fn all() -> Vec<String> {
    FIELDS.iter().map(|field| field.name.to_owned()).collect()
}

fn read_all(attributes: &[Value]) -> Read {
    read(Value::from(attributes).to_string().as_bytes(), &all()).unwrap()
}

fn fields_of(read: &Read) -> Vec<&str> {
    let items = read.data.items.iter();
    items.map(|item| item.field.as_str()).collect()
}

#[test]
fn what_was_sealed_is_unsealed_whatever_its_length() {
    for length in 0..50 {
        let text: Vec<u8> = (0..length).collect();
        let clear = unsealed(&sealed(&text, &SECRET), &SECRET).unwrap();
        assert_eq!(clear.expose(), &text);
    }
}

#[test]
fn what_was_not_sealed_so_is_refused() {
    let good = sealed(&[7; 40], &SECRET);
    let other_padding = {
        // The last byte of the last block but one decides how the padding reads.
        let (vector, text) = good.split_at(32);
        let mut bytes = STANDARD.decode(text).unwrap();
        let place = bytes.len() - 17;
        bytes[place] ^= 0x80;
        format!("{vector}{}", STANDARD.encode(bytes))
    };
    for wrong in [
        "",
        &good[..31],
        &good[..32],
        &good[..36],
        &good[..good.len() - 4],
        &good[1..],
        &format!("{good}%"),
        &format!("{good}\n"),
        &format!("zz{}", &good[2..]),
        &format!("ä{}", &good[1..]),
        &other_padding,
    ] {
        assert!(unsealed(wrong, &SECRET).is_err(), "{wrong}");
    }
}

#[test]
fn what_was_asked_for_is_taken_with_what_civic_says_of_it() {
    let mut phone = labelled("contact.personal.phoneNumber", json!("+1 5551234567"));
    phone["isOwner"] = json!(false);
    let attributes = [
        labelled("contact.personal.email", json!("jonsmith@example.com")),
        phone,
        json!({ "label": "documents.genericId.name", "value": "Jane Doe" }),
        labelled("documents.genericId.number", json!(4711)),
    ];
    let read = read_all(&attributes);
    let items = read.data.items.iter();
    let told: Vec<_> = items
        .map(|item| {
            let checks = item.checks.unwrap();
            let said = (checks.is_valid, checks.is_owner, checks.digest);
            (item.field.as_str(), item.value.expose().as_str(), said)
        })
        .collect();
    let expected = [
        (
            "contact.personal.email",
            "jonsmith@example.com",
            (true, true, None),
        ),
        (
            "contact.personal.phoneNumber",
            "+1 5551234567",
            (true, false, None),
        ),
        ("documents.genericId.name", "Jane Doe", (false, false, None)),
        ("documents.genericId.number", "4711", (true, true, None)),
    ];
    assert_eq!(told, expected);
    assert_eq!(read.data.unrequested, 0);
    assert!(read.document.is_none() && !read.digest_mismatch);
}

#[test]
fn what_was_not_asked_for_is_counted_and_what_is_to_be_ignored_is_not() {
    let attributes = Value::from(vec![
        labelled(IGNORED, json!("CIVIC:IAL1")),
        labelled("contact.personal.email", json!("jonsmith@example.com")),
        labelled("contact.personal.phoneNumber", json!("+1 5551234567")),
        labelled("documents.genericId.type", json!("Driving License")),
        labelled("something.new", json!("x")),
        labelled(USER_ID, json!("x")),
    ]);
    let asked = ["contact.personal.email", IGNORED, USER_ID].map(str::to_owned);
    let read = read(attributes.to_string().as_bytes(), &asked).unwrap();
    assert_eq!(fields_of(&read), ["contact.personal.email"]);
    assert_eq!(read.data.unrequested, 4);
    assert_eq!(read.document, Some(DocumentType::DrivingPermit));
}

#[test]
fn what_is_said_beside_the_label_to_be_ignored_is_said_of_the_user() {
    let (yes, no) = (json!(true), json!(false));
    let says = |valid, owner| Some((valid, owner));
    let table = [
        (Some(&yes), Some(&yes), says(true, true)),
        (Some(&yes), Some(&no), says(true, false)),
        (Some(&no), Some(&yes), says(false, true)),
        (Some(&yes), None, says(true, false)),
        (Some(&Value::Null), Some(&yes), says(false, true)),
        (Some(&Value::Null), Some(&Value::Null), None),
        (None, None, None),
    ];
    for (valid, owner, expected) in table {
        let mut level = json!({ "label": IGNORED, "value": "CIVIC:IAL1" });
        for (name, said) in [("isValid", valid), ("isOwner", owner)] {
            if let Some(said) = said {
                level[name] = said.clone();
            }
        }
        let read = read_all(std::slice::from_ref(&level));
        let told = read.user.map(|says| (says.is_valid, says.is_owner));
        assert_eq!(told, expected, "{level}");
        assert_eq!((read.data.items.len(), read.data.unrequested), (0, 0));
    }
    let read = read_all(&[labelled("contact.personal.email", json!("a@example.com"))]);
    assert!(read.user.is_none());
}

#[test]
fn what_has_no_value_is_not_there() {
    for value in [
        json!(null),
        json!(""),
        json!("  "),
        json!({}),
        json!([1]),
        json!(true),
    ] {
        let read = read_all(&[labelled("documents.genericId.name", value)]);
        assert_eq!((read.data.items.len(), read.data.unrequested), (0, 0));
    }
}

#[test]
fn what_is_no_array_of_labels_is_refused() {
    let one = labelled("contact.personal.email", json!("a@example.com"));
    for wrong in [
        json!({}),
        json!({ "data": [one] }),
        json!("x"),
        json!(["x"]),
        json!([{ "value": "x" }]),
        json!([{ "label": 7, "value": "x" }]),
        json!([{ "label": null, "value": "x" }]),
    ] {
        assert!(
            read(wrong.to_string().as_bytes(), &all()).is_err(),
            "{wrong}"
        );
    }
    for wrong in ["", "[", "[] []", "\u{0}"] {
        assert!(read(wrong.as_bytes(), &all()).is_err(), "{wrong}");
    }
    let nothing = read_all(&[]);
    assert_eq!((nothing.data.items.len(), nothing.data.unrequested), (0, 0));
}

/// Whether a value is valid and the user's own; none where there is no value.
type Said = Option<(bool, bool)>;

#[test]
fn one_odd_entry_leaves_the_others_as_they_are() {
    let email = labelled("contact.personal.email", json!("a@example.com"));
    let name = "documents.genericId.name";
    let says = |valid: Value, owner: Value| json!({ "label": name, "value": "Jane", "isValid": valid, "isOwner": owner });
    let (yes, no, nothing) = (json!(true), json!(false), Value::Null);
    let whole = says(yes.clone(), yes.clone());
    let table: [(&[Value], Said); 14] = [
        (&[json!({ "label": name })], None),
        (
            &[json!({ "label": name, "isValid": true, "isOwner": true })],
            None,
        ),
        (&[says(nothing.clone(), yes.clone())], Some((false, true))),
        (&[says(yes.clone(), nothing.clone())], Some((true, false))),
        (&[says(json!("true"), json!(1))], Some((false, false))),
        (&[whole.clone(), whole.clone()], Some((true, true))),
        (
            &[whole.clone(), says(yes.clone(), no.clone())],
            Some((true, false)),
        ),
        (&[says(no, yes.clone()), whole.clone()], Some((false, true))),
        (&[says(nothing, yes), whole.clone()], Some((false, true))),
        (
            &[labelled(name, Value::Null), whole.clone()],
            Some((true, true)),
        ),
        (
            &[whole.clone(), json!({ "label": name })],
            Some((false, false)),
        ),
        (&[whole.clone(), labelled(name, json!("John"))], None),
        (
            &[whole.clone(), labelled(name, json!("John")), whole.clone()],
            None,
        ),
        (
            &[
                whole.clone(),
                labelled(name, json!("John")),
                labelled(name, json!("John")),
            ],
            None,
        ),
    ];
    for (odd, expected) in table {
        let read = read_all(&[odd, std::slice::from_ref(&email)].concat());
        let (email, others) = read.data.items.split_last().unwrap();
        assert_eq!(email.value.expose(), "a@example.com");
        assert!(email.checks.unwrap().hold());
        let told: Vec<_> = others.iter().map(|item| item.checks.unwrap()).collect();
        let told: Vec<_> = told
            .iter()
            .map(|says| (says.is_valid, says.is_owner))
            .collect();
        assert_eq!(told, Vec::from_iter(expected), "{odd:?}");
        assert_eq!(read.data.unrequested, 0);
    }
}

#[test]
fn what_is_said_of_the_user_twice_is_a_yes_only_if_both_are() {
    let level = labelled(IGNORED, json!("CIVIC:IAL1"));
    let mut other = level.clone();
    other["isOwner"] = json!(false);
    for both in [[&level, &other], [&other, &level]] {
        let read = read_all(&both.map(Value::clone));
        assert!(!read.user.unwrap().is_owner && read.user.unwrap().is_valid);
    }
    let read = read_all(&[level.clone(), level]);
    assert!(read.user.unwrap().hold());
}

#[test]
fn a_label_that_nobody_asked_for_is_counted_once() {
    let unknown = labelled("something.new", json!("x"));
    let read = read_all(&[unknown.clone(), unknown]);
    assert_eq!((read.data.items.len(), read.data.unrequested), (0, 1));
}

#[test]
fn a_picture_is_held_against_its_digest_of_text_or_bytes() {
    let upper = OF_BYTES.to_uppercase();
    let table = [
        (PICTURE, OF_TEXT, DigestOf::Text),
        (PICTURE, OF_BYTES, DigestOf::Bytes),
        (PICTURE, &upper, DigestOf::Bytes),
        (PICTURE, &OF_BYTES[1..], DigestOf::Neither),
        (PICTURE, "d0a…", DigestOf::Neither),
        ("YWJk", OF_BYTES, DigestOf::Neither),
        ("%", OF_BYTES, DigestOf::Neither),
    ];
    for (picture, digest, expected) in table {
        let read = read_all(&[
            labelled(IMAGE_MD5, json!(digest)),
            labelled(IMAGE, json!(picture)),
        ]);
        let [md5, image] = &read.data.items[..] else {
            panic!("{read:?}");
        };
        assert_eq!(md5.checks.unwrap().digest, Some(expected), "{digest}");
        assert_eq!(image.checks.unwrap().digest, None);
        assert_eq!(read.digest_mismatch, expected == DigestOf::Neither);
        assert!(md5.image.is_none());
        match &image.image {
            Some(Image::File(bytes)) => assert_eq!(bytes.expose().len(), 3),
            Some(Image::Unreadable) => assert_eq!(picture, "%"),
            None => panic!("{read:?}"),
        }
    }
}

#[test]
fn a_digest_counts_even_if_the_picture_was_not_asked_for_and_alone_it_is_of_nothing() {
    let both = Value::from(vec![
        labelled(IMAGE, json!(PICTURE)),
        labelled(IMAGE_MD5, json!(OF_TEXT)),
    ]);
    let of = |attributes: &Value, asked: &[&str]| {
        let asked: Vec<String> = asked.iter().map(|field| (*field).to_owned()).collect();
        read(attributes.to_string().as_bytes(), &asked).unwrap()
    };
    let read = of(&both, &[IMAGE_MD5]);
    assert_eq!(fields_of(&read), [IMAGE_MD5]);
    let digest = read.data.items[0].checks.unwrap().digest;
    assert_eq!(digest, Some(DigestOf::Text));
    let alone = Value::from(vec![labelled(IMAGE_MD5, json!(OF_TEXT))]);
    let read = of(&alone, &[IMAGE_MD5]);
    assert_eq!(read.data.items[0].checks.unwrap().digest, None);
    assert!(!read.digest_mismatch);
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_answered(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        let _ = read(&bytes, &all());
        let _ = unsealed(&text, &SECRET);
    }
}
