//! Derived claims, of which plug-ins know nothing: each is asked of them as the claim that it is
//! derived from.
//!
//! Invariant: what a plug-in is asked holds no derived claim, and no field that only a derived one made a
//! second time, so that it finds a repetition where the caller made one and nowhere else. What it says of
//! the request as a whole, such as for how long it keeps what comes, it says of all fields together.

use std::collections::BTreeSet;

use verilane_core::{ClaimName, ClaimRequest, ClaimSelector, FieldViolation, Reason, Wish};

use crate::{Prepared, StartRequest};

type Violations = Vec<FieldViolation>;

/// Has a wish prepared by a plug-in that knows no derived claims.
///
/// It is asked in pieces, so that each claim is judged by itself, and then once for the whole, from which
/// everything but the derived claims is taken.
pub(super) fn prepare(
    request: &StartRequest,
    ask: impl Fn(&StartRequest) -> Result<Prepared, Violations>,
) -> Result<Prepared, Violations> {
    let sources: Vec<_> = request.claims.iter().map(source_of).collect();
    if sources.iter().all(Option::is_none) {
        return ask(request);
    }
    let ask = |claims: Vec<ClaimRequest>| {
        ask(&StartRequest {
            claims,
            ..request.clone()
        })
    };
    let mut asked = Asked::default();
    let places = positions(&sources, Option::is_none);
    let provided = places.iter().filter_map(|place| request.claims.get(*place));
    let provided: Vec<ClaimRequest> = provided.cloned().collect();
    if !provided.is_empty() {
        asked.take(&places, ask(provided.clone()), |wish| wish);
    }
    let mut whole = provided.clone();
    for (place, source) in sources.into_iter().enumerate() {
        let Some((name, claim)) = source else {
            continue;
        };
        let said = ask(vec![claim.clone()]);
        if said.as_ref().is_ok_and(|said| !asked.covers(said)) {
            whole.push(claim);
        }
        asked.take(&[place], said, |wish| Wish { name, ..wish });
    }
    let mut claims = asked.finish()?;
    let mut prepared = ask(whole)?;
    for (place, wish) in places.iter().zip(prepared.claims) {
        if let Some(claim) = claims.get_mut(*place) {
            *claim = wish;
        }
    }
    if request.scope.is_some() {
        // To ask for a derived claim is not to ask for its source, which the named set gives all the same.
        prepared.besides = ask(provided)?.besides;
    }
    Ok(Prepared { claims, ..prepared })
}

fn positions<T>(of: &[T], wanted: impl Fn(&T) -> bool) -> Vec<usize> {
    let numbered = of.iter().enumerate();
    numbered
        .filter(|(_, one)| wanted(one))
        .map(|(place, _)| place)
        .collect()
}

/// A derived claim's name, and the claim to ask for instead; none for one that is not derived.
fn source_of(claim: &ClaimRequest) -> Option<(ClaimName, ClaimRequest)> {
    let (name, selector) = match &claim.selector {
        ClaimSelector::Claim { name, document } => {
            let source = ClaimSelector::Claim {
                name: name.derived_from()?,
                document: *document,
            };
            (*name, source)
        }
        ClaimSelector::AnyDocument { name, preferred } => {
            let source = ClaimSelector::AnyDocument {
                name: name.derived_from()?,
                preferred: preferred.clone(),
            };
            (*name, source)
        }
        ClaimSelector::ProviderField(_) => return None,
    };
    let required = claim.required;
    Some((name, ClaimRequest { selector, required }))
}

/// What a plug-in has answered so far.
#[derive(Default)]
struct Asked {
    /// By their places in the caller's request.
    wishes: Vec<(usize, Wish)>,
    violations: Violations,
}

impl Asked {
    /// Takes what it said of the claims at these places.
    fn take(
        &mut self,
        places: &[usize],
        said: Result<Prepared, Violations>,
        named: impl Fn(Wish) -> Wish,
    ) {
        match said {
            Ok(mut prepared) => {
                for (place, wish) in places.iter().zip(std::mem::take(&mut prepared.claims)) {
                    self.add(*place, named(wish));
                }
            }
            Err(violations) => {
                for violation in violations {
                    let violation = moved(violation, places);
                    // What is wrong with the rest of the request is said each time.
                    if !self.violations.contains(&violation) {
                        self.violations.push(violation);
                    }
                }
            }
        }
    }

    fn add(&mut self, place: usize, wish: Wish) {
        let repeats =
            |(_, known): &(usize, Wish)| known.name == wish.name && known.sources == wish.sources;
        if self.wishes.iter().any(repeats) {
            self.violations.push(FieldViolation {
                field: format!("claims[{place}]"),
                description: "is asked for before".to_owned(),
                reason: Reason::ClaimRepeated,
            });
        } else {
            self.wishes.push((place, wish));
        }
    }

    /// Whether all fields of these claims are asked for already.
    fn covers(&self, prepared: &Prepared) -> bool {
        let known: BTreeSet<&str> = self.wishes.iter().flat_map(|(_, w)| w.fields()).collect();
        let mut fields = prepared.claims.iter().flat_map(Wish::fields);
        fields.all(|field| known.contains(field))
    }

    fn finish(mut self) -> Result<Vec<Wish>, Violations> {
        if !self.violations.is_empty() {
            return Err(self.violations);
        }
        self.wishes.sort_by_key(|(place, _)| *place);
        Ok(self.wishes.into_iter().map(|(_, wish)| wish).collect())
    }
}

/// A violation with its place in the caller's request.
fn moved(violation: FieldViolation, places: &[usize]) -> FieldViolation {
    let moved = violation.field.strip_prefix("claims[").and_then(|rest| {
        let (number, rest) = rest.split_once(']')?;
        let place = places.get(number.parse::<usize>().ok()?)?;
        Some(format!("claims[{place}]{rest}"))
    });
    match moved {
        Some(field) => FieldViolation { field, ..violation },
        None => violation,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use verilane_core::{ClaimSource, DocumentType, Pii};

    use super::*;

    use ClaimName::{AgeOver18, AgeOver21, Birthdate, Email};
    use DocumentType::{IdCard, Passport};

    const A_DAY: Duration = Duration::from_hours(24);

    fn claim(name: ClaimName, document: Option<DocumentType>) -> ClaimRequest {
        ClaimRequest {
            selector: ClaimSelector::Claim { name, document },
            required: true,
        }
    }

    fn from_any(name: ClaimName, preferred: &[DocumentType]) -> ClaimRequest {
        ClaimRequest {
            selector: ClaimSelector::AnyDocument {
                name,
                preferred: preferred.to_vec(),
            },
            required: false,
        }
    }

    fn request(claims: Vec<ClaimRequest>) -> StartRequest {
        StartRequest {
            subject: Pii::from("u"),
            claims,
            scope: None,
            action_lifetime: None,
        }
    }

    /// A plug-in that has birthdates of two documents and e-mail addresses, finds repetitions as real
    /// ones do, and would not be talked to of derived claims.
    fn plugin(request: &StartRequest) -> Result<Prepared, Violations> {
        let mut claims: Vec<Wish> = Vec::new();
        let mut violations = Vec::new();
        let mut refuse = |field: String, reason| {
            violations.push(FieldViolation {
                field,
                description: "is wrong".to_owned(),
                reason,
            });
        };
        if request.subject.expose().is_empty() {
            refuse("subject".to_owned(), Reason::SubjectMalformed);
        }
        for (place, claim) in request.claims.iter().enumerate() {
            let (name, documents, preferred) = match &claim.selector {
                ClaimSelector::Claim { name, document } => (*name, vec![*document], Vec::new()),
                ClaimSelector::AnyDocument { name, preferred } => {
                    (*name, vec![Some(IdCard), Some(Passport)], preferred.clone())
                }
                ClaimSelector::ProviderField(_) => (Birthdate, vec![Some(Passport)], Vec::new()),
            };
            assert!(!name.is_derived());
            let wish = Wish {
                name,
                sources: documents
                    .into_iter()
                    .map(|document| ClaimSource {
                        document,
                        field: format!("{name} of {document:?}"),
                    })
                    .collect(),
                preferred,
                required: claim.required,
            };
            let lacks_document = name == Birthdate && wish.sources[0].document.is_none();
            if lacks_document {
                refuse(format!("claims[{place}].document"), Reason::InvalidArgument);
            } else if claims.iter().any(|known| known.sources == wish.sources) {
                refuse(format!("claims[{place}]"), Reason::ClaimRepeated);
            } else {
                claims.push(wish);
            }
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        // A set that is named gives both. Addresses alone are kept for a time.
        let of = |name: ClaimName, document| {
            Wish::for_field(name, document, &format!("{name} of {document:?}"), false)
        };
        let mut besides = vec![of(Email, None), of(Birthdate, Some(Passport))];
        let is_asked = |wish: &Wish| claims.iter().any(|known| known.sources == wish.sources);
        besides.retain(|wish| request.scope.is_some() && !is_asked(wish));
        let mut all = claims.iter().chain(&besides);
        let is_brief = all.all(|wish| wish.name == Email);
        Ok(Prepared {
            subject: request.subject.clone(),
            claims,
            besides,
            action_lifetime: Duration::from_secs(600),
            retention: is_brief.then_some(A_DAY),
        })
    }

    fn wrong(request: &StartRequest) -> Vec<(String, Reason)> {
        let violations = prepare(request, plugin).unwrap_err();
        let told = violations.into_iter();
        told.map(|violation| (violation.field, violation.reason))
            .collect()
    }

    #[test]
    fn derived_claims_have_the_sources_of_what_they_are_derived_from_and_keep_their_places() {
        let claims = vec![
            claim(AgeOver18, Some(Passport)),
            claim(Email, None),
            claim(Birthdate, Some(Passport)),
            claim(AgeOver21, Some(Passport)),
            from_any(AgeOver18, &[Passport]),
        ];
        let prepared = prepare(&request(claims), plugin).unwrap();
        let told: Vec<_> = prepared
            .claims
            .iter()
            .map(|wish| (wish.name, wish.sources.len(), wish.required))
            .collect();
        assert_eq!(
            told,
            [
                (AgeOver18, 1, true),
                (Email, 1, true),
                (Birthdate, 1, true),
                (AgeOver21, 1, true),
                (AgeOver18, 2, false),
            ]
        );
        assert_eq!(prepared.claims[0].sources, prepared.claims[2].sources);
        assert_eq!(prepared.claims[4].preferred, [Passport]);
        let fields = prepared.fields();
        assert_eq!(fields.len(), 3, "{fields:?}");
    }

    #[test]
    fn a_repetition_is_refused_where_the_caller_made_it_and_nowhere_else() {
        let field = ClaimRequest {
            selector: ClaimSelector::ProviderField("DOB".to_owned()),
            required: true,
        };
        let claims = vec![
            claim(AgeOver18, Some(Passport)),
            claim(AgeOver18, Some(Passport)),
            field,
            claim(AgeOver18, Some(IdCard)),
            claim(Birthdate, Some(Passport)),
            from_any(AgeOver21, &[]),
            from_any(AgeOver21, &[Passport]),
        ];
        let places: Vec<_> = wrong(&request(claims)).into_iter().collect();
        assert_eq!(
            places,
            [
                ("claims[4]".to_owned(), Reason::ClaimRepeated),
                ("claims[1]".to_owned(), Reason::ClaimRepeated),
                ("claims[6]".to_owned(), Reason::ClaimRepeated),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_said_once_and_with_its_place() {
        let mut wish = request(vec![
            claim(Email, None),
            claim(AgeOver18, None),
            claim(Birthdate, None),
            claim(AgeOver21, None),
        ]);
        wish.subject = Pii::from("");
        let at = |place| (format!("claims[{place}].document"), Reason::InvalidArgument);
        let subject = ("subject".to_owned(), Reason::SubjectMalformed);
        assert_eq!(wrong(&wish), [subject, at(2), at(1), at(3)]);
    }

    #[test]
    fn a_plug_in_is_asked_once_where_nothing_is_derived() {
        let asked = RefCell::new(Vec::new());
        let ask = |request: &StartRequest| {
            asked.borrow_mut().push(request.claims.len());
            plugin(request)
        };
        let plain = vec![claim(Email, None), claim(Birthdate, Some(IdCard))];
        prepare(&request(plain), ask).unwrap();
        assert_eq!(*asked.borrow(), [2]);
        let only = vec![claim(AgeOver18, Some(IdCard))];
        let prepared = prepare(&request(only), ask).unwrap();
        assert_eq!(prepared.claims[0].name, AgeOver18);
        // By itself, and as the whole.
        assert_eq!(*asked.borrow(), [2, 1, 1]);
    }
    #[test]
    fn for_how_long_what_comes_is_kept_follows_from_all_claims_and_not_from_some() {
        let age = claim(AgeOver18, Some(Passport));
        let email = claim(Email, None);
        for (claims, retention) in [
            (vec![email.clone()], Some(A_DAY)),
            (vec![age.clone()], None),
            (vec![email.clone(), age.clone()], None),
            (vec![age, email], None),
        ] {
            let prepared = prepare(&request(claims), plugin).unwrap();
            assert_eq!(prepared.retention, retention);
        }
    }

    #[test]
    fn what_comes_besides_is_the_same_whatever_is_derived_from_it() {
        let scoped = |claims| StartRequest {
            scope: Some("ALL".to_owned()),
            ..request(claims)
        };
        let besides = |request: &StartRequest| {
            let prepared = prepare(request, plugin).unwrap();
            let names = prepared.besides.iter().map(|wish| wish.name);
            names.collect::<Vec<_>>()
        };
        let age = claim(AgeOver18, Some(Passport));
        let (email, birthdate) = (claim(Email, None), claim(Birthdate, Some(Passport)));
        let table = [
            (vec![], vec![Email, Birthdate]),
            (vec![age.clone()], vec![Email, Birthdate]),
            (vec![email.clone()], vec![Birthdate]),
            (vec![email.clone(), age.clone()], vec![Birthdate]),
            (vec![age.clone(), birthdate.clone()], vec![Email]),
            (vec![email.clone(), birthdate, age.clone()], vec![]),
        ];
        for (claims, expected) in table {
            assert_eq!(besides(&scoped(claims)), expected);
        }
        // Without a set that is named, the source stays hidden.
        assert!(besides(&request(vec![email, age])).is_empty());
    }
}
