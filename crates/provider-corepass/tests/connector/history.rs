//! What the plug-in pulls is what it is told, entry for entry.

use std::time::Duration;

use verilane_core::Timestamp;
use verilane_provider::{HistoryEntry, HistoryRequest, Report};
use verilane_sandbox::Scenario;

use crate::stage::Stage;

const TEN_MINUTES: Duration = Duration::from_secs(600);

async fn pulled(stage: &Stage, who: &str, fields: &[&str]) -> Vec<HistoryEntry> {
    let prepared = stage.prepared(who, fields);
    let request = HistoryRequest {
        subject: &prepared.subject,
        fields,
    };
    stage.facade.history(&request).await.unwrap()
}

/// What makes a status one and the same, its time, and its transaction.
type Mark = (String, Timestamp, Option<String>);

#[tokio::test]
async fn a_pull_holds_every_status_that_was_called_back_with_its_identity_time_and_transaction() {
    let stage = Stage::set(Scenario::default()).await;
    let fields = ["SH_EMAIL", "SH_PHONE"];
    let prepared = stage.prepared("accepts", &fields);
    stage.start(&prepared, TEN_MINUTES).await.unwrap();
    stage.play_out().await;
    let told: Vec<Mark> = stage
        .verdicts()
        .into_iter()
        .filter_map(|verdict| {
            let reading = verdict.outcome.unwrap();
            let time = reading.provider_time.unwrap();
            match reading.report {
                Report::Status(status) => Some((
                    status.identity,
                    time,
                    status.tx_hash.map(|hash| hash.expose().clone()),
                )),
                _ => None,
            }
        })
        .collect();
    let news = pulled(&stage, "accepts", &fields).await.into_iter();
    let pulled: Vec<Mark> = news
        .filter(|entry| entry.is_news)
        .map(|entry| {
            let hash = entry.report.tx_hash.map(|hash| hash.expose().clone());
            (entry.report.identity, entry.provider_time, hash)
        })
        .collect();
    assert_eq!(pulled, told);
    assert!(told.len() >= 10, "{told:?}");
}

#[tokio::test]
async fn nothing_is_noted_of_who_was_never_asked() {
    let stage = Stage::set(Scenario::default()).await;
    let prepared = stage.prepared("ignores", &["SH_EMAIL"]);
    stage.start(&prepared, TEN_MINUTES).await.unwrap();
    assert!(pulled(&stage, "ignores", &["SH_PHONE"]).await.is_empty());
    assert!(pulled(&stage, "accepts", &["SH_EMAIL"]).await.is_empty());
    // That it waits is noted, and is no news.
    let noted = pulled(&stage, "ignores", &["SH_EMAIL"]).await;
    let noted: Vec<_> = noted
        .iter()
        .map(|entry| (entry.report.identity.as_str(), entry.is_news))
        .collect();
    assert_eq!(noted, [("PENDING", false)]);
}
