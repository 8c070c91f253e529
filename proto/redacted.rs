//! `Debug` for messages with data about a person: what may stand in a log, and nothing else.
//!
//! The list of such messages is in `build.rs`; one that is missing here does not compile.

use std::fmt::{Debug, Formatter, Result};

use crate::{admin, v1};

macro_rules! shows_nothing {
    ($($kind:ty => $name:literal),+ $(,)?) => {
        $(
            impl Debug for $kind {
                fn fmt(&self, f: &mut Formatter<'_>) -> Result {
                    f.write_str(concat!($name, "(..)"))
                }
            }
        )+
    };
}

shows_nothing! {
    admin::ImportProviderMessageRequest => "ImportProviderMessageRequest",
    admin::import_provider_message_request::Part => "Part",
    v1::AccessContext => "AccessContext",
    v1::Claim => "Claim",
    v1::ClaimValue => "ClaimValue",
    v1::claim_value::Kind => "Kind",
    v1::Country => "Country",
    v1::Date => "Date",
    v1::DownloadEvidenceResponse => "DownloadEvidenceResponse",
    v1::download_evidence_response::Item => "Item",
    v1::QrOrLink => "QrOrLink",
    v1::Subject => "Subject",
    v1::subject::Identifier => "Identifier",
    v1::VerificationFilter => "VerificationFilter",
}

impl Debug for v1::CreateVerificationRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("CreateVerificationRequest")
            .field("request_id", &self.request_id)
            .field("connection", &self.connection)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

impl Debug for v1::ReadClaimsResponse {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("ReadClaimsResponse")
            .field("verification_id", &self.verification_id)
            .field("state", &self.state())
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl Debug for v1::Verification {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Verification")
            .field("id", &self.id)
            .field("state", &self.state())
            .field("reason", &self.reason)
            .field("connection", &self.connection)
            .field("provider_status", &self.provider_status)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl Debug for v1::Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.debug_struct("Event")
            .field("sequence", &self.sequence)
            .field("verification_id", &self.verification_id)
            .field("revision", &self.revision)
            .field("attempt", &self.attempt)
            .field("type", &self.r#type())
            .field("state_before", &self.state_before())
            .field("state_after", &self.state_after())
            .field("provider_status", &self.provider_status)
            .field("applied", &self.applied)
            .field("late", &self.late)
            .field("reason", &self.reason)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}
