//! What happens to callbacks that are not answered 200.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::net::TcpListener;
use verilane_sandbox::{
    CallbackKind, DataDelivery, Delivery, Failure, Finish, RetrySigning, Scenario, Status,
};

use crate::stage::{LIMIT, START, Stage};

fn data_tries(stage: &Stage) -> Vec<Delivery> {
    let deliveries = stage.sandbox.deliveries(0, None).into_iter();
    deliveries
        .filter(|d| d.kind == CallbackKind::Data)
        .collect()
}

fn gaps(tries: &[Delivery]) -> Vec<i64> {
    let pairs = tries.windows(2);
    pairs
        .map(|pair| (pair[1].sent_at_ms - pair[0].sent_at_ms) / 1_000)
        .collect()
}

#[tokio::test]
async fn a_refused_data_callback_is_tried_after_each_gap_and_then_given_up() {
    let stage = Stage::set(Scenario::default()).await;
    stage
        .receiver
        .answer(|call| if call.path == "/data" { 503 } else { 200 });
    let id = stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_out().await;
    let tries = data_tries(&stage);
    assert_eq!(gaps(&tries), [60, 300, 600]);
    assert!(tries.iter().all(|d| d.http == Some(503)));
    let numbers: Vec<_> = tries.iter().map(|d| d.attempt).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    let view = stage.sandbox.request(&id).unwrap();
    assert_eq!(view.data, DataDelivery::GivenUp);
    let statuses: Vec<_> = view.statuses.iter().map(|s| s.status).collect();
    assert_eq!(statuses[9..13], [Status::CallbackFailed; 4]);
    assert_eq!(statuses[13..], [Status::FinishSuccess]);
    stage.end().await;
}

#[tokio::test]
async fn a_data_callback_taken_at_last_succeeds_and_finishes() {
    let stage = Stage::set(Scenario::default()).await;
    stage
        .receiver
        .answer(|call| if call.path == "/data" { 500 } else { 200 });
    let id = stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_until(START + Duration::from_secs(30)).await;
    assert_eq!(
        stage.sandbox.request(&id).unwrap().status,
        Status::CallbackFailed
    );
    let again = stage.qr_question("accepts", &["SH_EMAIL"]);
    let refusal = stage.refused("/api/v1/kyc/qrcode", &again).await;
    assert_eq!(
        refusal,
        "there is an ongoing request for this user and items"
    );
    stage.receiver.answer(|_| 200);
    stage.play_out().await;
    let statuses = stage.receiver.statuses();
    assert_eq!(
        statuses[8..],
        ["CALLBACK_FAILED", "CALLBACK_SUCCEED", "FINISH_SUCCESS"]
    );
    assert_eq!(gaps(&data_tries(&stage)), [60]);
    stage.end().await;
}

#[tokio::test]
async fn a_request_can_finish_before_its_data_is_taken() {
    let scenario = Scenario {
        finish: Finish::AfterFirstTry,
        ..Scenario::default()
    };
    let stage = Stage::set(scenario).await;
    stage
        .receiver
        .answer(|call| if call.path == "/data" { 500 } else { 200 });
    stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_until(START + Duration::from_secs(30)).await;
    stage.receiver.answer(|_| 200);
    stage.play_out().await;
    let statuses = stage.receiver.statuses();
    assert_eq!(
        statuses[8..],
        ["CALLBACK_FAILED", "FINISH_SUCCESS", "CALLBACK_SUCCEED"]
    );
    stage.end().await;
}

#[tokio::test]
async fn a_refused_status_callback_is_tried_again_while_the_others_go_on() {
    let stage = Stage::set(Scenario::default()).await;
    stage.receiver.answer(|call| {
        let initiated = call.path == "/status" && call.json()["status"] == "INITIATED";
        if initiated { 404 } else { 200 }
    });
    stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_out().await;
    let initiated: Vec<_> = stage
        .sandbox
        .deliveries(0, None)
        .into_iter()
        .filter(|delivery| delivery.status == Some(Status::Initiated))
        .collect();
    assert_eq!(gaps(&initiated), [60, 300, 600]);
    assert_eq!(stage.receiver.calls().len(), 11 + 3);
    stage.end().await;
}

#[tokio::test]
async fn a_retry_is_signed_anew_with_a_new_deadline_unless_the_scenario_says_verbatim() {
    for (retry_signing, later) in [(RetrySigning::Anew, 60), (RetrySigning::Verbatim, 0)] {
        let scenario = Scenario {
            retry_signing,
            ..Scenario::default()
        };
        let stage = Stage::set(scenario).await;
        stage.receiver.answer(|call| {
            let accepted = call.path == "/status" && call.json()["status"] == "ACCEPTED";
            if accepted { 500 } else { 200 }
        });
        stage.request("accepts", &["SH_EMAIL"]).await;
        stage.play_until(START + Duration::from_secs(61)).await;
        let calls = stage.receiver.calls_at("/status").into_iter();
        let accepted: Vec<_> = calls.filter(|c| c.json()["status"] == "ACCEPTED").collect();
        assert_eq!(accepted.len(), 2);
        let deadline = |place: usize| accepted[place].json()["deadline"].as_i64().unwrap();
        assert_eq!(deadline(1) - deadline(0), later, "{retry_signing:?}");
        assert_eq!(accepted[1].signer().as_ref(), Some(&stage.keys.0));
        assert_eq!(accepted[0].body == accepted[1].body, later == 0);
        stage.end().await;
    }
}

#[tokio::test]
async fn a_callback_that_nobody_takes_or_that_breaks_off_is_tried_again_too() {
    let stage = Stage::set_with(|config| config.callback_topics = vec![2]).await;
    let deserted = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let hanging_up = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging_up_at = hanging_up.local_addr().unwrap();
    tokio::spawn(async move { while hanging_up.accept().await.is_ok() {} });
    let mut question = stage.qr_question("accepts", &["SH_EMAIL"]);
    question["statusCallback"] = format!("{deserted}/s").into();
    question["callback"] = format!("http://{hanging_up_at}/d").into();
    stage.ask("/api/v1/kyc/qrcode", &question).await;
    stage.play_out().await;
    let deliveries = stage.sandbox.deliveries(0, None);
    for delivery in &deliveries {
        let expected = match delivery.kind {
            CallbackKind::Status => Failure::Connect,
            CallbackKind::Data | CallbackKind::Failure => Failure::Broken,
        };
        assert_eq!(delivery.failure, Some(expected), "{delivery:?}");
        assert_eq!(delivery.http, None);
    }
    // CALLBACK_FAILED twice; each of the eleven status callbacks and the data twice.
    assert_eq!(deliveries.len(), 2 * (11 + 1));
    assert_eq!(gaps(&data_tries(&stage)), [120]);
    stage.end().await;
}

#[tokio::test]
async fn whatever_is_refused_ends_with_every_callback_taken_or_given_up() {
    for seed in 0..6 {
        let stage = Stage::set_with(|config| {
            config.seed = seed;
            config.scenario = Scenario::named("storm").unwrap();
        })
        .await;
        // The signature's bytes are as good as a coin: four in ten are refused.
        stage.receiver.answer(|call| {
            let sum: usize = call.body.iter().map(|byte| usize::from(*byte)).sum();
            if sum % 10 < 4 { 500 } else { 200 }
        });
        let ids = [
            stage.request("accepts", &["SH_EMAIL"]).await,
            stage.request("load-4", &["SH_EMAIL", "SH_PHONE"]).await,
        ];
        stage.play_out().await;
        let idleness = stage.sandbox.finished(LIMIT).await.unwrap();
        assert_eq!(idleness.next_due_ms, None);
        for id in ids {
            let view = stage.sandbox.request(&id).unwrap();
            assert_eq!(view.status, Status::FinishSuccess);
            let mut chains: BTreeMap<_, Vec<Delivery>> = BTreeMap::new();
            for delivery in stage.sandbox.deliveries(0, Some(&id)) {
                if delivery.is_genuine() && !delivery.duplicate {
                    let chain = (delivery.status, delivery.created_at);
                    chains.entry(chain).or_default().push(delivery);
                }
            }
            // One chain of tries for each status but PENDING, and one for the data.
            assert_eq!(chains.len(), view.statuses.len());
            for chain in chains.values() {
                let (last, before) = chain.split_last().unwrap();
                assert!(before.iter().all(|try_| !try_.was_taken()));
                assert!(last.was_taken() || chain.len() == 4);
                let taken = last.was_taken();
                if last.kind == CallbackKind::Data {
                    assert_eq!(view.data == DataDelivery::Delivered, taken);
                    assert_eq!(view.data == DataDelivery::GivenUp, !taken);
                }
            }
        }
        stage.end().await;
    }
}
