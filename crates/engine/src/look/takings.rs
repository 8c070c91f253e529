//! Whose claims are being taken by this process, of each attempt's by one look at a time, and the pictures
//! that were fetched for them and that nothing shows yet, for the attempt's next look.
//!
//! Kept in memory: it spares the provider and the disk. That claims are taken once, the commit sees to.
//! After a restart, or beyond the bounds, a picture is fetched anew, and the purge removes what it left.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use verilane_core::{JobAbout, Timestamp};

use crate::evidence::KeptPiece;

/// How long a picture stands for what further looks offer. Less than the time after which chunks that
/// nothing shows are purged, by more than a look can take.
const KEEP: Duration = Duration::from_secs(12 * 60 * 60);
/// How many pictures are kept at most. Those go first that have waited the longest.
const MOST: usize = 4_096;

/// What became of an offer.
#[derive(Clone)]
pub(super) struct Fetched {
    pub(super) field: String,
    /// None if what is there can't be used.
    pub(super) piece: Option<KeptPiece>,
    pub(super) origin: Origin,
}

/// Where and when something was fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    /// The digest of what stays the same of a link.
    place: [u8; 32],
    begun: Timestamp,
}

impl Origin {
    /// A link that is signed anew at each look differs in its query alone.
    pub(super) fn new(link: &str, begun: Timestamp) -> Self {
        let place = link.split(['?', '#']).next().unwrap_or_default();
        Self {
            place: Sha256::digest(place).into(),
            begun,
        }
    }

    /// Whether what was fetched stands for what is offered at another origin's place and time.
    pub(super) fn stands_for(&self, other: &Self) -> bool {
        self.place == other.place && other.begun < self.begun + KEEP
    }
}

/// The attempts whose claims are being taken, and the pictures that wait for a further look.
#[derive(Default)]
pub(crate) struct Takings(Mutex<All>);

#[derive(Default)]
struct All {
    under_way: HashSet<JobAbout>,
    waiting: VecDeque<(JobAbout, Fetched)>,
}

/// The claims of one attempt are being taken, until this is dropped. What was fetched and not taken out
/// by then waits for the next look.
pub(super) struct Taking<'a> {
    all: &'a Takings,
    about: JobAbout,
    fetched: Mutex<Vec<Fetched>>,
}

impl Takings {
    /// Begins; none if somebody else has begun and not ended.
    pub(super) fn begin(&self, about: JobAbout) -> Option<Taking<'_>> {
        let mut all = self.0.lock();
        if !all.under_way.insert(about) {
            return None;
        }
        let (ours, others) = all.waiting.drain(..).partition(|(of, _)| *of == about);
        all.waiting = others;
        let ours: VecDeque<_> = ours;
        Some(Taking {
            all: self,
            about,
            fetched: Mutex::new(ours.into_iter().map(|(_, one)| one).collect()),
        })
    }
}

impl Taking<'_> {
    /// Keeps what was fetched.
    pub(super) fn keep(&self, fetched: Fetched) {
        self.fetched.lock().push(fetched);
    }

    /// What was fetched of a field.
    pub(super) fn of(&self, field: &str) -> Option<Fetched> {
        let fetched = self.fetched.lock();
        fetched.iter().find(|one| one.field == field).cloned()
    }

    /// Takes out what was fetched of a field.
    pub(super) fn take(&self, field: &str) -> Option<Fetched> {
        let mut fetched = self.fetched.lock();
        let at = fetched.iter().position(|one| one.field == field)?;
        Some(fetched.swap_remove(at))
    }

    /// Takes everything out.
    pub(super) fn take_all(&self) -> Vec<Fetched> {
        std::mem::take(&mut *self.fetched.lock())
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        let mut all = self.all.0.lock();
        all.under_way.remove(&self.about);
        let left = self.fetched.get_mut().drain(..);
        all.waiting.extend(left.map(|one| (self.about, one)));
        let over = all.waiting.len().saturating_sub(MOST);
        all.waiting.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use verilane_core::VerificationId;

    use super::*;

    fn about(attempt: u32) -> JobAbout {
        JobAbout {
            verification: VerificationId::from_bytes([7; 16]),
            attempt,
        }
    }

    fn fetched(field: &str) -> Fetched {
        Fetched {
            field: field.to_owned(),
            piece: None,
            origin: Origin::new("https://a.example/picture", Timestamp::from_secs(0)),
        }
    }

    #[test]
    fn a_picture_stands_for_what_lies_at_the_same_place_for_half_a_day() {
        let seconds = Timestamp::from_secs;
        let was = Origin::new("https://a.example/x?signature=1#r", seconds(0));
        let half_a_day = 12 * 60 * 60;
        for (link, time, stands) in [
            ("https://a.example/x?signature=2#r", 1, true),
            ("https://a.example/x", half_a_day - 1, true),
            ("https://a.example/x?signature=1#r", half_a_day, false),
            ("https://a.example/y?signature=1#r", 1, false),
            ("https://a.example/x/?signature=1#r", 1, false),
            ("https://b.example/x?signature=1#r", 1, false),
        ] {
            let now = Origin::new(link, seconds(time));
            assert_eq!(was.stands_for(&now), stands, "{link} after {time} s");
        }
    }

    #[test]
    fn what_is_not_taken_out_waits_for_the_same_attempt_s_next_look() {
        let takings = Takings::default();
        let taking = takings.begin(about(1)).unwrap();
        assert!(takings.begin(about(1)).is_none());
        for field in ["a", "b", "c"] {
            taking.keep(fetched(field));
        }
        assert!(taking.take("b").is_some());
        drop(taking);
        assert!(takings.begin(about(2)).unwrap().take_all().is_empty());
        let taking = takings.begin(about(1)).unwrap();
        assert!(taking.of("a").is_some() && taking.of("c").is_some());
        assert!(taking.of("b").is_none());
        assert_eq!(taking.take_all().len(), 2);
        drop(taking);
        assert!(takings.begin(about(1)).unwrap().take_all().is_empty());
    }

    #[test]
    fn so_many_pictures_wait_and_those_that_came_first_make_room() {
        let takings = Takings::default();
        let most = u32::try_from(MOST).unwrap();
        for attempt in 0..=most {
            takings.begin(about(attempt)).unwrap().keep(fetched("a"));
        }
        let left = |attempt| takings.begin(about(attempt)).unwrap().take_all().len();
        assert_eq!((left(0), left(1), left(most)), (0, 1, 1));
    }
}
