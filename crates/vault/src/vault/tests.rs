//! What the vault promises about keys, places and indexes.

use std::collections::HashSet;

use proptest::prelude::*;
use verilane_core::Revision;

use super::*;
use crate::{SealContext, SealedWhat};

fn vault(primary: &str, keys: &[(&str, u8)]) -> Vault {
    let keys = keys
        .iter()
        .map(|(id, byte)| format!(r#"{{"id":"{id}","secret":"{}"}}"#, hex::encode([*byte; 32])))
        .collect::<Vec<_>>()
        .join(",");
    let index = hex::encode([0x99; 32]);
    let text =
        format!(r#"{{"version":1,"primary":"{primary}","keys":[{keys}],"index_key":"{index}"}}"#);
    Vault::new(&Keyring::parse(&text).unwrap()).unwrap()
}

fn somebody() -> VerificationId {
    VerificationId::from_bytes([1; 16])
}

const SUBJECT: SealContext<'static> = SealContext {
    verification: VerificationId::from_bytes([1; 16]),
    revision: Revision(1),
    what: SealedWhat::Subject,
};

#[test]
fn a_data_key_opens_again_for_its_own_verification_only() {
    let vault = vault("k", &[("k", 1)]);
    let (key, wrapped) = vault.new_data_key(somebody()).unwrap();
    let sealed = key.seal(&SUBJECT, b"somebody").unwrap();
    let again = vault.open_data_key(somebody(), &wrapped).unwrap();
    assert_eq!(again.open(&SUBJECT, &sealed).unwrap().expose(), b"somebody");
    let other = VerificationId::from_bytes([2; 16]);
    let refused = vault.open_data_key(other, &wrapped).unwrap_err();
    assert_eq!(refused, VaultError::Refused);
}

#[test]
fn what_an_older_key_wrapped_opens_after_rotation_and_new_values_take_the_new_key() {
    let before = vault("old", &[("old", 1)]);
    let after = vault("new", &[("old", 1), ("new", 2)]);
    let (key, wrapped) = before.new_data_key(somebody()).unwrap();
    let sealed = key.seal(&SUBJECT, b"somebody").unwrap();
    let again = after.open_data_key(somebody(), &wrapped).unwrap();
    assert_eq!(again.open(&SUBJECT, &sealed).unwrap().expose(), b"somebody");

    let (_, wrapped) = after.new_data_key(somebody()).unwrap();
    let unknown = before.open_data_key(somebody(), &wrapped).unwrap_err();
    assert_eq!(unknown, VaultError::UnknownKey(KeyId::new("new").unwrap()));
}

#[test]
fn a_key_of_the_same_name_and_another_value_opens_nothing() {
    let (_, wrapped) = vault("k", &[("k", 1)]).new_data_key(somebody()).unwrap();
    let other = vault("k", &[("k", 2)]);
    let refused = other.open_data_key(somebody(), &wrapped).unwrap_err();
    assert_eq!(refused, VaultError::Refused);
}

#[test]
fn a_secret_unwraps_in_its_own_place_only_and_never_as_a_data_key() {
    let vault = vault("k", &[("k", 1)]);
    let purpose = WrapPurpose::SlotPaths;
    let wrapped = vault
        .wrap_secret(purpose, &[b"slot", b"1"], &[5; 32])
        .unwrap();
    let unwrapped = vault
        .unwrap_secret(purpose, &[b"slot", b"1"], &wrapped)
        .unwrap();
    assert_eq!(unwrapped.expose(), &[5; 32]);
    for elsewhere in [&[b"slot".as_slice(), b"2"][..], &[b"slot1"], &[]] {
        let refused = vault
            .unwrap_secret(purpose, elsewhere, &wrapped)
            .unwrap_err();
        assert_eq!(refused, VaultError::Refused);
    }

    let place = [somebody()];
    let place: [&[u8]; 1] = [place[0].as_bytes()];
    let wrapped = vault.wrap_secret(purpose, &place, &[5; 32]).unwrap();
    assert!(vault.open_data_key(somebody(), &wrapped).is_err());
    let (_, wrapped) = vault.new_data_key(somebody()).unwrap();
    assert!(vault.unwrap_secret(purpose, &place, &wrapped).is_err());
}

#[test]
fn a_flipped_bit_anywhere_in_a_wrapped_value_is_refused() {
    let vault = vault("k", &[("k", 1), ("j", 2), ("ka", 3)]);
    let (_, wrapped) = vault.new_data_key(somebody()).unwrap();
    for bit in 0..wrapped.as_bytes().len() * 8 {
        let mut bytes = wrapped.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let opened = vault.open_data_key(somebody(), &Wrapped::new(bytes));
        assert!(opened.is_err(), "bit {bit}");
    }
    for length in 0..wrapped.as_bytes().len() {
        let cut = Wrapped::new(wrapped.as_bytes()[..length].to_vec());
        assert!(
            vault.open_data_key(somebody(), &cut).is_err(),
            "{length} bytes"
        );
    }
}

#[test]
fn an_index_is_stable_and_tells_kinds_parts_and_index_keys_apart() {
    use IndexKind::{CallbackPath, Label, Request, RequestId, Slot, Subject, SubjectRef};
    let rotated = vault("l", &[("k", 1), ("l", 2)]);
    let vault = vault("k", &[("k", 1)]);
    let kinds = [
        Subject,
        SubjectRef,
        Label,
        Slot,
        CallbackPath,
        Request,
        RequestId,
    ];
    let lists: [&[&[u8]]; 6] = [
        &[],
        &[b""],
        &[b"abc"],
        &[b"ab", b"c"],
        &[b"a", b"bc"],
        &[b"", b""],
    ];
    let mut seen = HashSet::new();
    for kind in kinds {
        for parts in lists {
            let index = vault.index(kind, parts);
            assert!(seen.insert(index), "{kind:?} of {parts:?} collides");
            assert_eq!(index, rotated.index(kind, parts));
        }
    }
}

#[test]
fn an_index_keeps_its_value_from_release_to_release() {
    // HMAC-SHA256 by another implementation, over the layout that this file writes.
    let index = vault("k", &[("k", 1)]).index(IndexKind::Label, &[b"team", b"onboarding"]);
    assert_eq!(
        hex::encode(index.as_bytes()),
        "3c71165af152d4fb51b6b0d0deae25da9a945d0ce4ff9762978a1bf8c772e041"
    );
}

#[test]
fn a_data_key_wrapped_by_an_earlier_release_opens() {
    // AES-256-GCM by another implementation: key encryption key 32 times 01, nonce 00 to 0b,
    // data key 32 times 07.
    let bytes = hex::decode("01016b000102030405060708090a0bbca1922127f9017ef96de0c3276ecfa4a9c16c0df296420776cd3f87a6803ab594e045c3ede33b41f4e3d208dd2c7624").unwrap();
    let vault = vault("k", &[("k", 1)]);
    let key = vault
        .open_data_key(somebody(), &Wrapped::new(bytes))
        .unwrap();
    let sealed = DataKey::new(&[7; 32])
        .unwrap()
        .seal(&SUBJECT, b"x")
        .unwrap();
    assert_eq!(key.open(&SUBJECT, &sealed).unwrap().expose(), b"x");
}

#[test]
fn random_paths_are_url_safe_and_never_the_same() {
    let vault = vault("k", &[("k", 1)]);
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let path = vault.random_path().unwrap();
        assert_eq!(path.len(), 43);
        assert!(
            path.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        );
        assert!(seen.insert(path));
    }
}

#[test]
fn debug_shows_the_primary_key_s_name_only() {
    assert_eq!(
        format!("{:?}", vault("k", &[("k", 1)])),
        r#"Vault(primary "k")"#
    );
}

proptest! {
    #[test]
    fn whatever_is_wrapped_comes_back(secret: Vec<u8>, place: Vec<Vec<u8>>) {
        let vault = vault("k", &[("k", 1)]);
        let place: Vec<&[u8]> = place.iter().map(Vec::as_slice).collect();
        let wrapped = vault.wrap_secret(WrapPurpose::SlotPaths, &place, &secret).unwrap();
        let again = vault.unwrap_secret(WrapPurpose::SlotPaths, &place, &wrapped).unwrap();
        prop_assert_eq!(again.expose(), &secret);
    }

    #[test]
    fn arbitrary_bytes_never_unwrap(bytes: Vec<u8>) {
        let vault = vault("k", &[("k", 1)]);
        prop_assert!(vault.open_data_key(somebody(), &Wrapped::new(bytes)).is_err());
    }
}
