//! From a caller's wish to what Civic is asked for. Pure.
//!
//! Civic is asked for a scope request, never for single claims: for the one that the caller names, and
//! then for all that it gives, or for the smallest that gives what he asks for. So the fields tell the
//! scope request, and nobody has to remember it: [`scope_of`].
//!
//! Which document a user shows, he has chosen in Civic's app: see [`asking`].

use std::time::Duration;

use verilane_core::{ClaimName, FieldViolation, Reason, Wish};
use verilane_provider::asking::{self, Terms, wish_for};
use verilane_provider::{ActionLifetime, OfferedClaim, Prepared, StartRequest};

use crate::fields::{self, FIELDS};
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
/// asks for the user's id alone, what came is kept for `anonymous_retention`. There, and where a user is
/// named, his id is what the verification is about, and so it is required.
///
/// # Errors
/// Everything that is wrong with the wish.
pub fn prepare(
    request: &StartRequest,
    anonymous_retention: Duration,
) -> Result<Prepared, Vec<FieldViolation>> {
    let named = request.scope.as_deref().map(Scope::named);
    if named == Some(None) {
        return Err(vec![FieldViolation {
            field: "scope".to_owned(),
            description: "is not a scope request of Civic".to_owned(),
            reason: Reason::ScopeUnknown,
        }]);
    }
    let named = named.flatten();
    let against = |field: &str| {
        let given = fields::by_name(field)?.scope;
        let is_refused = named.is_some_and(|scope| !scope.covers(given));
        is_refused.then_some("is not given by the scope that is named")
    };
    let subject = subject::canonical(request.subject.expose());
    let offered = offered();
    let mut prepared = asking::prepare(
        request,
        Terms {
            offered: &offered,
            lifetime: LIFETIME,
            subject: subject.ok_or("must be a user's id at Civic, or unset"),
            against: &against,
        },
    )?;
    prepared.besides = besides(&offered, &prepared.claims, named);
    let is_anonymous = scope_of(&prepared.fields()) == Scope::AnonymousLogin;
    if is_anonymous {
        prepared.retention = Some(anonymous_retention);
    }
    if is_anonymous || !prepared.subject.expose().is_empty() {
        let wishes = prepared.claims.iter_mut().chain(&mut prepared.besides);
        for user in wishes.filter(|wish| wish.name == ClaimName::ProviderSubject) {
            user.required = true;
        }
    }
    Ok(prepared)
}

/// What comes without having been asked for by name: all else that a named scope request gives; without
/// one, the user's id alone, so that nothing is kept which nobody wants.
fn besides(offered: &[OfferedClaim], claims: &[Wish], named: Option<Scope>) -> Vec<Wish> {
    let scope = named.unwrap_or(Scope::AnonymousLogin);
    let is_given =
        |field: &&OfferedClaim| fields::given_by(scope).any(|known| known.name == field.field);
    let is_asked = |field: &&OfferedClaim| {
        let mut asked = claims.iter().flat_map(Wish::fields);
        asked.any(|name| name == field.field)
    };
    let rest = offered
        .iter()
        .filter(is_given)
        .filter(|field| !is_asked(field));
    rest.map(|field| wish_for(field, None, Vec::new(), false))
        .collect()
}

#[cfg(test)]
mod tests;
