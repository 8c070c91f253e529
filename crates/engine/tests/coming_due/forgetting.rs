//! What is kept for a time only is forgotten when that is over, by the clock alone, across restarts.

use verilane_core::{ClaimStatus, EventKind, Principal, Reason, State, Timestamp, VerificationId};
use verilane_engine::{
    ClaimsView, CreateVerification, DownloadEvidence, EngineError, ListVerifications, ReadClaims,
};

use crate::stage::{DAY, HOUR, MINUTE, Play, SECOND, START, Stage, access, field, request};

const PICTURE: &str = "ffd8ff00";

async fn create(play: &Play, subject: &str) -> VerificationId {
    let wish = CreateVerification {
        claims: vec![field("EMAIL", true), field("P_FACE", true)],
        ..request(subject)
    };
    play.engine.create(wish).await.unwrap().row.id
}

/// A verification that has just been verified.
async fn verified(stage: &Stage, play: &Play, subject: &str) -> VerificationId {
    let id = create(play, subject).await;
    let values = [("EMAIL", "ada@example.org"), ("P_FACE", PICTURE)];
    let start = stage.puppet.last_start();
    start.deliver(&play.engine, &values).await.unwrap();
    id
}

async fn read(play: &Play, id: VerificationId) -> Result<ClaimsView, EngineError> {
    let read = ReadClaims {
        principal: Principal::anonymous(),
        access: access(),
        claims: Vec::new(),
        peppers_of: Vec::new(),
    };
    play.engine.read_claims(id, &read).await
}

async fn by_subject(play: &Play, subject: &str) -> Vec<VerificationId> {
    let list = ListVerifications {
        subject: Some(subject.into()),
        page_size: 10,
        ..ListVerifications::default()
    };
    let (page, _) = play.engine.list(&list).await.unwrap();
    page.into_iter().map(|view| view.row.id).collect()
}

async fn statuses(play: &Play, id: VerificationId) -> Vec<ClaimStatus> {
    let view = play.view(id).await;
    view.row.claims.iter().map(|claim| claim.status).collect()
}

/// Whether a job stands that forgets something.
async fn is_to_forget(play: &Play) -> bool {
    let jobs = play.store.due_jobs(Timestamp::MAX, 1_000).await.unwrap();
    let mut kinds = jobs.iter().map(|job| job.key.kind);
    kinds.any(|kind| kind == verilane_core::JobKind::Forget)
}

#[tokio::test]
async fn what_came_is_gone_once_its_time_is_over_and_what_is_kept_for_good_stays() {
    let stage = Stage::new();
    let play = stage.open().await;
    let kept = verified(&stage, &play, "grace").await;
    assert!(!is_to_forget(&play).await);
    *stage.puppet.retention.lock() = Some(DAY);
    stage.clock.advance(HOUR);
    let gone = verified(&stage, &play, "ada").await;
    let pieces = play.store.evidence(gone).await.unwrap();
    let face = read(&play, gone).await.unwrap().claims[1].claim.evidence;
    let download = DownloadEvidence {
        principal: Principal::anonymous(),
        access: access(),
        verification: gone,
        evidence: face.unwrap(),
        offset: 0,
    };
    play.close().await;

    stage.clock.set(START + HOUR + DAY - SECOND);
    let mut play = stage.open().await;
    play.run_jobs();
    assert_eq!(read(&play, gone).await.unwrap().claims.len(), 2);
    assert_eq!(by_subject(&play, "ada").await, [gone]);
    stage.clock.set(START + HOUR + DAY);
    let is_forgotten = |event: &verilane_core::Event| event.body.kind == EventKind::ClaimsForgotten;
    let log = play.until(|log| log.iter().any(is_forgotten)).await;
    let event = &log.last().unwrap().body;
    assert_eq!(
        (event.verification, event.state_after),
        (gone, State::Verified)
    );
    assert_eq!(event.commit_time, START + HOUR + DAY);

    let refused = read(&play, gone).await.err().unwrap();
    assert_eq!(refused.reason, Reason::ClaimsNotAvailable);
    let refused = play
        .engine
        .download_evidence(&download)
        .await
        .err()
        .unwrap();
    assert_eq!(refused.reason, Reason::EvidenceNotFound);
    assert!(by_subject(&play, "ada").await.is_empty());
    assert_eq!(statuses(&play, gone).await, [ClaimStatus::Forgotten; 2]);
    for piece in pieces {
        assert_eq!(play.store.chunk(piece.id, 0).await.unwrap(), None);
    }
    assert!(!is_to_forget(&play).await);

    assert_eq!(read(&play, kept).await.unwrap().claims.len(), 2);
    assert_eq!(by_subject(&play, "grace").await, [kept]);
    assert_eq!(statuses(&play, kept).await, [ClaimStatus::Granted; 2]);
    play.engine.check_keyring().await.unwrap();
    play.close().await;
}

#[tokio::test]
async fn nothing_is_forgotten_while_a_new_attempt_may_be_asked_for() {
    let stage = Stage::new();
    *stage.puppet.retention.lock() = Some(HOUR);
    let mut play = stage.open().await;
    let wish = CreateVerification {
        max_attempts: Some(2),
        ..request("ada")
    };
    let expire_time = play.engine.create(wish).await.unwrap().row.expire_time;
    assert!(expire_time > START + 2 * HOUR);
    play.run_jobs();
    stage.clock.set(START + 10 * MINUTE);
    play.until(|log| log.len() == 3).await;
    stage.clock.set(expire_time - SECOND);
    assert!(!is_to_forget(&play).await);
    stage.clock.set(expire_time);
    let log = play.until(|log| log.len() == 5).await;
    let kinds: Vec<_> = log.iter().skip(2).map(|event| event.body.kind).collect();
    let last = [EventKind::RetryClosed, EventKind::ClaimsForgotten];
    assert_eq!(kinds, [&[EventKind::Expired], &last[..]].concat());
    assert!(by_subject(&play, "ada").await.is_empty());
    play.close().await;
}
