//! The vocabulary of claims: what can be asked for and read, the same for every provider.
//!
//! Names follow OpenID Connect standard claims and OpenID Identity Assurance where these have one.
//! How a provider calls the same fact is that provider's business.

use std::fmt;

use crate::Reason;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one with this word.
            #[must_use]
            pub fn from_name(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// One verified fact about a person.
    ClaimName {
        /// The user's own name at the provider, the same whenever he comes back.
        ProviderSubject = "sub",
        /// Full name, as on the document.
        Name = "name",
        /// Date of birth.
        Birthdate = "birthdate",
        /// Gender, as on the document.
        Gender = "gender",
        /// E-mail address.
        Email = "email",
        /// Telephone number.
        PhoneNumber = "phone_number",
        /// The kind of document, by its name in OpenID Identity Assurance where it has one.
        DocumentKind = "document.type",
        /// Number of the document.
        DocumentNumber = "document.document_number",
        /// When the document was issued.
        DocumentIssuance = "document.date_of_issuance",
        /// When the document expires.
        DocumentExpiry = "document.date_of_expiry",
        /// The document's country.
        DocumentCountry = "document.country",
        /// A picture of the document.
        DocumentImage = "document.image",
        /// MD5 of the picture of the document, as the provider has it.
        DocumentImageMd5 = "document.image_md5",
        /// A picture of the holder's face.
        FaceImage = "document.face_image",
        /// Outcome of the check against money-laundering lists.
        AmlCheck = "aml.check",
        /// Details of that check.
        AmlDetail = "aml.detail",
        /// Whether he is 16 or older. This and the others of its kind are named as in ISO 18013-5.
        AgeOver16 = "age_over_16",
        /// Whether he is 18 or older.
        AgeOver18 = "age_over_18",
        /// Whether he is 21 or older.
        AgeOver21 = "age_over_21",
    }
}

impl ClaimName {
    /// Whether its value is a picture and not text.
    #[must_use]
    pub const fn is_image(self) -> bool {
        matches!(self, Self::DocumentImage | Self::FaceImage)
    }

    /// Whether it is read from a document, so that the document must be named to ask for it.
    #[must_use]
    pub const fn is_from_document(self) -> bool {
        !matches!(
            self,
            Self::ProviderSubject | Self::Email | Self::PhoneNumber
        )
    }

    /// The claim that this one is derived from; none for one that providers provide. A derived claim
    /// is asked for, kept and checked again as the claim that it is derived from, and has a value only
    /// when it is read. Plug-ins know nothing of it.
    #[must_use]
    pub const fn derived_from(self) -> Option<Self> {
        match self {
            Self::AgeOver16 | Self::AgeOver18 | Self::AgeOver21 => Some(Self::Birthdate),
            Self::ProviderSubject
            | Self::Name
            | Self::Birthdate
            | Self::Gender
            | Self::Email
            | Self::PhoneNumber
            | Self::DocumentKind
            | Self::DocumentNumber
            | Self::DocumentIssuance
            | Self::DocumentExpiry
            | Self::DocumentCountry
            | Self::DocumentImage
            | Self::DocumentImageMd5
            | Self::FaceImage
            | Self::AmlCheck
            | Self::AmlDetail => None,
        }
    }

    /// Whether it is derived from another.
    #[must_use]
    pub const fn is_derived(self) -> bool {
        self.derived_from().is_some()
    }

    /// The claim that providers provide: the one that it is derived from, or itself.
    #[must_use]
    pub const fn provided_as(self) -> Self {
        match self.derived_from() {
            Some(source) => source,
            None => self,
        }
    }
}

words! {
    /// A kind of document, by its name in OpenID Identity Assurance.
    DocumentType {
        /// National identity card.
        IdCard = "idcard",
        /// Passport.
        Passport = "passport",
        /// Residence permit.
        ResidencePermit = "residence_permit",
        /// Driving licence.
        DrivingPermit = "driving_permit",
    }
}

/// The words that providers have for the documents that we know, in small letters and without apostrophes.
/// Their lists are "not exhaustive" by their own word.
const DOCUMENT_WORDS: [(&str, DocumentType); 10] = [
    ("passport", DocumentType::Passport),
    ("driving license", DocumentType::DrivingPermit),
    ("driving licence", DocumentType::DrivingPermit),
    ("driver license", DocumentType::DrivingPermit),
    ("drivers license", DocumentType::DrivingPermit),
    ("driving permit", DocumentType::DrivingPermit),
    ("id card", DocumentType::IdCard),
    ("identity card", DocumentType::IdCard),
    ("residence permit", DocumentType::ResidencePermit),
    ("biometric residence permit", DocumentType::ResidencePermit),
];

impl DocumentType {
    /// The kind of document that a provider has this word for, in any case, or that has this name; none
    /// for a kind that we have no name for.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let spelt = word
            .trim()
            .to_lowercase()
            .replace(['-', '_'], " ")
            .replace('\'', "");
        let known = DOCUMENT_WORDS.iter().find(|(known, _)| *known == spelt);
        known
            .map(|(_, kind)| *kind)
            .or_else(|| Self::from_name(&spelt))
    }
}

/// How a caller names a claim.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ClaimSelector {
    /// By our vocabulary; from this document, where the claim comes from one.
    Claim {
        /// The fact.
        name: ClaimName,
        /// The document it must come from.
        document: Option<DocumentType>,
    },
    /// By our vocabulary, from whichever document the user holds it on.
    AnyDocument {
        /// The fact. One that comes from documents.
        name: ClaimName,
        /// The documents that it is rather had from, best first, none twice.
        preferred: Vec<DocumentType>,
    },
    /// By the provider's own name for the field.
    ProviderField(String),
}

impl ClaimSelector {
    /// Whether it means the claim of this name, document and field.
    #[must_use]
    pub fn means(&self, name: ClaimName, document: Option<DocumentType>, field: &str) -> bool {
        match self {
            Self::Claim {
                name: named,
                document: from,
            } => *named == name && (from.is_none() || *from == document),
            Self::AnyDocument { name: named, .. } => *named == name,
            Self::ProviderField(named) => *named == field,
        }
    }
}

/// A claim that a caller asks for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClaimRequest {
    /// Which.
    pub selector: ClaimSelector,
    /// Whether the verification is worth nothing without it.
    pub required: bool,
}

/// What became of a claim that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ClaimStatus {
    /// Asked for; nothing is known yet.
    Requested,
    /// Its value is here.
    Granted,
    /// The user holds no verified value, or none came.
    NotHeld,
    /// Its value came, and was found not to hold any more; or nothing can be made of it: it is a
    /// picture that can't be used, or one from which a derived claim can't be derived.
    Invalid,
    /// Something had come for it, and was kept no longer than it was to be.
    Forgotten,
}

impl ClaimStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Requested,
        Self::Granted,
        Self::NotHeld,
        Self::Invalid,
        Self::Forgotten,
    ];

    /// The name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Granted => "GRANTED",
            Self::NotHeld => "NOT_HELD",
            Self::Invalid => "INVALID",
            Self::Forgotten => "FORGOTTEN",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// A claim as the provider was, or would be, asked for it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RequestedClaim {
    /// The fact.
    pub name: ClaimName,
    /// The document it comes from, where it comes from one.
    pub document: Option<DocumentType>,
    /// The provider's name for it. Unique within a verification among claims that are not derived; a
    /// derived one has the field of the claim that it is derived from. Empty for a claim that could
    /// come from several documents and that the user holds on none.
    pub field: String,
    /// Whether the verification is worth nothing without it.
    pub required: bool,
    /// Whether the provider is asked for it: not if the user did not hold it beforehand. Never
    /// changes, whatever becomes of the claim: by what it was asked for a provider's call is known.
    pub asked: bool,
    /// What became of it.
    pub status: ClaimStatus,
}

/// How far a transition or a claim can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Assurance {
    /// Verified under a pinned key of the provider.
    Signed,
    /// Fetched by us over an authenticated or configured channel.
    Pulled,
    /// Our own word, or the browser's.
    Local,
}

impl Assurance {
    /// The name in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signed => "SIGNED",
            Self::Pulled => "PULLED",
            Self::Local => "LOCAL",
        }
    }

    /// The assurance of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Signed, Self::Pulled, Self::Local]
            .into_iter()
            .find(|a| a.as_str() == name)
    }
}

/// What a provider says of a value beside it, and what the value was held against.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Checks {
    /// Whether the provider holds the value to be valid still.
    pub is_valid: bool,
    /// Whether the user has shown that the value is his own.
    pub is_owner: bool,
    /// Of a picture's digest: what it is the digest of.
    pub digest: Option<DigestOf>,
}

/// What a digest that came beside a picture is the digest of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DigestOf {
    /// The text that encodes the picture.
    Text,
    /// The picture's bytes.
    Bytes,
    /// Neither.
    Neither,
}

impl Checks {
    /// Whether nothing speaks against the value.
    #[must_use]
    pub const fn hold(self) -> bool {
        self.is_valid && self.is_owner
    }

    /// What a store keeps of them.
    #[must_use]
    pub const fn to_bits(self) -> u8 {
        let digest = match self.digest {
            None => 0,
            Some(DigestOf::Text) => 1,
            Some(DigestOf::Bytes) => 2,
            Some(DigestOf::Neither) => 3,
        };
        self.is_valid as u8 | (self.is_owner as u8) << 1 | digest << 2
    }

    /// What a store kept of them; none for what no store wrote.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        let digest = match bits >> 2 {
            0 => None,
            1 => Some(DigestOf::Text),
            2 => Some(DigestOf::Bytes),
            3 => Some(DigestOf::Neither),
            _ => return None,
        };
        Some(Self {
            is_valid: bits & 1 != 0,
            is_owner: bits & 2 != 0,
            digest,
        })
    }
}

/// What is wrong with one field of a caller's request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldViolation {
    /// The field, as a path in the request: `claims[2].provider_field`.
    pub field: String,
    /// What is wrong, without the value.
    pub description: String,
    /// Why, from the registry.
    pub reason: Reason,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_derived_is_derived_from_something_that_is_provided() {
        let derived: Vec<_> = ClaimName::ALL.iter().filter(|n| n.is_derived()).collect();
        assert_eq!(
            derived,
            [
                &ClaimName::AgeOver16,
                &ClaimName::AgeOver18,
                &ClaimName::AgeOver21
            ]
        );
        for name in ClaimName::ALL {
            let source = name.provided_as();
            assert!(!source.is_derived());
            assert_eq!(source.is_from_document(), name.is_from_document());
            assert_eq!(name.is_derived(), source != *name);
            assert!(!name.is_derived() || !name.is_image());
        }
    }

    #[test]
    fn checks_come_back_from_their_bits() {
        let all = (0..=u8::MAX).filter_map(|bits| Some((bits, Checks::from_bits(bits)?)));
        let all: Vec<_> = all.collect();
        assert_eq!(all.len(), 16);
        for (bits, checks) in all {
            assert_eq!(checks.to_bits(), bits);
            assert_eq!(checks.hold(), bits & 3 == 3);
        }
    }

    #[test]
    fn documents_are_known_by_the_words_of_providers_in_any_case() {
        let table = [
            ("Passport", Some(DocumentType::Passport)),
            (" passport ", Some(DocumentType::Passport)),
            ("Driving License", Some(DocumentType::DrivingPermit)),
            ("Driver's License", Some(DocumentType::DrivingPermit)),
            ("driving_permit", Some(DocumentType::DrivingPermit)),
            ("ID Card", Some(DocumentType::IdCard)),
            ("id_card", Some(DocumentType::IdCard)),
            ("idcard", Some(DocumentType::IdCard)),
            ("Residence Permit", Some(DocumentType::ResidencePermit)),
            (
                "Biometric Residence Permit",
                Some(DocumentType::ResidencePermit),
            ),
            ("Visa", None),
            ("Voter ID", None),
            ("PAN Card", None),
            ("passport copy", None),
            ("", None),
        ];
        for (word, kind) in table {
            assert_eq!(DocumentType::of_word(word), kind, "{word}");
        }
        for kind in DocumentType::ALL {
            assert_eq!(DocumentType::of_word(kind.as_str()), Some(*kind));
        }
    }

    #[test]
    fn every_word_means_one_thing() {
        for name in ClaimName::ALL {
            assert_eq!(ClaimName::from_name(name.as_str()), Some(*name));
        }
        for document in DocumentType::ALL {
            assert_eq!(DocumentType::from_name(document.as_str()), Some(*document));
        }
    }
}
