//! Whose a call on a path is that several attempts share.

use verilane_core::{AttemptNumber, State, VerificationId};

use crate::request;
use crate::stage::calls::{Body, call};
use crate::stage::puppet::StartCall;
use crate::stage::{Play, Stage};

/// Three attempts on one slot: two of one verification, one of another. The last is open.
async fn three(
    stage: &Stage,
    play: &mut Play,
) -> (Vec<(VerificationId, AttemptNumber)>, Vec<StartCall>) {
    let first = play.engine.create(request("ada", 2)).await.unwrap().row.id;
    play.expire(stage).await;
    play.retry(first).await.unwrap();
    play.expire(stage).await;
    let second = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    let starts = stage.puppet.starts();
    assert!(
        starts
            .iter()
            .all(|start| start.data_url == starts[0].data_url)
    );
    (vec![(first, 1), (first, 2), (second, 1)], starts)
}

async fn state(play: &Play, (id, number): (VerificationId, AttemptNumber)) -> State {
    play.view(id).await.row.attempt(number).unwrap().state().0
}

#[tokio::test]
async fn a_call_reaches_the_attempt_whose_expiration_it_carries() {
    for meant in 0..3 {
        let stage = Stage::new();
        let mut play = stage.open().await;
        let (attempts, starts) = three(&stage, &mut play).await;
        starts[meant]
            .deliver(&play.engine, &[("EMAIL", "a@b.c")])
            .await
            .unwrap();
        for (place, attempt) in attempts.iter().enumerate() {
            let verified = state(&play, *attempt).await == State::Verified;
            assert_eq!(verified, place == meant, "{place} of {meant}");
        }
    }
}

#[tokio::test]
async fn a_call_without_a_known_expiration_goes_by_its_time() {
    for meant in 0..3 {
        let stage = Stage::new();
        let mut play = stage.open().await;
        let (attempts, starts) = three(&stage, &mut play).await;
        let (id, number) = attempts[meant];
        let begun = play.view(id).await.row.attempt(number).unwrap().start_time;
        let body = Body::data(
            &[("EMAIL", "a@b.c")],
            verilane_core::Timestamp::from_secs(1),
        )
        .with("time", (begun.as_secs() + 30).into());
        call(&play.engine, &starts[0].data_path(), &body)
            .await
            .unwrap();
        for (place, attempt) in attempts.iter().enumerate() {
            let verified = state(&play, *attempt).await == State::Verified;
            assert_eq!(verified, place == meant, "{place} of {meant}");
        }
    }
}

#[tokio::test]
async fn an_attempt_that_was_called_off_is_meant_only_where_no_other_carries_the_expiration() {
    let stage = Stage::new();
    let play = stage.open().await;
    let first = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    let left = stage.puppet.last_start();
    play.cancel(first).await;
    // Begun in the same second, so that it asks for the same expiration.
    let second = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    assert_eq!(stage.puppet.last_start().expiry, left.expiry);
    play.cancel(second).await;
    let third = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    play.cancel(third).await;
    left.report(&play.engine, "ACCEPTED").await.unwrap();
    assert_eq!(play.events_of(third).await.len(), 4, "the newest of those");
    assert_eq!(play.events_of(first).await.len(), 3);

    let fourth = play.engine.create(request("ada", 1)).await.unwrap().row.id;
    left.deliver(&play.engine, &[("EMAIL", "a@b.c")])
        .await
        .unwrap();
    assert_eq!(play.view(fourth).await.row.state().0, State::Verified);
}
