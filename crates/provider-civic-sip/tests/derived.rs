//! Ages, of which the plug-in knows nothing, are asked of it with all that follows from asking for a
//! birthdate.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use verilane_core::clock::ManualClock;
use verilane_core::{ClaimName, ClaimRequest, ClaimSelector, ConnectionName, Pii, Timestamp};
use verilane_provider::http::HttpClient;
use verilane_provider::{Facade, Limits, Prepared, StartRequest};
use verilane_provider_civic_sip::{CivicSip, Settings};

use ClaimName::{AgeOver18, AgeOver21, Birthdate, Email, ProviderSubject};

fn facade() -> Facade {
    let settings = Settings::read(json!({
        "application_id": "app",
        "private_key": "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        "application_secret": "44bbae32d1e02bf481074177002bbdef",
    }));
    let settings = settings.unwrap();
    let name = ConnectionName::new("civic-test").unwrap();
    let http = settings.http(&name).unwrap();
    let clients = [http.api, http.payload].map(|settings| HttpClient::new(settings).unwrap());
    let [api, payload] = clients;
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_700_000_000)));
    let plugin = CivicSip::new(&settings, api, payload, clock.clone()).unwrap();
    Facade::new(name, Arc::new(plugin), clock, Limits::default()).unwrap()
}

fn prepared(scope: Option<&str>, claims: &[ClaimName]) -> Prepared {
    let wish = wish(scope, claims, true);
    facade().prepare(&wish).unwrap()
}

fn wish(scope: Option<&str>, claims: &[ClaimName], required: bool) -> StartRequest {
    let claim = |name: &ClaimName| ClaimRequest {
        selector: if name.is_from_document() {
            ClaimSelector::AnyDocument {
                name: *name,
                preferred: Vec::new(),
            }
        } else {
            ClaimSelector::Claim {
                name: *name,
                document: None,
            }
        },
        required,
    };
    StartRequest {
        scope: scope.map(str::to_owned),
        subject: Pii::from(""),
        claims: claims.iter().map(claim).collect(),
        action_lifetime: None,
    }
}

/// Whether a claim is asked for, as one that is required or as one that is not.
fn asks_for(prepared: &Prepared, name: ClaimName, required: bool) -> bool {
    let mut claims = prepared.claims.iter();
    claims.any(|wish| wish.name == name && wish.required == required)
}

#[test]
fn what_asks_for_an_age_is_no_anonymous_login_and_is_kept_for_good() {
    let table: [(&[ClaimName], bool); 5] = [
        (&[ProviderSubject], true),
        (&[ProviderSubject, AgeOver18], false),
        (&[AgeOver18, ProviderSubject], false),
        (&[AgeOver18], false),
        (&[ProviderSubject, Birthdate], false),
    ];
    for (claims, is_brief) in table {
        let retention = prepared(None, claims).retention;
        let expected = is_brief.then_some(Duration::from_hours(24));
        assert_eq!(retention, expected, "{claims:?}");
    }
}

#[test]
fn a_scope_that_is_named_gives_the_birthdate_whatever_else_is_asked_for() {
    let table: [&[ClaimName]; 5] = [
        &[],
        &[AgeOver18],
        &[AgeOver18, AgeOver21],
        &[Email, AgeOver18],
        &[ProviderSubject],
    ];
    for claims in table {
        let prepared = prepared(Some("PROOF_OF_IDENTITY"), claims);
        assert!(asks_for(&prepared, Birthdate, false), "{claims:?}");
        let ages = claims.iter().filter(|name| name.is_derived()).count();
        assert_eq!(prepared.claims.len(), 12 + ages, "{claims:?}");
    }
    let all = prepared(Some("PROOF_OF_IDENTITY"), &[Birthdate, AgeOver18]);
    assert!(asks_for(&all, Birthdate, true) && !asks_for(&all, Birthdate, false));
}

#[test]
fn without_one_the_birthdate_that_an_age_follows_from_is_not_shown() {
    let table: [&[ClaimName]; 2] = [&[AgeOver18], &[Email, AgeOver18]];
    for claims in table {
        let prepared = prepared(None, claims);
        let mut names = prepared.claims.iter().map(|wish| wish.name);
        assert!(names.all(|name| name != Birthdate), "{claims:?}");
        assert!(asks_for(&prepared, ProviderSubject, false));
    }
}

#[test]
fn the_users_id_beside_an_age_is_not_required_as_in_a_login() {
    for (claims, is_required) in [
        (&[ProviderSubject][..], true),
        (&[ProviderSubject, AgeOver18], false),
        (&[AgeOver18, ProviderSubject], false),
        (&[AgeOver18], false),
    ] {
        let prepared = facade().prepare(&wish(None, claims, false)).unwrap();
        assert!(
            asks_for(&prepared, ProviderSubject, is_required),
            "{claims:?}"
        );
        let required = prepared.claims.iter().filter(|wish| wish.required);
        assert_eq!(required.count(), usize::from(is_required));
    }
}
