//! Pictures that are offered late, come slowly, or can't be had.

use std::time::Duration;

use verilane_api::v1::State;
use verilane_sandbox::{
    AnswerFault, AnswerTrouble, CivicPassEndpoint, CivicPassScenario, Evidence, EvidenceTrouble,
    PiiOrder, PiiRequestView, Turn,
};

use super::harness::civic::{
    PICTURE, WALLET, create, create_with, hand_over, stage, until, widget,
};
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

/// How often evidence was asked for, wherever it lies.
fn fetched(stage: &Stage, request: &PiiRequestView) -> usize {
    let calls = stage.sandbox.civic_pass().calls(0, Some(&request.id));
    let mut at: Vec<_> = calls.iter().map(|call| call.endpoint).collect();
    at.retain(|at| matches!(at, CivicPassEndpoint::Evidence | CivicPassEndpoint::Storage));
    at.len()
}

/// How many chunks are stored that nothing shows, and of how many pieces.
fn unshown(stage: &Stage) -> (u32, u32) {
    use rusqlite::OpenFlags;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = stage.data_folder().join("verilane.db");
    let database = rusqlite::Connection::open_with_flags(database, flags).unwrap();
    let count = "SELECT count(*), count(DISTINCT evidence) FROM chunks \
        WHERE evidence NOT IN (SELECT id FROM evidence)";
    let count = database.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)));
    count.unwrap()
}

#[tokio::test]
async fn a_picture_that_can_t_be_had_costs_neither_disk_nor_downloads_of_the_others() {
    const CHUNKS: u32 = 40;
    let stage = stage("ready").await;
    let server = stage.start_as(often(&stage));
    let mut scenario = CivicPassScenario::named("ready").unwrap();
    let large = Evidence {
        bytes: Some(u64::from(CHUNKS) * 64 * 1024),
        ..Evidence::of("evidence-document")
    };
    let mut face = Evidence {
        trouble: Some(EvidenceTrouble::Dead),
        ..Evidence::of(PICTURE)
    };
    scenario.evidence = vec![large, face.clone()];
    let claims = vec![field("evidence-document"), field(PICTURE)];
    let created = create_with(&server, OAUTH, WALLET, claims).await;
    let request = widget_of(&stage, scenario.clone());
    let brought = &request.presentation_request_id;
    hand_over(&server, &created.id, brought).await.unwrap();
    until(&server, &created.id, State::Processing).await;
    look(&stage, &request, 20).await;
    assert_eq!(unshown(&stage), (CHUNKS, 1));
    face.trouble = None;
    scenario.evidence[1] = face;
    let civic = stage.sandbox.civic_pass();
    civic.set_request_scenario(&request.id, scenario).unwrap();
    look(&stage, &request, 2).await;
    until(&server, &created.id, State::InReview).await;
    assert_eq!(unshown(&stage), (0, 0));
    // The face at each look, and the document once.
    let calls = civic.calls(0, Some(&request.id));
    let looks = calls.iter();
    let looks = looks.filter(|call| call.endpoint == CivicPassEndpoint::Request);
    assert!(fetched(&stage, &request) <= looks.count() + 1);
    stage.end().await;
}

#[tokio::test]
async fn pictures_whose_links_live_for_less_than_one_of_them_takes_come_all_the_same() {
    let stage = stage("ready").await;
    let server = stage.start_as(often(&stage));
    let mut scenario = CivicPassScenario::named("ready+pre-signed-links").unwrap();
    scenario.answers.push(AnswerFault {
        endpoint: Some(CivicPassEndpoint::Storage),
        ..AnswerFault::always(AnswerTrouble::Dripping { millis: 100 })
    });
    let lifetime = Duration::from_secs(scenario.link_lifetime);
    let claims = vec![field("evidence-document"), field(PICTURE)];
    let created = create_with(&server, OAUTH, WALLET, claims).await;
    let request = widget_of(&stage, scenario);
    let brought = &request.presentation_request_id;
    hand_over(&server, &created.id, brought).await.unwrap();
    let civic = stage.sandbox.civic_pass();
    // Whenever it is begun to fetch a picture, the links of its look expire before it has come.
    let mut seen = 0;
    while server.get(&created.id).await.state() != State::InReview {
        let begun = fetched(&stage, &request);
        assert!(begun < 5, "fetched again and again");
        if begun > seen {
            seen = begun;
            stage.clock.advance(lifetime);
        }
        let last = civic
            .calls(0, Some(&request.id))
            .last()
            .map_or(0, |call| call.number);
        stage.clock.advance(Duration::from_secs(1));
        civic
            .next_calls(last, Some(&request.id), Duration::from_millis(200))
            .await;
    }
    assert_eq!(unshown(&stage), (0, 0));
    stage.end().await;
}
