//! Claims as OpenID Identity Assurance `verified_claims`.
//!
//! Of source: *OpenID Identity Assurance Schema Definition 1.0* and *OpenID Attachments 1.0*. Where each
//! claim stands is told in `docs/claims.md`, and held against it by a test.
//!
//! Invariant: only what holds is told, and only of a verification that is VERIFIED. A claim that is
//! INVALID, or whose value can't be read as what its place wants, is left out, and so is what has no
//! place there; nothing is made up to fill one.

mod schema;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use verilane_core::{
    Assurance, AttemptNumber, ClaimName, ClaimStatus, ClaimValue, Date, DocumentType, EvidenceId,
    EvidenceKind, Pii, Reason, State, Timestamp,
};
use verilane_engine::{ClaimView, ClaimsView, EngineError};

use self::schema::{
    Answer, AssuranceProcess, Attachment, CheckDetails, Claims, Digest, DocumentDetails, Evidence,
    Issuer, OneOrSeveral, VerifiedClaims,
};
use super::claims::{origin, typed};

/// Before the provider's name it makes a trust framework: none that is published, but the provider's
/// own rules.
const FRAMEWORK: &str = "verilane";
/// How we came by what the provider says, whose procedures are our assurances.
const POLICY: &str = "verilane_provenance";
/// The provider says that it has checked the document, and not how.
const CHECK_METHOD: &str = "provider_attestation";

/// What was read, as a JSON text.
///
/// # Errors
/// `INTERNAL`, if it can't be written.
pub(crate) fn json(view: &ClaimsView) -> Result<Pii<String>, EngineError> {
    let mut elements: Vec<_> = groups(view)
        .iter()
        .filter_map(|g| element(view, g))
        .collect();
    let verified_claims = match elements.pop() {
        Some(only) if elements.is_empty() => OneOrSeveral::One(Box::new(only)),
        last => {
            elements.extend(last);
            OneOrSeveral::Several(elements)
        }
    };
    serde_json::to_string(&Answer { verified_claims })
        .map(Pii::new)
        .map_err(|_| EngineError::new(Reason::Internal))
}

/// Claims that have one origin: a document or none, and an attempt.
struct Group<'a> {
    document: Option<DocumentType>,
    attempt: AttemptNumber,
    /// Never none.
    first: &'a ClaimView,
    others: Vec<&'a ClaimView>,
}

impl<'a> Group<'a> {
    fn claims(&self) -> impl Iterator<Item = &'a ClaimView> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}

/// The groups of what holds, in the order of the answer.
fn groups(view: &ClaimsView) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    if view.row.state().0 != State::Verified {
        return groups;
    }
    // Who somebody is to a provider stands outside what the provider signs, and has no place: it must not
    // weaken what has.
    let holds = |claim: &&ClaimView| {
        claim.status == ClaimStatus::Granted && claim.name != ClaimName::ProviderSubject
    };
    for claim in view.claims.iter().filter(holds) {
        let (document, attempt) = (claim.claim.document, claim.claim.attempt);
        let known = groups
            .iter_mut()
            .find(|group| group.document == document && group.attempt == attempt);
        match known {
            Some(group) => group.others.push(claim),
            None => groups.push(Group {
                document,
                attempt,
                first: claim,
                others: Vec::new(),
            }),
        }
    }
    groups
}

/// What a group has to tell; nothing if none of its claims stands in `claims`, which must not be empty.
fn element(view: &ClaimsView, group: &Group<'_>) -> Option<VerifiedClaims> {
    let (_, provider) = origin(view, &group.first.claim);
    let check_id = format!("{}/{}", view.row.id, group.attempt);
    let mut placed = Placed::new(group.document);
    for claim in group.claims() {
        placed.place(view, claim);
    }
    if placed.claims == Claims::default() {
        return None;
    }
    let provider_time = group.claims().filter_map(|c| c.claim.provider_time).max();
    let receive_time = group.claims().map(|c| c.claim.receive_time).max();
    let evidence = placed.document.map(|document_details| Evidence {
        kind: "document",
        check_details: [CheckDetails {
            check_method: CHECK_METHOD,
            organization: provider.to_string(),
            check_id: check_id.clone(),
            time: provider_time.map(time),
        }],
        document_details,
        attachments: placed.attachments,
    });
    Some(VerifiedClaims {
        verification: schema::Verification {
            trust_framework: format!("{FRAMEWORK}:{provider}"),
            assurance_process: AssuranceProcess {
                policy: POLICY,
                procedure: weakest(group.claims()),
            },
            time: time(provider_time.or(receive_time)?),
            verification_process: check_id,
            evidence: evidence.into_iter().collect(),
        },
        claims: placed.claims,
    })
}

/// Claims, each in its place.
struct Placed {
    claims: Claims,
    document: Option<DocumentDetails>,
    attachments: Vec<Attachment>,
}

impl Placed {
    fn new(document: Option<DocumentType>) -> Self {
        Self {
            claims: Claims::default(),
            document: document.map(|document| DocumentDetails {
                kind: document.as_str(),
                document_number: None,
                date_of_issuance: None,
                date_of_expiry: None,
                issuer: None,
            }),
            attachments: Vec::new(),
        }
    }

    fn place(&mut self, view: &ClaimsView, claim: &ClaimView) {
        if let Some(value) = typed(claim) {
            self.value(claim.name, &value);
        } else if let Some(picture) = claim.claim.evidence {
            self.picture(view, picture);
        }
    }

    /// Puts a value where it belongs; none if it has no place or does not fit there.
    fn value(&mut self, name: ClaimName, value: &ClaimValue) -> Option<()> {
        let claims = &mut self.claims;
        match name {
            ClaimName::Name => claims.name = Some(text(value)?),
            ClaimName::Birthdate => claims.birthdate = Some(date(value)?),
            ClaimName::Gender => claims.gender = Some(text(value)?),
            ClaimName::Email => claims.email = Some(text(value)?),
            ClaimName::PhoneNumber => claims.phone_number = Some(text(value)?),
            ClaimName::AgeOver16 => claims.age_over_16 = Some(boolean(value)?),
            ClaimName::AgeOver18 => claims.age_over_18 = Some(boolean(value)?),
            ClaimName::AgeOver21 => claims.age_over_21 = Some(boolean(value)?),
            ClaimName::DocumentNumber => {
                self.document.as_mut()?.document_number = Some(text(value)?);
            }
            ClaimName::DocumentIssuance => {
                self.document.as_mut()?.date_of_issuance = Some(date(value)?);
            }
            ClaimName::DocumentExpiry => {
                self.document.as_mut()?.date_of_expiry = Some(date(value)?);
            }
            ClaimName::DocumentCountry => {
                self.document.as_mut()?.issuer = Some(issuer(value)?);
            }
            // A check against lists says nothing about the document, and has no place.
            ClaimName::AmlCheck | ClaimName::AmlDetail => return None,
            // Who somebody is to a provider is nothing that was verified about him; the kind of the document
            // stands with it already; a digest is of the provider's own making.
            ClaimName::ProviderSubject | ClaimName::DocumentKind | ClaimName::DocumentImageMd5 => {
                return None;
            }
            // Evidence holds them.
            ClaimName::DocumentImage | ClaimName::FaceImage => return None,
        }
        Some(())
    }

    /// Attaches a picture by its digest; none if the piece is not a picture.
    fn picture(&mut self, view: &ClaimsView, id: EvidenceId) -> Option<()> {
        let piece = view.evidence.iter().find(|piece| piece.record.id == id)?;
        let desc = match piece.record.kind {
            EvidenceKind::DocumentImage => "Picture of the document",
            EvidenceKind::FaceImage => "Picture of the holder's face",
            EvidenceKind::ClaimText
            | EvidenceKind::ProviderMessage
            | EvidenceKind::QuarantinedMessage => return None,
        };
        self.document.as_ref()?;
        self.attachments.push(Attachment {
            desc,
            url: format!("urn:uuid:{id}"),
            access_token: None,
            digest: Digest {
                alg: "sha-256",
                value: STANDARD.encode(piece.sha256),
            },
        });
        Some(())
    }
}

/// The least that can be said of all of them.
fn weakest<'a>(claims: impl Iterator<Item = &'a ClaimView>) -> &'static str {
    let mut weakest = "signed";
    for claim in claims {
        match claim.claim.assurance {
            Assurance::Local => return "local",
            Assurance::Pulled => weakest = "pulled",
            Assurance::Signed => {}
        }
    }
    weakest
}

fn text(value: &ClaimValue) -> Option<String> {
    match value {
        ClaimValue::Text(text) if !text.expose().is_empty() => Some(text.expose().clone()),
        _ => None,
    }
}

fn date(value: &ClaimValue) -> Option<String> {
    match value {
        ClaimValue::Date(date) => Some(iso_8601(date.expose())),
        _ => None,
    }
}

fn boolean(value: &ClaimValue) -> Option<bool> {
    match value {
        ClaimValue::Boolean(yes) => Some(*yes.expose()),
        _ => None,
    }
}

fn issuer(value: &ClaimValue) -> Option<Issuer> {
    match value {
        ClaimValue::Country(country) => Some(Issuer {
            country: country.expose().alpha2(),
            country_code: country.expose().alpha3(),
        }),
        _ => None,
    }
}

fn iso_8601(date: &Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// A point in time in UTC, to the second.
fn time(time: Timestamp) -> String {
    let second = time.as_secs().rem_euclid(86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let day = iso_8601(&Date::on(time));
    format!("{day}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_to_the_second() {
        for (micros, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (1_700_000_000_999_999, "2023-11-14T22:13:20Z"),
        ] {
            assert_eq!(time(Timestamp::from_micros(micros)), expected);
        }
    }

    #[test]
    fn a_value_that_does_not_fit_its_place_is_left_out() {
        let placed = |name: ClaimName, raw: &str| {
            let value = verilane_core::normalise(name, raw);
            Placed::new(Some(DocumentType::Passport)).value(name, &value)
        };
        for (name, raw, fits) in [
            (ClaimName::Birthdate, "1986-9-06", true),
            (ClaimName::Birthdate, "06.09.1986", false),
            (ClaimName::DocumentExpiry, "never", false),
            (ClaimName::DocumentCountry, "de", true),
            (ClaimName::DocumentCountry, "Germany", false),
            (ClaimName::Name, " ", false),
            (ClaimName::AmlCheck, "true", false),
        ] {
            assert_eq!(placed(name, raw).is_some(), fits, "{name}: {raw}");
        }
        let number = verilane_core::normalise(ClaimName::DocumentNumber, "X");
        let mut without = Placed::new(None);
        assert!(without.value(ClaimName::DocumentNumber, &number).is_none());
    }
}
