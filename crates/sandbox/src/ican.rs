//! Core IDs: ICAN addresses of the test network.
//!
//! Two letters of network, two check digits, 40 hex digits, lower case. The check is ISO 7064
//! mod 97-10, as in an IBAN: with the first four characters moved to the end and letters read as
//! in base 36, the number leaves 1 modulo 97.

/// The network that the sandbox's people and its connector live on: the test network.
const NETWORK: &str = "ab";

/// The remainder modulo 97 of a text of digits and letters read as base-36 numerals.
fn mod_97(text: &str) -> Option<u32> {
    text.chars().try_fold(0, |rest, c| {
        let numeral = c.to_digit(36)?;
        let shift = if numeral < 10 { 10 } else { 100 };
        Some((rest * shift + numeral) % 97)
    })
}

/// The Core ID of a 20-byte address, with the check digits that make it valid.
pub fn core_id(address: &[u8; 20]) -> String {
    let digits = hex::encode(address);
    // 98 minus the remainder under check digits of 00 makes the whole leave 1.
    let check = 98 - mod_97(&format!("{digits}{NETWORK}00")).unwrap_or(0);
    format!("{NETWORK}{check:02}{digits}")
}

/// The canonical spelling (lower case, no `0x`) of a Core ID whose form and check digits are right.
pub fn canonical(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let text = text.strip_prefix("0x").unwrap_or(&text);
    let (network, rest) = text.split_at_checked(2)?;
    let (check, address) = rest.split_at_checked(2)?;
    let well_formed = matches!(network, "cb" | "ab" | "ce")
        && check.bytes().all(|b| b.is_ascii_digit())
        && address.len() == 40
        && address.bytes().all(|b| b.is_ascii_hexdigit());
    let sum = mod_97(&format!("{address}{network}{check}"))?;
    (well_formed && sum == 1).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn documented_core_ids_are_valid_and_derived_ones_too() {
        for documented in [
            "ab22b1671b4f7ccc0b16a87514adde84513b6348232e",
            "ab148af5f9cdad10beddb05fbec4a3bef02577130e56",
            "ab06b37c90098790e90bbcd56a701e50ec8b51b6bd5e",
        ] {
            assert_eq!(canonical(documented).as_deref(), Some(documented));
            let address = hex::decode(&documented[4..]).unwrap();
            assert_eq!(core_id(&address.try_into().unwrap()), documented);
        }
        for n in 0..500 {
            let drawn = Seed(n).draw("address").take(20);
            let id = core_id(&drawn.try_into().unwrap());
            assert_eq!(canonical(&id), Some(id));
        }
    }

    #[test]
    fn a_wrong_digit_length_network_or_letter_is_refused() {
        for wrong in [
            "",
            "ab",
            "ab22",
            "ab23b1671b4f7ccc0b16a87514adde84513b6348232e",
            "ab22b1671b4f7ccc0b16a87514adde84513b6348232f",
            "zz22b1671b4f7ccc0b16a87514adde84513b6348232e",
            "ab22b1671b4f7ccc0b16a87514adde84513b634823",
            "ab22g1671b4f7ccc0b16a87514adde84513b6348232e",
            "äb22b1671b4f7ccc0b16a87514adde84513b6348232e",
        ] {
            assert_eq!(canonical(wrong), None, "{wrong}");
        }
        assert!(canonical("0xAB22B1671B4F7CCC0B16A87514ADDE84513B6348232E").is_some());
    }
}
