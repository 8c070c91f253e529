//! Looks at requests: on every course, about whom, under which name.

use verilane_core::{ClaimName, DocumentType, Fact, Pii, Reason, Whose};
use verilane_provider::{Continuation, LookAnswer, Provider as _, ProviderError};
use verilane_provider_civic_pass::fields::by_name;
use verilane_sandbox::{PiiOrder, Turn};

use crate::stage::{ANY_TIME, BOTH, Speaks, Stage, look_by};

fn value<'a>(answer: &'a LookAnswer, field: &str) -> Option<&'a str> {
    let mut items = answer.data.iter().flat_map(|data| &data.items);
    let item = items.find(|item| item.field == field)?;
    Some(item.value.expose())
}

fn offers(answer: &LookAnswer) -> Vec<&str> {
    let offers = answer.offers.iter();
    offers.map(|offer| offer.field.as_str()).collect()
}

#[tokio::test]
async fn a_request_is_followed_on_its_course() {
    for speaks in BOTH {
        let stage = Stage::set(speaks, "scripted").await;
        let request = stage.widget(PiiOrder::default());
        for (word, fact) in [
            ("awaiting-user", None),
            ("user-acknowledged", Some(Fact::Accepted)),
            ("verification-success", Some(Fact::Confirmed)),
        ] {
            let answer = stage.look(&request).await.unwrap();
            assert_eq!((&*answer.status, answer.fact), (word, fact), "{speaks:?}");
            let again = stage.look(&request).await.unwrap();
            assert_eq!(format!("{answer:?}"), format!("{again:?}"));
            assert_eq!(answer.data.is_some(), word == "verification-success");
            stage.wait(1);
        }
    }
}

#[tokio::test]
async fn every_word_means_what_the_list_says() {
    let table = [
        ("awaiting-user", 1, None),
        ("user-acknowledged", 2, Some(Fact::Accepted)),
        ("verification-success", 3, Some(Fact::Confirmed)),
        ("complete", 3, Some(Fact::Confirmed)),
        (
            "verification-failed",
            4,
            Some(Fact::Failed(Reason::IdentityNotConfirmed)),
        ),
        (
            "user-cancelled",
            4,
            Some(Fact::Rejected(Reason::UserDeclined)),
        ),
        ("partner-pass", 5, Some(Fact::Approved)),
        (
            "partner-fail",
            5,
            Some(Fact::Rejected(Reason::ReviewRejected)),
        ),
        ("escalated", 0, None),
    ];
    for speaks in BOTH {
        let stage = Stage::set(speaks, "by-hand").await;
        for (word, rank, fact) in table {
            let request = stage.widget(PiiOrder::default());
            stage.civic.turn(request.expose(), Turn::to(word)).unwrap();
            let answer = stage.look(&request).await.unwrap();
            let told = (&*answer.status, answer.rank, answer.fact);
            assert_eq!(told, (word, rank, fact), "{speaks:?}");
        }
    }
}

#[tokio::test]
async fn the_second_word_moves_while_the_first_stays() {
    let stage = Stage::set(Speaks::Oauth, "collection-status").await;
    let request = stage.widget(PiiOrder::default());
    let mut seen = Vec::new();
    for _ in 0..8 {
        let answer = stage.look(&request).await.unwrap();
        seen.push((answer.status.into_owned(), answer.progress));
        stage.wait(1);
    }
    seen.dedup();
    let turns = seen.windows(2);
    let alone = turns.filter(|turn| turn[0].0 == turn[1].0 && turn[0].1 != turn[1].1);
    assert!(alone.count() >= 2, "{seen:?}");
}

#[tokio::test]
async fn what_is_read_is_what_civic_knows() {
    for (name, kind) in [
        ("ready", DocumentType::Passport),
        ("ready+driving-license", DocumentType::DrivingPermit),
        ("ready+id-card", DocumentType::IdCard),
        ("ready+unknown-claims", DocumentType::Passport),
    ] {
        for speaks in BOTH {
            let stage = Stage::set(speaks, name).await;
            let request = stage.widget(PiiOrder::default());
            let known = stage.civic.request(request.expose()).unwrap();
            let answer = stage.look(&request).await.unwrap();
            for (field, told) in &known.verified_information {
                let is_value = by_name(field).is_some_and(|field| !field.claim.is_image());
                let expected = is_value.then(|| told.as_str().unwrap());
                assert_eq!(value(&answer, field), expected, "{name}: {field}");
            }
            assert_eq!(answer.data.as_ref().unwrap().unrequested, 0);
            let word = answer.document.as_ref().unwrap();
            assert_eq!(DocumentType::of_word(word.expose()), Some(kind));
            assert_eq!(offers(&answer), ["evidence-document", "evidence-selfie"]);
        }
    }
}

#[tokio::test]
async fn pictures_go_by_the_names_of_both_generations() {
    let stage = Stage::set(Speaks::Oauth, "ready+four-pictures").await;
    let request = stage.widget(PiiOrder::default());
    let answer = stage.look(&request).await.unwrap();
    let all = ["evidence-document", "evidence-selfie", "idDocumentBack"];
    assert_eq!(offers(&answer), all);
    let stage = Stage::set(Speaks::Oauth, "late-selfie").await;
    let request = stage.widget(PiiOrder::default());
    stage.wait(2);
    let early = stage.look(&request).await.unwrap();
    assert_eq!(offers(&early), ["evidence-document"]);
    stage.wait(1);
    let late = stage.look(&request).await.unwrap();
    assert_eq!(offers(&late), ["evidence-document", "evidence-selfie"]);
}

#[tokio::test]
async fn another_user_s_request_is_known_as_such_and_gives_nothing() {
    let order = || PiiOrder {
        wallet: Some("0xAbCd".to_owned()),
        did: Some("did:ethr:0xAbCd".to_owned()),
        ..PiiOrder::default()
    };
    let table = [
        ("ready", "", Whose::Theirs),
        ("ready", "wallet:0xabcd", Whose::Theirs),
        ("ready", "did:ethr:0xAbCd", Whose::Theirs),
        ("ready", "wallet:0xabce", Whose::Anothers),
        ("ready+another-wallet", "wallet:0xabcd", Whose::Anothers),
        ("ready+another-wallet", "did:ethr:0xAbCd", Whose::Theirs),
        ("ready+another-did", "did:ethr:0xAbCd", Whose::Anothers),
        ("ready+unnamed", "wallet:0xabcd", Whose::Nameless),
        ("ready+without-claims", "wallet:0xabcd", Whose::Nameless),
        ("ready+unnamed", "", Whose::Theirs),
        ("stalled+unnamed", "wallet:0xabcd", Whose::Unsaid),
    ];
    for (names, subject, whose) in table {
        for speaks in BOTH {
            let stage = Stage::set(speaks, names).await;
            let request = stage.widget(order());
            let answer = stage.look_for(&request, subject).await.unwrap();
            assert_eq!(answer.whose, whose, "{names} {subject}");
            let is_anothers = whose == Whose::Anothers;
            assert!(!is_anothers || (answer.data.is_none() && answer.offers.is_empty()));
        }
    }
}

#[tokio::test]
async fn a_request_whose_name_is_a_url_is_found_by_either_generation() {
    for names in ["ready", "ready+id-as-given"] {
        let stage = Stage::set(Speaks::Jwt, names).await;
        let request = stage.widget(PiiOrder {
            url_id: true,
            ..PiiOrder::default()
        });
        assert!(request.expose().contains("/sip/v3/scopeRequest/"));
        let answer = stage.look(&request).await.unwrap();
        assert_eq!(answer.status, "verification-success");
        assert_eq!(stage.civic.calls(0, None).len(), 1);
    }
    for names in ["ready", "ready+id-as-given"] {
        let stage = Stage::set(Speaks::Oauth, names).await;
        let request = stage.widget(PiiOrder {
            url_id: true,
            ..PiiOrder::default()
        });
        assert!(!request.expose().contains('/'));
        assert!(stage.look(&request).await.unwrap().data.is_some());
    }
}

#[tokio::test]
async fn one_request_named_in_two_ways_is_one() {
    for speaks in BOTH {
        let stage = Stage::set(speaks, "ready").await;
        let base = &stage.settings.base_url;
        let names = [
            "a1".to_owned(),
            format!("{base}/a1"),
            format!("{base}/x/y/a1"),
        ];
        let other = ["a2".to_owned(), format!("{base}/a1/a2")];
        let told = |name: &String| {
            let brought = Continuation::PresentationRequest(Pii::from(name.as_str()));
            let reference = stage.plugin.read_continuation(&brought, ANY_TIME).unwrap();
            stage.plugin.request_of(&reference).into_owned()
        };
        assert!(names.iter().all(|name| told(name) == "a1"));
        assert!(other.iter().all(|name| told(name) == "a2"));
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_not_believed() {
    for names in ["wrong-id", "without-id", "without-status", "not-json"] {
        for speaks in BOTH {
            let stage = Stage::set(speaks, &format!("ready+{names}")).await;
            let request = stage.widget(PiiOrder::default());
            let outcome = stage.look(&request).await;
            let refused = matches!(outcome, Err(ProviderError::InvalidAnswer(_)));
            assert!(refused, "{names}: {outcome:?}");
        }
    }
    for names in ["without-links", "without-claims", "no-evidence"] {
        let stage = Stage::set(Speaks::Oauth, &format!("ready+{names}")).await;
        let request = stage.widget(PiiOrder::default());
        let answer = stage.look(&request).await.unwrap();
        assert_eq!(answer.offers.is_empty(), names != "without-claims");
        assert_eq!(answer.data.is_none(), names == "without-claims");
    }
}

#[tokio::test]
async fn a_request_that_civic_does_not_know_is_refused_as_such() {
    for speaks in BOTH {
        let stage = Stage::set(speaks, "ready").await;
        let another = stage.widget(PiiOrder {
            partner_id: Some("another-partner".to_owned()),
            ..PiiOrder::default()
        });
        for unknown in [Pii::from("0b1c"), another] {
            let outcome = stage.look(&unknown).await;
            let Err(ProviderError::Refused { reason, .. }) = outcome else {
                panic!("{speaks:?}: {outcome:?}");
            };
            assert_eq!(reason, Reason::ProviderRefused);
        }
    }
}

#[tokio::test]
async fn a_connection_with_the_wrong_key_is_misconfigured() {
    let stage = Stage::set(Speaks::Jwt, "ready").await;
    let request = stage.widget(PiiOrder::default());
    let other_key = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
    let wrong = stage.other(|settings| {
        settings.generation = verilane_provider_civic_pass::Generation::PartnerJwt {
            private_key: Pii::from(other_key),
        };
    });
    let outcome = look_by(&wrong, &request, "").await;
    let Err(ProviderError::Refused { reason, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(reason, Reason::ConnectionMisconfigured);
    // Nobody asks twice with what is no better the second time.
    assert_eq!(stage.civic.calls(0, None).len(), 1);
}

#[tokio::test]
async fn what_a_browser_must_not_bring_is_refused_without_a_call() {
    for speaks in BOTH {
        let stage = Stage::set(speaks, "ready").await;
        let base = &stage.settings.base_url;
        let hostile = [
            format!("{base}/../../control/keys"),
            format!("{base}/%2e%2e/x"),
            format!("{base}/x?y"),
            base.replace("127.0.0.1", "localhost"),
            base.replace("http://", "http://user@"),
            "http://0.0.0.0/x".to_owned(),
            "file:///x".to_owned(),
        ];
        for brought in hostile {
            let brought = Continuation::PresentationRequest(Pii::new(brought));
            let refused = stage
                .plugin
                .read_continuation(&brought, ANY_TIME)
                .unwrap_err();
            assert_eq!(refused.reason, Reason::ContinuationMalformed);
        }
        assert!(stage.civic.calls(0, None).is_empty());
    }
}

#[test]
fn every_claim_that_is_offered_has_a_word_of_ours() {
    let offered = verilane_provider_civic_pass::prepare::offered();
    let names: Vec<_> = offered.iter().map(|claim| claim.name).collect();
    assert!(names.contains(&ClaimName::FaceImage) && names.len() == 11);
}
