//! From a caller's wish to what Civic is asked for. Pure.
//!
//! Civic is asked for a scope request, never for single claims: for the one that the caller names, and
//! then for all that it gives, or for the smallest that gives what he asks for. So the fields tell the
//! scope request, and nobody has to remember it: [`scope_of`].
//!
//! Which document a user shows, he has chosen in Civic's app: it is known when the data is there. So a
//! claim from a certain document, and one from any, is the same field; the first is met only if that
//! document was shown.

use std::time::Duration;

use verilane_core::{
    ClaimRequest, ClaimSelector, ClaimSource, DocumentType, FieldViolation, Reason, Wish,
};
use verilane_provider::{ActionLifetime, OfferedClaim, Prepared, StartRequest};

use crate::fields::{self, FIELDS, Field};
use crate::scope::Scope;
use crate::subject;

/// For how long what the popup's user brings back is taken. Nothing at Civic sets a bound: the request
/// begins when the page opens the popup, and the code that comes of it has a short life of its own. So
/// the bounds are those of a link that somebody is sent and follows when it suits him.
pub const LIFETIME: ActionLifetime = ActionLifetime {
    min: Duration::from_secs(5 * 60),
    max: Duration::from_secs(30 * 24 * 60 * 60),
    default: Duration::from_secs(60 * 60),
};

/// Every field: each can be asked for, from whichever document.
#[must_use]
pub fn offered() -> Vec<OfferedClaim> {
    let offered = FIELDS.iter().map(|field| OfferedClaim {
        name: field.claim,
        document: None,
        field: field.name,
    });
    offered.collect()
}

/// The scope request for the fields of a prepared wish.
#[must_use]
pub fn scope_of(fields: &[&str]) -> Scope {
    fields::smallest_for(fields.iter().copied())
}

/// Checks a wish and puts it into Civic's terms: the subject in canonical form, each claim as the one
/// field that it is, and besides what the named scope request gives, the user's id in any case. Where it
/// asks for the user's id alone, what came is kept for `anonymous_retention`.
///
/// # Errors
/// Everything that is wrong with the wish.
pub fn prepare(
    request: &StartRequest,
    anonymous_retention: Duration,
) -> Result<Prepared, Vec<FieldViolation>> {
    let mut violations = Vec::new();
    let mut refuse = |field: String, reason, description: &str| {
        violations.push(FieldViolation {
            field,
            description: description.to_owned(),
            reason,
        });
    };
    let subject = subject::canonical(request.subject.expose());
    if subject.is_none() {
        let why = "must be a user's id at Civic, or unset";
        refuse("subject".to_owned(), Reason::SubjectMalformed, why);
    }
    let named = request.scope.as_deref().map(Scope::named);
    if named == Some(None) {
        let why = "is not a scope request of Civic";
        refuse("scope".to_owned(), Reason::ScopeUnknown, why);
    }
    let named = named.flatten();
    let mut claims: Vec<Wish> = Vec::new();
    for (place, claim) in request.claims.iter().enumerate() {
        match wish(claim, named) {
            Err((part, reason, why)) => refuse(format!("claims[{place}]{part}"), reason, why),
            Ok(wish) if claims.iter().any(|known| known.fields().eq(wish.fields())) => {
                let why = "is asked for before, perhaps from another document";
                refuse(format!("claims[{place}]"), Reason::ClaimRepeated, why);
            }
            Ok(wish) => claims.push(wish),
        }
    }
    if request.claims.is_empty() && request.scope.is_none() {
        let why = "must name at least one claim, unless a scope is named";
        refuse("claims".to_owned(), Reason::InvalidArgument, why);
    }
    let lifetime = request.action_lifetime.unwrap_or(LIFETIME.default);
    if !(LIFETIME.min..=LIFETIME.max).contains(&lifetime) {
        let why = "must be 5 minutes to 30 days";
        let field = "action_lifetime".to_owned();
        refuse(field, Reason::ActionLifetimeOutOfRange, why);
    }
    match subject {
        Some(subject) if violations.is_empty() => {
            let mut prepared = Prepared {
                besides: besides(&claims, named),
                subject,
                claims,
                action_lifetime: lifetime,
                retention: None,
            };
            if scope_of(&prepared.fields()) == Scope::AnonymousLogin {
                prepared.retention = Some(anonymous_retention);
            }
            Ok(prepared)
        }
        _ => Err(violations),
    }
}

/// What comes without having been asked for by name: all else that a named scope request gives; without
/// one, the user's id alone, so that nothing is kept which nobody wants.
fn besides(claims: &[Wish], named: Option<Scope>) -> Vec<Wish> {
    let given = fields::given_by(named.unwrap_or(Scope::AnonymousLogin));
    let is_asked = |field: &&Field| {
        let mut asked = claims.iter().flat_map(Wish::fields);
        asked.any(|name| name == field.name)
    };
    let rest = given.filter(|field| !is_asked(field));
    rest.map(|field| as_wish(field, None, Vec::new(), false))
        .collect()
}

type Wrong = (&'static str, Reason, &'static str);

fn wish(claim: &ClaimRequest, named: Option<Scope>) -> Result<Wish, Wrong> {
    const NOT_OFFERED: Wrong = ("", Reason::ClaimNotOffered, "is not offered by Civic SIP");
    let (field, document, preferred): (&Field, _, _) = match &claim.selector {
        ClaimSelector::ProviderField(name) => {
            let why = "is not a field of Civic SIP";
            let unknown = (".provider_field", Reason::ClaimUnknown, why);
            (fields::by_name(name).ok_or(unknown)?, None, Vec::new())
        }
        ClaimSelector::AnyDocument { name, preferred } => {
            if !name.is_from_document() {
                let why = "comes from no document, so it can't be asked for from any";
                return Err(("", Reason::InvalidArgument, why));
            }
            let field = fields::by_claim(*name).ok_or(NOT_OFFERED)?;
            (field, None, preferred.clone())
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
            let field = fields::by_claim(*name).ok_or(NOT_OFFERED)?;
            (field, *document, Vec::new())
        }
    };
    if named.is_some_and(|scope| !scope.covers(field.scope)) {
        let why = "is not given by the scope that is named";
        return Err(("", Reason::ClaimNotOffered, why));
    }
    Ok(as_wish(field, document, preferred, claim.required))
}

fn as_wish(
    field: &Field,
    document: Option<DocumentType>,
    preferred: Vec<DocumentType>,
    required: bool,
) -> Wish {
    Wish {
        name: field.claim,
        sources: vec![ClaimSource {
            document,
            field: field.name.to_owned(),
        }],
        preferred,
        required,
    }
}

#[cfg(test)]
mod tests;
