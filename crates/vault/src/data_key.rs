//! The key of one verification, and what is sealed under it.
//!
//! A data key exists in clear only in memory, inside the cipher, and is wiped when dropped.

use std::fmt;

use verilane_core::{Pii, Sealed};

use crate::aead::Cipher;
use crate::{SealContext, VaultError};

const FORMAT: u8 = 1;

/// The key under which one verification's personal data is sealed.
pub struct DataKey(Cipher);

impl DataKey {
    pub(crate) fn new(key: &[u8; 32]) -> Result<Self, VaultError> {
        Cipher::new(key).map(Self)
    }

    /// Encrypts a value for one place. 29 bytes longer than the value.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub fn seal(&self, context: &SealContext<'_>, plain: &[u8]) -> Result<Sealed, VaultError> {
        let bytes = self.0.seal(&[FORMAT], &context.encode(), plain)?;
        Ok(Sealed::new(bytes))
    }

    /// Decrypts a value found in one place.
    ///
    /// # Errors
    /// [`VaultError::Refused`] unless it was sealed for that place under this key, and
    /// [`VaultError::UnknownFormat`].
    pub fn open(
        &self,
        context: &SealContext<'_>,
        sealed: &Sealed,
    ) -> Result<Pii<Vec<u8>>, VaultError> {
        match sealed.as_bytes().split_first() {
            Some((&FORMAT, body)) => self.0.open(&context.encode(), body),
            Some(_) => Err(VaultError::UnknownFormat),
            None => Err(VaultError::Refused),
        }
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use verilane_core::{EvidenceId, Revision, VerificationId};

    use super::*;
    use crate::SealedWhat;

    fn key() -> DataKey {
        DataKey::new(&[7; 32]).unwrap()
    }

    fn context(what: SealedWhat<'_>) -> SealContext<'_> {
        SealContext {
            verification: VerificationId::from_bytes([1; 16]),
            revision: Revision(3),
            what,
        }
    }

    /// One of each kind, and for each member of a kind another value.
    fn every_what() -> Vec<SealedWhat<'static>> {
        let evidence = EvidenceId::from_bytes([1; 16]);
        let other = EvidenceId::from_bytes([2; 16]);
        let chunk = |evidence, index, last| SealedWhat::EvidenceChunk {
            evidence,
            index,
            last,
        };
        vec![
            SealedWhat::Subject,
            SealedWhat::SubjectRef,
            SealedWhat::Labels,
            SealedWhat::Purpose,
            SealedWhat::Action { attempt: 1 },
            SealedWhat::Action { attempt: 2 },
            SealedWhat::TxHash,
            SealedWhat::ClaimValue { claim: "birthdate" },
            SealedWhat::ClaimValue {
                claim: "birthplace",
            },
            SealedWhat::ClaimPepper { claim: "birthdate" },
            SealedWhat::ClaimPepper {
                claim: "birthplace",
            },
            SealedWhat::EvidenceName { evidence },
            SealedWhat::EvidenceName { evidence: other },
            SealedWhat::AuditDetails,
            chunk(evidence, 0, false),
            chunk(evidence, 1, false),
            chunk(evidence, 0, true),
            chunk(other, 0, false),
        ]
    }

    #[test]
    fn a_value_opens_in_its_own_place_only() {
        let key = key();
        for here in every_what() {
            let sealed = key.seal(&context(here), b"1990-01-31").unwrap();
            for there in every_what() {
                let opened = key.open(&context(there), &sealed);
                assert_eq!(
                    opened.is_ok(),
                    here == there,
                    "{here:?} opened as {there:?}"
                );
            }
        }
    }

    #[test]
    fn a_value_of_another_verification_or_revision_does_not_open() {
        let here = context(SealedWhat::ClaimValue { claim: "birthdate" });
        let sealed = key().seal(&here, b"1990-01-31").unwrap();
        let other_verification = SealContext {
            verification: VerificationId::from_bytes([2; 16]),
            ..here
        };
        let other_revision = SealContext {
            revision: Revision(4),
            ..here
        };
        for there in [other_verification, other_revision] {
            assert_eq!(
                key().open(&there, &sealed).unwrap_err(),
                VaultError::Refused
            );
        }
        assert_eq!(key().open(&here, &sealed).unwrap().expose(), b"1990-01-31");
    }

    #[test]
    fn another_data_key_opens_nothing() {
        let here = context(SealedWhat::Subject);
        let sealed = key().seal(&here, b"x").unwrap();
        let other = DataKey::new(&[8; 32]).unwrap();
        assert_eq!(other.open(&here, &sealed).unwrap_err(), VaultError::Refused);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused() {
        let here = context(SealedWhat::Subject);
        let sealed = key().seal(&here, b"somebody").unwrap();
        for bit in 0..sealed.as_bytes().len() * 8 {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let expected = match bit / 8 {
                0 => VaultError::UnknownFormat,
                _ => VaultError::Refused,
            };
            let error = key().open(&here, &Sealed::new(bytes)).unwrap_err();
            assert_eq!(error, expected, "bit {bit}");
        }
    }

    #[test]
    fn a_cut_or_lengthened_value_is_refused() {
        let here = context(SealedWhat::Subject);
        let bytes = key().seal(&here, b"somebody").unwrap().as_bytes().to_vec();
        for length in 0..bytes.len() {
            let cut = Sealed::new(bytes[..length].to_vec());
            assert_eq!(key().open(&here, &cut).unwrap_err(), VaultError::Refused);
        }
        let longer = Sealed::new([bytes.as_slice(), &[0]].concat());
        assert_eq!(key().open(&here, &longer).unwrap_err(), VaultError::Refused);
    }

    #[test]
    fn sealing_twice_gives_different_bytes_29_longer_than_the_value() {
        let here = context(SealedWhat::Subject);
        let (one, other) = (
            key().seal(&here, b"x").unwrap(),
            key().seal(&here, b"x").unwrap(),
        );
        assert_ne!(one, other);
        assert_eq!(one.as_bytes().len(), 1 + 29);
    }

    #[test]
    fn the_format_is_the_documented_one() {
        // Made by another implementation of AES-256-GCM: key 32 times 07, nonce 00 to 0b,
        // associated data as in context.rs.
        let bytes = hex::decode(concat!(
            "01",
            "000102030405060708090a0b",
            "29b8d0403039e8644483d1609a65aebe96fcf146414fa942abed"
        ))
        .unwrap();
        let here = context(SealedWhat::ClaimValue { claim: "birthdate" });
        let opened = key().open(&here, &Sealed::new(bytes)).unwrap();
        assert_eq!(opened.expose(), b"1990-01-31");
    }

    #[test]
    fn a_data_key_shows_nothing_and_can_be_shared() {
        const fn shared<T: Send + Sync>() {}
        shared::<DataKey>();
        assert_eq!(format!("{:?}", key()), "DataKey(..)");
    }

    proptest! {
        #[test]
        fn whatever_is_sealed_comes_back(
            plain: Vec<u8>,
            verification: [u8; 16],
            revision: u64,
            claim: String,
        ) {
            let here = SealContext {
                verification: VerificationId::from_bytes(verification),
                revision: Revision(revision),
                what: SealedWhat::ClaimValue { claim: &claim },
            };
            let sealed = key().seal(&here, &plain).unwrap();
            let opened = key().open(&here, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &plain);
        }

        #[test]
        fn arbitrary_bytes_never_open(bytes: Vec<u8>) {
            let here = context(SealedWhat::Subject);
            prop_assert!(key().open(&here, &Sealed::new(bytes)).is_err());
        }
    }
}
