//! The connector's public keys that a connection trusts.
//!
//! A set, so that a key can be replaced without a gap; each key can be limited to the channel it
//! signs for, since a connector may use different ones. A key is of one of two kinds, which its
//! length tells: Ed448, or secp256k1 (compressed or not). What kind of signature is believed follows
//! from the keys that are pinned, never from a callback. Keys are parsed once, when the set is made.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use k256::ecdsa::VerifyingKey;
use openssl::pkey::{Id, PKey, Public};
use sha3::{Digest, Sha3_256};

pub use verilane_core::CallbackChannel as Channel;

/// Bytes of an Ed448 public key.
pub const PUBLIC_KEY_BYTES: usize = 57;

/// What a pinned key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Plain Ed448, the public key appended to the signature.
    Ed448,
    /// ECDSA on secp256k1, the public key recovered from the signature.
    Secp256k1,
}

enum Parsed {
    Ed448(PKey<Public>),
    Secp256k1,
}

/// One pinned key.
pub struct PinnedKey {
    /// 57 bytes of Ed448, or 65 of an uncompressed point.
    raw: Vec<u8>,
    parsed: Parsed,
    fingerprint: String,
    only_for: Option<Channel>,
}

/// The keys that a connection trusts.
#[derive(Default)]
pub struct KeySet(Vec<PinnedKey>);

/// Why a set of keys can't be used: a fault of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not the hex of a key of either kind, or no point of its curve.
    #[error(
        "pinned key {0} is not a public key: 114 hex digits (Ed448), or 66 or 130 (secp256k1), are \
         expected"
    )]
    NotAKey(usize),
    /// The same key twice.
    #[error("pinned key {0} is listed before")]
    Repeated(usize),
    /// No key for a channel, so that nothing on it could ever be believed.
    #[error("no key is pinned for {0} callbacks")]
    NoneFor(&'static str),
}

impl KeySetError {
    /// The setting that is at fault.
    #[must_use]
    pub fn setting(&self) -> String {
        match self {
            Self::NotAKey(number) | Self::Repeated(number) => format!("keys[{number}].public_key"),
            Self::NoneFor(_) => "keys".to_owned(),
        }
    }
}

impl KeySet {
    /// Parses keys from hex, each for all channels or for one only.
    ///
    /// # Errors
    /// Every [`KeySetError`], with the number of the key, from 1. That a channel has no key is told
    /// only where each key can be read: a faulty one may be meant for it.
    pub fn new<'a>(
        keys: impl IntoIterator<Item = (&'a str, Option<Channel>)>,
    ) -> Result<Self, Vec<KeySetError>> {
        let mut set = Self::default();
        let mut errors = Vec::new();
        for ((text, only_for), number) in keys.into_iter().zip(1..) {
            let Some((raw, parsed)) = public_key(text) else {
                errors.push(KeySetError::NotAKey(number));
                continue;
            };
            if set.find_raw(&raw).is_some() {
                errors.push(KeySetError::Repeated(number));
                continue;
            }
            let fingerprint = hex::encode(Sha3_256::digest(&raw));
            set.0.push(PinnedKey {
                raw,
                parsed,
                fingerprint,
                only_for,
            });
        }
        if errors.is_empty() {
            let channels = [Channel::Status, Channel::Data].into_iter();
            let bare = channels.filter(|channel| !set.0.iter().any(|key| key.is_for(*channel)));
            errors.extend(bare.map(|channel| KeySetError::NoneFor(channel.as_str())));
        }
        if errors.is_empty() {
            Ok(set)
        } else {
            Err(errors)
        }
    }

    /// The pinned Ed448 key with these bytes. Takes as long whichever it is, or none.
    #[must_use]
    pub fn find(&self, raw: &[u8; PUBLIC_KEY_BYTES]) -> Option<&PinnedKey> {
        self.find_raw(raw)
    }

    /// The pinned secp256k1 key that is this point. Takes as long whichever it is, or none.
    #[must_use]
    pub fn find_point(&self, point: &VerifyingKey) -> Option<&PinnedKey> {
        self.find_raw(point.to_sec1_point(false).as_bytes())
    }

    fn find_raw(&self, raw: &[u8]) -> Option<&PinnedKey> {
        self.0.iter().fold(None, |found, key| {
            let same = verify_slices_are_equal(&key.raw, raw).is_ok();
            if same { Some(key) } else { found }
        })
    }

    /// Whether a key of this kind is pinned for this channel.
    #[must_use]
    pub fn has(&self, kind: Kind, channel: Channel) -> bool {
        let mut keys = self.0.iter();
        keys.any(|key| key.kind() == kind && key.is_for(channel))
    }
}

impl PinnedKey {
    /// The SHA3-256 of the key's bytes, in lower-case hex: for records and logs.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether callbacks of this channel may be signed under it.
    #[must_use]
    pub fn is_for(&self, channel: Channel) -> bool {
        self.only_for.is_none_or(|only| only == channel)
    }

    /// Which kind it is of.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.parsed {
            Parsed::Ed448(_) => Kind::Ed448,
            Parsed::Secp256k1 => Kind::Secp256k1,
        }
    }

    /// The key as OpenSSL holds it, if it is an Ed448 key.
    pub(super) const fn ed448(&self) -> Option<&PKey<Public>> {
        match &self.parsed {
            Parsed::Ed448(key) => Some(key),
            Parsed::Secp256k1 => None,
        }
    }
}

fn public_key(text: &str) -> Option<(Vec<u8>, Parsed)> {
    let bytes = hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok()?;
    match (bytes.len(), bytes.first()?) {
        (PUBLIC_KEY_BYTES, _) => {
            let parsed = PKey::public_key_from_raw_bytes(&bytes, Id::ED448).ok()?;
            Some((bytes, Parsed::Ed448(parsed)))
        }
        // SEC 1's two common forms; its "compact" one leaves open which of two keys is meant.
        (33, 2 | 3) | (65, 4) => {
            let point = VerifyingKey::from_sec1_bytes(&bytes).ok()?;
            let raw = point.to_sec1_point(false).as_bytes().to_vec();
            Some((raw, Parsed::Secp256k1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> String {
        let private = PKey::private_key_from_raw_bytes(&[seed; 57], Id::ED448).unwrap();
        hex::encode(private.raw_public_key().unwrap())
    }

    #[test]
    fn a_fault_is_named_with_the_number_of_the_key() {
        let good = key(1);
        for wrong in ["", "00", &good[1..], &format!("{good}00"), "z"] {
            let keys = [(good.as_str(), None), (wrong, None)];
            assert_eq!(KeySet::new(keys).err(), Some(vec![KeySetError::NotAKey(2)]));
        }
        let upper = good.to_uppercase();
        let keys = [(good.as_str(), None), (upper.as_str(), Some(Channel::Data))];
        assert_eq!(
            KeySet::new(keys).err(),
            Some(vec![KeySetError::Repeated(2)])
        );
        // Each is found, and none of them is taken for a channel's lack of a key.
        let keys = ["00", &good, &good, "z"].map(|key| (key, Some(Channel::Data)));
        let expected = vec![
            KeySetError::NotAKey(1),
            KeySetError::Repeated(3),
            KeySetError::NotAKey(4),
        ];
        assert_eq!(KeySet::new(keys).err(), Some(expected));
    }

    #[test]
    fn a_secp256k1_key_is_told_by_its_length_and_is_the_same_in_both_forms() {
        // The generator of the curve, as SEC 2 prints it.
        let x = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        let y = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
        let (short, long) = (format!("02{x}"), format!("0x04{x}{y}"));
        let set = |keys: &[&str]| KeySet::new(keys.iter().map(|key| (*key, None)));
        assert_eq!(
            set(&[&short, &long]).err(),
            Some(vec![KeySetError::Repeated(2)])
        );
        let of = |text: &str| set(&[text]).unwrap();
        assert_eq!(of(&short).0[0].fingerprint(), of(&long).0[0].fingerprint());
        assert!(of(&short).has(Kind::Secp256k1, Channel::Data));
        assert!(!of(&short).has(Kind::Ed448, Channel::Data));
        let off_the_curve = format!("04{x}{x}");
        for wrong in [&off_the_curve, &format!("05{x}"), &x.to_owned()] {
            assert_eq!(set(&[wrong]).err(), Some(vec![KeySetError::NotAKey(1)]));
        }
    }

    #[test]
    fn a_channel_without_a_key_is_refused() {
        let (a, b) = (key(1), key(2));
        let both = ["status", "data"].map(KeySetError::NoneFor);
        assert_eq!(KeySet::new([]).err(), Some(both.to_vec()));
        let status_only = [(a.as_str(), Some(Channel::Status))];
        assert_eq!(
            KeySet::new(status_only).err(),
            Some(vec![KeySetError::NoneFor("data")])
        );
        let both = [
            (a.as_str(), Some(Channel::Status)),
            (b.as_str(), Some(Channel::Data)),
        ];
        assert!(KeySet::new(both).is_ok());
    }

    #[test]
    fn keys_are_told_apart_by_fingerprint() {
        let (a, b) = (key(1), format!("0x{}", key(2)));
        let set = KeySet::new([(a.as_str(), None), (b.as_str(), None)]).unwrap();
        let raw = hex::decode(&b[2..]).unwrap().try_into().unwrap();
        let found = set.find(&raw).unwrap();
        assert_eq!(found.raw, raw);
        let whole = hex::encode(Sha3_256::digest(raw));
        assert_eq!((found.fingerprint(), whole.len()), (whole.as_str(), 64));
        assert_ne!(found.fingerprint(), set.0[0].fingerprint());
        assert!(set.find(&[0; PUBLIC_KEY_BYTES]).is_none());
    }
}
