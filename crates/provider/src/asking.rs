//! A caller's wish in the terms of a provider whose user chooses the document himself: which one it was is
//! known when the claims are there. Pure.
//!
//! So a claim from a certain document, and one from any, is the same field; the first is met only if that
//! document was shown. Each field is asked for once.

use verilane_core::{
    ClaimRequest, ClaimSelector, ClaimSource, DocumentType, FieldViolation, Pii, Reason, Wish,
};

use crate::{ActionLifetime, OfferedClaim, Prepared, StartRequest};

/// What such a provider can be asked for.
pub struct Terms<'a> {
    /// Every field. Of two with the same claim, the claim alone means the first.
    pub offered: &'a [OfferedClaim],
    /// How long its actions can live.
    pub lifetime: ActionLifetime,
    /// The user in the one spelling under which he is found, or what he must be.
    pub subject: Result<Pii<String>, &'static str>,
    /// What speaks against a field, if anything does.
    pub against: &'a dyn Fn(&str) -> Option<&'static str>,
}

/// Checks a wish and puts it into the provider's terms.
///
/// # Errors
/// Everything that is wrong with the wish.
pub fn prepare(request: &StartRequest, terms: Terms<'_>) -> Result<Prepared, Vec<FieldViolation>> {
    let mut violations = Vec::new();
    let mut refuse = |field: String, reason, description: &str| {
        violations.push(FieldViolation {
            field,
            description: description.to_owned(),
            reason,
        });
    };
    if let Err(why) = &terms.subject {
        refuse("subject".to_owned(), Reason::SubjectMalformed, why);
    }
    let mut claims: Vec<Wish> = Vec::new();
    for (place, claim) in request.claims.iter().enumerate() {
        match wish(claim, &terms) {
            Err((part, reason, why)) => refuse(format!("claims[{place}]{part}"), reason, why),
            Ok(wish) if claims.iter().any(|known| known.fields().eq(wish.fields())) => {
                let why = "is asked for before, perhaps from another document";
                refuse(format!("claims[{place}]"), Reason::ClaimRepeated, why);
            }
            Ok(wish) => claims.push(wish),
        }
    }
    if request.claims.is_empty() && request.scope.is_none() {
        let why = "must name at least one claim";
        refuse("claims".to_owned(), Reason::InvalidArgument, why);
    }
    let (least, most) = (terms.lifetime.min, terms.lifetime.max);
    let action_lifetime = request.action_lifetime.unwrap_or(terms.lifetime.default);
    if !(least..=most).contains(&action_lifetime) {
        let why = format!("must be {} to {} seconds", least.as_secs(), most.as_secs());
        let field = "action_lifetime".to_owned();
        refuse(field, Reason::ActionLifetimeOutOfRange, &why);
    }
    match terms.subject {
        Ok(subject) if violations.is_empty() => Ok(Prepared {
            besides: Vec::new(),
            subject,
            claims,
            action_lifetime,
            retention: None,
        }),
        _ => Err(violations),
    }
}

/// A wish for a field, from whichever of these documents.
#[must_use]
pub fn wish_for(
    field: &OfferedClaim,
    document: Option<DocumentType>,
    preferred: Vec<DocumentType>,
    required: bool,
) -> Wish {
    Wish {
        name: field.name,
        sources: vec![ClaimSource {
            document,
            field: field.field.to_owned(),
        }],
        preferred,
        required,
    }
}

type Wrong = (&'static str, Reason, &'static str);

fn wish(claim: &ClaimRequest, terms: &Terms<'_>) -> Result<Wish, Wrong> {
    let named = |name| {
        let mut offered = terms.offered.iter();
        let not_offered = (
            "",
            Reason::ClaimNotOffered,
            "is not offered by the provider",
        );
        offered.find(|field| field.name == name).ok_or(not_offered)
    };
    let (field, document, preferred) = match &claim.selector {
        ClaimSelector::ProviderField(name) => {
            let mut offered = terms.offered.iter();
            let why = "is not a field of the provider";
            let unknown = (".provider_field", Reason::ClaimUnknown, why);
            let field = offered.find(|field| field.field == name);
            (field.ok_or(unknown)?, None, Vec::new())
        }
        ClaimSelector::AnyDocument { name, preferred } => {
            if !name.is_from_document() {
                let why = "comes from no document, so it can't be asked for from any";
                return Err(("", Reason::InvalidArgument, why));
            }
            (named(*name)?, None, preferred.clone())
        }
        ClaimSelector::Claim { name, document } => {
            let wrong = |why| Err((".document", Reason::InvalidArgument, why));
            match (document, name.is_from_document()) {
                (None, true) => return wrong("must name the document, unless any is asked for"),
                (Some(_), false) => {
                    return wrong("must be empty: the claim comes from no document");
                }
                _ => {}
            }
            (named(*name)?, *document, Vec::new())
        }
    };
    match (terms.against)(field.field) {
        Some(why) => Err(("", Reason::ClaimNotOffered, why)),
        None => Ok(wish_for(field, document, preferred, claim.required)),
    }
}
