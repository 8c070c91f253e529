//! Which attempt an entry of a provider's history is about. Pure.
//!
//! A history mixes all requests for one user and set of items, ours and others', without a name for
//! any. All attempts of one slot ask for the same, so an entry goes by its time: to the attempt that
//! had begun by then and had no successor yet, whatever verification it belongs to. What can't be
//! assigned is not applied.
//!
//! Invariant: an old end never ends a new attempt. Around the moment when an attempt begins, clocks
//! and whole seconds leave it open whose an entry is; but nothing ends that nobody has accepted yet,
//! so an end from before that second, and one within it that no acceptance precedes there, is older
//! than the attempt, and so is all that stands before it.
//!
//! So an end that is noted in the very second in which the next attempt takes over goes to the one
//! before, though by its second alone it could be either's. What ends there was accepted before that
//! second, while the slot was still the other's: it is that run which ends. And the mistakes are not
//! alike: an end that the next attempt misses costs it no more than the time until its own deadline
//! (data does not come this way), while one that it is given wrongly fails a request that its user is
//! about to accept.
//!
//! An attempt whose start was refused, or not answered yet, has taken nothing over: a try of it can have
//! been taken, but a provider works on one request of a slot at a time, so what comes before the one
//! before has ended, or before anybody has accepted again, is still about the one before.
//!
//! Attempts that live by one expiration live by one request, which a later one has taken over. What is
//! noted of it goes where callbacks that carry it go: to the newest that was not called off.

use std::time::Duration;

use crate::{Fact, SlotHolder, StartPhase, Tenancy, Timestamp};

/// How far the provider's clock may be behind ours when an attempt begins.
pub const SKEW: Duration = Duration::from_secs(60);

/// What of an entry decides whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Noted {
    /// The provider's own time of it.
    pub time: Timestamp,
    /// What it tells.
    pub fact: Option<Fact>,
}

/// Whose each entry is. `tenancies` are all attempts that used the slot, newest first; `entries` stand
/// oldest first, in the provider's own order.
#[must_use]
pub fn assign(tenancies: &[Tenancy], entries: &[Noted]) -> Vec<Option<SlotHolder>> {
    let starts = tenancies.iter().map(|tenancy| tenancy.start_time);
    let mut places: Vec<Option<usize>> = entries
        .iter()
        .map(|entry| begun_by(starts.clone(), entry.time))
        .collect();
    for (place, tenancy) in tenancies.iter().enumerate() {
        leave_to_predecessor(&mut places, entries, place, tenancy.start_time);
    }
    leave_until_accepted(&mut places, entries, tenancies);
    hand_over(&mut places, entries, tenancies);
    let holder = |place: usize| tenancies.get(place).map(|tenancy| tenancy.holder);
    places
        .into_iter()
        .map(|place| place.and_then(holder))
        .collect()
}

/// The place of the attempt that had begun by a time and had no successor yet, by when each began,
/// newest first. Providers count whole seconds, so an attempt's own second counts whole.
#[must_use]
pub fn begun_by(
    starts: impl DoubleEndedIterator<Item = Timestamp> + ExactSizeIterator + Clone,
    time: Timestamp,
) -> Option<usize> {
    let has_begun = |start: Timestamp| start.as_secs() <= time.as_secs();
    starts.clone().position(has_begun).or_else(|| {
        let oldest = starts.clone().next_back()?;
        let near = (time + SKEW).as_secs() >= oldest.as_secs();
        near.then(|| starts.len().saturating_sub(1))
    })
}

/// Gives what came up to an end that is too early for this attempt to the one before it, or to
/// nobody.
fn leave_to_predecessor(
    places: &mut [Option<usize>],
    entries: &[Noted],
    place: usize,
    start: Timestamp,
) {
    let (mut last_end, mut accepted) = (None, false);
    for (index, (whose, entry)) in places.iter().zip(entries).enumerate() {
        let second = entry.time.as_secs();
        if *whose != Some(place) || second > start.as_secs() {
            continue;
        }
        let own_second = second == start.as_secs();
        if entry.fact.is_some_and(Fact::ends_request) {
            if !(own_second && accepted) {
                last_end = Some(index);
            }
        } else {
            accepted |= own_second && entry.fact == Some(Fact::Accepted);
        }
    }
    let Some(last_end) = last_end else {
        return;
    };
    let upto = places
        .iter_mut()
        .zip(entries)
        .take(last_end.saturating_add(1));
    for (whose, entry) in upto {
        if *whose == Some(place) && entry.time.as_secs() <= start.as_secs() {
            // Past the oldest attempt there is nobody.
            *whose = place.checked_add(1);
        }
    }
}

/// Gives what comes before the acceptance of a request of its own to an attempt that took nothing
/// over, if anything does, to the attempt before it.
fn leave_until_accepted(places: &mut [Option<usize>], entries: &[Noted], tenancies: &[Tenancy]) {
    let mut runs: Vec<bool> = tenancies
        .iter()
        .map(|tenancy| tenancy.phase == StartPhase::Started)
        .collect();
    let mut open = None;
    for (whose, entry) in places.iter_mut().zip(entries) {
        let Some(place) = *whose else {
            continue;
        };
        let accepts = entry.fact == Some(Fact::Accepted);
        let before = before(&runs, place);
        if let (Some(false), Some(before)) = (runs.get(place), before) {
            if accepts && open != Some(before) {
                if let Some(run) = runs.get_mut(place) {
                    *run = true;
                }
            } else {
                *whose = Some(before);
            }
        }
        if entry.fact.is_some_and(Fact::ends_request) {
            open = None;
        } else if accepts {
            open = *whose;
        }
    }
}

/// The nearest attempt before one that has a request, or else the oldest; none before the oldest.
fn before(runs: &[bool], place: usize) -> Option<usize> {
    let older = place.checked_add(1)?;
    let with_request = runs.iter().skip(older).position(|run| *run);
    with_request
        .and_then(|place| place.checked_add(older))
        .or_else(|| runs.len().checked_sub(1))
        .filter(|before| *before > place)
}

/// Gives what is noted of a request that an attempt has taken over to the newest attempt that lives by
/// it and was not called off. A request that is over is nobody else's: who has its expiration by
/// chance has a request of its own.
fn hand_over(places: &mut [Option<usize>], entries: &[Noted], tenancies: &[Tenancy]) {
    let mut next = 0;
    while next < tenancies.len() {
        let sharing = sharing(tenancies, next);
        let is_called_off = |place: &usize| {
            let tenancy = tenancies.get(*place);
            tenancy.is_some_and(|tenancy| tenancy.facts.is_cancelled())
        };
        let owner = sharing.iter().copied().find(|place| !is_called_off(place));
        let owner = owner.unwrap_or(next);
        for member in sharing.iter().copied().filter(|member| *member != owner) {
            let works = tenancies.get(member).is_some_and(Tenancy::still_works);
            if member < owner || (works && !has_ended(places, entries, member)) {
                let own = places.iter_mut().filter(|whose| **whose == Some(member));
                own.for_each(|whose| *whose = Some(owner));
            }
        }
        next = sharing.last().copied().unwrap_or(next).saturating_add(1);
    }
}

/// The attempts that live by the request of this one, newest first, itself included.
fn sharing(tenancies: &[Tenancy], newest: usize) -> Vec<usize> {
    let mut sharing = vec![newest];
    let Some(expiry) = tenancies.get(newest).and_then(|one| one.expire_time) else {
        return sharing;
    };
    for (place, older) in tenancies.iter().enumerate().skip(newest.saturating_add(1)) {
        if older.expiry().as_secs() == expiry.as_secs() {
            sharing.push(place);
        } else if older.phase == StartPhase::Started {
            break;
        }
    }
    sharing
}

fn has_ended(places: &[Option<usize>], entries: &[Noted], place: usize) -> bool {
    let mut own = places.iter().zip(entries);
    own.any(|(whose, entry)| *whose == Some(place) && entry.fact.is_some_and(Fact::ends_request))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Facts, Reason, VerificationId};

    const START: i64 = 1_700_000_000;
    const MONTH: i64 = 30 * 24 * 60 * 60;

    fn holder(which: u8) -> SlotHolder {
        SlotHolder {
            verification: VerificationId::from_bytes([which; 16]),
            attempt: 1,
        }
    }

    /// Attempt `which`, begun so many milliseconds after the first.
    fn tenure(which: u8, millis: i64) -> Tenancy {
        let start_time = Timestamp::from_millis(START * 1_000 + millis);
        let expiry = start_time + Duration::from_secs(600);
        Tenancy {
            holder: holder(which),
            phase: StartPhase::Started,
            facts: Facts::default(),
            start_time,
            requested_expiry: expiry,
            expire_time: Some(expiry),
        }
    }

    /// The same, of which the start was refused.
    fn refused(which: u8, millis: i64) -> Tenancy {
        Tenancy {
            phase: StartPhase::Ended,
            expire_time: None,
            ..tenure(which, millis)
        }
    }

    fn noted(seconds: i64, fact: Option<Fact>) -> Noted {
        Noted {
            time: Timestamp::from_secs(START + seconds),
            fact,
        }
    }

    const ACCEPTED: Option<Fact> = Some(Fact::Accepted);
    const SETTLED: Option<Fact> = Some(Fact::Settled);
    const UNSETTLED: Option<Fact> = Some(Fact::SettlementFailed);

    /// The attempt of each entry, by its number; 0 for nobody.
    fn whose(tenures: &[Tenancy], entries: &[Noted]) -> Vec<u8> {
        let number =
            |whose: Option<SlotHolder>| whose.map_or(0, |holder| holder.verification.as_bytes()[0]);
        assign(tenures, entries).into_iter().map(number).collect()
    }

    #[test]
    fn an_entry_belongs_to_the_attempt_that_had_begun_and_had_no_successor_yet() {
        let two = [tenure(2, 500_000), tenure(1, 0)];
        let entries =
            [-61, -60, -1, 0, 1, 499, 500, 501, 1_000_000].map(|seconds| noted(seconds, ACCEPTED));
        assert_eq!(whose(&two, &entries), [0, 1, 1, 1, 1, 1, 2, 2, 2]);
        assert_eq!(whose(&[], &entries), [0; 9]);
        assert!(whose(&two, &[]).is_empty());
    }

    #[test]
    fn an_old_end_of_the_same_user_and_items_ends_no_new_attempt() {
        for end in [
            SETTLED,
            UNSETTLED,
            Some(Fact::Failed(Reason::ValidityFailed)),
        ] {
            for before in [-MONTH, -3_600, -61, -60, -1] {
                let old = [noted(before, ACCEPTED), noted(before, end)];
                // Neither one that is alone, nor one that follows another.
                assert_eq!(whose(&[tenure(1, 0)], &old), [0, 0], "{before}");
                let two = [tenure(2, 0), tenure(1, -2 * MONTH * 1_000)];
                assert_eq!(whose(&two, &old), [1, 1], "{before}");
            }
        }
    }

    #[test]
    fn what_follows_an_old_end_within_the_skew_is_the_new_attempt_s() {
        let entries = [
            noted(-50, ACCEPTED),
            noted(-40, SETTLED),
            noted(-30, None),
            noted(-20, ACCEPTED),
            noted(100, SETTLED),
        ];
        assert_eq!(whose(&[tenure(1, 0)], &entries), [0, 0, 1, 1, 1]);
    }

    #[test]
    fn two_attempts_in_one_month_keep_their_own_entries() {
        let day = 86_400;
        let two = [tenure(2, 7 * day * 1_000), tenure(1, 0)];
        let run = |from: i64, end| {
            [
                noted(from + 1, None),
                noted(from + 60, ACCEPTED),
                noted(from + 200, end),
            ]
        };
        let entries = [run(0, UNSETTLED), run(7 * day, SETTLED)].concat();
        assert_eq!(whose(&two, &entries), [1, 1, 1, 2, 2, 2]);
        // A late word about the first comes before the second begins.
        let late = noted(7 * day - 1, UNSETTLED);
        assert_eq!(whose(&two, &[late]), [1]);
    }

    #[test]
    fn in_the_second_in_which_an_attempt_begins_the_order_decides() {
        let two = [tenure(2, 500_400), tenure(1, 0)];
        let second = |fact| noted(500, fact);
        let entries = [second(None), second(SETTLED), second(None)];
        assert_eq!(whose(&two, &entries), [1, 1, 2]);
        assert_eq!(whose(&two, &[second(None), second(ACCEPTED)]), [2, 2]);
        // The first attempt's own second is no different.
        let first = [noted(0, SETTLED), noted(0, None), noted(0, ACCEPTED)];
        assert_eq!(whose(&[tenure(1, 300)], &first), [0, 1, 1]);
        // A run that is over within its first second is its own.
        let run = [second(ACCEPTED), second(SETTLED)];
        assert_eq!(whose(&two, &run), [2, 2]);
        let old = [noted(499, ACCEPTED), second(SETTLED), second(ACCEPTED)];
        assert_eq!(whose(&two, &old), [1, 1, 2]);
    }

    #[test]
    fn an_end_in_the_second_of_a_takeover_ends_what_was_accepted_before_it() {
        for end in [
            SETTLED,
            UNSETTLED,
            Some(Fact::Failed(Reason::ValidityFailed)),
        ] {
            let run = [noted(400, ACCEPTED), noted(500, None), noted(500, end)];
            for begun in [500_000, 500_400, 500_999] {
                let two = [tenure(2, begun), tenure(1, 0)];
                assert_eq!(whose(&two, &run), [1, 1, 1], "{begun}");
                // What follows it is the next one's, and so is an end a second later.
                let next = [noted(500, None), noted(500, ACCEPTED), noted(501, end)];
                let both = [&run[..], &next].concat();
                assert_eq!(whose(&two, &both), [1, 1, 1, 2, 2, 2], "{begun}");
                let late = [noted(400, ACCEPTED), noted(501, end)];
                assert_eq!(whose(&two, &late), [1, 2], "{begun}");
            }
            // A second earlier there is no doubt.
            let earlier = [noted(400, ACCEPTED), noted(499, end)];
            assert_eq!(whose(&[tenure(2, 500_000), tenure(1, 0)], &earlier), [1, 1]);
        }
    }

    #[test]
    fn an_attempt_whose_start_was_refused_takes_nothing_from_the_one_before() {
        let three = [refused(3, 90_000), refused(2, 50_000), tenure(1, 0)];
        let entries = [
            noted(10, ACCEPTED),
            noted(60, ACCEPTED),
            noted(70, None),
            noted(100, SETTLED),
            noted(110, None),
        ];
        assert_eq!(whose(&three, &entries), [1; 5]);
        // Unless an earlier try of it was taken after all: then it has a run of its own.
        let again = [noted(120, ACCEPTED), noted(130, UNSETTLED)];
        let both = [&entries[..], &again].concat();
        assert_eq!(whose(&three, &both), [1, 1, 1, 1, 1, 3, 3]);
        // Nobody has accepted the one before.
        assert_eq!(whose(&three[1..], &again), [2, 2]);
        // There is none before.
        assert_eq!(whose(&three[..1], &[noted(95, None)]), [3]);
    }

    #[test]
    fn starts_that_were_refused_in_a_row_take_nothing_from_the_attempt_before_them() {
        let three = [refused(3, 90_000), refused(2, 50_000), tenure(1, 0)];
        // Nothing was noted while the first of them was to be started.
        let entries = [noted(10, ACCEPTED), noted(95, ACCEPTED), noted(96, SETTLED)];
        assert_eq!(whose(&three, &entries), [1; 3]);
        // The one between has a run of its own.
        let run = [
            noted(10, ACCEPTED),
            noted(20, UNSETTLED),
            noted(60, ACCEPTED),
        ];
        let both = [&run[..], &[noted(95, ACCEPTED)]].concat();
        assert_eq!(whose(&three, &both), [1, 1, 2, 2]);
    }

    #[test]
    fn a_start_that_is_not_answered_yet_takes_nothing_from_the_attempt_before_it() {
        let intended = Tenancy {
            phase: StartPhase::Intended,
            ..refused(2, 50_000)
        };
        let two = [intended, tenure(1, 0)];
        let entries = [noted(10, ACCEPTED), noted(60, ACCEPTED)];
        assert_eq!(whose(&two, &entries), [1, 1]);
    }

    /// One that took over the request of an attempt, begun so many milliseconds after the first.
    fn adopter(which: u8, millis: i64, of: &Tenancy) -> Tenancy {
        Tenancy {
            expire_time: of.expire_time,
            ..tenure(which, millis)
        }
    }

    fn called_off(tenancy: Tenancy) -> Tenancy {
        Tenancy {
            facts: tenancy.facts.with(Fact::Cancelled),
            ..tenancy
        }
    }

    #[test]
    fn who_takes_a_request_over_gets_all_that_was_noted_of_it() {
        let first = called_off(tenure(1, 0));
        let two = [adopter(2, 500_000, &first), first];
        let entries = [
            noted(0, None),
            noted(400, ACCEPTED),
            noted(600, ACCEPTED),
            noted(700, SETTLED),
        ];
        assert_eq!(whose(&two, &entries), [2; 4]);
        // And who takes it over from that one, with a start in between that was refused.
        let four = [
            adopter(4, 560_000, &first),
            refused(3, 540_000),
            two[0],
            first,
        ];
        assert_eq!(whose(&four, &entries), [4; 4]);
        // Another's request is not touched.
        let other = [tenure(5, 900_000), two[0], first];
        let later = [noted(400, ACCEPTED), noted(950, ACCEPTED)];
        assert_eq!(whose(&other, &later), [2, 5]);
    }

    #[test]
    fn a_request_that_was_taken_over_and_called_off_is_the_older_attempt_s_again() {
        let first = tenure(1, 0);
        let entries = [noted(400, ACCEPTED), noted(600, ACCEPTED)];
        let two = [called_off(adopter(2, 500_000, &first)), first];
        assert_eq!(whose(&two, &entries), [1, 1]);
        let both = [two[0], called_off(first)];
        assert_eq!(whose(&both, &entries), [2, 2]);
    }

    #[test]
    fn a_request_that_is_over_is_not_handed_on_with_its_expiration() {
        let first = tenure(1, 0);
        let entries = [noted(400, ACCEPTED), noted(600, ACCEPTED)];
        for over in [
            Fact::DataComplete,
            Fact::Settled,
            Fact::Failed(Reason::ProviderFailed),
        ] {
            let over = Tenancy {
                facts: first.facts.with(over),
                ..first
            };
            let two = [adopter(2, 500_000, &first), over];
            assert_eq!(whose(&two, &entries), [1, 2]);
        }
        let two = [adopter(2, 500_000, &first), called_off(first)];
        let ended = [noted(400, ACCEPTED), noted(450, UNSETTLED), entries[1]];
        assert_eq!(whose(&two, &ended), [1, 1, 2]);
    }

    #[test]
    fn times_out_of_order_do_not_move_an_entry_to_another_attempt() {
        let one = [tenure(1, 0)];
        let entries = [noted(10, ACCEPTED), noted(9, ACCEPTED), noted(11, SETTLED)];
        assert_eq!(whose(&one, &entries), [1, 1, 1]);
    }
}
