//! A slot that was used again and again costs a callback no more than one that was used once.

use std::sync::Arc;

use futures_util::future::join_all;
use verilane_core::{Change, NewEvent, Verification, VerificationId, VerificationWrite};
use verilane_engine::Verdict;

use crate::stage::calls::{Body, call};
use crate::stage::faults::Faulty;
use crate::stage::{HOUR, MINUTE, Play, START, Stage, request};

const OLD: u32 = 1_000;

/// The same attempt, so many hours earlier, of a verification of its own whose key nobody can open.
fn earlier(row: &Verification, event: &NewEvent, hours: u32) -> Change {
    let id = VerificationId::generate();
    let mut row = row.clone();
    row.id = id;
    row.revision = event.revision;
    let attempt = &mut row.attempts[0];
    attempt.action = None;
    attempt.start_time = START - hours * HOUR;
    attempt.requested_expiry = attempt.start_time + 10 * MINUTE;
    attempt.expire_time = Some(attempt.requested_expiry);
    let mut change = Change::new(START);
    change.verification = Some(VerificationWrite {
        expected: None,
        row,
    });
    change.events = vec![NewEvent {
        verification: id,
        ..event.clone()
    }];
    change
}

async fn crowd(play: &Play, id: VerificationId) {
    let row = play.view(id).await.row;
    let event = &play.log().await[0].body;
    let commits = (1..=OLD).map(|hours| play.store.commit(earlier(&row, event, hours)));
    for committed in join_all(commits).await {
        committed.unwrap();
    }
}

#[tokio::test]
async fn a_callback_on_a_slot_of_a_thousand_attempts_reads_one_verification_and_opens_one_key() {
    let stage = Stage::keeping_history();
    let mut faulty = None;
    let play = stage
        .open_behind(
            |observer| observer,
            |store| {
                let proxy = Faulty::over(store);
                faulty = Some(Arc::clone(&proxy));
                proxy
            },
        )
        .await;
    let faulty = faulty.unwrap();
    let id = play.engine.create(request("ada")).await.unwrap().row.id;
    let start = stage.puppet.last_start();
    crowd(&play, id).await;
    let slot = play.view(id).await.row.attempts[0].slot;
    let used = play.store.tenancies(slot).await.unwrap().len();
    assert_eq!(used, OLD as usize + 1);

    for (word, verdict) in [
        ("ACCEPTED", Verdict::Accepted),
        ("ACCEPTED", Verdict::Repeated),
        ("INITIATED", Verdict::Accepted),
    ] {
        let before = faulty.loads();
        let taken = start.report(&play.engine, word).await.unwrap();
        assert_eq!((taken.verdict, taken.verification), (verdict, id));
        assert_eq!(faulty.loads() - before, 1, "{word}");
    }
    // One that is forged has the newest few asked about, and no more.
    let before = faulty.loads();
    let forged = Body::status("CONFIRMED", start.expiry).forged();
    let refused = call(&play.engine, &start.status_path(), &forged).await;
    refused.unwrap_err();
    assert_eq!(faulty.loads() - before, 5);
    play.close().await;
}
