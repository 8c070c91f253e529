//! Civic Pass as callers use it: the requests, and the binary set up as Civic's partner.

use verilane_api::v1::{
    AccessContext, ClaimFromAnyDocument, ClaimRequest, ContinueVerificationRequest,
    CreateVerificationRequest, Decision, Necessity, ReviewVerificationRequest, Subject,
    claim_request, continue_verification_request, subject,
};
use verilane_core::VerificationId;

use super::{Launch, Stage};

/// The connection over the OAuth client generation, if a test configures it.
pub const OAUTH: &str = "civic-oauth";
/// The connection over the partner JWT generation.
pub const JWT: &str = "civic-jwt";

impl Launch {
    /// With what the stage's Civic gives a partner, for connections of these two names.
    pub fn of_civic_partner(mut self, stage: &Stage) -> Self {
        let partner = stage.sandbox.civic_pass().partner();
        let key = partner.private_key_pem.as_deref().unwrap();
        for (connection, name, value) in [
            ("OAUTH", "PARTNER_ID", &*partner.partner_id),
            ("OAUTH", "GATEKEEPER_NETWORK", &partner.gatekeeper_network),
            ("OAUTH", "CLIENT_ID", &partner.client_id),
            ("OAUTH", "CLIENT_SECRET", &partner.client_secret),
            ("OAUTH", "TOKEN_URL", &partner.token_url),
            ("OAUTH", "BASE_URL", &partner.api_base),
            ("JWT", "PARTNER_ID", &partner.partner_id),
            ("JWT", "GATEKEEPER_NETWORK", &partner.gatekeeper_network),
            ("JWT", "PRIVATE_KEY", key),
            ("JWT", "BASE_URL", &partner.verify_base),
        ] {
            let variable = format!("VERILANE__CONNECTIONS__CIVIC_{connection}__{name}");
            self = self.with(&variable, value);
        }
        self
    }
}

/// Why a test reads or decides.
pub fn purpose() -> Option<AccessContext> {
    Some(AccessContext {
        purpose: "black-box-test".to_owned(),
        ..AccessContext::default()
    })
}

/// A required claim of the vocabulary, from whichever document the user shows.
pub fn from_any_document(name: &str) -> ClaimRequest {
    let claim = ClaimFromAnyDocument {
        name: name.to_owned(),
        ..ClaimFromAnyDocument::default()
    };
    ClaimRequest {
        selector: Some(claim_request::Selector::FromAnyDocument(claim)),
        necessity: Necessity::Required.into(),
    }
}

/// A request for claims of a wallet's holder, under a request id of its own.
pub fn wallet_request(
    connection: &str,
    wallet: &str,
    claims: Vec<ClaimRequest>,
) -> CreateVerificationRequest {
    CreateVerificationRequest {
        request_id: VerificationId::generate().to_string(),
        connection: connection.to_owned(),
        subject: Some(Subject {
            identifier: Some(subject::Identifier::WalletAddress(wallet.to_owned())),
        }),
        claims,
        access_context: purpose(),
        ..CreateVerificationRequest::default()
    }
}

/// The page hands in what the widget brought.
pub fn continue_request(id: &str, brought: &str) -> ContinueVerificationRequest {
    ContinueVerificationRequest {
        verification_id: id.to_owned(),
        continuation: Some(
            continue_verification_request::Continuation::PresentationRequestId(brought.to_owned()),
        ),
        ..ContinueVerificationRequest::default()
    }
}

/// The caller decides.
pub fn review_request(id: &str, decision: Decision) -> ReviewVerificationRequest {
    ReviewVerificationRequest {
        verification_id: id.to_owned(),
        decision: decision.into(),
        access_context: purpose(),
        ..ReviewVerificationRequest::default()
    }
}
