//! Statuses and failures: what moves, what is refused, and what only counts.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Barrier;
use verilane_core::{CallbackChannel, EvidenceKind, Pii, Principal, Reason, State};
use verilane_engine::Verdict;

use crate::stage::calls::{Body, call};
use crate::stage::{self, MINUTE, Play, SECOND, START, Stage, connection, request};

async fn refused(play: &Play, path: &Pii<String>, body: &Body) -> Reason {
    call(&play.engine, path, body).await.unwrap_err().reason
}

#[tokio::test]
async fn a_path_leads_to_its_connection_and_channel_and_an_unknown_one_nowhere() {
    let stage = Stage::new();
    let play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let (status, data) = (start.status_path(), start.data_path());
    for (path, channel) in [
        (&status, CallbackChannel::Status),
        (&data, CallbackChannel::Data),
    ] {
        let place = play.engine.callback_path(path).await.unwrap();
        assert_eq!((place.connection, place.channel), (connection(), channel));
    }
    let almost = status.expose()[1..].to_owned();
    for unknown in ["", "x", &almost, &format!("{}/", status.expose())] {
        let refusal = play.engine.callback_path(&Pii::from(unknown)).await;
        assert_eq!(refusal.unwrap_err().reason, Reason::CallbackPathUnknown);
    }
}

#[tokio::test]
async fn an_accepted_status_moves_the_state_and_stays_as_evidence() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let body = Body::status("ACCEPTED", start.expiry)
        .with("time", json!(START.as_secs() + 9))
        .with("padding", json!("x".repeat(200_000)));
    stage.clock.advance(10 * SECOND);
    let taken = call(&play.engine, &start.status_path(), &body)
        .await
        .unwrap();
    assert_eq!(taken.verdict, Verdict::Accepted);
    assert_eq!(taken.verification, created.row.id);

    let row = play.view(created.row.id).await.row;
    assert_eq!(row.state().0, State::Processing);
    assert_eq!(row.attempts[0].provider_status.as_deref(), Some("ACCEPTED"));
    assert_eq!(row.attempts[0].accept_time, Some(START + 10 * SECOND));
    let event = play.log().await.pop().unwrap();
    assert_eq!(event.body.provider_time, Some(START + 9 * SECOND));
    assert_eq!(event.body.commit_time, START + 10 * SECOND);
    assert_eq!(
        (event.body.state_before, event.body.state_after),
        (Some(State::Pending), State::Processing)
    );

    let evidence = play.store.evidence(row.id).await.unwrap();
    assert_eq!(evidence.len(), 1);
    let piece = &evidence[0];
    assert_eq!(piece.kind, EvidenceKind::ProviderMessage);
    assert_eq!(piece.size, body.bytes().len() as u64);
    assert_eq!(
        (piece.chunks, piece.revision, piece.attempt),
        (4, row.revision, 1)
    );
    let mut chunks = Vec::new();
    for index in 0..piece.chunks {
        chunks.push(play.store.chunk(piece.id, index).await.unwrap().unwrap());
    }
    let opened = stage
        .data_key(&row)
        .open_evidence(row.id, piece.id, &chunks)
        .unwrap();
    assert_eq!(opened.expose(), &body.bytes().to_vec());
}

#[tokio::test]
async fn a_repeat_only_raises_a_counter() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    let (row, log) = (play.view(created.row.id).await.row, play.log().await);
    for _ in 0..3 {
        let taken = start.report(&play.engine, "ACCEPTED").await.unwrap();
        assert_eq!(taken.verdict, Verdict::Repeated);
        assert_eq!(taken.verification, created.row.id);
    }
    assert_eq!(play.view(created.row.id).await.row, row);
    assert_eq!(play.log().await, log);
    assert_eq!(play.store.evidence(row.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn statuses_in_any_order_end_the_same_and_one_that_comes_too_late_to_move_says_so() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    for word in ["CONFIRMED", "ACCEPTED", "INITIATED"] {
        start.report(&play.engine, word).await.unwrap();
    }
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.state().0, State::Processing);
    assert_eq!(
        row.attempts[0].provider_status.as_deref(),
        Some("CONFIRMED")
    );
    let applied: Vec<_> = play.log().await[2..]
        .iter()
        .map(|e| e.body.applied)
        .collect();
    assert_eq!(applied, [true, false, false]);
}

#[tokio::test]
async fn a_failure_ends_the_verification_with_its_reason() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    start.report(&play.engine, "ACCEPTED").await.unwrap();
    let body = Body::failure("VALIDITY_FAILED", start.expiry);
    call(&play.engine, &start.data_path(), &body).await.unwrap();
    let row = play.view(created.row.id).await.row;
    assert_eq!(row.state(), (State::Failed, Some(Reason::ValidityFailed)));
    let event = play.log().await.pop().unwrap().body;
    assert_eq!(event.kind.as_str(), "FAILURE_REPORTED");
    assert_eq!(event.reason, Some(Reason::ValidityFailed));
    // The status that says the same is another event, and moves nothing.
    start.report(&play.engine, "VALIDITY_FAILED").await.unwrap();
    let event = play.log().await.pop().unwrap().body;
    assert!(!event.applied && event.late);
    assert_eq!(play.view(created.row.id).await.row.state(), row.state());
}

#[tokio::test]
async fn a_late_status_is_refused_until_it_was_seen_in_time() {
    let stage = Stage::new();
    let play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let deadline = (START + 3 * MINUTE).as_secs();
    let body = |word| Body::status(word, start.expiry).with("deadline", json!(deadline));
    let path = start.status_path();
    call(&play.engine, &path, &body("ACCEPTED")).await.unwrap();
    stage.clock.set(START + 3 * MINUTE + SECOND);
    let log = play.log().await;
    let reason = refused(&play, &path, &body("INITIATED")).await;
    assert_eq!(reason, Reason::CallbackDeadlinePassed);
    let again = call(&play.engine, &path, &body("ACCEPTED")).await.unwrap();
    assert_eq!(again.verdict, Verdict::Repeated);
    assert_eq!(play.log().await, log);
    // In time, by a new deadline.
    start.report(&play.engine, "INITIATED").await.unwrap();
    assert_eq!(play.log().await.len(), log.len() + 1);
}

#[tokio::test]
async fn a_late_failure_is_taken_once_and_marked_late() {
    let stage = Stage::new();
    let play = stage.open().await;
    play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let body = Body::failure("VALIDITY_FAILED", start.expiry).with("deadline", json!(1));
    let path = start.data_path();
    let taken = call(&play.engine, &path, &body).await.unwrap();
    assert_eq!(taken.verdict, Verdict::Accepted);
    assert!(play.log().await.pop().unwrap().body.late);
    let taken = call(&play.engine, &path, &body).await.unwrap();
    assert_eq!(taken.verdict, Verdict::Repeated);
}

#[tokio::test]
async fn what_is_not_believed_changes_nothing_and_leaves_nothing() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let (log, path) = (play.log().await, start.status_path());
    let wrong = [
        (
            Body::status("ACCEPTED", start.expiry).forged(),
            Reason::CallbackSignatureInvalid,
        ),
        (
            Body::status("ACCEPTED", start.expiry + SECOND),
            Reason::CallbackAttemptUnknown,
        ),
        (
            Body::status("MADE_UP", start.expiry),
            Reason::CallbackMalformed,
        ),
        (Body(json!("text")), Reason::CallbackSignatureInvalid),
    ];
    for (body, reason) in wrong {
        assert_eq!(refused(&play, &path, &body).await, reason);
    }
    assert_eq!(play.log().await, log);
    assert_eq!(play.view(created.row.id).await.row, created.row);
    assert!(
        play.store
            .evidence(created.row.id)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_transaction_hash_is_sealed_beside_its_event_and_opened_for_watchers() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let hash = "0xd90eb185877e47238380f613e3ac77f4";
    let body = Body::status("INITIATED", start.expiry).with("tx_hash", json!(hash));
    call(&play.engine, &start.status_path(), &body)
        .await
        .unwrap();
    let event = play.log().await.pop().unwrap();
    assert!(event.body.tx_hash.is_some());
    let list = verilane_engine::ListEvents {
        scope: verilane_engine::EventScope::One(created.row.id),
        start: verilane_engine::WatchStart::Beginning,
        page_size: 10,
        wait: std::time::Duration::ZERO,
    };
    let page = play.engine.list_events(list.clone()).await.unwrap();
    let last: serde_json::Value = serde_json::from_slice(page.events.last().unwrap()).unwrap();
    assert_eq!(last["tx_hash"], hash);
    play.close().await;
    // And by an engine that never saw the key.
    let play = stage.open().await;
    let page = play.engine.list_events(list).await.unwrap();
    let last: serde_json::Value = serde_json::from_slice(page.events.last().unwrap()).unwrap();
    assert_eq!(last["tx_hash"], hash);
    play.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_identical_callbacks_make_one_event() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    for (round, word) in ["ACCEPTED", "INITIATED", "CONFIRMED", "FINISH_SUCCESS"]
        .into_iter()
        .enumerate()
    {
        let barrier = Arc::new(Barrier::new(8));
        let calls = (0..8).map(|_| {
            let (engine, barrier) = (Arc::clone(&play.engine), Arc::clone(&barrier));
            let start = start.clone();
            tokio::spawn(async move {
                barrier.wait().await;
                start.report(&engine, word).await.unwrap().verdict
            })
        });
        let verdicts = futures_util::future::join_all(calls).await;
        let accepted = verdicts
            .into_iter()
            .filter(|v| *v.as_ref().unwrap() == Verdict::Accepted);
        assert_eq!(accepted.count(), 1);
        assert_eq!(play.log().await.len(), 3 + round);
        assert_eq!(
            play.store.evidence(created.row.id).await.unwrap().len(),
            1 + round
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_callbacks_of_one_verification_all_find_their_place() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let start = stage.puppet.last_start();
    let words = [
        "PENDING",
        "ACCEPTED",
        "INITIATED",
        "CONFIRMED",
        "CALLBACK_FAILED",
        "FINISH_SUCCESS",
    ];
    let calls = words.map(|word| {
        let (engine, start) = (Arc::clone(&play.engine), start.clone());
        tokio::spawn(async move { start.report(&engine, word).await.unwrap().verdict })
    });
    for verdict in futures_util::future::join_all(calls).await {
        assert_eq!(verdict.unwrap(), Verdict::Accepted);
    }
    let events = play.events_of(created.row.id).await;
    let revisions: Vec<_> = events.iter().map(|e| e.body.revision.0).collect();
    assert_eq!(revisions, (1..=8).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_status_of_a_verification_that_was_called_off_is_told_and_moves_nothing() {
    let stage = Stage::new();
    let play = stage.open().await;
    let created = play.engine.create(request("ada")).await.unwrap();
    let (principal, access) = (Principal::anonymous(), stage::access());
    play.engine
        .cancel(created.row.id, None, &principal, &access)
        .await
        .unwrap();
    let taken = stage
        .puppet
        .last_start()
        .report(&play.engine, "ACCEPTED")
        .await
        .unwrap();
    assert_eq!(taken.verdict, Verdict::Accepted);
    let event = play.log().await.pop().unwrap().body;
    assert_eq!(event.state_after, State::Cancelled);
    assert!(event.late);
}
