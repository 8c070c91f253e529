//! A user approves in Civic SIP's popup, the code that his browser brings back is exchanged once, and
//! what he granted is there with the answer: the real binary, against the sandbox's Civic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod forgetting;
mod refusals;
mod troubles;

use std::collections::BTreeMap;
use std::time::Duration;

use harness::field;
use harness::sip::{approve, create, hand_over, hand_over_code, held, popup, stage, start, wish};
use sha2::Digest as _;
use tonic::Code;
use verilane_api::v1::continue_verification_request::Continuation;
use verilane_api::v1::watch_verification_request::Start;
use verilane_api::v1::{
    Assurance, ContinueVerificationRequest, CreateVerificationRequest, DigestOf, Event, EventType,
    ListVerificationsRequest, PageError, RequestDeclined, RequestSeen, StartPoint, State, Subject,
    VerificationFilter, WatchEnd, subject,
};
use verilane_sandbox::{Scope, ScopeOrder};

fn words(events: &[Event]) -> Vec<(EventType, State, Assurance)> {
    let word = |event: &Event| (event.r#type(), event.state_after(), event.assurance());
    events.iter().map(word).collect()
}

#[tokio::test]
async fn everything_that_a_scope_request_gives_is_there_with_the_answer() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    for (scope, count) in [
        ("BASIC_SIGNUP", 3),
        ("ANONYMOUS_LOGIN", 1),
        ("PROOF_OF_IDENTITY", 12),
    ] {
        let created = create(&server, wish(scope, Vec::new())).await;
        let shown = popup(&created);
        let application = stage.sandbox.civic_sip().application();
        assert_eq!(shown.application_id, application.app_id);
        assert_eq!((&*shown.scope_request, &*shown.style), (scope, "popup"));
        assert_eq!(shown.return_parameter, "uuid");
        assert!(shown.script_url.starts_with("https://"));
        assert_eq!(shown.hide_intro.is_some(), scope == "PROOF_OF_IDENTITY");
        assert_eq!(created.claims.len(), count);

        let (request, code) = approve(&stage, &created);
        let after = hand_over_code(&server, &created.id, &code).await.unwrap();
        assert_eq!(after.state(), State::Verified);
        let log = server.log_of(&created.id).await;
        let (local, pulled) = (Assurance::Local, Assurance::Pulled);
        let told = [
            (EventType::Created, State::Pending, local),
            (EventType::ActionAvailable, State::Pending, local),
            (EventType::Continued, State::Processing, local),
            (EventType::CodeExchanged, State::Processing, pulled),
            (EventType::DataReceived, State::Verified, Assurance::Signed),
        ];
        assert_eq!(words(&log), told);

        let read = server.read_claims(&created.id).await.unwrap();
        let mut values = BTreeMap::new();
        for claim in &read.claims {
            let provenance = claim.provenance.as_ref().unwrap();
            let field = provenance.provider_field.clone();
            let is_user = field == "userId";
            let signed = if is_user { pulled } else { Assurance::Signed };
            assert_eq!(claim.assurance(), signed, "{field}");
            assert_eq!(provenance.signing_key_fingerprint.is_empty(), is_user);
            let holds = claim
                .checks
                .as_ref()
                .is_some_and(|says| says.valid && says.owner);
            // Of the user's id Civic says something where there is a level of assurance.
            let is_said = !is_user || scope != "BASIC_SIGNUP";
            assert_eq!(holds, is_said, "{field}");
            values.insert(field, claim.raw_value.clone());
        }
        let mut held = held(&stage, &request);
        if let Some(image) = held.insert("documents.genericId.image".to_owned(), String::new()) {
            use base64::Engine as _;
            let image = base64::engine::general_purpose::STANDARD
                .decode(image)
                .unwrap();
            let kept = &read.evidence[0];
            assert_eq!(kept.sha256[..], sha2::Sha256::digest(&image)[..]);
            let digest = read.claims.iter().find(|claim| {
                claim.provenance.as_ref().unwrap().provider_field == "documents.genericId.image_md5"
            });
            let says = digest.unwrap().checks.as_ref().unwrap();
            assert_eq!(says.digest_of(), DigestOf::Bytes);
        } else {
            held.remove("documents.genericId.image");
        }
        assert_eq!(values, held);
        let spent = stage.sandbox.civic_sip().request(&request).unwrap();
        assert_eq!((spent.tries, spent.effects), (1, 1));

        // He is found by his own id from now on.
        let list = ListVerificationsRequest {
            filter: Some(VerificationFilter {
                subject: Some(named(&held["userId"])),
                ..VerificationFilter::default()
            }),
            ..ListVerificationsRequest::default()
        };
        let found = server.verifications().list_verifications(list).await;
        let found = found.unwrap().into_inner().verifications;
        let ids: Vec<_> = found.iter().map(|one| &*one.id).collect();
        assert_eq!(ids, [&*created.id]);
    }
    stage.end().await;
}

fn named(user: &str) -> Subject {
    let id = subject::Identifier::ProviderSubjectId(user.to_owned());
    Subject {
        identifier: Some(id),
    }
}

#[tokio::test]
async fn the_smallest_scope_request_is_taken_and_what_it_gives_besides_is_left_alone() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    for (claims, scope) in [
        (vec![field("userId")], "ANONYMOUS_LOGIN"),
        (vec![field("contact.personal.email")], "BASIC_SIGNUP"),
        (
            vec![
                field("contact.personal.email"),
                field("documents.genericId.name"),
            ],
            "PROOF_OF_IDENTITY",
        ),
    ] {
        let asked: Vec<_> = claims.clone();
        let created = create(&server, wish("", claims)).await;
        assert_eq!(popup(&created).scope_request, scope);
        let (_, code) = approve(&stage, &created);
        let after = hand_over_code(&server, &created.id, &code).await.unwrap();
        assert_eq!(after.state(), State::Verified);
        let read = server.read_claims(&created.id).await.unwrap();
        let with_user = asked.len() + usize::from(scope != "ANONYMOUS_LOGIN");
        assert_eq!(read.claims.len(), with_user, "{scope}");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_user_who_comes_back_is_a_second_factor_and_another_is_turned_away() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    let enrolled = create(&server, wish("ANONYMOUS_LOGIN", Vec::new())).await;
    let (request, code) = approve(&stage, &enrolled);
    hand_over_code(&server, &enrolled.id, &code).await.unwrap();
    let user = stage.sandbox.civic_sip().request(&request).unwrap().user_id;

    let expecting = |user: &str| CreateVerificationRequest {
        subject: Some(named(user)),
        ..wish("ANONYMOUS_LOGIN", Vec::new())
    };
    let again = create(&server, expecting(&user)).await;
    let civic = stage.sandbox.civic_sip();
    let order = ScopeOrder {
        scope: Scope::AnonymousLogin,
        user_id: Some(user.clone()),
        ..ScopeOrder::default()
    };
    let code = civic.approved(order).unwrap();
    let after = hand_over_code(&server, &again.id, &code).await.unwrap();
    assert_eq!(after.state(), State::Verified);

    let attacked = create(&server, expecting(&user)).await;
    let (_, code) = approve(&stage, &attacked);
    let after = hand_over_code(&server, &attacked.id, &code).await.unwrap();
    assert_eq!(
        (after.state(), &*after.reason),
        (State::Rejected, "SUBJECT_MISMATCH")
    );
    let read = server.read_claims(&attacked.id).await;
    assert_eq!(read.unwrap_err().code(), Code::FailedPrecondition);
    stage.end().await;
}

#[tokio::test]
async fn what_the_page_tells_becomes_events_and_a_user_who_declines_ends_the_attempt() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    let created = create(&server, wish("BASIC_SIGNUP", Vec::new())).await;
    let seen = || Continuation::RequestSeen(RequestSeen {});
    let error = |word: &str| {
        Continuation::PageError(PageError {
            r#type: word.to_owned(),
            message: "CANARY-OF-THE-PAGE".to_owned(),
        })
    };
    for brought in [
        seen(),
        error("timeout"),
        error("Jane Doe's phone"),
        seen(),
        error("timeout"),
    ] {
        let after = hand_over(&server, &created.id, brought).await.unwrap();
        assert_eq!(after.state(), State::Pending);
    }
    let declined = Continuation::RequestDeclined(RequestDeclined {});
    let after = hand_over(&server, &created.id, declined).await.unwrap();
    assert_eq!(
        (after.state(), &*after.reason),
        (State::Rejected, "USER_DECLINED")
    );
    let log = server.log_of(&created.id).await;
    let told: Vec<_> = log[2..]
        .iter()
        .map(|event| (event.r#type(), &*event.provider_status))
        .collect();
    assert_eq!(
        told,
        [
            (EventType::RequestSeen, ""),
            (EventType::PageError, "timeout"),
            (EventType::PageError, "OTHER"),
            (EventType::RequestDeclined, ""),
        ]
    );
    assert!(
        log.iter()
            .all(|event| event.assurance() == Assurance::Local)
    );
    let late = hand_over(&server, &created.id, error("late")).await;
    assert_eq!(late.unwrap_err().code(), Code::FailedPrecondition);
    assert!(!stage.logs().contains("CANARY-OF-THE-PAGE"));
    stage.end().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_changes_nothing_and_finds_the_outcome() {
    let stage = stage("slow").await;
    let server = start(&stage);
    let created = create(&server, wish("BASIC_SIGNUP", Vec::new())).await;
    let (request, code) = approve(&stage, &created);
    let mut call = tonic::Request::new(ContinueVerificationRequest {
        verification_id: created.id.clone(),
        continuation: Some(Continuation::AuthorizationCode(code.clone())),
        ..ContinueVerificationRequest::default()
    });
    call.set_timeout(Duration::from_secs(1));
    let answer = server.verifications().continue_verification(call).await;
    let before = answer.unwrap().into_inner().verification.unwrap();
    assert_eq!(before.state(), State::Processing);
    let start = Start::StartPoint(StartPoint::Beginning.into());
    let verified = |event: &Event| event.state_after() == State::Verified;
    server
        .follow(&created.id, start, WatchEnd::Never, verified)
        .await;
    let again = hand_over_code(&server, &created.id, &code).await.unwrap();
    assert_eq!(again.state(), State::Verified);
    let spent = stage.sandbox.civic_sip().request(&request).unwrap();
    assert_eq!((spent.tries, spent.effects), (1, 1));
    stage.end().await;
}
