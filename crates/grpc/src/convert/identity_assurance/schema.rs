//! The members of `verified_claims` that are answered, as OpenID Identity Assurance Schema Definition
//! 1.0 names them, and attachments as OpenID Attachments 1.0 does.
//!
//! They hold personal data, so none of them has `Debug`. What is unknown is left out, never null,
//! but for `access_token`, where null says that there is none.

use serde::Serialize;

/// The whole answer.
#[derive(Serialize)]
pub(super) struct Answer {
    pub verified_claims: OneOrSeveral,
}

/// A single object stands alone.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum OneOrSeveral {
    One(Box<VerifiedClaims>),
    Several(Vec<VerifiedClaims>),
}

#[derive(Serialize)]
pub(super) struct VerifiedClaims {
    pub verification: Verification,
    pub claims: Claims,
}

#[derive(Serialize)]
pub(super) struct Verification {
    pub trust_framework: String,
    pub assurance_process: AssuranceProcess,
    pub time: String,
    pub verification_process: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

#[derive(Serialize)]
pub(super) struct AssuranceProcess {
    pub policy: &'static str,
    pub procedure: &'static str,
}

/// Evidence of type `document`.
#[derive(Serialize)]
pub(super) struct Evidence {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub check_details: [CheckDetails; 1],
    pub document_details: DocumentDetails,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

#[derive(Serialize)]
pub(super) struct CheckDetails {
    pub check_method: &'static str,
    pub organization: String,
    pub check_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

#[derive(Serialize)]
pub(super) struct DocumentDetails {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_of_issuance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_of_expiry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
}

#[derive(Serialize)]
pub(super) struct Issuer {
    pub country: &'static str,
    pub country_code: &'static str,
}

/// An external attachment.
#[derive(Serialize)]
pub(super) struct Attachment {
    pub desc: &'static str,
    pub url: String,
    pub access_token: Option<String>,
    pub digest: Digest,
}

#[derive(Serialize)]
pub(super) struct Digest {
    pub alg: &'static str,
    pub value: String,
}

#[derive(Default, PartialEq, Eq, Serialize)]
pub(super) struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birthdate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_over_16: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_over_18: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_over_21: Option<bool>,
}
