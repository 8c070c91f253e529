//! What is known of a user, by scope request: labels and values as Civic's document has them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};

use super::picture::picture;
use super::scenario::{Attribute, CivicSipScenario, DocumentShown, Md5};
use super::scope_request::Scope;
use crate::fields;
use crate::person::Person;
use crate::seed::Seed;

const IAL1: (&str, &str) = ("verifications.levels.CIVIC:IAL1", "CIVIC:IAL1");
const EMAIL: &str = "contact.personal.email";
const PHONE: &str = "contact.personal.phoneNumber";

/// What the document is called, and how fields of it begin.
const fn document(shown: DocumentShown) -> (&'static str, &'static str) {
    match shown {
        DocumentShown::Passport => ("passport", "SH_Passport"),
        DocumentShown::DrivingLicense => ("Driving License", "SH_DriverLicense"),
        DocumentShown::IdCard => ("ID Card", "SH_IDCard"),
        DocumentShown::ResidencePermit => ("Biometric Residence Permit", "SH_ResidencePermit"),
    }
}

/// As Civic writes numbers: the country's code, a space, and the rest in one.
fn phone(person: Person) -> Option<String> {
    let number = person.value(fields::PHONE)?;
    let (country, rest) = number.split_once(' ')?;
    Some(format!("{country} {}", rest.replace(' ', "")))
}

/// The label's last part, the value, for a document.
fn of_document(
    scenario: &CivicSipScenario,
    person: Person,
    seed: Seed,
    label: &str,
) -> Result<Vec<(String, Option<String>)>, ErrorStack> {
    let (kind, field) = document(scenario.document);
    let of = |part: &str| person.value(&format!("{field}_{part}"));
    let image = picture(scenario.image, seed, label);
    let text = STANDARD.encode(&image);
    let md5 = match scenario.image.md5 {
        Md5::Bytes => hash(MessageDigest::md5(), &image)?,
        Md5::Text => hash(MessageDigest::md5(), text.as_bytes())?,
        Md5::Wrong => hash(MessageDigest::md5(), label.as_bytes())?,
    };
    // The document says three letters for each country, whatever it is that the user shows.
    let country = person.value("SH_Passport_Country");
    Ok([
        ("type", Some(kind.to_owned())),
        ("number", of("DocumentNumber")),
        ("name", of("FULLNAME")),
        ("dateOfBirth", of("DOB")),
        ("dateOfIssue", of("IssueDate")),
        ("dateOfExpiry", of("ExpiryDate")),
        ("image", Some(text)),
        ("image_md5", Some(hex::encode(md5))),
        ("country", country),
    ]
    .map(|(part, value)| (format!("documents.genericId.{part}"), value))
    .into())
}

/// Everything that a scope request brings, in the document's order.
pub fn attributes(
    scope: Scope,
    scenario: &CivicSipScenario,
    person: Person,
    seed: Seed,
    label: &str,
) -> Result<Vec<Attribute>, ErrorStack> {
    let level = (IAL1.0.to_owned(), Some(IAL1.1.to_owned()));
    let contact = [
        (EMAIL.to_owned(), person.value(fields::EMAIL)),
        (PHONE.to_owned(), phone(person)),
    ];
    let mut known = Vec::new();
    match scope {
        Scope::BasicSignup => known.extend(contact),
        Scope::AnonymousLogin => known.push(level),
        Scope::ProofOfIdentity => {
            known.push(level);
            known.extend(of_document(scenario, person, seed, label)?);
            known.extend(contact);
        }
    }
    let among = |labels: &[String], label: &str| labels.iter().any(|l| l == label || l == "*");
    let mut attributes: Vec<Attribute> = known
        .into_iter()
        .filter(|(label, _)| !scenario.without_labels.contains(label))
        .map(|(label, value)| Attribute {
            value: match scenario.values.get(&label) {
                Some(other) => other.clone(),
                None => value.unwrap_or_default(),
            },
            is_valid: !among(&scenario.not_valid, &label),
            is_owner: !among(&scenario.not_owner, &label),
            label,
        })
        .collect();
    attributes.extend(scenario.more.iter().cloned());
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scope: Scope) -> Vec<String> {
        let scenario = CivicSipScenario::default();
        let person = Person::new(Seed(1), 0);
        let all = attributes(scope, &scenario, person, Seed(1), "a").unwrap();
        assert!(
            all.iter()
                .all(|a| a.is_valid && a.is_owner && !a.value.is_empty())
        );
        all.into_iter().map(|attribute| attribute.label).collect()
    }

    #[test]
    fn each_scope_brings_the_documents_labels_in_its_order() {
        assert_eq!(labels(Scope::BasicSignup), [EMAIL, PHONE]);
        assert_eq!(labels(Scope::AnonymousLogin), [IAL1.0]);
        let all = labels(Scope::ProofOfIdentity);
        let parts: Vec<_> = all.iter().map(|l| l.rsplit('.').next().unwrap()).collect();
        assert_eq!(
            parts,
            [
                "CIVIC:IAL1",
                "type",
                "number",
                "name",
                "dateOfBirth",
                "dateOfIssue",
                "dateOfExpiry",
                "image",
                "image_md5",
                "country",
                "email",
                "phoneNumber",
            ]
        );
    }

    #[test]
    fn a_phone_number_has_one_space_and_a_country_three_letters() {
        let person = Person::new(Seed(1), 0);
        assert_eq!(phone(person).unwrap().matches(' ').count(), 1);
        let scenario = CivicSipScenario {
            document: DocumentShown::IdCard,
            ..CivicSipScenario::default()
        };
        let all = attributes(Scope::ProofOfIdentity, &scenario, person, Seed(1), "a").unwrap();
        let country = all.iter().find(|a| a.label.ends_with("country")).unwrap();
        assert_eq!(country.value.len(), 3);
    }
}
