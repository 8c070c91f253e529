//! What the plug-in says of itself, what it asks, and that a call which is broken off at any side
//! and repeated has one effect.
//!
//! A crash at the level of a plug-in is a call that is dropped: before its request arrived, or after
//! the provider has handled it.

use verilane_core::Action;

use super::stage::Stage;
use super::{Bench, Upset};
use crate::{Capability, HistoryEntry, HistoryRequest, Started};

use super::letter::told;
use crate::Report;

/// Its profile passes the facade's checks, offers something, and does not change.
pub async fn it_says_of_itself_what_makes_sense<B: Bench>() {
    let stage = Stage::<B>::new().await;
    let plugin = stage.bench.plugin();
    assert!(!plugin.profile().claims.is_empty());
    assert_eq!(plugin.profile(), stage.facade.profile());
}

/// Preparing asks nobody, and is a function of the wish.
pub async fn a_wish_comes_out_the_same_each_time_and_nonsense_does_not_come_out<B: Bench>() {
    let stage = Stage::<B>::new().await;
    let again = stage.facade.prepare(&stage.bench.wish()).unwrap();
    assert_eq!(again.subject.expose(), stage.prepared.subject.expose());
    assert_eq!(again.claims, stage.prepared.claims);
    assert!(again.claims.len() > 1);

    let mut nothing = stage.bench.wish();
    nothing.claims.clear();
    let mut nobody = stage.bench.wish();
    nobody.subject = verilane_core::Pii::from("\u{0}");
    let mut short_lived = stage.bench.wish();
    short_lived.action_lifetime = Some(std::time::Duration::from_millis(1));
    for nonsense in [nothing, nobody, short_lived] {
        assert!(!stage.facade.prepare(&nonsense).unwrap_err().is_empty());
    }
    assert_eq!(stage.front.requests(), 0);
}

/// Asking what a user holds is answered the same each time, and starts nothing.
pub async fn asking_what_a_user_holds_changes_nothing<B: Bench>() {
    let stage = Stage::<B>::new().await;
    if !stage.has(Capability::Availability) {
        return;
    }
    let first = stage.facade.check_availability(&stage.prepared).await;
    let again = stage.facade.check_availability(&stage.prepared).await;
    assert_eq!(first.unwrap(), again.unwrap());
    assert_eq!(stage.bench.held(), 0);
}

/// The history names each status that was called back, under the same identity and time.
pub async fn asking_for_the_history_changes_nothing_and_knows_the_callbacks<B: Bench>() {
    let stage = Stage::<B>::new().await;
    if !stage.has(Capability::History) {
        return;
    }
    let letters = stage.played_out().await;
    let called = stage.believed(&letters).await;
    let fields = stage.fields();
    let request = HistoryRequest {
        subject: &stage.prepared.subject,
        fields: &fields,
    };
    let first = stage.facade.history(&request).await.unwrap();
    let again = stage.facade.history(&request).await.unwrap();
    let identities = |entries: &[crate::HistoryEntry]| -> Vec<_> {
        let entries = entries.iter();
        let identity = |e: &crate::HistoryEntry| (e.report.identity.clone(), e.report.occurrence);
        entries.map(identity).collect()
    };
    assert_eq!(identities(&first), identities(&again));
    let mut known = 0;
    for reading in &called {
        let Report::Status(status) = &reading.report else {
            continue;
        };
        let same = |entry: &&crate::HistoryEntry| {
            let noted = &entry.report;
            (&noted.identity, noted.occurrence) == (&status.identity, status.occurrence)
        };
        let entry = first.iter().find(same);
        let entry = entry.unwrap_or_else(|| panic!("not in the history: {}", told(reading)));
        assert_eq!(entry.report.fact, status.fact);
        assert_eq!(entry.report.rank, status.rank);
        known += 1;
    }
    assert!(known > 1, "{known} statuses were called back");
    assert_eq!(stage.bench.held(), 1);
}

fn same_action(first: &Started, again: &Started) {
    assert_eq!(first.action.expire_time(), again.action.expire_time());
    match (&first.action, &again.action) {
        (Action::QrOrLink(first), Action::QrOrLink(again)) => {
            assert_eq!(first.link.expose(), again.link.expose());
        }
        (Action::GatewayWidget(first), Action::GatewayWidget(again)) => assert_eq!(first, again),
        (first, again) => panic!("{first:?} is not {again:?}"),
    }
}

/// However often it is repeated, the provider holds one request, and says the same of it.
pub async fn a_start_repeated_on_the_same_paths_has_one_effect<B: Bench>() {
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    let first = stage.start().await.unwrap();
    assert!(!first.already_open);
    for _ in 0..3 {
        let again = stage.start().await.unwrap();
        same_action(&first, &again);
        assert_eq!(stage.bench.held(), 1);
    }
}

/// A start is dropped before, or after, the provider handled it; the repeat has the one effect, and
/// what is called back then goes to the paths of both.
pub async fn a_crash_on_either_side_of_a_start_has_one_effect_once_it_is_repeated<B: Bench>() {
    for (crash, held) in [(Upset::Silence, 0), (Upset::SilenceAfter, 1)] {
        let Some(stage) = Stage::<B>::calling().await else {
            return;
        };
        stage.front.upset(crash.clone());
        tokio::select! {
            answered = stage.start() => panic!("{crash:?}: {answered:?}"),
            () = stage.front.silent(1) => {}
        }
        assert_eq!(stage.bench.held(), held, "{crash:?}");
        let first = stage.start().await.unwrap();
        assert_eq!(stage.bench.held(), 1, "{crash:?}");
        same_action(&first, &stage.start().await.unwrap());
        stage.bench.play_out().await;
        let letters = stage.receiver.take();
        assert!(!stage.believed(&letters).await.is_empty(), "{crash:?}");
    }
}

/// A question is dropped before, or after, it was answered; it can be asked again, and nothing was
/// started.
pub async fn a_crash_on_either_side_of_a_question_leaves_it_askable<B: Bench>() {
    let stage = Stage::<B>::new().await;
    if !stage.has(Capability::Availability) {
        return;
    }
    let whole = stage.facade.check_availability(&stage.prepared).await;
    let whole = whole.unwrap();
    for (crash, count) in [(Upset::Silence, 1), (Upset::SilenceAfter, 2)] {
        stage.front.upset(crash.clone());
        tokio::select! {
            answered = stage.facade.check_availability(&stage.prepared) => {
                panic!("{crash:?}: {answered:?}")
            }
            () = stage.front.silent(count) => {}
        }
        let again = stage.facade.check_availability(&stage.prepared).await;
        assert_eq!(again.unwrap(), whole, "{crash:?}");
        assert_eq!(stage.bench.held(), 0);
    }
}

/// A question for the history is dropped on either side; asked again, it is answered whole.
pub async fn a_crash_on_either_side_of_a_pull_leaves_it_askable<B: Bench>() {
    let stage = Stage::<B>::new().await;
    if !stage.has(Capability::History) {
        return;
    }
    stage.played_out().await;
    let fields = stage.fields();
    let request = HistoryRequest {
        subject: &stage.prepared.subject,
        fields: &fields,
    };
    let entries = async || {
        let entries = stage.facade.history(&request).await.unwrap().into_iter();
        let entry = |e: HistoryEntry| (e.report.identity, e.report.occurrence, e.provider_time);
        entries.map(entry).collect::<Vec<_>>()
    };
    let whole = entries().await;
    assert!(whole.len() > 1, "{whole:?}");
    for (crash, count) in [(Upset::Silence, 1), (Upset::SilenceAfter, 2)] {
        stage.front.upset(crash.clone());
        tokio::select! {
            answered = stage.facade.history(&request) => panic!("{crash:?}: {answered:?}"),
            () = stage.front.silent(count) => {}
        }
        assert_eq!(entries().await, whole, "{crash:?}");
        assert_eq!(stage.bench.held(), 1);
    }
}
