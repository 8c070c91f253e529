//! What a watch brings and from where: promises 1, 2 and 3.

use std::time::Duration;

use tonic::Code;
use verilane_api::v1::{Event, EventType, State, action};
use verilane_core::Timestamp;
use verilane_sandbox::Status;

use super::harness::{
    BEGINNING, From, Item, LIMIT, NOW, RUN, SNAPSHOT, Stage, Watch, What, Wish, is_finished,
    refusal, waiting,
};
use super::{STEP, after, in_states, refused, revisions};

/// Each event once, in order, without a gap, over streams that are cut and a server that is killed
/// or told to end; and a token is good for what it was given for, and nothing else.
#[tokio::test]
async fn promise_1_every_event_after_the_token_comes_once_in_order_without_a_gap() {
    let stage = Stage::with(
        |sandbox| {
            waiting(3)(sandbox);
            sandbox.step = STEP;
            sandbox.callback_topics = vec![1; 20];
        },
        "",
    )
    .await;
    let mut server = stage.start();
    let ids: Vec<String> = server
        .create_for(&stage, 0..3)
        .await
        .into_iter()
        .map(|v| v.id)
        .collect();
    (0..3).for_each(|user| stage.accept(user));
    let mut clients: Vec<(Wish, Vec<Event>)> = vec![
        (Wish::one(&ids[0], BEGINNING), Vec::new()),
        (Wish::one(&ids[1], BEGINNING), Vec::new()),
        (Wish::all(BEGINNING), Vec::new()),
    ];
    for round in 0..12 {
        for (wish, seen) in &mut clients {
            let mut watch = server.watch(wish.clone()).await;
            seen.push(watch.event().await);
            *wish = wish.from(after(&watch.token));
        }
        // Each verification goes one status further.
        stage.clock.advance(STEP);
        if round == 4 {
            server.kill();
            server = stage.start();
        }
        if round == 8 {
            assert!(server.terminate().await.success());
            stage.clock.advance(STEP);
            server = stage.start();
        }
    }
    while !stage.sandbox.idleness().finished {
        stage.clock.advance(STEP);
        stage.sandbox.idle(LIMIT).await.unwrap();
    }
    let now = stage.clock.now();
    for (wish, seen) in &mut clients {
        let mut watch = server.watch(wish.clone().heartbeat(1)).await;
        seen.extend(watch.quiet_after(now).await);
    }

    let log = server.log().await;
    // Data that was to be delivered while nobody listened is told as such, and no run is the same;
    // but each time is told once, however often its callback was repeated.
    let failed = |event: &&Event| event.provider_status == "CALLBACK_FAILED";
    let requests = stage.sandbox.requests(None).unwrap();
    let statuses = requests.iter().flat_map(|request| &request.statuses);
    let failures = statuses.filter(|noted| noted.status == Status::CallbackFailed);
    assert_eq!(log.iter().filter(failed).count(), failures.clone().count());
    assert_eq!(log.len(), 3 * RUN + failures.count());
    let sequences = log.iter().map(|event| event.sequence);
    assert!(sequences.eq(1..=log.len() as u64), "the log has a hole");
    assert_eq!(clients[2].1, log);
    for ((_, seen), id) in clients.iter().zip(&ids[..2]) {
        assert!(
            seen.iter()
                .eq(log.iter().filter(|event| event.verification_id == *id))
        );
        let run = RUN + seen.iter().filter(failed).count();
        assert!(revisions(seen).into_iter().eq(1..=run as u64));
    }

    let (one, all) = (&clients[0].0.from, &clients[2].0.from);
    let elsewhere = [
        Wish::one(&ids[1], one.clone()),
        Wish::all(one.clone()),
        Wish::one(&ids[0], all.clone()),
        Wish::matching(in_states(&[State::Verified]), all.clone()),
    ];
    for wish in elsewhere {
        let told = refusal(&refused(&server, wish).await);
        assert_eq!(told.0, Code::InvalidArgument);
        assert_eq!(told.1, "RESUME_TOKEN_FILTER_MISMATCH");
    }
    // A filter on state lets pass what leaves it.
    let pending = Wish::matching(in_states(&[State::Pending]), BEGINNING).heartbeat(1);
    let passed = server.watch(pending).await.quiet_after(now).await;
    let left = passed
        .iter()
        .filter(|event| event.state_after() == State::Processing);
    assert_eq!((passed.len(), left.count()), (9, 3));
    stage.end().await;
}

/// A snapshot, then what it does not show; or from now; or from the beginning.
#[tokio::test]
async fn promise_2_without_a_token_it_begins_with_a_snapshot_from_now_or_from_the_beginning() {
    let stage = Stage::with(waiting(2), "").await;
    let server = stage.start();
    let created = server.create_for(&stage, 0..2).await;
    stage.accept(0);
    let mut first = server.watch(Wish::one(&created[0].id, BEGINNING)).await;
    assert_eq!(first.until(is_finished).await.len(), RUN);

    let id = &created[1].id;
    let wishes = |from: From| [Wish::one(id, from.clone()), Wish::all(from)];
    let mut snapshots = Vec::new();
    for wish in [wishes(From::Unsaid), wishes(SNAPSHOT)].concat() {
        let mut watch = server.watch(wish.clone()).await;
        let rows = watch.snapshot().await;
        let row = rows.iter().find(|row| row.id == *id).unwrap();
        assert_eq!((row.state(), row.revision), (State::Pending, 2));
        let action = row.attempts[0].action.clone().unwrap().kind.unwrap();
        let action::Kind::QrOrLink(action) = action else {
            panic!("another kind of action");
        };
        assert!(action.link.starts_with("corepass:") && action.qr_png.is_empty());
        if let What::Many(_) = wish.what {
            let other = rows.iter().find(|row| row.id == created[0].id).unwrap();
            assert_eq!((rows.len(), other.state()), (2, State::Verified));
        }
        let resumed = server.watch(wish.from(after(&watch.token))).await;
        snapshots.extend([watch, resumed]);
    }
    let mut now: Vec<Watch> = Vec::new();
    for wish in wishes(NOW) {
        now.push(server.watch(wish).await);
    }
    stage.accept(1);
    let rest: Vec<u64> = (3..=RUN as u64).collect();
    for watch in snapshots.iter_mut().chain(&mut now) {
        let events = watch.until(is_finished).await;
        assert_eq!(revisions(&events), rest);
        assert!(events.iter().all(|event| event.verification_id == *id));
    }
    let mut one = server.watch(Wish::one(id, BEGINNING)).await;
    assert_eq!(one.take(RUN).await, server.log_of(id).await);
    let mut all = server.watch(Wish::all(BEGINNING)).await;
    assert_eq!(all.take(2 * RUN).await, server.log().await);
    stage.end().await;
}

/// Heartbeats in silence, with tokens that move on with the log and from which nothing is missed.
#[tokio::test]
async fn promise_3_heartbeats_carry_fresh_tokens_from_which_nothing_is_missed() {
    let stage = Stage::with(waiting(2), "").await;
    let server = stage.start();
    let created = server.create_for(&stage, 0..2).await;
    let cancelled = in_states(&[State::Cancelled]);
    let wishes = [
        Wish::one(&created[0].id, NOW),
        Wish::matching(cancelled, NOW),
    ];
    let mut watches = Vec::new();
    for wish in wishes {
        let mut watch = server.watch(wish.clone().heartbeat(1)).await;
        let began = beat(&mut watch).await;
        assert!(beat(&mut watch).await.since(began) > Duration::from_millis(900));
        watches.push((wish, vec![watch.token.clone()], watch));
    }
    // What happens to others is no reason to send anything, and yet the tokens move on.
    stage.accept(1);
    let mut other = server.watch(Wish::one(&created[1].id, BEGINNING)).await;
    other.until(is_finished).await;
    let now = stage.clock.now();
    for (_, tokens, watch) in &mut watches {
        assert_eq!(watch.quiet_after(now).await, []);
        assert_ne!(tokens[0], watch.token, "the token is a stale one");
        tokens.push(watch.token.clone());
    }
    server.cancel(&created[0].id).await;
    let event = server.log().await.pop().unwrap();
    assert_eq!(event.r#type(), EventType::Cancelled);
    for (wish, tokens, mut watch) in watches {
        assert_eq!(watch.event().await, event);
        for token in tokens {
            let mut resumed = server.watch(wish.from(From::Token(token))).await;
            assert_eq!(resumed.event().await, event);
        }
    }
    stage.end().await;
}

async fn beat(watch: &mut Watch) -> Timestamp {
    match watch.message().await.item {
        Item::Heartbeat(time) => time,
        other => panic!("in silence: {other:?}"),
    }
}
