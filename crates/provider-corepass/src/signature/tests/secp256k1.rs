//! Signatures from which a pinned secp256k1 key is recovered, and everything that is none.

use k256::ecdsa::{Signature, SigningKey};

use super::*;

const STATUS: &str = r#"{"user":"u","status":"X","deadline":7}"#;

fn signing(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn hex_of(key: &SigningKey, compress: bool) -> String {
    hex::encode(key.verifying_key().to_sec1_point(compress).as_bytes())
}

/// `r`, `s`, and `v` counted from `offset`.
fn bytes(digest: &[u8; 32], key: &SigningKey, offset: u8) -> Vec<u8> {
    let (signature, id) = key.sign_prehash_recoverable(digest);
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(id.to_byte() + offset);
    bytes
}

fn with(members: &str, signature: &[u8]) -> String {
    let open = members.strip_suffix('}').unwrap();
    format!("{open},\"signature\":\"{}\"}}", STANDARD.encode(signature))
}

fn digest_of(members: &str) -> [u8; 32] {
    super::super::signer::sha3(members)
}

fn only(key: &SigningKey) -> KeySet {
    KeySet::new([(hex_of(key, true).as_str(), None)]).unwrap()
}

#[test]
fn each_candidate_is_accepted_under_a_key_pinned_in_either_form_with_either_v() {
    let key = signing(1);
    let object = Object::parse(DATA.as_bytes()).unwrap();
    for (compress, offset) in [(true, 0), (true, 27), (false, 0), (false, 27)] {
        let keys = KeySet::new([(hex_of(&key, compress).as_str(), None)]).unwrap();
        for candidate in candidates::of(Channel::Data) {
            let signature = bytes(&candidate.digest(&object).unwrap(), &key, offset);
            assert_eq!(signature.len(), 65);
            let body = with(DATA, &signature);
            let accepted = check(&keys, Channel::Data, body.as_bytes()).unwrap();
            assert_eq!(accepted.candidate, candidate);
            assert_eq!(accepted.key.len(), 64);
        }
    }
}

#[test]
fn every_flipped_bit_of_content_or_signature_is_refused() {
    let key = signing(1);
    let keys = only(&key);
    let body = with(STATUS, &bytes(&digest_of(STATUS), &key, 27));
    check(&keys, Channel::Status, body.as_bytes()).unwrap();
    for bit in 0..body.len() * 8 {
        let mut flipped = body.clone().into_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(
            check(&keys, Channel::Status, &flipped).is_err(),
            "bit {bit}"
        );
    }
    // Beneath the base64, where each flip is still a signature to look at.
    let good = bytes(&digest_of(STATUS), &key, 0);
    for bit in 0..good.len() * 8 {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let body = with(STATUS, &flipped);
        assert!(
            check(&keys, Channel::Status, body.as_bytes()).is_err(),
            "bit {bit}"
        );
    }
}

#[test]
fn the_second_signature_that_anybody_can_make_of_a_first_is_refused() {
    let key = signing(1);
    let keys = only(&key);
    let good = bytes(&digest_of(STATUS), &key, 0);
    let signature = Signature::from_slice(&good[..64]).unwrap();
    let (r, s) = signature.split_scalars();
    let high = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    for v in [0, 1, 27, 28] {
        let mut mirrored = high.to_bytes().to_vec();
        mirrored.push(v);
        let body = with(STATUS, &mirrored);
        assert_eq!(
            check(&keys, Channel::Status, body.as_bytes()),
            Err(SignatureError::Unusable)
        );
    }
}

#[test]
fn a_recovered_key_must_be_pinned_and_pinned_for_the_channel() {
    let (ours, other) = (signing(1), signing(2));
    let body = with(STATUS, &bytes(&digest_of(STATUS), &other, 0));
    assert_eq!(
        check(&only(&ours), Channel::Status, body.as_bytes()),
        Err(SignatureError::DoesNotHold)
    );
    let (a, b) = (hex_of(&ours, false), hex_of(&other, false));
    let keys = KeySet::new([
        (a.as_str(), Some(Channel::Status)),
        (b.as_str(), Some(Channel::Data)),
    ])
    .unwrap();
    assert_eq!(
        check(&keys, Channel::Status, body.as_bytes()),
        Err(SignatureError::KeyNotForChannel)
    );
}

#[test]
fn the_scheme_follows_from_the_pinned_keys_and_never_from_the_message() {
    let (ed448, secp) = (private(1), signing(1));
    let long = signed(STATUS, &ed448);
    let short = with(STATUS, &bytes(&digest_of(STATUS), &secp, 0));
    let (a, b) = (hex_key(&ed448), hex_of(&secp, false));
    let ed448_only = KeySet::new([(a.as_str(), None)]).unwrap();
    let secp_only = KeySet::new([(b.as_str(), None)]).unwrap();
    let each_its_own = KeySet::new([
        (a.as_str(), Some(Channel::Data)),
        (b.as_str(), Some(Channel::Status)),
    ])
    .unwrap();
    let both = KeySet::new([(a.as_str(), None), (b.as_str(), None)]).unwrap();
    let unusable = Err(SignatureError::Unusable);
    let look = |keys: &KeySet, body: &str| check(keys, Channel::Status, body.as_bytes());
    assert!(look(&ed448_only, &long).is_ok());
    assert_eq!(look(&ed448_only, &short), unusable);
    assert!(look(&secp_only, &short).is_ok());
    assert_eq!(look(&secp_only, &long), unusable);
    assert!(look(&each_its_own, &short).is_ok());
    assert_eq!(look(&each_its_own, &long), unusable);
    assert!(look(&both, &long).is_ok() && look(&both, &short).is_ok());
}

#[test]
fn what_is_not_a_signature_at_all_is_unusable() {
    let key = signing(1);
    let keys = only(&key);
    let good = bytes(&digest_of(STATUS), &key, 0);
    let mut strange = vec![
        good[..64].to_vec(),
        [good.as_slice(), &[0]].concat(),
        vec![0; 65],
    ];
    strange.extend([2, 3, 26, 29, 255].map(|v| [&good[..64], &[v]].concat()));
    for signature in strange {
        let body = with(STATUS, &signature);
        assert_eq!(
            check(&keys, Channel::Status, body.as_bytes()),
            Err(SignatureError::Unusable)
        );
    }
}
