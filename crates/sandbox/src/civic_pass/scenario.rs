//! What becomes of a PII request, what its answers say, and what goes wrong.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::scenario::AnswerFault;

/// The most bytes that a piece of evidence can have.
pub const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Civic's words that mean something to the sandbox itself.
pub mod word {
    /// The user has not begun.
    pub const AWAITING_USER: &str = "awaiting-user";
    /// The user has begun.
    pub const ACKNOWLEDGED: &str = "user-acknowledged";
    /// Civic has verified them; the partner decides.
    pub const SUCCESS: &str = "verification-success";
    /// The same, as the partner's document words it.
    pub const COMPLETE: &str = "complete";
    /// Civic could not verify them.
    pub const FAILED: &str = "verification-failed";
    /// The user did not want to.
    pub const CANCELLED: &str = "user-cancelled";
    /// The partner said yes.
    pub const PASS: &str = "partner-pass";
    /// The partner said no.
    pub const FAIL: &str = "partner-fail";
}

/// An endpoint of Civic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CivicPassEndpoint {
    /// The token endpoint.
    Token,
    /// A PII request, of either generation.
    Request,
    /// Evidence at the API.
    Evidence,
    /// Evidence by a pre-signed link.
    Storage,
    /// `PUT …/status`.
    Decision,
}

/// Where the links to evidence lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkStyle {
    /// To the API for the OAuth client generation, to storage for that of partner JWTs.
    #[default]
    AsUsual,
    /// To the API, which wants to be shown the bearer.
    Api,
    /// To storage on an address of its own, which does not.
    PreSigned,
    /// To storage on the API's address, which does not either.
    PreSignedOnApiHost,
}

/// Whom the answer names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The wallet and the DID that the request was started with.
    #[default]
    AsAsked,
    /// Somebody else's wallet.
    AnotherWallet,
    /// Somebody else's DID.
    AnotherDid,
    /// Nobody.
    Unnamed,
}

/// What stands in the answer as `id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnsweredId {
    /// The last part of an id that is a URL; any other as it is.
    #[default]
    LastPart,
    /// What the request was asked for by.
    AsGiven,
    /// Another request's.
    Another,
}

/// A change of a request. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Turn {
    /// How many seconds of the clock after the one before; a step if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// The status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The `collection-status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection_status: Option<String>,
    /// Where links lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<LinkStyle>,
    /// The evidence that there are links to, by `rel`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Vec<String>>,
}

impl Turn {
    /// A change of the status, a step after the turn before.
    #[must_use]
    pub fn to(status: &str) -> Self {
        Self {
            status: Some(status.to_owned()),
            ..Self::default()
        }
    }
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Evidence {
    /// What it is called, in the answer and in its address.
    pub rel: String,
    /// Its exact size, at most 64 MiB; a small PNG if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its content type; `image/png` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<EvidenceTrouble>,
}

impl Evidence {
    /// A small PNG.
    #[must_use]
    pub fn of(rel: &str) -> Self {
        Self {
            rel: rel.to_owned(),
            bytes: None,
            content_type: None,
            trouble: None,
        }
    }
}

/// What is wrong with a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum EvidenceTrouble {
    /// The connection breaks after half of it.
    Cut,
    /// Half of its length is announced, and so much comes.
    Short,
    /// No length is announced.
    Unannounced,
    /// It is not there (404).
    Dead,
    /// An HTML page that asks to log in comes in its place.
    LoginPage,
    /// It is elsewhere (302).
    Redirect {
        /// Where.
        to: String,
    },
    /// The link in the answer is this, as it stands.
    Href(String),
}

/// What becomes of a PII request, what its answers say, and what goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct CivicPassScenario {
    /// The status that a request starts in.
    pub starts_as: String,
    /// How it goes on by itself.
    pub course: Vec<Turn>,
    /// The answer's `type`; what is usual for the generation that asks if left out.
    pub r#type: Option<String>,
    /// The answer's `reference`.
    pub reference: Option<String>,
    /// The `collection-status` in the beginning.
    pub collection_status: Option<String>,
    /// The document that the user shows, in Civic's words; `Passport` if left out.
    pub document_type: Option<String>,
    /// Only these members of `verifiedInformation` are there, besides `address` and `accountId`.
    pub only_claims: Option<Vec<String>>,
    /// More members of `verifiedInformation`.
    pub more_claims: Map<String, Value>,
    /// Whom the answer names.
    pub subject: Subject,
    /// The answer's `id`.
    pub id: AnsweredId,
    /// Members that the answer lacks.
    pub without: Vec<String>,
    /// Where links lead in the beginning.
    pub links: LinkStyle,
    /// How many seconds of the clock a pre-signed link holds; 0: it has expired when it is handed
    /// out.
    pub link_lifetime: u64,
    /// The pictures there are.
    pub evidence: Vec<Evidence>,
    /// Whether there is `PUT …/status`.
    pub has_decisions: bool,
    /// How many seconds of the clock an access token holds.
    pub token_lifetime: u64,
    /// Before so many of a request's first calls that show an access token, all are revoked.
    pub revokes_tokens: u32,
    /// What goes wrong with Civic's endpoints.
    pub answers: Vec<AnswerFault<CivicPassEndpoint>>,
}

impl Default for CivicPassScenario {
    fn default() -> Self {
        Self {
            starts_as: word::AWAITING_USER.to_owned(),
            course: vec![Turn::to(word::ACKNOWLEDGED), Turn::to(word::SUCCESS)],
            r#type: None,
            reference: None,
            collection_status: None,
            document_type: None,
            only_claims: None,
            more_claims: Map::new(),
            subject: Subject::AsAsked,
            id: AnsweredId::LastPart,
            without: Vec::new(),
            links: LinkStyle::AsUsual,
            link_lifetime: 300,
            evidence: vec![
                Evidence::of("evidence-document"),
                Evidence::of("evidence-selfie"),
            ],
            has_decisions: true,
            token_lifetime: 86_400,
            revokes_tokens: 0,
            answers: Vec::new(),
        }
    }
}
