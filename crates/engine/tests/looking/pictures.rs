//! Pictures are fetched side by side and once each, and leave nothing behind that shows nowhere.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::Barrier;
use verilane_core::{ClaimStatus, EvidenceId, State, VerificationId};

use crate::stage::faults::Faulty;
use crate::stage::looks::Served;
use crate::stage::{HOUR, Play, Stage, soon};
use crate::{begin, continued_for, is_in_review, look, next_look, stage};

const BOTH: [&str; 2] = ["P_FACE", "P_PAGE"];

/// A service that runs, whose store tells what was written.
async fn open(stage: &Stage) -> (Play, Arc<Faulty>) {
    let mut behind = None;
    let play = stage.open_behind(
        |relay| relay,
        |store| {
            let store = Faulty::over(store);
            behind = Some(Arc::clone(&store));
            store
        },
    );
    let play = begin(play.await).await;
    (play, behind.unwrap())
}

/// Waits until the first look is over, whose news comes before its pictures.
async fn first_look(stage: &Stage, play: &mut Play) {
    stage.puppet.looks.seen(1).await;
    play.stop_jobs().await;
    play.run_jobs();
}

/// A picture of many chunks.
fn large() -> Vec<u8> {
    let mut picture = b"\xff\xd8\xff".to_vec();
    picture.resize(1_100 << 10, 7);
    picture
}

async fn shown(play: &Play, id: VerificationId) -> HashSet<EvidenceId> {
    let records = play.store.evidence(id).await.unwrap();
    records.into_iter().map(|record| record.id).collect()
}

#[tokio::test]
async fn a_picture_that_has_come_is_not_fetched_again_while_another_one_can_t_be_had() {
    let stage = stage();
    let (mut play, store) = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.offer();
    looks.serve("P_PAGE", Served::File(large()));
    looks.serve("P_FACE", Served::Nothing);
    let id = continued_for(&play, &BOTH).await;
    first_look(&stage, &mut play).await;
    look(&stage, &play, 10).await;
    let fetched = || BOTH.map(|field| looks.fetched(field));
    assert_eq!(fetched(), [looks.count(), 1]);
    assert_eq!(store.pieces().len(), 1);
    assert_eq!(play.view(id).await.row.state().0, State::Processing);
    looks.serve("P_FACE", Served::File(large()));
    stage.clock.set(next_look(&stage, &play).await);
    play.until(is_in_review).await;
    assert_eq!(fetched(), [looks.count(), 1]);
    assert_eq!(store.pieces(), shown(&play, id).await);
    play.close().await;
}

#[tokio::test]
async fn a_picture_that_waits_is_replaced_once_another_may_lie_there() {
    let stage = stage();
    let (mut play, store) = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.offer();
    looks.serve("P_FACE", Served::Nothing);
    looks.link("P_PAGE", "puppet:page?signature=1");
    let id = continued_for(&play, &BOTH).await;
    first_look(&stage, &mut play).await;
    // Signed anew, it leads to the same.
    looks.link("P_PAGE", "puppet:page?signature=2");
    look(&stage, &play, 1).await;
    assert_eq!(looks.fetched("P_PAGE"), 1);
    looks.link("P_PAGE", "puppet:another?signature=3");
    look(&stage, &play, 1).await;
    assert_eq!(looks.fetched("P_PAGE"), 2);
    assert_eq!(store.pieces().len(), 1);
    // What waits for long would be purged.
    stage.clock.set(next_look(&stage, &play).await + 12 * HOUR);
    next_look(&stage, &play).await;
    assert_eq!(looks.fetched("P_PAGE"), 3);
    assert_eq!(store.pieces().len(), 1);
    looks.serve("P_FACE", Served::File(large()));
    stage.clock.set(next_look(&stage, &play).await);
    play.until(is_in_review).await;
    assert_eq!(store.pieces(), shown(&play, id).await);
    play.close().await;
}

#[tokio::test]
async fn the_pictures_of_a_look_are_fetched_side_by_side() {
    let stage = stage();
    let (play, _) = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.offer();
    let meets = Arc::new(Barrier::new(BOTH.len()));
    for field in BOTH {
        looks.serve(field, Served::Together(Arc::clone(&meets)));
    }
    continued_for(&play, &BOTH).await;
    soon(play.until(is_in_review)).await;
    assert_eq!(looks.count(), 1);
    play.close().await;
}

#[tokio::test]
async fn what_came_of_a_picture_that_breaks_off_is_gone_at_once() {
    let stage = stage();
    let (mut play, store) = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.offer();
    looks.serve("P_FACE", Served::BreaksOff(large()));
    let id = continued_for(&play, &BOTH[..1]).await;
    first_look(&stage, &mut play).await;
    look(&stage, &play, 3).await;
    assert_eq!(looks.fetched("P_FACE"), looks.count());
    assert!(store.pieces().is_empty());
    looks.serve("P_FACE", Served::File(large()));
    stage.clock.set(next_look(&stage, &play).await);
    play.until(is_in_review).await;
    assert_eq!(store.pieces(), shown(&play, id).await);
    play.close().await;
}

#[tokio::test]
async fn a_picture_that_is_too_large_is_fetched_once_and_leaves_nothing_behind() {
    let stage = stage().with(|config| config.max_picture_bytes = 1 << 20);
    let (mut play, store) = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.offer();
    looks.serve("P_PAGE", Served::File(large()));
    looks.serve("P_FACE", Served::Nothing);
    continued_for(&play, &BOTH).await;
    first_look(&stage, &mut play).await;
    look(&stage, &play, 3).await;
    assert_eq!(looks.fetched("P_PAGE"), 1);
    assert!(store.pieces().is_empty());
    play.close().await;
}

const PAGE: &[u8] = b"<!doctype html><title>Please log in</title>";
const SCAN: &[u8] = b"%PDF-1.7 a document";

async fn statuses(play: &Play, id: VerificationId) -> [ClaimStatus; 2] {
    let row = play.view(id).await.row;
    BOTH.map(|field| {
        let mut claims = row.claims.iter();
        claims.find(|claim| claim.field == field).unwrap().status
    })
}

#[tokio::test]
async fn a_page_in_a_picture_s_place_is_no_picture_and_the_right_one_may_still_come() {
    let stage = stage();
    let (mut play, store) = open(&stage).await;
    let looks = &stage.puppet.looks;
    looks.done();
    looks.offer();
    looks.serve("P_FACE", Served::File(PAGE.to_vec()));
    looks.serve("P_PAGE", Served::File(SCAN.to_vec()));
    let id = continued_for(&play, &BOTH).await;
    first_look(&stage, &mut play).await;
    look(&stage, &play, 3).await;
    assert_eq!(play.view(id).await.row.state().0, State::Processing);
    looks.serve("P_FACE", Served::File(large()));
    stage.clock.set(next_look(&stage, &play).await);
    play.until(is_in_review).await;
    assert_eq!(statuses(&play, id).await, [ClaimStatus::Granted; 2]);
    assert_eq!(store.pieces(), shown(&play, id).await);
    play.close().await;
}

#[tokio::test]
async fn what_never_was_a_picture_is_invalid_in_the_end() {
    for no_face in [PAGE, &SCAN.repeat(10), b"no"] {
        let stage = stage();
        let (play, store) = open(&stage).await;
        let looks = &stage.puppet.looks;
        looks.done();
        looks.offer();
        looks.serve("P_FACE", Served::File(no_face.to_vec()));
        looks.serve("P_PAGE", Served::File(SCAN.to_vec()));
        let id = continued_for(&play, &BOTH).await;
        look(&stage, &play, 5).await;
        assert_eq!(play.view(id).await.row.state().0, State::Processing);
        stage.clock.set(next_look(&stage, &play).await);
        play.until(is_in_review).await;
        let expected = [ClaimStatus::Invalid, ClaimStatus::Granted];
        assert_eq!(statuses(&play, id).await, expected);
        assert_eq!(store.pieces(), shown(&play, id).await);
        play.close().await;
    }
}
