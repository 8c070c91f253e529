//! How a watch is refused, cut and ended: promises 4, 5 and 6.

use std::path::Path;

use tonic::Code;
use verilane_api::v1::{State, WatchEnd};

use super::harness::{
    BEGINNING, LIMIT, NOW, RUN, SNAPSHOT, Server, Stage, What, Wish, info, is_finished, refusal,
    waiting,
};
use super::{HOUR, STEP, after, refused, revisions};

/// Refused with the earliest token, or as another log's; and what is kept has no hole.
#[tokio::test]
async fn promise_4_a_token_too_old_or_of_another_log_is_refused() {
    let kept = "[engine]\nevent_retention = \"1h\"\npurge_interval = \"1m\"";
    let stage = Stage::with(waiting(2), kept).await;
    let server = stage.start();
    let old = server.create_for(&stage, 0..1).await.remove(0);
    stage.accept(0);
    let wishes = [Wish::one(&old.id, BEGINNING), Wish::all(BEGINNING)];
    let mut tokens = Vec::new();
    for wish in wishes {
        let mut watch = server.watch(wish.clone()).await;
        watch.event().await;
        tokens.push(wish.from(after(&watch.token)));
        watch.until(is_finished).await;
    }
    stage.clock.advance(2 * HOUR);
    let young = server.create_for(&stage, 1..2).await.remove(0);
    // The purge comes due by the clock; it is over once the first of these is refused.
    let purged = async {
        while let Ok(watch) = tokens[1].clone().open(server.channel()).await {
            drop(watch);
        }
    };
    tokio::time::timeout(LIMIT, purged).await.unwrap();
    let log = server.log().await;
    let first = RUN as u64 + 1;
    assert!(log.iter().map(|event| event.sequence).eq(first..first + 2));
    assert!(log.iter().all(|event| event.verification_id == young.id));
    for wish in &tokens {
        let refusal_of = refused(&server, wish.clone()).await;
        let (code, reason) = refusal(&refusal_of);
        assert_eq!(
            (code, reason.as_str()),
            (Code::OutOfRange, "RESUME_TOKEN_EXPIRED")
        );
        let earliest = &info(&refusal_of).metadata["earliest_resume_token"];
        let now = stage.clock.now();
        let mut watch = server.watch(wish.from(after(earliest)).heartbeat(1)).await;
        let rest = watch.quiet_after(now).await;
        match wish.what {
            What::One(_) => assert_eq!(rest, []),
            What::Many(_) => assert_eq!(rest, log),
        }
    }

    // A log of its own, and this one as a backup had it.
    let other = Stage::with(waiting(1), "").await;
    let elsewhere = other.start();
    let own = elsewhere.create_for(&other, 0..1).await.remove(0);
    let unknown = async |server: &Server, wish: Wish| {
        let (code, reason) = refusal(&refused(server, wish).await);
        assert_eq!(
            (code, reason.as_str()),
            (Code::OutOfRange, "RESUME_TOKEN_UNKNOWN")
        );
    };
    for wish in &tokens {
        unknown(&elsewhere, Wish::all(wish.from.clone())).await;
        unknown(&elsewhere, Wish::one(&own.id, wish.from.clone())).await;
    }
    assert!(elsewhere.terminate().await.success());
    let (data, backup) = (other.data_folder(), other.folder().join("backup"));
    copy(&data, &backup);
    let elsewhere = other.start();
    elsewhere.cancel(&own.id).await;
    let mut watch = elsewhere.watch(Wish::all(BEGINNING)).await;
    watch.take(3).await;
    assert!(elsewhere.terminate().await.success());
    std::fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    unknown(&other.start(), Wish::all(after(&watch.token))).await;
    stage.end().await;
    other.end().await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A watch that reads nothing is cut with its connection; at a drain those that read are ended, and
/// one that does not keeps nobody beyond the deadline. Each goes on with its last token.
#[tokio::test]
async fn promise_5_a_slow_reader_delays_nobody_and_a_drain_ends_all_within_its_deadline() {
    let limits = "[grpc]\nstall_limit = \"1s\"\ndrain_deadline = \"1s\"";
    let stage = Stage::with(waiting(3), limits).await;
    let server = stage.start();
    let created = server.create_for(&stage, 0..2).await;
    let stalled = server.connect_narrow().await;
    let mut slow = Wish::all(BEGINNING).open(stalled.clone()).await.unwrap();
    let first = slow.event().await;
    // On the same connection, so that its end tells of the connection's.
    let idle = Wish::one(&created[0].id, NOW).heartbeat(300);
    let mut idle = idle.open(stalled).await.unwrap();
    let mut quick = server.watch(Wish::all(BEGINNING)).await;
    stage.accept(1);
    let all = quick.until(is_finished).await;
    assert_eq!(all.len(), RUN + 2);
    let (none, end) = idle.rest().await;
    assert!(none.is_empty() && end.is_some(), "{none:?} {end:?}");
    let (more, cut) = slow.rest().await;
    assert!(cut.is_some() && more.len() < RUN, "{} {cut:?}", more.len());
    let mut resumed = server.watch(Wish::all(after(&slow.token))).await;
    let rest = resumed.until(is_finished).await;
    assert_eq!([vec![first], more, rest].concat(), all);

    let one = Wish::one(&created[0].id, SNAPSHOT);
    let mut single = server.watch(one.clone()).await;
    single.snapshot().await;
    let stalled = Wish::all(BEGINNING)
        .open(server.connect_narrow().await)
        .await;
    let told = server.terminate();
    let ends = async {
        for watch in [&mut quick, &mut single] {
            let (none, end) = watch.rest().await;
            assert_eq!(none, []);
            let (code, reason) = refusal(&end.unwrap());
            assert_eq!(
                (code, reason.as_str()),
                (Code::Unavailable, "SHUTTING_DOWN")
            );
        }
    };
    let (exit, ()) = tokio::join!(told, ends);
    assert_eq!(exit.code(), Some(3), "what stalls is cut");
    drop(stalled);

    let server = stage.start();
    let mut quick = server.watch(Wish::all(after(&quick.token))).await;
    let mut single = server.watch(one.from(after(&single.token))).await;
    server.cancel(&created[0].id).await;
    let event = quick.event().await;
    assert_eq!((event.sequence, event.revision), (all.len() as u64 + 1, 3));
    assert_eq!(single.event().await, event);
    stage.end().await;
}

/// It ends as it was asked to; a late success may follow the end that it saw.
#[tokio::test]
async fn promise_6_it_ends_as_asked_and_a_late_success_may_follow() {
    let stage = Stage::with(waiting(1), "").await;
    let server = stage.start();
    let id = server.create_for(&stage, 0..1).await.remove(0).id;
    // The user accepts in time, but we neither hear of it before we give up nor can ask.
    stage.sandbox.hold(None).unwrap();
    stage.accept(0);
    stage.sandbox.go_down(None);
    let one = Wish::one(&id, BEGINNING);
    let mut never = server.watch(one.clone().until(WatchEnd::Never)).await;
    let mut all = server.watch(Wish::all(BEGINNING)).await;
    let mut ending = Vec::new();
    for end in [WatchEnd::AttemptEnd, WatchEnd::Final] {
        ending.push(server.watch(one.clone().until(end)).await);
    }
    stage.clock.advance(HOUR);
    for mut watch in ending {
        let (events, status) = watch.rest().await;
        assert!(status.is_none(), "{status:?}");
        assert_eq!(revisions(&events), [1, 2, 3]);
        assert_eq!(events[2].state_after(), State::Expired);
        assert!(!events[2].retryable);
        // Who comes back for more finds it ended.
        let ended = Wish::one(&id, after(&watch.token)).until(WatchEnd::Final);
        assert_eq!(server.watch(ended).await.rest().await.0, []);
    }
    stage.sandbox.come_up();
    stage.sandbox.release(None).unwrap();
    while !stage.sandbox.idleness().finished {
        stage.sandbox.idle(LIMIT).await.unwrap();
        stage.clock.advance(STEP);
    }
    let mut events = never.until(is_finished).await;
    assert_eq!(all.until(is_finished).await, events);
    let success = events
        .iter()
        .find(|event| event.state_after() == State::Verified);
    assert!(success.unwrap().late);
    events.retain(|event| event.late);
    assert!(!events.is_empty());
    stage.end().await;
}
