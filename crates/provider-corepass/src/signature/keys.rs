//! The connector's public keys that a connection trusts.
//!
//! A set, so that a key can be replaced without a gap; each key can be limited to the channel it
//! signs for, since a connector may use different ones. Keys are parsed once, when the set is
//! made.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use openssl::pkey::{Id, PKey, Public};
use sha3::{Digest, Sha3_256};

pub use verilane_core::CallbackChannel as Channel;

/// Bytes of an Ed448 public key.
pub const PUBLIC_KEY_BYTES: usize = 57;

/// One pinned key.
pub struct PinnedKey {
    raw: [u8; PUBLIC_KEY_BYTES],
    parsed: PKey<Public>,
    fingerprint: String,
    only_for: Option<Channel>,
}

/// The keys that a connection trusts.
#[derive(Default)]
pub struct KeySet(Vec<PinnedKey>);

/// Why a set of keys can't be used: a fault of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not the hex of 57 bytes, or no point of the curve.
    #[error("pinned key {0} is not an Ed448 public key: 114 hex digits are expected")]
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
            if set.find(&raw).is_some() {
                errors.push(KeySetError::Repeated(number));
                continue;
            }
            let fingerprint = hex::encode(Sha3_256::digest(raw));
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

    /// The pinned key with these bytes. Takes as long whichever it is, or none.
    #[must_use]
    pub fn find(&self, raw: &[u8; PUBLIC_KEY_BYTES]) -> Option<&PinnedKey> {
        self.0.iter().fold(None, |found, key| {
            let same = verify_slices_are_equal(&key.raw, raw).is_ok();
            if same { Some(key) } else { found }
        })
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

    pub(super) const fn parsed(&self) -> &PKey<Public> {
        &self.parsed
    }
}

fn public_key(text: &str) -> Option<([u8; PUBLIC_KEY_BYTES], PKey<Public>)> {
    let raw = raw_key(text)?;
    let parsed = PKey::public_key_from_raw_bytes(&raw, Id::ED448).ok()?;
    Some((raw, parsed))
}

fn raw_key(text: &str) -> Option<[u8; PUBLIC_KEY_BYTES]> {
    let bare = text.strip_prefix("0x").unwrap_or(text);
    let mut raw = [0; PUBLIC_KEY_BYTES];
    hex::decode_to_slice(bare, &mut raw).ok()?;
    Some(raw)
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
        let raw = raw_key(&b).unwrap();
        let found = set.find(&raw).unwrap();
        assert_eq!(found.raw, raw);
        let whole = hex::encode(Sha3_256::digest(raw));
        assert_eq!((found.fingerprint(), whole.len()), (whole.as_str(), 64));
        assert_ne!(found.fingerprint(), set.0[0].fingerprint());
        assert!(set.find(&[0; PUBLIC_KEY_BYTES]).is_none());
    }
}
