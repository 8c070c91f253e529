//! Recorded signatures, signatures of our own, and everything that is neither.

use bytes::Bytes;
use serde_json::Value;

use super::signer::{hex_key, private, recorded, signed, signed_over};
use super::*;
use crate::wire::body::json_text;

mod secp256k1;

fn check(keys: &KeySet, channel: Channel, body: &[u8]) -> Result<Accepted, SignatureError> {
    let object = Object::parse(body).map_err(|_| SignatureError::Unusable)?;
    verify(keys, channel, &object)
}

const DATA: &str = r#"{"user":"u","infos":[{"fieldID":"SH_EMAIL","fieldValue":"a\u0026b","pepper":"00"}],"deadline":7,"expiration":6}"#;

#[test]
fn recorded_callbacks_verify_under_their_connectors_key() {
    let recorded = recorded();
    let keys = KeySet::new([(recorded.key.as_str(), None)]).unwrap();
    assert_eq!(recorded.bodies.len(), 2);
    for body in &recorded.bodies {
        let accepted = check(&keys, Channel::Status, body.as_bytes()).unwrap();
        assert_eq!(accepted.candidate.name, "wire-sha3");
        assert_eq!(accepted.key.len(), 64);
    }
}

#[test]
fn recorded_callbacks_verify_as_printed_with_white_space() {
    let file: Value =
        serde_json::from_str(include_str!("../../testdata/status_callbacks.json")).unwrap();
    let recorded = recorded();
    let keys = KeySet::new([(recorded.key.as_str(), None)]).unwrap();
    for body in &recorded.bodies {
        let spaced = body
            .replace("\":", "\" : ")
            .replace("[\"", "[\n  \"")
            .replace(",\"", " ,\r\n\t\"");
        check(&keys, Channel::Status, spaced.as_bytes()).unwrap();
    }
    assert_eq!(file["callbacks"].as_array().unwrap().len(), 2);
}

#[test]
fn every_flipped_bit_of_a_recorded_callback_is_refused() {
    let recorded = recorded();
    let keys = KeySet::new([(recorded.key.as_str(), None)]).unwrap();
    for body in &recorded.bodies {
        for bit in 0..body.len() * 8 {
            let mut flipped = body.clone().into_bytes();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                check(&keys, Channel::Status, &flipped).is_err(),
                "bit {bit}: {}",
                String::from_utf8_lossy(&flipped)
            );
        }
    }
}

#[test]
fn every_flipped_bit_of_a_data_callback_is_refused() {
    let key = private(1);
    let keys = KeySet::new([(hex_key(&key).as_str(), None)]).unwrap();
    let body = signed(DATA, &key);
    check(&keys, Channel::Data, body.as_bytes()).unwrap();
    for bit in 0..body.len() * 8 {
        let mut flipped = body.clone().into_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(check(&keys, Channel::Data, &flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn a_valid_signature_under_another_key_is_a_forgery() {
    let recorded = recorded();
    let keys = KeySet::new([(recorded.key.as_str(), None)]).unwrap();
    for body in &recorded.bodies {
        let object = Object::parse(body.as_bytes()).unwrap();
        let digest = candidates::of(Channel::Status)[0].digest(&object).unwrap();
        let members: Vec<_> = object
            .members()
            .iter()
            .filter(|member| member.name != "signature")
            .map(|member| format!("{}:{}", member.raw_name, member.value))
            .collect();
        let forged = signed_over(&format!("{{{}}}", members.join(",")), digest, &private(9));
        assert_eq!(
            check(&keys, Channel::Status, forged.as_bytes()),
            Err(SignatureError::KeyUnknown)
        );
        // With the pinned key appended in place of his own, his signature does not hold.
        let forged = forged.into_bytes();
        let own = Object::parse(&forged).unwrap();
        let mut bytes = STANDARD
            .decode(own.read::<String>("signature").unwrap())
            .unwrap();
        bytes.splice(SIGNATURE_BYTES.., hex::decode(&recorded.key).unwrap());
        let dressed = format!(
            "{{{},\"signature\":\"{}\"}}",
            members.join(","),
            STANDARD.encode(bytes)
        );
        assert_eq!(
            check(&keys, Channel::Status, dressed.as_bytes()),
            Err(SignatureError::DoesNotHold)
        );
    }
}

#[test]
fn a_key_pinned_for_one_channel_signs_nothing_on_the_other() {
    let (status, data) = (private(1), private(2));
    let (a, b) = (hex_key(&status), hex_key(&data));
    let keys = KeySet::new([
        (a.as_str(), Some(Channel::Status)),
        (b.as_str(), Some(Channel::Data)),
    ])
    .unwrap();
    let body = signed(DATA, &data);
    assert!(check(&keys, Channel::Data, body.as_bytes()).is_ok());
    assert_eq!(
        check(&keys, Channel::Status, body.as_bytes()),
        Err(SignatureError::KeyNotForChannel)
    );
    let body = signed(DATA, &status);
    assert_eq!(
        check(&keys, Channel::Data, body.as_bytes()),
        Err(SignatureError::KeyNotForChannel)
    );
}

#[test]
fn either_of_two_pinned_keys_is_believed_and_recorded() {
    let (old, new) = (private(1), private(2));
    let (a, b) = (hex_key(&old), hex_key(&new));
    let keys = KeySet::new([(a.as_str(), None), (b.as_str(), None)]).unwrap();
    let mut fingerprints = Vec::new();
    for key in [&old, &new] {
        let body = signed(DATA, key);
        fingerprints.push(check(&keys, Channel::Data, body.as_bytes()).unwrap().key);
    }
    assert_ne!(fingerprints[0], fingerprints[1]);
}

#[test]
fn unknown_members_are_covered_where_they_stand() {
    let key = private(3);
    let keys = KeySet::new([(hex_key(&key).as_str(), None)]).unwrap();
    let members = r#"{"user":"u","new":{"b":1,"a":[2.50]},"deadline":7}"#;
    let body = signed(members, &key);
    assert!(check(&keys, Channel::Status, body.as_bytes()).is_ok());
    let moved = body.replace(r#"{"b":1,"a":[2.50]}"#, r#"{"a":[2.50],"b":1}"#);
    assert_eq!(
        check(&keys, Channel::Status, moved.as_bytes()),
        Err(SignatureError::DoesNotHold)
    );
}

#[test]
fn each_candidate_of_a_data_callback_is_accepted_and_named() {
    let key = private(4);
    let keys = KeySet::new([(hex_key(&key).as_str(), None)]).unwrap();
    let object = Object::parse(DATA.as_bytes()).unwrap();
    for candidate in candidates::of(Channel::Data) {
        let body = signed_over(DATA, candidate.digest(&object).unwrap(), &key);
        let accepted = check(&keys, Channel::Data, body.as_bytes()).unwrap();
        assert_eq!(accepted.candidate, candidate);
        if candidate.name != "wire-sha3" {
            assert_eq!(
                check(&keys, Channel::Status, body.as_bytes()),
                Err(SignatureError::DoesNotHold),
                "only what is established counts for statuses"
            );
        }
    }
}

#[test]
fn multipart_with_a_part_for_each_member_verifies_as_its_compact_json() {
    let key = private(5);
    let keys = KeySet::new([(hex_key(&key).as_str(), None)]).unwrap();
    let body = signed(DATA, &key);
    let object = Object::parse(body.as_bytes()).unwrap();
    let mut form = String::new();
    for member in object.members() {
        let content = serde_json::from_str::<String>(&member.value)
            .unwrap_or_else(|_| member.value.to_string());
        form.push_str(&format!(
            "--XX\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{content}\r\n",
            member.name
        ));
    }
    form.push_str("--XX--\r\n");
    let content_type = Some("multipart/form-data; boundary=XX");
    let text = json_text(content_type, &Bytes::from(form)).unwrap();
    assert!(check(&keys, Channel::Data, &text).is_ok());
}

#[test]
fn what_is_not_exactly_a_signature_and_a_key_is_unusable() {
    let recorded = recorded();
    let keys = KeySet::new([(recorded.key.as_str(), None)]).unwrap();
    let body = &recorded.bodies[0];
    let object = Object::parse(body.as_bytes()).unwrap();
    let good: String = object.read("signature").unwrap();
    let longer = STANDARD.encode([0; 172]);
    let shorter = STANDARD.encode([0; 170]);
    let recoverable = STANDARD.encode([0; 65]);
    let url_safe = good.replace('+', "-").replace('/', "_");
    let wrong = [
        "",
        "!",
        &good[..227],
        &good[..224],
        &format!("{good}="),
        &format!("{good}AAAA"),
        &format!("\\n{}", &good[1..]),
        &url_safe,
        &longer,
        &shorter,
        &recoverable,
    ];
    for text in wrong {
        let changed = body.replace(&good, text);
        assert_eq!(
            check(&keys, Channel::Status, changed.as_bytes()),
            Err(SignatureError::Unusable),
            "{text}"
        );
    }
    for body in ["{}", r#"{"signature":null}"#, r#"{"signature":["x"]}"#] {
        assert_eq!(
            check(&keys, Channel::Status, body.as_bytes()),
            Err(SignatureError::Unusable)
        );
    }
}

#[test]
fn escapes_in_the_signature_text_are_read() {
    let recorded = recorded();
    let keys = KeySet::new([(recorded.key.as_str(), None)]).unwrap();
    let body = recorded.bodies[0].replace('/', "\\/");
    assert_ne!(body, recorded.bodies[0]);
    assert!(check(&keys, Channel::Status, body.as_bytes()).is_ok());
}
