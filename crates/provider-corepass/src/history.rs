//! From the connector's list of statuses to a history. Pure.
//!
//! The list mixes every request for a user and items of the last month, newest first. Its order is
//! that of its places and not of its times, which are whole seconds and can be shared. What each
//! entry is about is decided by whoever knows the attempts.
//!
//! `PENDING` is no news: that a request waits is what the answer to it said, by our clock and not by the
//! connector's, and nothing is missed with it. It stands in the history for a callback about it that
//! comes late.

use serde_json::Value;
use verilane_core::{Pii, Timestamp};
use verilane_provider::HistoryEntry;

use crate::report;
use crate::timeline::Status;
use crate::wire::answer::{HistoryAnswer, NotedStatus};

/// Most bytes of a transaction's hash that is kept.
const MAX_HASH: usize = 128;

/// The history, oldest first. An entry without a word or a time can be about no attempt: it is passed
/// over, and takes nothing from the others.
#[must_use]
pub fn read(answer: HistoryAnswer) -> Vec<HistoryEntry> {
    let statuses = answer.statuses.unwrap_or_default();
    let count = statuses.len();
    let entries: Vec<_> = statuses.into_iter().rev().filter_map(entry).collect();
    let passed_over = count.saturating_sub(entries.len());
    if passed_over > 0 {
        tracing::warn!(
            passed_over,
            "entries of the connector's history have no status or no time"
        );
    }
    entries
}

fn entry(noted: Value) -> Option<HistoryEntry> {
    let noted: NotedStatus = serde_json::from_value(noted).ok()?;
    let provider_time = Timestamp::from_secs(noted.created_at);
    let is_hash = |hash: &&str| {
        !hash.is_empty() && hash.len() <= MAX_HASH && !hash.chars().any(char::is_control)
    };
    let tx_hash = noted.tx_hash.as_str().filter(is_hash).map(Pii::from);
    Some(HistoryEntry {
        report: report::status(&noted.status, provider_time, tx_hash),
        provider_time,
        is_news: Status::from_word(&noted.status) != Some(Status::Pending),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(json: &str) -> Vec<HistoryEntry> {
        read(serde_json::from_str(json).unwrap())
    }

    const DOCUMENTED: &str = r#"{"AllStatuses": [
        {"status": "CONFIRM_SUBMITTED", "created_at": 1677255348,
         "tx_hash": "0x1332a0079b54bace370e216f32bb4284adb7a4852c47a71908ec2c6152145114"},
        {"status": "VALIDITY_SUCCEED", "created_at": 1677255329,
         "tx_hash": "0xd90eb185877e47238380f613e3ac77f4cdb6a293ae21019fea7ac1b9ce12a94e"},
        {"status": "VALIDITY_CHECK", "created_at": 1677255329,
         "tx_hash": "0xd90eb185877e47238380f613e3ac77f4cdb6a293ae21019fea7ac1b9ce12a94e"},
        {"status": "INITIATE_SUBMITTED", "created_at": 1677255317,
         "tx_hash": "0xd90eb185877e47238380f613e3ac77f4cdb6a293ae21019fea7ac1b9ce12a94e"},
        {"status": "ACCEPTED", "created_at": 1677255257}]}"#;

    #[test]
    fn the_documented_answer_is_read_oldest_first() {
        let entries = history(DOCUMENTED);
        let words: Vec<_> = entries.iter().map(|e| e.report.status.as_ref()).collect();
        assert_eq!(
            words,
            [
                "ACCEPTED",
                "INITIATE_SUBMITTED",
                "VALIDITY_CHECK",
                "VALIDITY_SUCCEED",
                "CONFIRM_SUBMITTED"
            ]
        );
        assert_eq!(entries[0].provider_time.as_secs(), 1_677_255_257);
        assert!(entries[0].report.tx_hash.is_none());
        let hash = entries[4].report.tx_hash.as_ref().unwrap().expose();
        assert!(hash.starts_with("0x1332"));
    }

    #[test]
    fn the_place_in_the_list_counts_and_not_the_time() {
        let entries = history(
            r#"{"AllStatuses":[{"status":"INITIATED","created_at":10},
            {"status":"ACCEPTED","created_at":11}]}"#,
        );
        assert_eq!(entries[0].report.status, "ACCEPTED");
    }

    #[test]
    fn that_a_request_waits_is_no_news() {
        let entries = history(
            r#"{"AllStatuses":[{"status":"ACCEPTED","created_at":9},
            {"status":"PENDING","created_at":8}]}"#,
        );
        let news: Vec<_> = entries.iter().map(|entry| entry.is_news).collect();
        assert_eq!(news, [false, true]);
    }

    #[test]
    fn nothing_noted_is_an_empty_history() {
        for empty in [r#"{"AllStatuses":[]}"#, r#"{"AllStatuses":null}"#, "{}"] {
            assert!(history(empty).is_empty(), "{empty}");
        }
    }

    #[test]
    fn what_has_no_word_no_time_or_an_unlikely_hash_is_left_out_alone() {
        let entries = history(
            r#"{"AllStatuses":[{"status":"ACCEPTED"},{"status":"INITIATED","created_at":null},
            {"status":null,"created_at":9},{"status":7,"created_at":9},null,"ACCEPTED",[],
            {"status":"INITIATED","created_at":"8"},{"status":"INITIATED","created_at":7.5},
            {"status":"ON_HOLD","created_at":5,"tx_hash":"","more":[1]},
            {"status":"ON_HOLD","created_at":5,"tx_hash":{"a":1}},
            {"status":"ACCEPTED","created_at":4,"tx_hash":"a\u0000"}]}"#,
        );
        let words: Vec<_> = entries.iter().map(|e| e.report.status.as_ref()).collect();
        assert_eq!(words, ["ACCEPTED", "OTHER", "OTHER"]);
        assert!(entries.iter().all(|e| e.report.tx_hash.is_none()));
    }
}
