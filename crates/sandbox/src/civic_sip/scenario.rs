//! What Civic SIP's tokens and answers are like, and what goes wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scenario::AnswerFault;

/// The most bytes that a picture is made to have.
pub const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// An endpoint of Civic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CivicSipEndpoint {
    /// `POST …/scopeRequest/authCode`.
    Exchange,
    /// A pre-signed link.
    Storage,
}

/// How a token is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenAlgorithm {
    /// On P-256.
    #[default]
    Es256,
    /// On secp256k1, as the first tokens were.
    Es256k,
    /// An HMAC keyed with the public key's hex: a forgery.
    Hs256,
    /// Not at all: a forgery.
    None,
}

/// Whose key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SigningKey {
    /// Civic's, of the algorithm's curve.
    #[default]
    Civic,
    /// One that nobody trusts.
    Another,
    /// Civic's for another curve than the header says.
    OtherCurve,
}

/// A token's `aud`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenAudience {
    /// The API's base with its trailing slash, without the environment.
    #[default]
    Base,
    /// The same without the slash.
    BaseWithoutSlash,
    /// The base with the environment and no slash, as the first tokens had it.
    Stage,
    /// The endpoint's path, as in the document's decoded token.
    Path,
    /// This.
    Text(String),
}

/// A token's `sub`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenSubject {
    /// The application's id.
    #[default]
    Application,
    /// The issuer again, as in the document's decoded token.
    Issuer,
    /// This.
    Text(String),
}

/// How `iat` and `exp` are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenTimes {
    /// Seconds with three decimals.
    #[default]
    Fractional,
    /// Whole seconds.
    Whole,
}

/// What one of Civic's tokens is like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct TokenShape {
    /// How it is signed.
    pub algorithm: TokenAlgorithm,
    /// With whose key.
    pub key: SigningKey,
    /// Its `iss`; `civic-sip-hosted-service` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Its `aud`.
    pub audience: TokenAudience,
    /// Its `sub`.
    pub subject: TokenSubject,
    /// How its times are written.
    pub times: TokenTimes,
    /// How many seconds after the time it says that it was issued; before, if negative.
    pub issued: i64,
    /// How many seconds from `iat` to `exp`; usual are 180 for an auth-code token and 1,800 for an
    /// answer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<i64>,
    /// Claims that it lacks.
    pub without: Vec<String>,
}

/// The document that a user shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentShown {
    /// `passport`.
    #[default]
    Passport,
    /// `Driving License`.
    DrivingLicense,
    /// `ID Card`.
    IdCard,
    /// `Biometric Residence Permit`.
    ResidencePermit,
}

/// The kind of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageKind {
    /// A JPEG.
    #[default]
    Jpeg,
    /// A PNG.
    Png,
    /// Bytes that are no picture.
    Noise,
}

/// What `documents.genericId.image_md5` is the MD5 of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Md5 {
    /// The picture's bytes.
    #[default]
    Bytes,
    /// The base64 text.
    Text,
    /// Something else.
    Wrong,
}

/// The picture of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Image {
    /// Its kind.
    pub kind: ImageKind,
    /// How many bytes it has at least, at most 32 MiB.
    pub bytes: u64,
    /// What its MD5 is of.
    pub md5: Md5,
}

/// Something that is known of the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attribute {
    /// What it is.
    pub label: String,
    /// What it says.
    pub value: String,
    /// Whether it still stands on the blockchain.
    pub is_valid: bool,
    /// Whether the user holds the key that it was attested for.
    pub is_owner: bool,
}

/// How the clear text stands in an answer's token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadForm {
    /// Encrypted.
    #[default]
    Encrypted,
    /// As it is, and the answer says so.
    Plain,
    /// As it is, and the answer does not say whether.
    PlainUnmarked,
    /// As it is, and the answer says that it is encrypted.
    PlainMarkedEncrypted,
    /// Encrypted, with a bit of the last block turned.
    Damaged,
    /// Encrypted, with the last byte missing.
    Cut,
    /// Encrypted, in what is not base64.
    NotBase64,
    /// Encrypted with another secret.
    OtherSecret,
    /// No more than an initialisation vector.
    Empty,
}

/// What the clear text is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Payload {
    /// How it stands in the token.
    pub form: PayloadForm,
    /// This in place of the attributes' JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Whether an answer brings a link in place of its token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Large {
    /// If the token is large and the caller takes links.
    #[default]
    AsUsual,
    /// If the caller takes links.
    Always,
    /// Whatever the caller takes.
    Forced,
}

/// What the link is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Link {
    /// How many seconds of the clock it lives; 0: it has expired when it is handed out.
    pub lifetime: u64,
    /// The origin in place of storage's, such as `https://files.example`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// This, as it stands, in place of a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
    /// Where storage redirects to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirects_to: Option<String>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            lifetime: 60,
            origin: None,
            href: None,
            redirects_to: None,
        }
    }
}

/// What Civic SIP's tokens and answers are like, and what goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct CivicSipScenario {
    /// The auth-code tokens.
    pub token: TokenShape,
    /// The tokens in answers.
    pub answer: TokenShape,
    /// Members that answers lack.
    pub without: Vec<String>,
    /// What is in the answers' tokens.
    pub payload: Payload,
    /// Whether answers bring a link.
    pub large: Large,
    /// What the link is like.
    pub link: Link,
    /// The answers' `userId` in place of the user's own.
    pub user_id: Option<String>,
    /// The document that the user has shown.
    pub document: DocumentShown,
    /// Its picture.
    pub image: Image,
    /// Labels that are missing.
    pub without_labels: Vec<String>,
    /// Labels whose `isValid` is false; `*` for all.
    pub not_valid: Vec<String>,
    /// Labels whose `isOwner` is false; `*` for all.
    pub not_owner: Vec<String>,
    /// Values by label in place of the user's own.
    pub values: BTreeMap<String, String>,
    /// More attributes.
    pub more: Vec<Attribute>,
    /// Whether the application may ask for `PROOF_OF_IDENTITY`.
    pub approved_for_identity: bool,
    /// Whether somebody else has spent the code before.
    pub already_spent: bool,
    /// The longest that a request token may live, in seconds.
    pub request_token_lifetime: u64,
    /// What goes wrong with Civic's endpoints.
    pub answers: Vec<AnswerFault<CivicSipEndpoint>>,
}

impl Default for CivicSipScenario {
    fn default() -> Self {
        Self {
            token: TokenShape::default(),
            answer: TokenShape::default(),
            without: Vec::new(),
            payload: Payload::default(),
            large: Large::AsUsual,
            link: Link::default(),
            user_id: None,
            document: DocumentShown::Passport,
            image: Image::default(),
            without_labels: Vec::new(),
            not_valid: Vec::new(),
            not_owner: Vec::new(),
            values: BTreeMap::new(),
            more: Vec::new(),
            approved_for_identity: true,
            already_spent: false,
            request_token_lifetime: 180,
            answers: Vec::new(),
        }
    }
}
