//! Codes that do not hold, and wishes that can't be asked for: refused with their own reasons, before
//! anything is sent, and without moving anything.

use tonic::Code;
use verilane_api::v1::State;
use verilane_api::v1::continue_verification_request::Continuation;
use verilane_sandbox::{CivicSipScenario, Scope, ScopeOrder};

use crate::harness::sip::{
    approve, approve_for, create, hand_over, hand_over_code, stage, start, wish,
};
use crate::harness::{field, refusal};

#[tokio::test]
async fn a_code_that_does_not_hold_is_refused_for_its_own_reason_and_sent_nowhere() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    let created = create(&server, wish("BASIC_SIGNUP", Vec::new())).await;
    let civic = stage.sandbox.civic_sip();
    let code_as = |names: &str| {
        let order = ScopeOrder {
            scenario: CivicSipScenario::named(names),
            ..ScopeOrder::default()
        };
        civic.approved(order).unwrap()
    };
    let genuine = code_as("scripted");
    let (head, rest) = genuine.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let table = [
        (String::new(), "AUTH_CODE_MALFORMED"),
        ("nonsense".to_owned(), "AUTH_CODE_MALFORMED"),
        (format!("{head}.{claims}"), "AUTH_CODE_MALFORMED"),
        (format!("{genuine}.{signature}"), "AUTH_CODE_MALFORMED"),
        (
            format!(
                "{{\"event\":\"scoperequest:read\",\"response\":\"{genuine}\",\"type\":\"code\"}}"
            ),
            "AUTH_CODE_MALFORMED",
        ),
        ("{".to_owned(), "AUTH_CODE_MALFORMED"),
        ("x".repeat(100_000), "AUTH_CODE_MALFORMED"),
        (code_as("token-without-code"), "AUTH_CODE_MALFORMED"),
        (code_as("token-without-times"), "AUTH_CODE_MALFORMED"),
        (code_as("token-hs256"), "AUTH_CODE_ALGORITHM"),
        (code_as("token-unsigned"), "AUTH_CODE_ALGORITHM"),
        (code_as("token-other-key"), "AUTH_CODE_SIGNATURE_INVALID"),
        (code_as("token-other-issuer"), "AUTH_CODE_WRONG_ISSUER"),
        (code_as("token-other-audience"), "AUTH_CODE_WRONG_AUDIENCE"),
        (code_as("path-audience"), "AUTH_CODE_WRONG_AUDIENCE"),
        (code_as("token-other-subject"), "AUTH_CODE_WRONG_SUBJECT"),
        (code_as("issuer-subject"), "AUTH_CODE_WRONG_SUBJECT"),
        (code_as("token-expired"), "AUTH_CODE_EXPIRED"),
        (code_as("token-from-the-future"), "AUTH_CODE_NOT_YET_VALID"),
    ];
    for (code, reason) in table {
        let refused = hand_over_code(&server, &created.id, &code)
            .await
            .unwrap_err();
        let expected = (Code::InvalidArgument, reason.to_owned());
        assert_eq!(refusal(&refused), expected, "{code:.60}");
        if code.len() > 20 {
            assert!(!format!("{refused:?}").contains(&code[..20]));
        }
    }
    let name = Continuation::PresentationRequestId("a-request".to_owned());
    let refused = hand_over(&server, &created.id, name).await.unwrap_err();
    let expected = (
        Code::FailedPrecondition,
        "CONTINUATION_NOT_OFFERED".to_owned(),
    );
    assert_eq!(refusal(&refused), expected);

    assert_eq!(server.get(&created.id).await, created);
    assert!(civic.calls(0, None).is_empty());
    let after = hand_over_code(&server, &created.id, &genuine)
        .await
        .unwrap();
    assert_eq!(after.state(), State::Verified);
    stage.end().await;
}

#[tokio::test]
async fn a_code_of_either_curve_is_taken_bare_or_in_the_browser_s_event() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    for names in [
        "scripted",
        "es256k",
        "whole-times",
        "long-token",
        "answer-es256k",
    ] {
        for in_its_event in [false, true] {
            let created = create(&server, wish("BASIC_SIGNUP", Vec::new())).await;
            let civic = stage.sandbox.civic_sip();
            let request = civic.open(ScopeOrder {
                scenario: CivicSipScenario::named(names),
                ..ScopeOrder::default()
            });
            let event = civic.approve(&request.id).unwrap();
            let brought = match in_its_event {
                true => event.event.to_string(),
                false => event.token().unwrap().to_owned(),
            };
            let after = hand_over_code(&server, &created.id, &brought)
                .await
                .unwrap();
            assert_eq!(after.state(), State::Verified, "{names}");
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn a_code_belongs_to_one_attempt_of_one_verification() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    let first = create(&server, wish("BASIC_SIGNUP", Vec::new())).await;
    let second = create(&server, wish("BASIC_SIGNUP", Vec::new())).await;
    let (_, code) = approve(&stage, &first);
    let verified = hand_over_code(&server, &first.id, &code).await.unwrap();
    let again = hand_over_code(&server, &first.id, &code).await.unwrap();
    assert_eq!(again, verified);
    let taken = hand_over_code(&server, &second.id, &code)
        .await
        .unwrap_err();
    assert_eq!(
        refusal(&taken),
        (Code::AlreadyExists, "CONTINUATION_TAKEN".to_owned())
    );
    let (_, other) = approve_for(&stage, Scope::BasicSignup);
    let late = hand_over_code(&server, &first.id, &other)
        .await
        .unwrap_err();
    assert_eq!(
        refusal(&late),
        (Code::FailedPrecondition, "ALREADY_CONTINUED".to_owned())
    );
    assert_eq!(server.get(&second.id).await, second);
    stage.end().await;
}

#[tokio::test]
async fn a_wish_that_no_scope_request_gives_is_refused() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    for (scope, claims, field, reason) in [
        ("BASIC", vec![], "scope", "SCOPE_UNKNOWN"),
        ("basic_signup", vec![], "scope", "SCOPE_UNKNOWN"),
        ("", vec![], "claims", "INVALID_ARGUMENT"),
        (
            "BASIC_SIGNUP",
            vec![field("documents.genericId.name")],
            "claims[0]",
            "CLAIM_NOT_OFFERED",
        ),
        (
            "",
            vec![field("verifications.levels.CIVIC:IAL1")],
            "claims[0].provider_field",
            "CLAIM_UNKNOWN",
        ),
    ] {
        let mut wish = wish(scope, claims);
        wish.request_id = format!("wrong {scope} {field}").replace(' ', "-");
        let refused = server.verifications().create_verification(wish).await;
        let refused = refused.unwrap_err();
        let expected = (Code::InvalidArgument, reason.to_owned());
        assert_eq!(refusal(&refused), expected, "{scope} {field}");
    }
    // A provider without sets of claims has none by this name.
    let mut other = crate::harness::create_request(&stage.user("accepts"), &["SH_EMAIL"]);
    other.scope = "BASIC_SIGNUP".to_owned();
    let refused = server.verifications().create_verification(other).await;
    let expected = (Code::InvalidArgument, "SCOPE_UNKNOWN".to_owned());
    assert_eq!(refusal(&refused.unwrap_err()), expected);
    stage.end().await;
}
