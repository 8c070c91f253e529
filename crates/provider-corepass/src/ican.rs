//! Core IDs: addresses in the ICAN form, checked before anything is sent.
//!
//! Two letters of network, two check digits, forty hex digits; the check is ISO 7064 mod 97-10, as
//! for an IBAN. Whether the address has an owner only the connector can tell. A [`CoreId`] is
//! always in canonical form: lower case, without `0x`.

use std::fmt;

use verilane_core::Pii;

/// Characters of a Core ID in canonical form.
pub const LENGTH: usize = 44;

/// The blockchain that an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// `cb`.
    Mainnet,
    /// `ab`.
    Testnet,
    /// `ce`: an enterprise's own chain.
    Private,
}

/// A Core ID that passed every check. It names a person, so it is never shown.
#[derive(Clone)]
pub struct CoreId {
    canonical: Pii,
    network: Network,
}

/// Which check a text failed. None of them passes on a retry. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoreIdError {
    /// Not 44 characters, counted without a leading `0x`.
    #[error("a Core ID has {LENGTH} characters, this one has {0}")]
    Length(usize),
    /// The first two characters name no network.
    #[error("a Core ID starts with cb, ab or ce")]
    Network,
    /// The third and fourth characters are not decimal digits, or none that the method hands out
    /// (02 to 98): the other three would give an address a second spelling.
    #[error("characters 3 and 4 of a Core ID are check digits, 02 to 98")]
    CheckDigits,
    /// Something after the check digits is not a hex digit.
    #[error("character {0} of the Core ID is not a hex digit")]
    HexDigit(usize),
    /// Well-formed, but the check digits do not belong to the address: a typing error.
    #[error("the check digits of the Core ID do not fit its address")]
    Checksum,
}

impl CoreId {
    /// Reads a Core ID in either case, with or without `0x`.
    pub fn parse(text: &str) -> Result<Self, CoreIdError> {
        let bare = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(text);
        let length = bare.chars().count();
        if length != LENGTH {
            return Err(CoreIdError::Length(length));
        }
        let canonical = bare.to_ascii_lowercase();
        let network = match canonical.as_bytes() {
            [b'c', b'b', ..] => Network::Mainnet,
            [b'a', b'b', ..] => Network::Testnet,
            [b'c', b'e', ..] => Network::Private,
            _ => return Err(CoreIdError::Network),
        };
        for (place, character) in canonical.chars().enumerate().skip(2) {
            if place < 4 && !character.is_ascii_digit() {
                return Err(CoreIdError::CheckDigits);
            }
            if !character.is_ascii_hexdigit() {
                return Err(CoreIdError::HexDigit(place.saturating_add(1)));
            }
        }
        if matches!(canonical.get(2..4), Some("00" | "01" | "99")) {
            return Err(CoreIdError::CheckDigits);
        }
        if remainder(&canonical) != 1 {
            return Err(CoreIdError::Checksum);
        }
        Ok(Self {
            canonical: Pii::new(canonical),
            network,
        })
    }

    /// The canonical form, for the connector and for comparison.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.canonical.expose()
    }

    /// The blockchain it belongs to.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    /// Whether a text that came from outside names the same address.
    #[must_use]
    pub fn is_same_as(&self, text: &str) -> bool {
        Self::parse(text).is_ok_and(|other| other.expose() == self.expose())
    }
}

impl fmt::Debug for CoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CoreId({:?}, ..)", self.network)
    }
}

/// The number that the id spells, mod 97: the first four characters read last, each character a
/// digit in base 36 written out in decimal.
fn remainder(canonical: &str) -> u32 {
    let (head, tail) = canonical.split_at_checked(4).unwrap_or(("", canonical));
    tail.chars()
        .chain(head.chars())
        .filter_map(|character| character.to_digit(36))
        .fold(0, |sum, digit| {
            let shift = if digit < 10 { 10 } else { 100 };
            (sum * shift + digit) % 97
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Recorded {
        core_ids_valid: Vec<String>,
    }

    fn recorded() -> Vec<String> {
        let file = include_str!("../testdata/core_ids.json");
        serde_json::from_str::<Recorded>(file)
            .unwrap()
            .core_ids_valid
    }

    #[test]
    fn every_recorded_core_id_passes_in_any_spelling() {
        assert_eq!(recorded().len(), 6);
        for id in recorded() {
            for spelling in [
                id.clone(),
                format!("0x{id}"),
                id.to_uppercase(),
                format!("0X{}", id.to_uppercase()),
            ] {
                let parsed = CoreId::parse(&spelling).unwrap();
                assert_eq!(parsed.expose(), id);
                assert_eq!(parsed.network(), Network::Testnet);
                assert!(parsed.is_same_as(&spelling));
            }
        }
    }

    #[test]
    fn each_digit_for_a_digit_and_each_letter_for_a_letter_is_noticed() {
        for id in recorded() {
            for place in 0..LENGTH {
                for digit in "0123456789abcdef".chars() {
                    let mut wrong: Vec<char> = id.chars().collect();
                    // The method does not promise to notice a letter for a digit.
                    let is_like = wrong[place].is_ascii_digit() == digit.is_ascii_digit();
                    if wrong[place] == digit || !is_like {
                        continue;
                    }
                    wrong[place] = digit;
                    let wrong: String = wrong.into_iter().collect();
                    assert!(CoreId::parse(&wrong).is_err(), "{wrong}");
                }
            }
        }
    }

    #[test]
    fn the_error_says_which_check_failed() {
        let id = &recorded()[0];
        let cases = [
            (String::new(), CoreIdError::Length(0)),
            (id[..43].to_owned(), CoreIdError::Length(43)),
            (format!("{id}0"), CoreIdError::Length(45)),
            (format!("zz{}", &id[2..]), CoreIdError::Network),
            (format!("éé{}", &id[2..]), CoreIdError::Network),
            (format!("aba1{}", &id[4..]), CoreIdError::CheckDigits),
            (format!("ab2é{}", &id[4..]), CoreIdError::CheckDigits),
            (format!("ab99{}", &id[4..]), CoreIdError::CheckDigits),
            (format!("{}g", &id[..43]), CoreIdError::HexDigit(44)),
            (
                format!("{} {}", &id[..9], &id[10..]),
                CoreIdError::HexDigit(10),
            ),
            (format!("ab23{}", &id[4..]), CoreIdError::Checksum),
            (format!("cb{}", &id[2..]), CoreIdError::Checksum),
        ];
        for (text, error) in cases {
            assert_eq!(CoreId::parse(&text).err(), Some(error), "{text}");
        }
    }

    #[test]
    fn networks_are_told_apart_by_their_letters() {
        let address = "22b1671b4f7ccc0b16a87514adde84513b634823";
        for (letters, network) in [
            ("cb", Network::Mainnet),
            ("ab", Network::Testnet),
            ("ce", Network::Private),
        ] {
            let fits = (0..100)
                .map(|digits| format!("{letters}{digits:02}{address}"))
                .filter_map(|text| CoreId::parse(&text).ok())
                .collect::<Vec<_>>();
            assert_eq!(fits.len(), 1, "an address has one spelling");
            assert_eq!(fits[0].network(), network);
        }
    }

    #[test]
    fn debug_shows_no_address() {
        let id = CoreId::parse(&recorded()[0]).unwrap();
        assert_eq!(format!("{id:?}"), "CoreId(Testnet, ..)");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,60}") {
            let _ = CoreId::parse(&text);
        }
    }
}
