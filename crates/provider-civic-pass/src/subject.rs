//! Whom a verification is about, as Civic knows him: a wallet, or a DID. In the domain each is one text
//! that says which it is: `wallet:` and an address, or a DID, which begins with `did:`.
//!
//! An address is opaque, but for those of Ethereum's kind (`0x…`), whose letters mean the same in either
//! case. Which chain's it is, the widget knows.

use verilane_core::Pii;

const WALLET: &str = "wallet:";
const DID: &str = "did:";
/// The most bytes of an address, and of a DID.
const MAX: usize = 256;

/// A subject in the one spelling under which it is found; none if Civic could not know it. Nobody is
/// spelt as nothing.
#[must_use]
pub fn canonical(subject: &str) -> Option<Pii<String>> {
    if subject.is_empty() {
        return Some(Pii::from(""));
    }
    if let Some(address) = subject.strip_prefix(WALLET) {
        return is_plain(address).then(|| Pii::new(format!("{WALLET}{}", folded(address))));
    }
    let mut parts = subject.strip_prefix(DID)?.splitn(2, ':');
    let (method, id) = (parts.next()?, parts.next()?);
    let is_method = !method.is_empty()
        && method
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (is_method && is_plain(id) && is_plain(subject)).then(|| Pii::from(subject))
}

/// Whether an answer that names this wallet and this DID is about a subject; nothing if the subject is
/// nobody, or the answer does not name what he is known by.
#[must_use]
pub fn is_named(subject: &str, address: Option<&str>, account: Option<&str>) -> Option<bool> {
    if let Some(wanted) = subject.strip_prefix(WALLET) {
        return address.map(|address| folded(address.trim()) == folded(wanted));
    }
    if subject.starts_with(DID) {
        return account.map(|account| account.trim() == subject);
    }
    None
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn folded(address: &str) -> String {
    let is_hexadecimal = address
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    if is_hexadecimal {
        address.to_ascii_lowercase()
    } else {
        address.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wallets_and_dids_are_taken_and_nothing_else_is() {
        let taken = [
            ("", ""),
            ("wallet:5yTfE3FuJdnmfEhV", "wallet:5yTfE3FuJdnmfEhV"),
            ("wallet:0xAbCd", "wallet:0xabcd"),
            ("wallet:0XAbCd", "wallet:0xabcd"),
            ("did:sol:5yTfE3", "did:sol:5yTfE3"),
            ("did:ethr:0x1:0xAB", "did:ethr:0x1:0xAB"),
        ];
        for (said, spelt) in taken {
            assert_eq!(canonical(said).unwrap().expose(), spelt, "{said}");
        }
        let long = format!("wallet:{}", "a".repeat(257));
        let refused = [
            "wallet:",
            "wallet:two words",
            "wallet:a\u{0}",
            "wallet:\u{430}bc",
            "did:",
            "did:sol",
            "did:sol:",
            "did::x",
            "did:SOL:x",
            "did:sol:a b",
            "ab22b1671b4f7ccc0b16a87514adde84513b6348232e",
            "0xabcd",
            " ",
            &long,
        ];
        for said in refused {
            assert!(canonical(said).is_none(), "{said}");
        }
    }

    #[test]
    fn an_answer_is_about_the_subject_or_somebody_else_or_does_not_say() {
        let table = [
            ("", Some("a"), Some("did:x:a"), None),
            ("wallet:a", Some("a"), None, Some(true)),
            ("wallet:a", Some("A"), None, Some(false)),
            ("wallet:0xab", Some("0xAB"), None, Some(true)),
            ("wallet:0xab", Some("0xAC"), Some("did:x:a"), Some(false)),
            ("wallet:a", None, Some("did:x:a"), None),
            ("did:x:a", Some("a"), Some("did:x:a"), Some(true)),
            ("did:x:a", Some("a"), Some("did:x:b"), Some(false)),
            ("did:x:a", Some("a"), None, None),
        ];
        for (subject, address, account, is_his) in table {
            assert_eq!(is_named(subject, address, account), is_his, "{subject}");
        }
    }
}
