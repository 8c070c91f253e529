//! Pictures that are offered late, or come slowly.

use std::time::Duration;

use verilane_api::v1::State;
use verilane_sandbox::{
    AnswerFault, AnswerTrouble, CivicPassEndpoint, CivicPassScenario, PiiOrder, PiiRequestView,
    Turn,
};

use super::harness::civic::{PICTURE, WALLET, create, hand_over, stage, until, widget};
use super::harness::{Launch, OAUTH, Stage, field, wallet_request};

/// The user goes through the widget, in a scenario of their own.
fn widget_of(stage: &Stage, scenario: CivicPassScenario) -> PiiRequestView {
    let order = PiiOrder {
        wallet: Some(WALLET.to_owned()),
        scenario: Some(scenario),
        ..PiiOrder::default()
    };
    stage.sandbox.civic_pass().start(order).unwrap()
}

/// The binary as Civic's partner, which looks often.
fn often(stage: &Stage) -> Launch {
    let mut launch = Launch::default().of_civic_partner(stage);
    for setting in ["POLL_INTERVAL_SECONDS", "POLL_INTERVAL_MAX_SECONDS"] {
        let variable = format!("VERILANE__CONNECTIONS__CIVIC_OAUTH__{setting}");
        launch = launch.with(&variable, "5");
    }
    launch
}

/// A request turns: its status, if that changes, and the pictures that there are links to.
fn turn(stage: &Stage, request: &PiiRequestView, status: Option<&str>, rels: &[&str]) {
    let turn = Turn {
        status: status.map(str::to_owned),
        evidence: Some(rels.iter().map(|rel| (*rel).to_owned()).collect()),
        ..Turn::default()
    };
    let civic = stage.sandbox.civic_pass();
    civic.turn(&request.id, turn).unwrap();
}

/// Lets time go by until a request was looked at so many more times.
async fn look(stage: &Stage, request: &PiiRequestView, times: usize) {
    let civic = stage.sandbox.civic_pass();
    let seen = |after| civic.calls(after, Some(&request.id));
    let after = seen(0).last().map_or(0, |call| call.number);
    while seen(after).len() < times {
        let last = seen(0).last().map_or(0, |call| call.number);
        // Less than a look may take before it is begun again.
        stage.clock.advance(Duration::from_secs(6));
        let wait = Duration::from_millis(200);
        civic.next_calls(last, Some(&request.id), wait).await;
    }
}

#[tokio::test]
async fn looks_before_there_is_anything_to_read_do_not_count_against_a_late_picture() {
    let stage = stage("by-hand").await;
    let server = stage.start_as(often(&stage));
    let created = create(&server, OAUTH, WALLET).await;
    let request = widget(&stage, false);
    turn(&stage, &request, Some("user-acknowledged"), &[]);
    let brought = &request.presentation_request_id;
    hand_over(&server, &created.id, brought).await.unwrap();
    until(&server, &created.id, State::Processing).await;
    look(&stage, &request, 8).await;
    turn(
        &stage,
        &request,
        Some("verification-success"),
        &["evidence-document"],
    );
    look(&stage, &request, 2).await;
    assert_eq!(server.get(&created.id).await.state(), State::Processing);
    turn(&stage, &request, None, &["evidence-document", PICTURE]);
    // The first of them may have been answered before.
    look(&stage, &request, 2).await;
    until(&server, &created.id, State::InReview).await;
    let read = server.read_claims(&created.id).await.unwrap();
    let mut evidence = read.evidence.iter();
    assert!(evidence.any(|one| one.provider_field == PICTURE));
    stage.end().await;
}

#[tokio::test]
async fn a_picture_is_fetched_once_however_slowly_it_comes_and_whatever_it_waits_for() {
    let stage = stage("by-hand").await;
    let server = stage.start_as(often(&stage));
    let claims = vec![field("evidence-document"), field(PICTURE)];
    let request = wallet_request(OAUTH, WALLET, claims);
    let created = server.verifications().create_verification(request).await;
    let created = created.unwrap().into_inner().verification.unwrap();
    let mut scenario = CivicPassScenario::named("by-hand").unwrap();
    scenario.answers.push(AnswerFault {
        endpoint: Some(CivicPassEndpoint::Evidence),
        ..AnswerFault::always(AnswerTrouble::Dripping { millis: 100 })
    });
    let request = widget_of(&stage, scenario);
    let brought = &request.presentation_request_id;
    hand_over(&server, &created.id, brought).await.unwrap();
    turn(
        &stage,
        &request,
        Some("verification-success"),
        &["evidence-document"],
    );
    // It is looked at again, both while another picture is waited for and while they come.
    look(&stage, &request, 3).await;
    turn(&stage, &request, None, &["evidence-document", PICTURE]);
    let fetched = || {
        let calls = stage.sandbox.civic_pass().calls(0, Some(&request.id));
        let mut at: Vec<_> = calls.iter().map(|call| call.endpoint).collect();
        at.retain(|endpoint| *endpoint == CivicPassEndpoint::Evidence);
        at.len()
    };
    while fetched() < 2 {
        look(&stage, &request, 2).await;
    }
    until(&server, &created.id, State::InReview).await;
    assert_eq!(fetched(), 2);
    stage.end().await;
}
