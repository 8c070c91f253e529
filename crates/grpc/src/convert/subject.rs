//! The person, as callers and providers name him. In the domain a subject is one text that says of what
//! kind it is: a Core ID as it stands, `wallet:` and an address, a DID, which begins
//! with `did:`, or `subject-id:` and the provider's own name for its user.

use verilane_api::v1;
use verilane_api::v1::subject::Identifier;
use verilane_core::{Pii, SUBJECT_ID, subject_of_id};

const WALLET: &str = "wallet:";
const DID: &str = "did:";
/// Every way in which a subject is no Core ID.
const OTHERS: [&str; 3] = [WALLET, DID, SUBJECT_ID];
/// How an address of Ethereum's kind begins, whose letters mean the same in either case.
const HEXADECIMAL: &str = "0x";

/// What a caller says; nothing if it is not of its kind.
pub(crate) fn read(identifier: Identifier) -> Option<Pii<String>> {
    match identifier {
        Identifier::CoreId(id) => {
            let is_other = OTHERS.iter().any(|other| id.starts_with(other));
            (!id.is_empty() && !is_other).then(|| id.into())
        }
        Identifier::WalletAddress(address) => {
            let address = match address.strip_prefix(HEXADECIMAL) {
                Some(_) => address.to_ascii_lowercase(),
                None => address,
            };
            (!address.is_empty()).then(|| format!("{WALLET}{address}").into())
        }
        Identifier::Did(did) => did.starts_with(DID).then(|| did.into()),
        Identifier::ProviderSubjectId(id) => (!id.is_empty()).then(|| subject_of_id(&id)),
    }
}

/// What a caller is told; nothing if nobody is named.
pub(crate) fn answer(subject: &Pii<String>) -> Option<v1::Subject> {
    let text = subject.expose();
    let identifier = if text.is_empty() {
        return None;
    } else if let Some(address) = text.strip_prefix(WALLET) {
        Identifier::WalletAddress(address.to_owned())
    } else if let Some(id) = text.strip_prefix(SUBJECT_ID) {
        Identifier::ProviderSubjectId(id.to_owned())
    } else if text.starts_with(DID) {
        Identifier::Did(text.clone())
    } else {
        Identifier::CoreId(text.clone())
    };
    Some(v1::Subject {
        identifier: Some(identifier),
    })
}

/// A subject in the one spelling under which it is found. A Core ID's is lower case without `0x`.
pub(crate) fn canonical(subject: Pii<String>) -> Pii<String> {
    let text = subject.expose();
    if OTHERS.iter().any(|other| text.starts_with(other)) {
        return subject;
    }
    let text = text.to_ascii_lowercase();
    text.strip_prefix(HEXADECIMAL).unwrap_or(&text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_subject_comes_back_as_it_was_said() {
        let said = [
            Identifier::CoreId("ab12".to_owned()),
            Identifier::WalletAddress("5yTfE3FuJdnmfEhVwXvDTFYdSKcV6fRfuFjKfPmgYNBH".to_owned()),
            Identifier::Did("did:sol:5yTfE3".to_owned()),
            Identifier::ProviderSubjectId("c6d5795f8a".to_owned()),
        ];
        for identifier in said {
            let subject = read(identifier.clone()).unwrap();
            assert_eq!(answer(&subject).unwrap().identifier, Some(identifier));
        }
        assert_eq!(answer(&Pii::from("")), None);
    }

    #[test]
    fn a_subject_of_one_kind_can_t_pass_for_another() {
        for wrong in [
            Identifier::CoreId("wallet:0xab".to_owned()),
            Identifier::CoreId("did:sol:1".to_owned()),
            Identifier::CoreId("subject-id:1".to_owned()),
            Identifier::ProviderSubjectId(String::new()),
            Identifier::CoreId(String::new()),
            Identifier::Did("0xab".to_owned()),
            Identifier::WalletAddress(String::new()),
        ] {
            assert!(read(wrong).is_none());
        }
    }

    #[test]
    fn hexadecimal_letters_mean_the_same_in_either_case() {
        let read = |text: &str| read(Identifier::WalletAddress(text.to_owned())).unwrap();
        assert_eq!(read("0xAbC").expose(), read("0xabc").expose());
        assert_ne!(read("AbC").expose(), read("abc").expose());
        assert_eq!(canonical("0xAB12".into()).expose(), "ab12");
    }
}
