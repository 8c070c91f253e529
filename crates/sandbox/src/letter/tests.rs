//! What is signed, and what forgeries change.

use super::*;
use crate::keys::Keys;
use crate::seed::Seed;

fn json() -> Writing {
    Writing {
        shape: DataShape::Json,
        ..Writing::default()
    }
}

fn status(tx_hash: Option<&str>) -> Letter {
    Letter::status(&StatusContent {
        user: "ab148af5f9cdad10beddb05fbec4a3bef02577130e56",
        items: &["SH_EMAIL".to_owned()],
        status: "ACCEPTED",
        expiration: 1_677_255_563,
        deadline: 1_677_255_437,
        tx_hash,
    })
}

#[test]
fn a_status_letter_has_the_documented_members_in_order_and_hashes_field_names() {
    let keys = Keys::derive(Seed(1), 0).unwrap();
    let sealed = status(Some("0xd90e")).seal(&keys.status, &json()).unwrap();
    let text = std::str::from_utf8(&sealed.body).unwrap();
    let (before, after) = text.split_once(r#""signature":""#).unwrap();
    assert_eq!(
        before,
        concat!(
            r#"{"user":"ab148af5f9cdad10beddb05fbec4a3bef02577130e56","fields":["#,
            r#""21148787cbc13cfc8acde462c822ff431af96aa2edf714fdc82f90e4c2918824"],"#,
            r#""status":"ACCEPTED","expiration":1677255563,"deadline":1677255437,"#,
        )
    );
    assert!(after.ends_with(r#"","tx_hash":"0xd90e"}"#), "{after}");
}

#[test]
fn the_signed_text_is_what_a_real_connector_signed() {
    use base64::Engine;
    use openssl::pkey::{Id, PKey};
    use openssl::sign::Verifier;

    let initiated = Letter::status(&StatusContent {
        user: "ab148af5f9cdad10beddb05fbec4a3bef02577130e56",
        items: &["SH_EMAIL".to_owned()],
        status: "INITIATE_SUBMITTED",
        expiration: 1_677_255_563,
        deadline: 1_677_255_497,
        tx_hash: Some("0xd90eb185877e47238380f613e3ac77f4cdb6a293ae21019fea7ac1b9ce12a94e"),
    });
    for (letter, signature) in [
        (
            status(None),
            concat!(
                "nNDY/bcxyo744eJVYj2l3vHuntrPwf+clgVhW1oalfBA5fJKCcuEHAnO+vonA8egSgH9dK3T8LUA",
                "mdR3obb4DzAoOIOxL/K/dbtTloDNAQ4Njjfvo306GDdEwEI9hv532awZ7VBrYcuoIuqWcyk5cTAA",
                "7LznAvTYVI74s/5nLVpY6D4j9V1pqQc5kE5Xk+Mrutqs75GcKE1VXYTpXxHyHaYH5IgNmue2FDmA",
            ),
        ),
        (
            initiated,
            concat!(
                "LUkjuWEDaLNxY0kbUJ5XkluGnq05OEqPNJi0e3YS8fk5EUW+vwj0ke2y5sPFxJLnGew14hRZ4ziA",
                "DkeuyaC9QNOYft15uRdA4L/ES+ny+kBOZyN3jAqHsX8thSbs1j8rsu2Qb7HSRpR9SwcJ/eDPkwkA",
                "7LznAvTYVI74s/5nLVpY6D4j9V1pqQc5kE5Xk+Mrutqs75GcKE1VXYTpXxHyHaYH5IgNmue2FDmA",
            ),
        ),
    ] {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(signature)
            .unwrap();
        let key = PKey::public_key_from_raw_bytes(&bytes[114..], Id::ED448).unwrap();
        let mut verifier = Verifier::new_without_digest(&key).unwrap();
        let digest = sha3(letter.signed_text(Encoding::Wire).as_bytes());
        assert!(verifier.verify_oneshot(&bytes[..114], &digest).unwrap());
    }
}

#[test]
fn each_forgery_differs_from_the_genuine_letter_in_what_it_says_and_no_more() {
    let keys = Keys::derive(Seed(1), 0).unwrap();
    let letter = status(None);
    let read =
        |sealed: Sealed| -> serde_json::Value { serde_json::from_slice(&sealed.body).unwrap() };
    let genuine = read(letter.seal(&keys.status, &json()).unwrap());
    let forged = |forgery| {
        read(
            letter
                .forge(&keys.forger, &keys.status, forgery, &json())
                .unwrap(),
        )
    };
    let tampered = forged(Forgery::Tampered);
    assert_eq!(tampered["signature"], genuine["signature"]);
    assert_ne!(tampered["status"], genuine["status"]);
    for forgery in [Forgery::OtherKey, Forgery::OtherKeyPosingAsOurs] {
        let forged = forged(forgery);
        assert_ne!(forged["signature"], genuine["signature"]);
        assert_eq!(forged["status"], genuine["status"]);
    }
}

#[test]
fn a_tampered_data_letter_says_another_value() {
    let info = Info {
        field: "SH_EMAIL".to_owned(),
        value: "a@b".to_owned(),
        pepper: "00".to_owned(),
    };
    let letter = Letter::data("ab22", &[info], 5, 6);
    assert_eq!(
        letter.signed_text(Encoding::Wire),
        concat!(
            r#"{"user":"ab22","infos":[{"fieldID":"SH_EMAIL","fieldValue":"a@b","pepper":"00"}],"#,
            r#""deadline":5,"expiration":6}"#
        )
    );
    assert!(
        letter
            .tampered()
            .signed_text(Encoding::Wire)
            .contains(r#""Not a@b""#)
    );
}

#[test]
fn each_encoding_writes_the_same_members_its_own_way() {
    let info = Info {
        field: "SH_EMAIL".to_owned(),
        value: "a<b".to_owned(),
        pepper: "00".to_owned(),
    };
    let data = Letter::data("ab22", &[info], 5, 6);
    assert_eq!(
        data.signed_text(Encoding::WithoutExpiration),
        concat!(
            r#"{"user":"ab22","infos":[{"fieldID":"SH_EMAIL","fieldValue":"a\u003cb","pepper":"00"}],"#,
            r#""deadline":5}"#
        )
    );
    assert_eq!(
        data.signed_text(Encoding::GoStruct),
        concat!(
            r#"{"User":"ab22","Infos":[{"fieldID":"SH_EMAIL","fieldValue":"a\u003cb","pepper":"00"}],"#,
            "\"Deadline\":5,\"Expiration\":6}\n"
        )
    );
    let items = ["A".to_owned(), "B".to_owned()];
    let failure = Letter::failure("ab22", &items, "E & F", 5, 6);
    assert_eq!(
        failure.signed_text(Encoding::GoStruct),
        concat!(
            r#"{"User":"ab22","Items":["A","B"],"Error":"E \u0026 F","#,
            "\"Deadline\":5,\"Expiration\":6}\n"
        )
    );
    assert_eq!(
        failure.signed_text(Encoding::Wire),
        r#"{"user":"ab22","items":["A","B"],"error":"E \u0026 F","deadline":5,"expiration":6}"#
    );
}
