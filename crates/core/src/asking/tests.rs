//! What is picked, by table and by property.

use proptest::prelude::*;

use super::*;

use ClaimName::{AgeOver18, AgeOver21, Birthdate, DocumentNumber, Email, FaceImage, Name};
use DocumentType::{DrivingPermit, IdCard, Passport, ResidencePermit};

/// The provider's field: a derived claim has that of the claim that it is derived from.
fn field(name: ClaimName, document: Option<DocumentType>) -> String {
    let name = name.provided_as();
    document.map_or_else(|| name.to_string(), |document| format!("{document}/{name}"))
}

/// From any document.
fn from_any(name: ClaimName, preferred: &[DocumentType]) -> Wish {
    Wish {
        name,
        sources: DocumentType::ALL
            .iter()
            .map(|document| ClaimSource {
                document: Some(*document),
                field: field(name, Some(*document)),
            })
            .collect(),
        preferred: preferred.to_vec(),
        required: true,
    }
}

/// From this document, or from none.
fn given(name: ClaimName, document: Option<DocumentType>) -> Wish {
    Wish::for_field(name, document, &field(name, document), true)
}

fn optional(wish: Wish) -> Wish {
    Wish {
        required: false,
        ..wish
    }
}

fn picked<'a>(wishes: &'a [Wish], held: &[&str]) -> Vec<Option<&'a str>> {
    resolve(wishes, |field| held.contains(&field))
        .answered
        .iter()
        .map(|one| one.source.map(|source| source.field.as_str()))
        .collect()
}

#[test]
fn claims_come_from_as_few_documents_as_possible() {
    let wishes = [
        from_any(Name, &[]),
        from_any(Birthdate, &[]),
        from_any(DocumentNumber, &[]),
    ];
    let held = [
        "idcard/name",
        "passport/birthdate",
        "residence_permit/name",
        "residence_permit/birthdate",
        "residence_permit/document.document_number",
        "driving_permit/name",
        "driving_permit/document.document_number",
    ];
    assert_eq!(
        picked(&wishes, &held),
        [
            Some("residence_permit/name"),
            Some("residence_permit/birthdate"),
            Some("residence_permit/document.document_number"),
        ]
    );
    // Without the number there, two are needed, and two that cover all three.
    let held: Vec<&str> = held
        .into_iter()
        .filter(|field| !field.starts_with("residence_permit/d"))
        .collect();
    assert_eq!(
        picked(&wishes, &held),
        [
            Some("driving_permit/name"),
            Some("passport/birthdate"),
            Some("driving_permit/document.document_number"),
        ]
    );
}

#[test]
fn a_named_document_counts_as_used_already() {
    let wishes = [
        from_any(Birthdate, &[]),
        given(DocumentNumber, Some(Passport)),
    ];
    let held = [
        "idcard/birthdate",
        "passport/birthdate",
        "passport/document.document_number",
    ];
    assert_eq!(
        picked(&wishes, &held),
        [
            Some("passport/birthdate"),
            Some("passport/document.document_number")
        ]
    );
    // One that the user does not hold draws nothing to its document.
    assert_eq!(
        picked(&wishes, &held[..2]),
        [Some("idcard/birthdate"), None]
    );
}

#[test]
fn few_documents_count_more_than_a_preference_and_a_preference_more_than_the_order() {
    let held = [
        "idcard/name",
        "idcard/birthdate",
        "passport/name",
        "driving_permit/name",
        "driving_permit/birthdate",
    ];
    let table: &[(&[DocumentType], &[DocumentType], [&str; 2])] = &[
        (&[], &[], ["idcard/name", "idcard/birthdate"]),
        (&[Passport], &[], ["idcard/name", "idcard/birthdate"]),
        (
            &[Passport, DrivingPermit],
            &[],
            ["driving_permit/name", "driving_permit/birthdate"],
        ),
        (
            &[],
            &[DrivingPermit],
            ["driving_permit/name", "driving_permit/birthdate"],
        ),
        // The earlier wish's preference counts more.
        (
            &[IdCard],
            &[DrivingPermit],
            ["idcard/name", "idcard/birthdate"],
        ),
        (
            &[DrivingPermit],
            &[IdCard],
            ["driving_permit/name", "driving_permit/birthdate"],
        ),
        (
            &[ResidencePermit],
            &[ResidencePermit],
            ["idcard/name", "idcard/birthdate"],
        ),
    ];
    for (name, birthdate, expected) in table {
        let wishes = [from_any(Name, name), from_any(Birthdate, birthdate)];
        assert_eq!(
            picked(&wishes, &held),
            expected.map(Some),
            "{name:?} {birthdate:?}"
        );
    }
}

#[test]
fn within_documents_that_are_needed_anyway_each_wish_has_its_own_preference() {
    let wishes = [
        given(DocumentNumber, Some(IdCard)),
        given(DocumentNumber, Some(Passport)),
        from_any(Name, &[Passport]),
        from_any(Birthdate, &[]),
    ];
    assert_eq!(
        picked(&wishes, &fields_of(&wishes))[2..],
        [Some("passport/name"), Some("idcard/birthdate")]
    );
}

#[test]
fn an_optional_claim_is_left_out_only_where_the_user_does_not_hold_it() {
    let wishes = [
        from_any(Name, &[]),
        optional(from_any(Birthdate, &[])),
        optional(from_any(FaceImage, &[])),
        optional(given(Email, None)),
    ];
    assert_eq!(
        picked(&wishes, &["idcard/name", "passport/birthdate"]),
        [Some("idcard/name"), Some("passport/birthdate"), None, None]
    );
    // It counts like the others where one document has all.
    assert_eq!(
        picked(
            &wishes,
            &["idcard/name", "passport/name", "passport/birthdate"]
        )[..2],
        [Some("passport/name"), Some("passport/birthdate")]
    );
}

#[test]
fn the_same_claim_from_any_and_from_a_given_document_is_asked_for_once() {
    let wishes = [
        from_any(Birthdate, &[IdCard]),
        optional(given(Birthdate, Some(Passport))),
        given(Name, Some(IdCard)),
    ];
    let held = ["idcard/birthdate", "passport/birthdate", "idcard/name"];
    let resolution = resolve(&wishes, |field| held.contains(&field));
    let claims = resolution.claims();
    let asked: Vec<_> = claims
        .iter()
        .map(|claim| (claim.field.as_str(), claim.required))
        .collect();
    // Required, since the wish for any document is.
    assert_eq!(asked, [("idcard/name", true), ("passport/birthdate", true)]);
    // Where the given one is not held, another document answers for any.
    assert_eq!(
        picked(&wishes, &held[..1]),
        [Some("idcard/birthdate"), None, None]
    );
}

#[test]
fn a_claim_and_what_is_derived_from_it_share_a_field_and_stay_claims_of_their_own() {
    let wishes = [
        from_any(AgeOver18, &[]),
        optional(from_any(Birthdate, &[Passport])),
        optional(from_any(AgeOver21, &[IdCard])),
        given(Name, Some(IdCard)),
        given(FaceImage, Some(Passport)),
    ];
    let held = ["idcard/birthdate", "idcard/name", "passport/birthdate"];
    let held = [&held[..], &["passport/document.face_image"]].concat();
    let resolution = resolve(&wishes, |field| held.contains(&field));
    let claims = resolution.claims();
    let told: Vec<_> = claims
        .iter()
        .map(|claim| (claim.field.as_str(), claim.name, claim.required))
        .collect();
    // Both documents are needed anyway: the first to prefer one decides for all three.
    assert_eq!(
        told,
        [
            ("idcard/name", Name, true),
            ("passport/birthdate", Birthdate, false),
            ("passport/birthdate", AgeOver18, true),
            ("passport/birthdate", AgeOver21, false),
            ("passport/document.face_image", FaceImage, true),
        ]
    );
    let fields: Vec<_> = crate::asked_fields(&claims).collect();
    let expected = [
        "idcard/name",
        "passport/birthdate",
        "passport/document.face_image",
    ];
    assert_eq!(fields, expected);
    // One that is named from a document takes the others along.
    let wishes = [
        from_any(AgeOver18, &[IdCard]),
        given(Birthdate, Some(Passport)),
    ];
    assert_eq!(picked(&wishes, &held), [Some("passport/birthdate"); 2]);
}

#[test]
fn a_derived_claim_that_is_held_nowhere_is_missing_as_its_source_is() {
    let wishes = [
        given(Email, None),
        from_any(AgeOver18, &[]),
        optional(given(Birthdate, Some(Passport))),
        optional(given(AgeOver21, Some(Passport))),
    ];
    let resolution = resolve(&wishes, |field| field == "email");
    assert_eq!(resolution.missing(), [1]);
    let told: Vec<_> = resolution
        .claims()
        .into_iter()
        .map(|claim| (claim.field, claim.name, claim.status))
        .collect();
    let passport = || "passport/birthdate".to_owned();
    assert_eq!(
        told,
        [
            (String::new(), AgeOver18, ClaimStatus::NotHeld),
            ("email".to_owned(), Email, ClaimStatus::Requested),
            (passport(), Birthdate, ClaimStatus::NotHeld),
            (passport(), AgeOver21, ClaimStatus::NotHeld),
        ]
    );
}

#[test]
fn what_is_missing_is_what_is_required_or_everything_if_nothing_is_held() {
    let wishes = [
        optional(given(Email, None)),
        from_any(Birthdate, &[]),
        given(Name, Some(Passport)),
    ];
    let missing = |held: &[&str]| resolve(&wishes, |field| held.contains(&field)).missing();
    assert_eq!(missing(&["email"]), [1, 2]);
    assert_eq!(missing(&["passport/name"]), [1]);
    assert_eq!(missing(&["passport/name", "idcard/birthdate"]), [0; 0]);
    assert_eq!(missing(&[]), [0, 1, 2]);
    let all_optional = wishes.map(optional);
    let missing = |held: &[&str]| resolve(&all_optional, |field| held.contains(&field)).missing();
    assert_eq!(missing(&["email"]), [0; 0]);
    assert_eq!(missing(&[]), [0, 1, 2]);
}

#[test]
fn a_claim_held_on_no_document_names_none() {
    let wishes = [
        given(Email, None),
        optional(from_any(Birthdate, &[])),
        optional(given(Name, Some(Passport))),
    ];
    let claims = resolve(&wishes, |field| field == "email").claims();
    let told: Vec<_> = claims
        .iter()
        .map(|claim| {
            (
                claim.name,
                claim.document,
                claim.field.as_str(),
                claim.status,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (Birthdate, None, "", ClaimStatus::NotHeld),
            (Email, None, "email", ClaimStatus::Requested),
            (Name, Some(Passport), "passport/name", ClaimStatus::NotHeld),
        ]
    );
}

#[test]
fn the_fields_asked_about_are_sorted_and_each_stands_once() {
    let wishes = [
        given(Birthdate, Some(Passport)),
        from_any(Birthdate, &[]),
        given(Email, None),
    ];
    assert_eq!(
        fields_of(&wishes),
        [
            "driving_permit/birthdate",
            "email",
            "idcard/birthdate",
            "passport/birthdate",
            "residence_permit/birthdate",
        ]
    );
}

fn wish() -> impl Strategy<Value = Wish> {
    let name = prop::sample::select(ClaimName::ALL);
    let documents = || prop::sample::subsequence(DocumentType::ALL, 0..=4).prop_shuffle();
    let document = prop::sample::select(DocumentType::ALL);
    (name, documents(), document, any::<bool>(), any::<bool>()).prop_map(
        |(name, preferred, document, is_open, required)| {
            let wish = match (name.is_from_document(), is_open) {
                (true, true) => from_any(name, &preferred),
                (true, false) => given(name, Some(document)),
                (false, _) => given(name, None),
            };
            Wish { required, ..wish }
        },
    )
}

fn documents_of(claims: &[RequestedClaim]) -> u32 {
    DocumentType::ALL
        .iter()
        .filter(|document| {
            claims.iter().any(|claim| {
                claim.status == ClaimStatus::Requested && claim.document == Some(**document)
            })
        })
        .fold(0, |count, _| count + 1)
}

proptest! {
    #[test]
    fn everything_held_is_met_from_what_is_held_and_no_smaller_set_would_do(
        wishes in prop::collection::vec(wish(), 1..12),
        dice in any::<u64>(),
    ) {
        let fields = fields_of(&wishes);
        let held: Vec<&str> = fields
            .iter()
            .enumerate()
            .filter(|(place, _)| dice >> (place % 64) & 1 == 1)
            .map(|(_, field)| *field)
            .collect();
        let holds = |field: &str| held.contains(&field);
        let resolution = resolve(&wishes, holds);
        prop_assert_eq!(&resolution, &resolve(&wishes, holds));
        for Answered { wish, source } in &resolution.answered {
            prop_assert_eq!(source.is_some(), wish.fields().any(holds));
            if let Some(source) = source {
                prop_assert!(holds(&source.field) && wish.sources.contains(source));
            }
        }
        let claims = resolution.claims();
        let asked: Vec<_> = claims.iter().filter(|c| !c.field.is_empty()).collect();
        let place = |claim: &RequestedClaim| (claim.field.clone(), claim.name);
        prop_assert!(asked.is_sorted_by(|a, b| place(a) < place(b)));
        let fields: Vec<_> = crate::asked_fields(&claims).collect();
        prop_assert!(fields.is_sorted_by(|a, b| a < b));
        // What is wished for from any document comes from one, with all that is derived from it.
        for one in &resolution.answered {
            for other in &resolution.answered {
                if one.wish.sources == other.wish.sources {
                    prop_assert_eq!(one.source, other.source);
                }
            }
        }
        // Any set of documents that meets every wish that is held has at least as many.
        for documents in Documents::every_set() {
            let meets = wishes.iter().all(|wish| {
                let mut held = wish.sources.iter().filter(|s| holds(&s.field)).peekable();
                held.peek().is_none()
                    || held.any(|s| s.document.is_none_or(|d| documents.holds(d)))
            });
            if meets {
                prop_assert!(documents.size() >= documents_of(&claims));
            }
        }
    }

    #[test]
    fn the_order_in_which_sources_are_named_changes_nothing(
        wishes in prop::collection::vec(wish(), 1..8),
        dice in any::<u64>(),
    ) {
        let held = |field: &str| {
            let sum: usize = field.bytes().map(usize::from).sum();
            dice >> (sum % 64) & 1 == 1
        };
        let mut turned = wishes.clone();
        for wish in &mut turned {
            wish.sources.reverse();
        }
        prop_assert_eq!(resolve(&wishes, held).claims(), resolve(&turned, held).claims());
    }
}
