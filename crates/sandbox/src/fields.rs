//! The fields that a CorePass user can hold, by the names of the CorePass Connector documentation.
//!
//! Four documents of eleven parts each, an e-mail address and a phone number: 46 in all.

/// The documents, as they stand in field names.
pub const DOCUMENTS: [&str; 4] = ["IDCard", "Passport", "ResidencePermit", "DriverLicense"];

/// What each document holds, as it stands in field names.
pub const PARTS: [&str; 11] = [
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

/// The field of the e-mail address.
pub const EMAIL: &str = "SH_EMAIL";

/// The field of the phone number.
pub const PHONE: &str = "SH_PHONE";

/// All 46 names, in the documented order.
pub fn all() -> Vec<String> {
    DOCUMENTS
        .iter()
        .flat_map(|document| {
            PARTS
                .iter()
                .map(move |part| format!("SH_{document}_{part}"))
        })
        .chain([EMAIL.to_owned(), PHONE.to_owned()])
        .collect()
}

/// The document and part that a field's name is made of; none for e-mail, phone and unknown names.
pub fn split(field: &str) -> Option<(&str, &str)> {
    let (document, part) = field.strip_prefix("SH_")?.split_once('_')?;
    (DOCUMENTS.contains(&document) && PARTS.contains(&part)).then_some((document, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_46_fields_and_each_document_field_splits_back() {
        let all = all();
        assert_eq!(all.len(), 46);
        assert_eq!(
            all.iter().filter(|field| split(field).is_some()).count(),
            44
        );
        assert_eq!(split("SH_IDCard_AML_Check"), Some(("IDCard", "AML_Check")));
        assert_eq!(split("SH_EMAIL"), None);
        assert_eq!(split("SH_LibraryCard_DOB"), None);
    }
}
