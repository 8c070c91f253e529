//! Scripted faults: what is sent besides, or in another order.

use std::collections::BTreeMap;

use verilane_sandbox::{CallbackKind, Faults, Forgery, Scenario};

use crate::receiver::signer;
use crate::stage::Stage;

fn scenario(faults: Faults) -> Scenario {
    Scenario {
        faults,
        ..Scenario::named("json").unwrap()
    }
}

#[tokio::test]
async fn duplicates_are_sent_byte_for_byte_one_by_one_or_at_once() {
    for duplicates_at_once in [false, true] {
        let stage = Stage::set(scenario(Faults {
            duplicates: 2,
            duplicates_at_once,
            ..Faults::default()
        }))
        .await;
        stage.request("accepts", &["SH_EMAIL"]).await;
        stage.play_out().await;
        let mut bodies: BTreeMap<_, usize> = BTreeMap::new();
        for call in stage.receiver.calls() {
            *bodies.entry(call.body).or_default() += 1;
        }
        assert_eq!(bodies.len(), 11);
        assert!(bodies.values().all(|copies| *copies == 3));
        let deliveries = stage.sandbox.deliveries(0, None);
        assert_eq!(deliveries.iter().filter(|d| d.duplicate).count(), 22);
        stage.end().await;
    }
}

#[tokio::test]
async fn reordered_callbacks_are_all_sent_within_their_windows() {
    let stage = Stage::set(scenario(Faults {
        reorder_window: 4,
        ..Faults::default()
    }))
    .await;
    let id = stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_out().await;
    let view = stage.sandbox.request(&id).unwrap();
    let in_order: Vec<String> = view.statuses[1..]
        .iter()
        .map(|entry| entry.status.as_str().to_owned())
        .collect();
    let sent = stage.receiver.statuses();
    assert_ne!(sent, in_order);
    let sorted = |words: &[String]| {
        let mut words = words.to_vec();
        words.sort();
        words
    };
    assert_eq!(sorted(&sent[..4]), sorted(&in_order[..4]));
    assert_eq!(sorted(&sent[4..8]), sorted(&in_order[4..8]));
    assert_eq!(sorted(&sent[8..]), sorted(&in_order[8..]));
    stage.end().await;
}

#[tokio::test]
async fn forgeries_precede_what_they_imitate_and_hold_under_no_key_of_the_sandbox() {
    let stage = Stage::set(scenario(Faults {
        forge: vec![
            Forgery::OtherKey,
            Forgery::OtherKeyPosingAsOurs,
            Forgery::Tampered,
        ],
        ..Faults::default()
    }))
    .await;
    stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_out().await;
    let deliveries = stage.sandbox.deliveries(0, None);
    assert_eq!(deliveries.len(), 4 * 11);
    for four in deliveries.chunks(4) {
        let forged: Vec<_> = four.iter().map(|delivery| delivery.forged).collect();
        assert_eq!(
            forged,
            [
                Some(Forgery::OtherKey),
                Some(Forgery::OtherKeyPosingAsOurs),
                Some(Forgery::Tampered),
                None
            ]
        );
        let key = match four[0].kind {
            CallbackKind::Status => &stage.keys.0,
            CallbackKind::Data | CallbackKind::Failure => &stage.keys.1,
        };
        let text = |place: usize| {
            let body = stage.sandbox.body(four[place].number).unwrap();
            String::from_utf8(body.to_vec()).unwrap()
        };
        let other = signer(&text(0)).unwrap();
        assert!(other != stage.keys.0 && other != stage.keys.1);
        assert_eq!(signer(&text(1)), None);
        assert_eq!(signer(&text(2)), None);
        assert_eq!(signer(&text(3)).as_ref(), Some(key));
    }
    stage.end().await;
}

#[tokio::test]
async fn an_answer_to_a_forgery_or_a_duplicate_changes_nothing() {
    let stage = Stage::set(Scenario::named("forge").unwrap()).await;
    stage.receiver.answer(|_| 200);
    let id = stage.request("accepts", &["SH_EMAIL"]).await;
    stage.play_out().await;
    let believed = stage.sandbox.request(&id).unwrap();
    let statuses: Vec<_> = believed
        .statuses
        .iter()
        .map(|s| s.status.as_str())
        .collect();
    assert_eq!(statuses.len(), 11, "{statuses:?}");
    stage.end().await;
}
