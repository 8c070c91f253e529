use verilane_core::Pii;

use super::*;

const KIND: &str = "FAILED";
const NEXT: AttemptNumber = 2;

fn report(occurrence: Option<i64>) -> StatusReport {
    StatusReport {
        status: KIND.into(),
        identity: KIND.to_owned(),
        occurrence: occurrence.map(Timestamp::from_secs),
        rank: 0,
        fact: None,
        tx_hash: None::<Pii<String>>,
    }
}

fn history(times: &[i64]) -> Vec<HistoryEntry> {
    let entry = |time: &i64| HistoryEntry {
        report: report(Some(*time)),
        provider_time: Timestamp::from_secs(*time),
        is_news: true,
    };
    times.iter().map(entry).collect()
}

/// Noted of the first attempt, under these times.
fn seen(times: &[i64]) -> Vec<(AttemptNumber, String)> {
    let key = |time: &i64| (1, key(&report(Some(*time))));
    times.iter().map(key).collect()
}

/// Which of these occurrences the log lacks if it has what is noted under these times.
fn lacking(occurrences: &[i64], noted: &[i64]) -> Vec<i64> {
    let (history, seen) = (history(occurrences), seen(noted));
    let lacks = |time: &&i64| !is_noted(&seen, 1, &report(Some(**time)), &history);
    occurrences.iter().filter(lacks).copied().collect()
}

#[test]
fn whatever_is_noted_from_one_occurrence_to_the_next_is_that_occurrence() {
    let three = [10, 20, 30];
    assert_eq!(lacking(&three, &[]), three);
    assert_eq!(lacking(&three, &[10]), [20, 30]);
    assert_eq!(lacking(&three, &[19]), [20, 30]);
    assert_eq!(lacking(&three, &[20]), [10, 30]);
    assert_eq!(lacking(&three, &[1_000]), [10, 20]);
    assert_eq!(lacking(&three, &[9]), three);
    assert!(lacking(&three, &[15, 16, 25, 99]).is_empty());
    // The order of the list says nothing here, and two within a second are one.
    assert_eq!(lacking(&[30, 10, 20, 20], &[11, 35]), [20, 20]);
    assert!(lacking(&[20, 20], &[20]).is_empty());
}

#[test]
fn a_report_under_another_time_repeats_the_newest_occurrence_by_then() {
    let (told, seen) = (history(&[10, 20]), seen(&[12, 20]));
    let as_noted = |time| noted_as(&seen, 1, &report(Some(time)), &told);
    for (time, noted) in [(10, 12), (11, 12), (19, 12), (20, 20), (500, 20)] {
        let expected = key(&report(Some(noted)));
        assert_eq!(as_noted(time), Some(expected), "{time}");
    }
    // What the log has not, nothing repeats.
    assert_eq!(as_noted(9), None);
    assert_eq!(noted_as(&[], 1, &report(Some(15)), &told), None);
}

#[test]
fn what_the_provider_has_forgotten_is_still_known_to_the_log() {
    let seen = seen(&[10, 20]);
    let as_noted = |time| noted_as(&seen, 1, &report(Some(time)), &[]);
    assert_eq!(as_noted(25), Some(key(&report(Some(20)))));
    assert_eq!(as_noted(15), Some(key(&report(Some(10)))));
    assert_eq!(as_noted(9), None);
}

#[test]
fn only_what_recurs_can_repeat_under_another_time_and_only_within_its_attempt() {
    let seen = seen(&[10]);
    assert!(may_repeat(&seen, 1, &report(Some(15))));
    assert!(!may_repeat(&seen, NEXT, &report(Some(15))));
    assert!(!may_repeat(&seen, 1, &report(None)));
    assert!(!may_repeat(&[], 1, &report(Some(15))));
    let told = history(&[10]);
    assert_eq!(noted_as(&seen, 1, &report(None), &told), None);
    assert_eq!(noted_as(&seen, NEXT, &report(Some(15)), &told), None);
    assert!(!is_noted(&seen, NEXT, &report(Some(10)), &told));
    // What does not recur goes by its identity alone.
    assert!(!is_noted(&seen, 1, &report(None), &told));
    assert!(is_noted(&[(1, KIND.to_owned())], 1, &report(None), &told));
    // Nor is a longer word taken for this one.
    let other = [(1, format!("{KIND}_TOO@10000000"))];
    assert!(!may_repeat(&other, 1, &report(Some(15))));
}
