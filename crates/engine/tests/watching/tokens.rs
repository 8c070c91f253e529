//! Promise 4: what becomes of a token that is too old, or of another log.

use verilane_core::{Reason, Sequence};
use verilane_engine::{EngineError, EventFilter, WatchEnd, WatchStart};

use super::crowd::{after, all, one, one_run};
use crate::stage::frames::{NEVER, Watch, place};
use crate::stage::{HOUR, MINUTE, Play, Stage, soon};

async fn refused_many(play: &Play, start: &WatchStart) -> EngineError {
    let outcome = play
        .engine
        .watch_many(EventFilter::default(), start, NEVER)
        .await;
    outcome.err().unwrap()
}

fn earliest(error: &EngineError) -> WatchStart {
    let metadata = error.metadata.iter();
    let found = metadata
        .clone()
        .find(|(key, _)| *key == "earliest_resume_token");
    WatchStart::After(found.unwrap().1.clone())
}

/// Removes every event that is older than an hour.
async fn purge(play: &mut Play, to: u64) {
    play.run_jobs();
    soon(async {
        while play.store.head().await.unwrap().purged_to != Sequence(to) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    play.stop_jobs().await;
}

#[tokio::test]
async fn a_token_of_another_log_is_unknown() {
    let (stage, other) = (Stage::new(), Stage::new());
    let (play, elsewhere) = (stage.open().await, other.open().await);
    let id = one_run(&play.engine, &stage.puppet).await;
    one_run(&elsewhere.engine, &other.puppet).await;
    let foreign = all(&elsewhere, &WatchStart::Beginning)
        .await
        .news()
        .await
        .unwrap();
    assert_eq!(
        refused_many(&play, &after(&foreign)).await.reason,
        Reason::ResumeTokenUnknown
    );
    let outcome = play
        .engine
        .watch_one(id, &after(&foreign), WatchEnd::Never, NEVER)
        .await;
    assert_eq!(outcome.err().unwrap().reason, Reason::ResumeTokenUnknown);
}

#[tokio::test]
async fn a_token_from_the_future_of_a_restored_backup_is_unknown() {
    let stage = Stage::new();
    let play = stage.open().await;
    one_run(&play.engine, &stage.puppet).await;
    play.close().await;
    // The folder as it was is put back after more has happened.
    let data = stage.folder.path().join("data");
    let backup = std::fs::read(data.join("verilane.db")).unwrap();
    let play = stage.open().await;
    one_run(&play.engine, &stage.puppet).await;
    let mut watch = all(&play, &WatchStart::Beginning).await;
    let last = watch.some_news(14).await.pop().unwrap();
    drop(watch);
    play.close().await;
    for file in std::fs::read_dir(&data).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    std::fs::write(data.join("verilane.db"), backup).unwrap();
    let play = stage.open().await;
    assert_eq!(
        refused_many(&play, &after(&last)).await.reason,
        Reason::ResumeTokenUnknown
    );
}

#[tokio::test]
async fn a_token_that_was_not_made_here_is_malformed() {
    let stage = Stage::new();
    let play = stage.open().await;
    for wrong in ["", "x", "AAAAAAAAAAAAAAAA"] {
        let error = refused_many(&play, &WatchStart::After(wrong.to_owned())).await;
        assert_eq!(error.reason, Reason::ResumeTokenMalformed);
        assert_eq!(error.violations[0].field, "resume_token");
    }
}

#[tokio::test]
async fn a_token_older_than_what_is_kept_is_refused_with_the_earliest_one_and_that_works() {
    let stage = Stage::new().with(|config| config.event_retention = Some(HOUR));
    let mut play = stage.open().await;
    let old = one_run(&play.engine, &stage.puppet).await;
    stage.clock.advance(40 * MINUTE);
    let young = one_run(&play.engine, &stage.puppet).await;
    let messages = all(&play, &WatchStart::Beginning).await.some_news(14).await;
    let of_old = one(&play, old, &WatchStart::Beginning)
        .await
        .some_news(7)
        .await;
    let of_young = one(&play, young, &WatchStart::Beginning)
        .await
        .some_news(7)
        .await;
    stage.clock.advance(21 * MINUTE);
    purge(&mut play, 7).await;

    for message in &messages[..6] {
        let error = refused_many(&play, &after(message)).await;
        assert_eq!(error.reason, Reason::ResumeTokenExpired);
        let mut watch = all(&play, &earliest(&error)).await;
        assert_eq!(watch.some_news(7).await, messages[7..]);
    }
    // The last one that was purged is the earliest place itself.
    let mut watch = all(&play, &after(&messages[6])).await;
    assert_eq!(watch.some_news(7).await, messages[7..]);
    let mut watch = all(&play, &WatchStart::Beginning).await;
    assert_eq!(watch.some_news(7).await, messages[7..]);

    let outcome = play
        .engine
        .watch_one(old, &after(&of_old[3]), WatchEnd::Final, NEVER)
        .await;
    let error = outcome.err().unwrap();
    assert_eq!(error.reason, Reason::ResumeTokenExpired);
    let outcome = play
        .engine
        .watch_one(old, &earliest(&error), WatchEnd::Final, NEVER)
        .await;
    assert_eq!(outcome.unwrap().message().await, None);
    let mut watch = one(&play, young, &WatchStart::Beginning).await;
    assert_eq!(watch.some_news(7).await, of_young);
    let mut watch = one(&play, young, &after(&of_young[2])).await;
    assert_eq!(watch.some_news(4).await, of_young[3..]);
    play.close().await;
}

#[tokio::test]
async fn a_watch_that_a_purge_overtakes_is_told_so_and_where_to_go_on() {
    let stage = Stage::new()
        .with_ring(4)
        .with(|config| config.event_retention = Some(HOUR));
    let mut play = stage.open().await;
    let id = one_run(&play.engine, &stage.puppet).await;
    let mut slow = all(&play, &WatchStart::Beginning).await;
    assert_eq!(slow.news().await.unwrap().sequence(), 1);
    let mut behind = all(&play, &WatchStart::Beginning).await;
    let mut of_one = one(&play, id, &WatchStart::Beginning).await;
    stage.clock.advance(2 * HOUR);
    purge(&mut play, 7).await;
    // What it had taken it gives; what is gone it says.
    for sequence in 2..=7 {
        assert_eq!(slow.news().await.unwrap().sequence(), sequence);
    }
    let error = behind.next().await.unwrap_err();
    assert_eq!(error.reason, Reason::ResumeTokenExpired);
    let WatchStart::After(token) = earliest(&error) else {
        unreachable!()
    };
    assert_eq!(place(&token), Sequence(7));
    let error = of_one.next().await.unwrap_err();
    assert_eq!(error.reason, Reason::ResumeTokenExpired);
    play.close().await;
}
