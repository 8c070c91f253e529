//! Which attempt a callback is about.
//!
//! All attempts of a slot share its paths. A callback belongs to the newest one that carries its
//! expiration; one that was called off only if all that carry it were. What carries no matching
//! expiration goes by its time, as entries of a history do: to the attempt that had begun by then and
//! had no successor yet. One that the connector is not known to have taken a request of succeeds
//! nobody: what it still works on is an older one's.

use verilane_core::{Timestamp, decide};
use verilane_provider::Candidate;

/// What a callback says about its attempt.
#[derive(Clone, Copy, Debug)]
pub struct Clue {
    /// The expiration it carries, Unix seconds.
    pub expiration: Option<i64>,
    /// The provider's time of it.
    pub time: Timestamp,
}

/// The index of the candidate that is meant, among those that fit.
#[must_use]
pub fn choose(
    candidates: &[Candidate],
    fits: impl Fn(&Candidate) -> bool,
    clue: Clue,
) -> Option<usize> {
    by_expiration(candidates, &fits, clue.expiration).or_else(|| {
        let chosen = by_time(candidates, clue.time)?;
        let about = candidates.get(chosen).filter(|about| fits(about))?;
        let lives_by_it = |other: &Candidate| {
            let same = expiry(other).as_secs() == expiry(about).as_secs();
            same && other.was_taken && !other.is_cancelled && fits(other)
        };
        // Whoever took its request over is meant by what was written before that too.
        candidates.iter().position(lives_by_it).or(Some(chosen))
    })
}

fn by_expiration(
    candidates: &[Candidate],
    fits: &impl Fn(&Candidate) -> bool,
    expiration: Option<i64>,
) -> Option<usize> {
    let expiration = expiration?;
    let carries = |about: &Candidate| {
        // Whether it fits costs more, and there can be many.
        expiry(about).as_secs() == expiration && fits(about)
    };
    let goes_on = |about: &Candidate| carries(about) && !about.is_cancelled;
    candidates
        .iter()
        .position(goes_on)
        .or_else(|| candidates.iter().position(carries))
}

fn expiry(about: &Candidate) -> Timestamp {
    about.expire_time.unwrap_or(about.requested_expiry)
}

fn by_time(candidates: &[Candidate], time: Timestamp) -> Option<usize> {
    let starts = candidates.iter().map(|about| about.start_time);
    let begun = decide::begun_by(starts, time)?;
    let was_taken = |place: &usize| candidates.get(*place).is_some_and(|about| about.was_taken);
    let mut since = begun..candidates.len();
    // Where none was taken for all that is known, the answers were lost.
    let last = since.clone().next_back();
    since.find(was_taken).or(last)
}

#[cfg(test)]
mod tests {
    use verilane_core::Pii;

    use super::*;

    const START: i64 = 1_700_000_000;

    /// Started so many seconds after the first, with an expiry so many seconds after it too.
    fn candidate(start: i64, expiry: i64, is_cancelled: bool) -> Candidate {
        Candidate {
            subject: Pii::from("u"),
            fields: ["A".into()].into(),
            start_time: Timestamp::from_secs(START + start),
            requested_expiry: Timestamp::from_secs(START + expiry),
            expire_time: None,
            is_cancelled,
            was_taken: true,
        }
    }

    /// The same, of which the start was refused.
    fn refused(start: i64) -> Candidate {
        Candidate {
            was_taken: false,
            ..candidate(start, start + 600, false)
        }
    }

    fn chosen(candidates: &[Candidate], expiration: Option<i64>, time: i64) -> Option<usize> {
        let clue = Clue {
            expiration: expiration.map(|expiration| START + expiration),
            time: Timestamp::from_secs(START + time),
        };
        choose(candidates, |_| true, clue)
    }

    #[test]
    fn the_newest_attempt_with_the_expiration_is_meant() {
        let all = [
            candidate(900, 1500, false),
            candidate(300, 600, false),
            candidate(0, 600, false),
        ];
        assert_eq!(chosen(&all, Some(1500), 5), Some(0));
        assert_eq!(chosen(&all, Some(600), 1000), Some(1));
    }

    #[test]
    fn one_that_was_called_off_is_meant_only_if_all_were() {
        let one = [candidate(300, 600, true), candidate(0, 600, false)];
        assert_eq!(chosen(&one, Some(600), 400), Some(1));
        let all = [candidate(300, 600, true), candidate(0, 600, true)];
        assert_eq!(chosen(&all, Some(600), 400), Some(0));
    }

    #[test]
    fn the_answered_expiry_counts_and_not_the_one_asked_for() {
        let mut adopted = candidate(300, 900, false);
        adopted.expire_time = Some(Timestamp::from_secs(START + 600));
        let all = [adopted, candidate(0, 900, false)];
        assert_eq!(chosen(&all, Some(600), 400), Some(0));
        assert_eq!(chosen(&all, Some(900), 400), Some(1));
    }

    #[test]
    fn without_a_matching_expiration_the_time_decides() {
        let all = [
            candidate(2000, 2600, false),
            candidate(1000, 1600, false),
            candidate(0, 600, false),
        ];
        for (time, index) in [
            (5000, Some(0)),
            (2000, Some(0)),
            (1999, Some(1)),
            (1000, Some(1)),
            (999, Some(2)),
            (0, Some(2)),
            (-60, Some(2)),
            (-61, None),
        ] {
            assert_eq!(chosen(&all, None, time), index, "{time}");
            assert_eq!(chosen(&all, Some(77), time), index, "{time}");
        }
        assert_eq!(chosen(&[], None, 0), None);
    }

    #[test]
    fn without_a_matching_expiration_no_attempt_is_meant_that_was_not_taken() {
        let all = [refused(2000), refused(1000), candidate(0, 600, false)];
        for time in [500, 1000, 2000, 5000] {
            assert_eq!(chosen(&all, None, time), Some(2), "{time}");
        }
        // The answer was lost, and it says itself that its request was taken.
        assert_eq!(chosen(&all, Some(2600), 2100), Some(0));
        // Nobody's was, for all that is known.
        assert_eq!(chosen(&all[..2], None, 2000), Some(1));
        let newer = [candidate(3000, 3600, false), refused(2000)];
        assert_eq!(chosen(&newer, None, 2500), Some(1));
    }

    #[test]
    fn who_took_a_request_over_is_meant_by_what_was_written_before_that() {
        let first = candidate(0, 600, true);
        let second = candidate(300, 600, false);
        assert_eq!(chosen(&[second.clone(), first.clone()], None, 200), Some(0));
        let called_off = candidate(300, 600, true);
        assert_eq!(chosen(&[called_off, first.clone()], None, 200), Some(1));
        let never_taken = Candidate {
            requested_expiry: second.requested_expiry,
            ..refused(300)
        };
        assert_eq!(chosen(&[never_taken, first], None, 200), Some(1));
    }

    #[test]
    fn what_does_not_fit_is_never_meant() {
        let all = [candidate(1000, 1600, false), candidate(0, 600, false)];
        let clue = |expiration| Clue {
            expiration: Some(START + expiration),
            time: Timestamp::from_secs(START + 1100),
        };
        let is_older = |about: &Candidate| about.start_time.as_secs() == START;
        assert_eq!(choose(&all, is_older, clue(600)), Some(1));
        assert_eq!(choose(&all, is_older, clue(1600)), None);
    }
}
