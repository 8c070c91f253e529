//! Exchanges that go wrong: each ends as documented, with what was granted or with a reason, and no code
//! is spent by more than one of ours.

use verilane_api::v1::watch_verification_request::Start;
use verilane_api::v1::{
    ClaimStatus, CreateVerificationRequest, Event, Necessity, StartPoint, State, WatchEnd,
};
use verilane_sandbox::{CivicSipScenario, Scope, ScopeOrder};

use crate::harness::sip::{approve, create, hand_over_code, launch, popup, stage, start, wish};
use crate::harness::{Launch, Server, Stage, field};
use crate::named;

/// One exchange under a scenario: state, reason, and how often the code was tried and spent.
async fn exchanged(
    stage: &Stage,
    server: &Server,
    scope: &str,
    names: &str,
) -> (State, String, u32, u32) {
    let created = create(server, wish(scope, Vec::new())).await;
    let civic = stage.sandbox.civic_sip();
    let request = civic.open(ScopeOrder {
        scope: serde_json::from_value(popup(&created).scope_request.into()).unwrap(),
        scenario: CivicSipScenario::named(names),
        ..ScopeOrder::default()
    });
    let event = civic.approve(&request.id).unwrap();
    let code = event.token().unwrap();
    let mut after = hand_over_code(server, &created.id, code).await.unwrap();
    if after.state() == State::Processing {
        let start = Start::StartPoint(StartPoint::Beginning.into());
        let ends = |event: &Event| {
            event.state_after() != State::Pending && event.state_after() != State::Processing
        };
        server
            .follow(&created.id, start, WatchEnd::Never, ends)
            .await;
        after = server.get(&created.id).await;
    }
    let spent = civic.request(&request.id).unwrap();
    (after.state(), after.reason, spent.tries, spent.effects)
}

#[tokio::test]
async fn every_trouble_of_an_exchange_ends_as_documented() {
    const BASIC: &str = "BASIC_SIGNUP";
    const PROOF: &str = "PROOF_OF_IDENTITY";
    let stage = stage("scripted").await;
    let server = start(&stage);
    let failed = |reason: &str, tries, effects| (State::Failed, reason.to_owned(), tries, effects);
    let verified = |tries| (State::Verified, String::new(), tries, 1);
    for (scope, names, ends) in [
        // Turned away unread: sent again until it is taken.
        (BASIC, "busy", verified(3)),
        // Nobody knows whether it was taken: once more, which tells.
        (
            BASIC,
            "error-after",
            failed("EXCHANGE_OUTCOME_UNKNOWN", 2, 1),
        ),
        (
            BASIC,
            "gateway-timeouts",
            failed("EXCHANGE_OUTCOME_UNKNOWN", 2, 1),
        ),
        (BASIC, "errors", failed("EXCHANGE_OUTCOME_UNKNOWN", 2, 0)),
        (BASIC, "silent", failed("EXCHANGE_OUTCOME_UNKNOWN", 2, 1)),
        (BASIC, "already-spent", failed("CODE_ALREADY_USED", 1, 0)),
        (BASIC, "bad-request", failed("EXCHANGE_REFUSED", 1, 0)),
        (BASIC, "not-allowed", failed("EXCHANGE_REFUSED", 1, 0)),
        (BASIC, "unauthorized", failed("EXCHANGE_UNAUTHORIZED", 1, 0)),
        (PROOF, "unapproved", failed("EXCHANGE_UNAUTHORIZED", 1, 0)),
        // Answers that can't be believed.
        (BASIC, "plain", failed("PAYLOAD_NOT_ENCRYPTED", 1, 1)),
        (
            BASIC,
            "plain-unmarked",
            failed("PAYLOAD_NOT_ENCRYPTED", 1, 1),
        ),
        (
            BASIC,
            "plain-marked-encrypted",
            failed("EXCHANGE_ANSWER_INVALID", 1, 1),
        ),
        (BASIC, "damaged", failed("EXCHANGE_ANSWER_INVALID", 1, 1)),
        (
            BASIC,
            "answer-other-key",
            failed("EXCHANGE_ANSWER_INVALID", 1, 1),
        ),
        (
            BASIC,
            "answer-other-issuer",
            failed("EXCHANGE_ANSWER_INVALID", 1, 1),
        ),
        (
            BASIC,
            "answer-other-audience",
            failed("EXCHANGE_ANSWER_INVALID", 1, 1),
        ),
        (
            BASIC,
            "answer-other-subject",
            failed("EXCHANGE_ANSWER_INVALID", 1, 1),
        ),
        (
            BASIC,
            "answer-early",
            failed("EXCHANGE_ANSWER_INVALID", 1, 1),
        ),
        (
            BASIC,
            "answer-expired",
            failed("EXCHANGE_ANSWER_INVALID", 1, 1),
        ),
        (BASIC, "not-json", failed("EXCHANGE_ANSWER_INVALID", 1, 1)),
        (
            BASIC,
            "answer-not-json",
            failed("EXCHANGE_ANSWER_INVALID", 1, 1),
        ),
        // Large ones.
        (PROOF, "large", verified(1)),
        (PROOF, "large+large-picture", verified(1)),
        (PROOF, "large+link-fails", verified(1)),
        (PROOF, "large+link-half", verified(1)),
        (
            PROOF,
            "large+link-dead",
            failed("EXCHANGE_OUTCOME_UNKNOWN", 1, 1),
        ),
        (
            PROOF,
            "large+link-expired",
            failed("EXCHANGE_OUTCOME_UNKNOWN", 1, 1),
        ),
        (
            PROOF,
            "large+link-foreign",
            failed("EXCHANGE_ANSWER_INVALID", 1, 1),
        ),
        // What was granted, and how much it is worth.
        (BASIC, "email-not-valid", verified(1)),
        (BASIC, "without-email", verified(1)),
        (PROOF, "driving-license", verified(1)),
        (PROOF, "md5-of-text", verified(1)),
        (PROOF, "wrong-md5", verified(1)),
    ] {
        let ended = exchanged(&stage, &server, scope, names).await;
        assert_eq!(ended, ends, "{names}");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_required_claim_that_does_not_hold_rejects_and_one_that_is_missing_fails() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    let required = || vec![field("contact.personal.email")];
    for (names, state, reason, status) in [
        (
            "email-not-valid",
            State::Rejected,
            "CLAIM_NOT_VALID",
            ClaimStatus::Invalid,
        ),
        (
            "email-not-owner",
            State::Rejected,
            "CLAIM_NOT_VALID",
            ClaimStatus::Invalid,
        ),
        (
            "without-email",
            State::Failed,
            "REQUIRED_ITEM_MISSING",
            ClaimStatus::NotHeld,
        ),
    ] {
        let created = create(&server, wish("BASIC_SIGNUP", required())).await;
        assert_eq!(created.claims.len(), 3);
        let order = ScopeOrder {
            scenario: CivicSipScenario::named(names),
            ..ScopeOrder::default()
        };
        let code = stage.sandbox.civic_sip().approved(order).unwrap();
        let after = hand_over_code(&server, &created.id, &code).await.unwrap();
        assert_eq!((after.state(), &*after.reason), (state, reason), "{names}");
        let email = after
            .claims
            .iter()
            .find(|claim| claim.provider_field == "contact.personal.email");
        assert_eq!(email.unwrap().status(), status);
        assert_eq!(email.unwrap().necessity(), Necessity::Required);
        let read = server.read_claims(&created.id).await.unwrap();
        let read = read.claims.iter().find(|claim| {
            claim.provenance.as_ref().unwrap().provider_field == "contact.personal.email"
        });
        assert_eq!(read.is_some(), status == ClaimStatus::Invalid);
        if let Some(checks) = read.and_then(|claim| claim.checks.as_ref()) {
            let says = (checks.valid, checks.owner);
            assert_eq!(
                says,
                (names == "email-not-owner", names == "email-not-valid")
            );
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn nothing_that_does_not_hold_verifies_anybody_and_what_does_not_hold_in_part_is_a_warning() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    let user = "c6d5795f8a059e15ad29a33a60f8b402a172c3e0bbe50fd230ae8e0303609b42";
    let (login, basic, proof) = (
        Scope::AnonymousLogin,
        Scope::BasicSignup,
        Scope::ProofOfIdentity,
    );
    let rejected = (State::Rejected, "CLAIM_NOT_VALID", 0);
    let verified = |warnings| (State::Verified, "", warnings);
    for (scope, names, ends, invalid) in [
        (login, "not-owner", rejected, 1),
        (login, "not-valid", rejected, 1),
        (basic, "not-owner", rejected, 2),
        (basic, "not-valid", rejected, 2),
        (proof, "not-owner", rejected, 12),
        (proof, "not-valid", rejected, 12),
        (basic, "email-not-owner", verified(1), 1),
        (proof, "email-not-valid", verified(1), 1),
        (login, "email-not-owner", verified(0), 0),
    ] {
        for subject in [None, Some(named(user))] {
            let name = serde_json::to_value(scope).unwrap();
            let created = CreateVerificationRequest {
                subject,
                ..wish(name.as_str().unwrap(), Vec::new())
            };
            let created = create(&server, created).await;
            let order = ScopeOrder {
                scope,
                user_id: Some(user.to_owned()),
                scenario: CivicSipScenario::named(names),
                ..ScopeOrder::default()
            };
            let code = stage.sandbox.civic_sip().approved(order).unwrap();
            let after = hand_over_code(&server, &created.id, &code).await.unwrap();
            let told = (after.state(), &*after.reason, after.warnings.len());
            assert_eq!(told, ends, "{names} {scope:?}");
            let is_known = |word: &String| word == "OPTIONAL_CLAIM_NOT_VALID";
            assert!(after.warnings.iter().all(is_known), "{:?}", after.warnings);
            let claims = server.get(&created.id).await.claims;
            let wrong = claims
                .iter()
                .filter(|claim| claim.status() == ClaimStatus::Invalid);
            assert_eq!(wrong.count(), invalid, "{names} {scope:?}");
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn a_service_starts_again_although_nobody_named_the_user_of_its_newest_verification() {
    let stage = stage("scripted").await;
    let server = start(&stage);
    let created = create(&server, wish("BASIC_SIGNUP", Vec::new())).await;
    assert!(server.terminate().await.success());

    // One with which nothing would be found is refused all the same.
    let file = stage.data_folder().join("keyring.json");
    let own = std::fs::read_to_string(&file).unwrap();
    let mut blind: serde_json::Value = serde_json::from_str(&own).unwrap();
    blind["index_key"] = "00".repeat(32).into();
    std::fs::write(&file, blind.to_string()).unwrap();
    let refused = stage.try_start_as(launch(&stage, Launch::default()));
    assert_eq!(refused.err().and_then(|status| status.code()), Some(1));
    std::fs::write(&file, own).unwrap();

    let server = start(&stage);
    let (_, code) = approve(&stage, &created);
    let after = hand_over_code(&server, &created.id, &code).await.unwrap();
    assert_eq!(after.state(), State::Verified);
    stage.end().await;
}
