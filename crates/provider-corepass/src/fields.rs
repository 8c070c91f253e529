//! The connector's 46 fields, and what each is in our vocabulary.
//!
//! One table, read both ways. Status callbacks name a field by the SHA3-256 of its name, so that
//! is found here too. Names are case-sensitive, as the connector writes them.

use sha3::{Digest, Sha3_256};
use verilane_core::{ClaimName as Claim, DocumentType as Document};

/// A field that the connector can transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The connector's name for it.
    pub name: &'static str,
    /// The fact.
    pub claim: Claim,
    /// The document it is read from.
    pub document: Option<Document>,
}

/// Every field, as documented. One row a field, whatever its length.
#[rustfmt::skip]
pub static FIELDS: [Field; 46] = [
    of("SH_IDCard_FULLNAME", Claim::Name, Document::IdCard),
    of("SH_IDCard_DOB", Claim::Birthdate, Document::IdCard),
    of("SH_IDCard_ExpiryDate", Claim::DocumentExpiry, Document::IdCard),
    of("SH_IDCard_IssueDate", Claim::DocumentIssuance, Document::IdCard),
    of("SH_IDCard_DocumentNumber", Claim::DocumentNumber, Document::IdCard),
    of("SH_IDCard_Gender", Claim::Gender, Document::IdCard),
    of("SH_IDCard_Country", Claim::DocumentCountry, Document::IdCard),
    of("SH_IDCard_DocumentImage", Claim::DocumentImage, Document::IdCard),
    of("SH_IDCard_FaceImage", Claim::FaceImage, Document::IdCard),
    of("SH_IDCard_AML_Check", Claim::AmlCheck, Document::IdCard),
    of("SH_IDCard_AML_Detail", Claim::AmlDetail, Document::IdCard),
    of("SH_Passport_FULLNAME", Claim::Name, Document::Passport),
    of("SH_Passport_DOB", Claim::Birthdate, Document::Passport),
    of("SH_Passport_ExpiryDate", Claim::DocumentExpiry, Document::Passport),
    of("SH_Passport_IssueDate", Claim::DocumentIssuance, Document::Passport),
    of("SH_Passport_DocumentNumber", Claim::DocumentNumber, Document::Passport),
    of("SH_Passport_Gender", Claim::Gender, Document::Passport),
    of("SH_Passport_Country", Claim::DocumentCountry, Document::Passport),
    of("SH_Passport_DocumentImage", Claim::DocumentImage, Document::Passport),
    of("SH_Passport_FaceImage", Claim::FaceImage, Document::Passport),
    of("SH_Passport_AML_Check", Claim::AmlCheck, Document::Passport),
    of("SH_Passport_AML_Detail", Claim::AmlDetail, Document::Passport),
    of("SH_ResidencePermit_FULLNAME", Claim::Name, Document::ResidencePermit),
    of("SH_ResidencePermit_DOB", Claim::Birthdate, Document::ResidencePermit),
    of("SH_ResidencePermit_ExpiryDate", Claim::DocumentExpiry, Document::ResidencePermit),
    of("SH_ResidencePermit_IssueDate", Claim::DocumentIssuance, Document::ResidencePermit),
    of("SH_ResidencePermit_DocumentNumber", Claim::DocumentNumber, Document::ResidencePermit),
    of("SH_ResidencePermit_Gender", Claim::Gender, Document::ResidencePermit),
    of("SH_ResidencePermit_Country", Claim::DocumentCountry, Document::ResidencePermit),
    of("SH_ResidencePermit_DocumentImage", Claim::DocumentImage, Document::ResidencePermit),
    of("SH_ResidencePermit_FaceImage", Claim::FaceImage, Document::ResidencePermit),
    of("SH_ResidencePermit_AML_Check", Claim::AmlCheck, Document::ResidencePermit),
    of("SH_ResidencePermit_AML_Detail", Claim::AmlDetail, Document::ResidencePermit),
    of("SH_DriverLicense_FULLNAME", Claim::Name, Document::DrivingPermit),
    of("SH_DriverLicense_DOB", Claim::Birthdate, Document::DrivingPermit),
    of("SH_DriverLicense_ExpiryDate", Claim::DocumentExpiry, Document::DrivingPermit),
    of("SH_DriverLicense_IssueDate", Claim::DocumentIssuance, Document::DrivingPermit),
    of("SH_DriverLicense_DocumentNumber", Claim::DocumentNumber, Document::DrivingPermit),
    of("SH_DriverLicense_Gender", Claim::Gender, Document::DrivingPermit),
    of("SH_DriverLicense_Country", Claim::DocumentCountry, Document::DrivingPermit),
    of("SH_DriverLicense_DocumentImage", Claim::DocumentImage, Document::DrivingPermit),
    of("SH_DriverLicense_FaceImage", Claim::FaceImage, Document::DrivingPermit),
    of("SH_DriverLicense_AML_Check", Claim::AmlCheck, Document::DrivingPermit),
    of("SH_DriverLicense_AML_Detail", Claim::AmlDetail, Document::DrivingPermit),
    Field { name: "SH_EMAIL", claim: Claim::Email, document: None },
    Field { name: "SH_PHONE", claim: Claim::PhoneNumber, document: None },
];

const fn of(name: &'static str, claim: Claim, document: Document) -> Field {
    Field {
        name,
        claim,
        document: Some(document),
    }
}

/// The field of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.name == name)
}

/// The field that holds this claim, from this document where it comes from one.
#[must_use]
pub fn by_claim(claim: Claim, document: Option<Document>) -> Option<&'static Field> {
    FIELDS
        .iter()
        .find(|field| field.claim == claim && field.document == document)
}

/// The fields that hold this claim, of every document.
pub fn of_claim(claim: Claim) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(move |field| field.claim == claim)
}

/// What a status callback calls a field: lower-case hex of the SHA3-256 of its name.
#[must_use]
pub fn hash_of(name: &str) -> String {
    hex::encode(Sha3_256::digest(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The list as documented, built from its regular shape and not from the table.
    fn documented() -> Vec<String> {
        let details = [
            "FULLNAME",
            "DOB",
            "ExpiryDate",
            "IssueDate",
            "DocumentNumber",
            "Gender",
            "Country",
            "DocumentImage",
            "FaceImage",
            "AML_Check",
            "AML_Detail",
        ];
        ["IDCard", "Passport", "ResidencePermit", "DriverLicense"]
            .iter()
            .flat_map(|document| details.map(|detail| format!("SH_{document}_{detail}")))
            .chain(["SH_EMAIL".to_owned(), "SH_PHONE".to_owned()])
            .collect()
    }

    #[test]
    fn the_table_is_the_documented_list() {
        let names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
        assert_eq!(names, documented());
    }

    #[test]
    fn every_field_is_found_by_name_and_by_claim() {
        for field in &FIELDS {
            assert_eq!(by_name(field.name), Some(field));
            assert_eq!(by_claim(field.claim, field.document), Some(field));
        }
    }

    #[test]
    fn every_claim_that_there_is_can_be_had_from_every_document() {
        let mut names = BTreeSet::new();
        let is_there = |claim: &&Claim| FIELDS.iter().any(|field| field.claim == **claim);
        for claim in Claim::ALL.iter().filter(is_there) {
            let documents: Vec<_> = if claim.is_from_document() {
                Document::ALL.iter().copied().map(Some).collect()
            } else {
                vec![None]
            };
            for document in documents {
                let field = by_claim(*claim, document).unwrap();
                assert!(names.insert(field.name));
            }
        }
        assert_eq!(names.len(), FIELDS.len());
    }

    #[test]
    fn what_a_field_means_follows_from_its_name() {
        for field in &FIELDS {
            let claim = match field.name.rsplit('_').next().unwrap() {
                "FULLNAME" => "name",
                "DOB" => "birthdate",
                "ExpiryDate" => "document.date_of_expiry",
                "IssueDate" => "document.date_of_issuance",
                "DocumentNumber" => "document.document_number",
                "Gender" => "gender",
                "Country" => "document.country",
                "DocumentImage" => "document.image",
                "FaceImage" => "document.face_image",
                "Check" => "aml.check",
                "Detail" => "aml.detail",
                "EMAIL" => "email",
                "PHONE" => "phone_number",
                other => panic!("{other}"),
            };
            let document = match field.name.split('_').nth(1).unwrap() {
                "IDCard" => Some("idcard"),
                "Passport" => Some("passport"),
                "ResidencePermit" => Some("residence_permit"),
                "DriverLicense" => Some("driving_permit"),
                _ => None,
            };
            assert_eq!(field.claim.as_str(), claim, "{}", field.name);
            assert_eq!(field.document.map(Document::as_str), document);
            assert_eq!(field.claim.is_image(), field.name.ends_with("Image"));
        }
    }

    #[test]
    fn the_recorded_hash_is_the_email_field() {
        let recorded = "21148787cbc13cfc8acde462c822ff431af96aa2edf714fdc82f90e4c2918824";
        assert_eq!(hash_of("SH_EMAIL"), recorded);
    }
}
