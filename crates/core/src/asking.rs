//! Which fields a provider is asked for: from what a caller wishes for, and what the user has
//! verified. Pure.
//!
//! A claim can be wished for from any document. Which one it then comes from is decided here, so
//! that
//! 1. every wish that the user holds on any document is met, an optional one too: to leave it out
//!    would say that he does not hold it;
//! 2. all of them come from as few documents as possible, those counted in that are named by the
//!    caller. There are four, so every set of them is tried;
//! 3. among sets of the same size the callers' orders of preference decide, the first wish's first;
//!    after them the order of [`DocumentType::ALL`], lower first.
//!
//! A wish that another wish's field answers takes that field, and costs nothing more; wishes that the
//! same fields can answer are answered by the same one. So a claim and what is derived from it come
//! from one field, which is asked for once, and each stays a claim of its own. The outcome follows from
//! wishes and held fields alone, so that asking twice gives the same answer twice.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::{ClaimName, ClaimStatus, DocumentType, RequestedClaim};

/// Where a claim can be had from: a field of a provider, and what it means.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClaimSource {
    /// The document that the field is read from, where it is read from one.
    pub document: Option<DocumentType>,
    /// The provider's name for the field.
    pub field: String,
}

/// A claim that is wished for, in a provider's terms.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Wish {
    /// The fact.
    pub name: ClaimName,
    /// Where it can be had from, one of which is enough. Never empty, no field twice.
    pub sources: Vec<ClaimSource>,
    /// The documents that it is rather had from, best first. All others come after them.
    pub preferred: Vec<DocumentType>,
    /// Whether the verification is worth nothing without it.
    pub required: bool,
}

impl Wish {
    /// A wish for one certain field.
    #[must_use]
    pub fn for_field(
        name: ClaimName,
        document: Option<DocumentType>,
        field: &str,
        required: bool,
    ) -> Self {
        Self {
            name,
            sources: vec![ClaimSource {
                document,
                field: field.to_owned(),
            }],
            preferred: Vec::new(),
            required,
        }
    }

    /// The names of its sources.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|source| source.field.as_str())
    }

    /// How gladly a source is taken: a lower place is better.
    fn place(&self, source: &ClaimSource) -> usize {
        let place = source
            .document
            .and_then(|document| self.preferred.iter().position(|liked| *liked == document));
        place.unwrap_or(self.preferred.len())
    }

    /// What is stored of it if the user does not hold it. Where it was sought in several places, it
    /// names none of them.
    fn not_held(&self) -> RequestedClaim {
        let only = match self.sources.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        RequestedClaim {
            name: self.name,
            document: only.and_then(|source| source.document),
            field: only.map_or_else(String::new, |source| source.field.clone()),
            required: self.required,
            asked: false,
            status: ClaimStatus::NotHeld,
        }
    }
}

/// Every field that can answer one of these wishes, sorted, each once.
#[must_use]
pub fn fields_of(wishes: &[Wish]) -> Vec<&str> {
    let mut fields: Vec<&str> = wishes.iter().flat_map(Wish::fields).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}

/// A wish, and the source that answers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered<'a> {
    /// The wish.
    pub wish: &'a Wish,
    /// Where it comes from; none if the user holds it nowhere.
    pub source: Option<&'a ClaimSource>,
}

/// What a user can be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolution<'a> {
    /// Every wish, in the order of the request.
    pub answered: Vec<Answered<'a>>,
}

impl<'a> Resolution<'a> {
    /// The places of the wishes that keep the provider from being asked: those that are required and
    /// not held; or all, if not one of them is held, as nothing is left to ask for.
    #[must_use]
    pub fn missing(&self) -> Vec<usize> {
        let nothing_left = self.answered.iter().all(|one| one.source.is_none());
        let is_missing =
            |one: &Answered<'_>| one.source.is_none() && (one.wish.required || nothing_left);
        let numbered = self.answered.iter().enumerate();
        numbered
            .filter(|(_, one)| is_missing(one))
            .map(|(place, _)| place)
            .collect()
    }

    /// The claims of a verification: what is asked for, sorted by field, each claim of a field once;
    /// before it what was wished for from several documents and is held on none.
    #[must_use]
    pub fn claims(&self) -> Vec<RequestedClaim> {
        let mut nowhere = Vec::new();
        let mut by_field: BTreeMap<(&str, ClaimName), RequestedClaim> = BTreeMap::new();
        for Answered { wish, source } in &self.answered {
            let Some(source) = source else {
                match wish.sources.as_slice() {
                    [only] => {
                        by_field
                            .entry((&only.field, wish.name))
                            .or_insert_with(|| wish.not_held());
                    }
                    _ => nowhere.push(wish.not_held()),
                }
                continue;
            };
            let claim = by_field
                .entry((&source.field, wish.name))
                .or_insert_with(|| RequestedClaim {
                    name: wish.name,
                    document: source.document,
                    field: source.field.clone(),
                    required: false,
                    asked: true,
                    status: ClaimStatus::Requested,
                });
            claim.required |= wish.required;
        }
        nowhere.extend(by_field.into_values());
        nowhere
    }
}

/// A set of documents: bit n stands for the n-th of [`DocumentType::ALL`].
#[derive(Clone, Copy, PartialEq, Eq)]
struct Documents(u32);

impl Documents {
    /// Every set there is.
    fn every_set() -> impl Iterator<Item = Self> {
        (0..1_u32 << DocumentType::ALL.len()).map(Self)
    }

    const fn holds(self, document: DocumentType) -> bool {
        self.0 & (1 << document as u32) != 0
    }

    const fn size(self) -> u32 {
        self.0.count_ones()
    }

    /// Of two sets of the same size, the greater one holds the first document that only one holds.
    const fn in_order(self) -> u32 {
        self.0.reverse_bits()
    }
}

/// Picks what to ask for, by what the user holds.
#[must_use]
pub fn resolve<'a>(wishes: &'a [Wish], holds: impl Fn(&str) -> bool) -> Resolution<'a> {
    let held: Vec<Vec<&ClaimSource>> = wishes
        .iter()
        .map(|wish| wish.sources.iter().filter(|s| holds(&s.field)).collect())
        .collect();
    // What is asked for in any case.
    let settled: Vec<&str> = wishes
        .iter()
        .zip(&held)
        .filter(|(wish, _)| wish.sources.len() == 1)
        .flat_map(|(_, held)| held.iter().map(|source| source.field.as_str()))
        .collect();
    let open: Vec<Vec<&ClaimSource>> = held
        .into_iter()
        .map(|held| {
            let free: Vec<_> = held
                .iter()
                .copied()
                .filter(|source| settled.contains(&source.field.as_str()))
                .collect();
            if free.is_empty() { held } else { free }
        })
        .collect();
    let best = Documents::every_set()
        .filter_map(|documents| {
            let picked = pick_from(documents, wishes, &open)?;
            let places: Vec<usize> = wishes
                .iter()
                .zip(&picked)
                .map(|(wish, source)| source.map_or(0, |source| wish.place(source)))
                .collect();
            Some((
                (documents.size(), places, Reverse(documents.in_order())),
                picked,
            ))
        })
        .min_by(|(a, _), (b, _)| a.cmp(b));
    // The set of all documents answers everything that is held.
    let picked = best.map_or_else(|| vec![None; wishes.len()], |(_, picked)| picked);
    Resolution {
        answered: wishes
            .iter()
            .zip(picked)
            .map(|(wish, source)| Answered { wish, source })
            .collect(),
    }
}

/// The best source of each wish within a set of documents, the same for all that the same sources can
/// answer; nothing if the set leaves out a wish that is held.
fn pick_from<'a>(
    documents: Documents,
    wishes: &[Wish],
    held: &[Vec<&'a ClaimSource>],
) -> Option<Vec<Option<&'a ClaimSource>>> {
    held.iter()
        .map(|open| {
            let within = open
                .iter()
                .copied()
                .filter(|source| source.document.is_none_or(|d| documents.holds(d)));
            let alike = || wishes.iter().zip(held).filter(|(_, other)| *other == open);
            let best = within.min_by_key(|source| {
                let places: Vec<usize> = alike().map(|(wish, _)| wish.place(source)).collect();
                (places, source.document)
            });
            // Not held at all, or answered.
            (open.is_empty() || best.is_some()).then_some(best)
        })
        .collect()
}

#[cfg(test)]
mod tests;
