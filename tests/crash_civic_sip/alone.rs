//! One verification at a time, and one kill each: what must come of it is written beside the point.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use verilane_api::v1::{EventType, State};
use verilane_sandbox::{CivicSipEndpoint, CivicSipScenario, ScopeOrder};

use super::harness::sip::{create, hand_over_code, wish};
use super::harness::{Announcer, Brings, Met, Stage, Watcher, broke_off, check_order, check_same};
use super::harness::{has_ended, points};
use super::{SEED, stage, start, verdict};

/// What comes of a kill.
struct Row {
    /// The point, and for the how many-th time.
    at: (&'static str, u32),
    scope: &'static str,
    /// What goes wrong besides.
    names: &'static str,
    /// How long nobody is there.
    rest: Duration,
    /// How it ends: the reason, if it fails.
    fails: Option<&'static str>,
    /// Whether the answer was kept.
    kept: bool,
    /// How often the code came to Civic in all.
    tries: u32,
    /// How often storage was asked.
    fetches: usize,
}

const LOGIN: &str = "ANONYMOUS_LOGIN";
const SIGNUP: &str = "BASIC_SIGNUP";
const IDENTITY: &str = "PROOF_OF_IDENTITY";

/// The data is there in the end.
const fn verified(
    at: (&'static str, u32),
    scope: &'static str,
    names: &'static str,
    (tries, fetches): (u32, usize),
) -> Row {
    Row {
        at,
        scope,
        names,
        rest: Duration::ZERO,
        fails: None,
        kept: true,
        tries,
        fetches,
    }
}

/// Nobody knows whether there was data, or it is out of reach.
const fn unknown(
    at: (&'static str, u32),
    scope: &'static str,
    names: &'static str,
    tries: u32,
) -> Row {
    Row {
        fails: Some("EXCHANGE_OUTCOME_UNKNOWN"),
        kept: false,
        ..verified(at, scope, names, (tries, 0))
    }
}

/// The same after nobody was there for a while.
const fn after(rest: u64, row: Row) -> Row {
    Row {
        rest: Duration::from_secs(rest),
        ..row
    }
}

const ROWS: [Row; 31] = [
    // Bound, and not sent: it is sent.
    verified(("code-bound", 1), LOGIN, "scripted", (1, 0)),
    verified(("code-bound", 1), IDENTITY, "large", (1, 1)),
    // It may have been sent, and was not: it is sent once more.
    verified(("exchange-asked", 1), SIGNUP, "scripted", (1, 0)),
    verified(("exchange-asked", 1), IDENTITY, "large", (1, 1)),
    // Those that were turned away unread do not count.
    verified(("exchange-asked", 3), SIGNUP, "busy", (3, 0)),
    // Once more, and then no more.
    unknown(("exchange-asked", 2), SIGNUP, "errors", 1),
    // Nor after its time.
    after(250, unknown(("exchange-asked", 1), LOGIN, "scripted", 0)),
    // Civic has spent it, and its answer died with the server: the second try tells so.
    unknown(("exchange-answered", 1), LOGIN, "scripted", 2),
    unknown(("exchange-answered", 1), SIGNUP, "slow", 2),
    unknown(("exchange-answered", 1), IDENTITY, "scripted", 2),
    unknown(("exchange-answered", 1), IDENTITY, "large", 2),
    unknown(("evidence-written", 1), IDENTITY, "scripted", 2),
    unknown(("evidence-written", 1), IDENTITY, "large", 2),
    // What it answered the first time died with the server, and so counts as if it had been taken.
    verified(("exchange-answered", 1), SIGNUP, "busy", (3, 0)),
    // The answer is kept: nobody asks again.
    verified(("exchange-kept", 1), LOGIN, "scripted", (1, 0)),
    verified(("exchange-kept", 1), IDENTITY, "scripted", (1, 0)),
    // But for what it points to, as long as that is there.
    verified(("exchange-kept", 1), IDENTITY, "large", (1, 1)),
    verified(("exchange-kept", 1), IDENTITY, "link-fails", (1, 2)),
    Row {
        kept: true,
        fetches: 1,
        ..after(130, unknown(("exchange-kept", 1), IDENTITY, "large", 1))
    },
    // Of large answers what is kept second is what came from storage: from then on nobody asks there
    // either, and the link can be dead.
    verified(("exchange-kept", 2), IDENTITY, "large", (1, 1)),
    after(
        130,
        verified(("exchange-kept", 2), IDENTITY, "large", (1, 1)),
    ),
    verified(("exchange-read", 1), SIGNUP, "scripted", (1, 0)),
    verified(("exchange-read", 1), IDENTITY, "scripted", (1, 0)),
    verified(("exchange-read", 1), IDENTITY, "large", (1, 1)),
    after(
        130,
        verified(("exchange-read", 1), IDENTITY, "large", (1, 1)),
    ),
    // What was written of it and not kept is fetched again, while its link lives; of the rest, it is the
    // picture.
    verified(("evidence-written", 2), IDENTITY, "scripted", (1, 0)),
    verified(("evidence-written", 2), IDENTITY, "large", (1, 2)),
    Row {
        kept: true,
        fetches: 2,
        ..after(130, unknown(("evidence-written", 2), IDENTITY, "large", 1))
    },
    verified(("evidence-written", 3), IDENTITY, "large", (1, 1)),
    // All of it is done.
    verified(("callback-committed", 1), IDENTITY, "scripted", (1, 0)),
    verified(("callback-committed", 1), IDENTITY, "large", (1, 1)),
];

/// All of them, on one folder.
pub async fn play() {
    let stage = stage(SEED).await;
    let (announcer, target) = Announcer::new();
    let watcher = Watcher::new();
    let watching = tokio::spawn(Arc::clone(&watcher).run(target));
    let mut met = Met::default();
    for row in &ROWS {
        played(row, &stage, &announcer, &mut met).await;
    }
    let of_commits = ["before-commit", "after-commit"];
    let of_exchanges: Vec<_> = points(Brings::CivicSip)
        .into_iter()
        .filter(|point| !of_commits.contains(point))
        .collect();
    println!("met {:?}", met.each(&of_exchanges));
    let server = start(&stage, None);
    announcer.is_there(server.channel());
    let log = server.log().await;
    watcher.saw(log.len()).await;
    watching.abort();
    check_same(&watcher.events(), &log);
    let ended: BTreeSet<_> = check_order(&log).into_values().map(has_ended).collect();
    assert_eq!(ended, BTreeSet::from([true]));
    assert!(server.terminate().await.success());
    stage.end().await;
}

async fn played(row: &Row, stage: &Stage, announcer: &Announcer, met: &mut Met) {
    let (point, nth) = row.at;
    let told = format!("{point}:{nth} {} {}", row.scope, row.names);
    let civic = stage.sandbox.civic_sip();
    let server = start(stage, Some(&format!("{point}:{nth}")));
    announcer.is_there(server.channel());
    let created = create(&server, wish(row.scope, Vec::new())).await;
    let id = &*created.id;
    let request = civic.open(ScopeOrder {
        scope: serde_json::from_value(row.scope.into()).unwrap(),
        scenario: CivicSipScenario::named(row.names),
        ..ScopeOrder::default()
    });
    let event = civic.approve(&request.id).unwrap();
    let code = event.token().unwrap();
    match hand_over_code(&server, id, code).await {
        Err(cut) => assert!(broke_off(&cut), "{told}: {cut}"),
        // An end that was just committed can be told before the server dies of it.
        Ok(after) => assert_eq!(
            (point, after.state()),
            ("callback-committed", State::Verified)
        ),
    }
    met.note(Some(point), server.ended().await, || stage.logs());
    announcer.is_gone();
    stage.clock.advance(row.rest);

    let server = start(stage, None);
    announcer.is_there(server.channel());
    let after = hand_over_code(&server, id, code).await.unwrap();
    let ends_as = row.fails.map_or(State::Verified, |_| State::Failed);
    let reason = row.fails.unwrap_or_default();
    assert_eq!((after.state(), &*after.reason), (ends_as, reason), "{told}");
    let again = hand_over_code(&server, id, code).await.unwrap();
    assert_eq!(again, after, "{told}");

    let spent = civic.request(&request.id).unwrap();
    let calls = civic.calls(0, Some(&request.id));
    let fetches = calls
        .iter()
        .filter(|call| call.endpoint == CivicSipEndpoint::Storage);
    let seen = (spent.tries, fetches.count());
    assert_eq!(seen, (row.tries, row.fetches), "{told}: {calls:?}");
    let log = server.log_of(id).await;
    let kept = log
        .iter()
        .any(|event| event.r#type() == EventType::CodeExchanged);
    assert_eq!(kept, row.kept, "{told}");
    verdict::check_told(&log, ends_as, kept);
    verdict::check_calls(&calls, ends_as == State::Verified, &told);
    verdict::check_claims(&server, stage, id, &request.id, ends_as).await;
    server.kill();
    announcer.is_gone();
}
