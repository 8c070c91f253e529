//! What a page tells of its user on the way to a code.

use verilane_core::decide::PageEvent;
use verilane_core::{Assurance, AuditAction, Event, EventKind, Pii, Reason, State, VerificationId};
use verilane_engine::{Brought, EngineError, VerificationView};
use verilane_vault::{SealContext, SealedWhat};

use crate::stage::{Play, Stage, looked_at_connection};
use crate::{bringing, created, end_of, granted, hand_in, wish};

const WORDS: &str = "words that the page was told";

async fn tell(
    play: &Play,
    id: VerificationId,
    event: PageEvent,
) -> Result<VerificationView, EngineError> {
    let brought = Brought::Page(event, Pii::from(WORDS));
    play.engine
        .continue_verification(bringing(id, brought))
        .await
}

fn error(word: &'static str) -> PageEvent {
    PageEvent::Error(word.into())
}

async fn last(play: &Play, id: VerificationId) -> Event {
    play.events_of(id).await.pop().unwrap()
}

#[tokio::test]
async fn what_a_page_tells_is_an_event_on_its_word_alone_and_a_repeat_is_none() {
    let stage = Stage::exchanging();
    let play = stage.open().await;
    let id = granted(&stage, &play).await;
    let told = [
        (error("no-qr"), EventKind::PageError, Some("no-qr")),
        (PageEvent::Seen, EventKind::RequestSeen, None),
        (error("other"), EventKind::PageError, Some("other")),
    ];
    for (event, kind, word) in told {
        let view = tell(&play, id, event.clone()).await.unwrap();
        assert_eq!(view.row.state(), (State::Pending, None));
        let body = last(&play, id).await.body;
        assert_eq!((body.kind, body.assurance), (kind, Assurance::Local));
        assert_eq!(body.provider_status.as_deref(), word);
        let (log, audit) = (play.log().await, play.store.audit(1, 50).await.unwrap());
        for _ in 0..3 {
            let again = tell(&play, id, event.clone()).await.unwrap();
            assert_eq!(again.row, view.row);
        }
        assert_eq!(play.log().await, log);
        assert_eq!(play.store.audit(1, 50).await.unwrap(), audit);
        let loaded = play.store.load(id).await.unwrap().unwrap();
        let noted = |(_, identity): &&(u32, String)| *identity == event.identity();
        assert_eq!(loaded.seen.iter().filter(noted).count(), 1);
    }
    // It still waits for a code.
    let mut play = play;
    play.run_jobs();
    let view = hand_in(&stage, &play, id, "c").await.unwrap();
    assert_eq!(view.row.state(), (State::Verified, None));
    play.close().await;
}

#[tokio::test]
async fn a_user_who_declines_has_rejected_it() {
    let stage = Stage::exchanging();
    let play = stage.open().await;
    let id = granted(&stage, &play).await;
    let view = tell(&play, id, PageEvent::Declined).await.unwrap();
    let end = (State::Rejected, Some(Reason::UserDeclined));
    assert_eq!(view.row.state(), end);
    assert_eq!(end_of(&play, id).await, end);
    assert_eq!(last(&play, id).await.body.kind, EventKind::RequestDeclined);
    let log = play.log().await;
    // The same again is no news; anything else comes too late.
    assert_eq!(
        tell(&play, id, PageEvent::Declined).await.unwrap().row,
        view.row
    );
    for event in [PageEvent::Seen, error("no-qr")] {
        let refused = tell(&play, id, event).await.unwrap_err();
        assert_eq!(refused.reason, Reason::NotContinuable);
        let state = ("state", "REJECTED".to_owned());
        assert!(refused.metadata.contains(&state));
    }
    let refused = hand_in(&stage, &play, id, "c").await.unwrap_err();
    assert_eq!(refused.reason, Reason::NotContinuable);
    assert_eq!(play.log().await, log);
    play.close().await;
}

#[tokio::test]
async fn nothing_is_told_of_what_has_ended() {
    let stage = Stage::exchanging();
    let mut play = stage.open().await;
    play.run_jobs();
    let id = granted(&stage, &play).await;
    hand_in(&stage, &play, id, "c").await.unwrap();
    let log = play.log().await;
    for event in [PageEvent::Seen, PageEvent::Declined, error("no-qr")] {
        let refused = tell(&play, id, event).await.unwrap_err();
        assert_eq!(refused.reason, Reason::NotContinuable);
    }
    assert_eq!(play.log().await, log);
    play.close().await;
}

#[tokio::test]
async fn pages_of_a_provider_that_is_looked_at_tell_nothing() {
    let stage = Stage::exchanging();
    let play = stage.open().await;
    let mut looked_at = wish(&["MAIL"], &[]);
    looked_at.connection = looked_at_connection();
    let id = created(&play, looked_at).await;
    let log = play.log().await;
    for event in [PageEvent::Seen, PageEvent::Declined, error("no-qr")] {
        let refused = tell(&play, id, event).await.unwrap_err();
        assert_eq!(refused.reason, Reason::ContinuationNotOffered);
    }
    assert_eq!(play.log().await, log);
    play.close().await;
}

#[tokio::test]
async fn the_words_of_a_page_stand_in_the_sealed_details_of_the_audit_alone() {
    let stage = Stage::exchanging();
    let play = stage.open().await;
    let id = granted(&stage, &play).await;
    let view = tell(&play, id, error("no-qr")).await.unwrap();
    let (_, record) = play.store.audit(1, 50).await.unwrap().pop().unwrap();
    assert_eq!(record.action, AuditAction::VerificationContinued);
    assert_eq!(record.principal.as_str(), "a caller");
    let key = stage.data_key(&view.row);
    let context = SealContext {
        verification: id,
        revision: view.row.revision,
        what: SealedWhat::AuditDetails,
    };
    let details = key.open(&context, &record.details.unwrap()).unwrap();
    let is_in = |bytes: &[u8]| {
        bytes
            .windows(WORDS.len())
            .any(|part| part == WORDS.as_bytes())
    };
    assert!(is_in(details.expose()));
    assert!(!is_in(format!("{:?}", play.log().await).as_bytes()));
    assert!(!is_in(format!("{view:?}").as_bytes()));
    play.close().await;
    assert!(!is_in(&stage.bytes_on_disk()));
}

#[tokio::test]
async fn a_page_can_t_fill_the_log_with_errors_of_ever_new_names() {
    let stage = Stage::exchanging();
    let play = stage.open().await;
    let id = granted(&stage, &play).await;
    for number in 0..40 {
        let event = PageEvent::Error(format!("error-{number}").into());
        tell(&play, id, event).await.unwrap();
    }
    let log = play.events_of(id).await;
    let errors = log
        .iter()
        .filter(|event| event.body.kind == EventKind::PageError);
    let words: Vec<_> = errors
        .map(|event| event.body.provider_status.clone().unwrap())
        .collect();
    assert_eq!(words.len(), 17);
    assert_eq!(words.last().unwrap(), "OTHER");
    play.close().await;
}
