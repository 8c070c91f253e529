//! Callbacks: genuine, replayed, permuted, late, forged, half-written, tampered with, about
//! something else; of requests that end well, and in each failure. Reading one is a function of its
//! bytes, the time and the candidates.

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use bytes::Bytes;
use verilane_core::{CallbackChannel, State};

use super::letter::{Letter, facts, told};
use super::stage::Stage;
use super::{Bench, Course};
use crate::{Reading, Report};

/// A request that has gone on to its end.
struct Played<B> {
    stage: Stage<B>,
    /// The failure that it has ended in, if it has not ended well.
    failure: Option<&'static str>,
    /// Every callback that came.
    letters: Vec<Letter>,
}

/// One that ends well, and one for each failure; none if the provider does not call.
async fn played<B: Bench>(forged: bool) -> Vec<Played<B>> {
    let mut all = Vec::new();
    let mut failures = vec![None];
    while let Some(failure) = failures.pop() {
        let Some(stage) = Stage::<B>::calling().await else {
            return all;
        };
        if all.is_empty() {
            let known = stage.bench.failures();
            assert!(!known.is_empty(), "nothing fails at this provider");
            failures.extend(known.iter().copied().map(Some));
        }
        stage.bench.take_course(Course { failure, forged });
        let letters = stage.played_out().await;
        all.push(Played {
            stage,
            failure,
            letters,
        });
    }
    all
}

impl<B: Bench> Played<B> {
    /// The first callback that tells something of each kind: a status, data, a failure.
    async fn kinds(&self) -> Vec<&Letter> {
        let mut known: Vec<Discriminant<Report>> = Vec::new();
        let mut kinds = Vec::new();
        for letter in &self.letters {
            let kind = discriminant(&self.stage.read(letter).await.unwrap().report);
            if !known.contains(&kind) {
                known.push(kind);
                kinds.push(letter);
            }
        }
        assert!(kinds.len() > 1);
        kinds
    }
}

/// Small numbers in a fixed order that looks like none.
fn drawn(mut state: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).ok()
    })
}

/// Everything that the provider sends is believed. With data it verifies; without, a callback of its
/// own says that it failed.
pub async fn genuine_callbacks_are_believed_and_come_to_what_they_tell<B: Bench>() {
    for Played {
        stage,
        failure,
        letters,
    } in played::<B>(false).await
    {
        let readings = stage.believed(&letters).await;
        assert!(readings.iter().all(|reading| !reading.is_late));
        let has = |is: fn(&Report) -> bool| readings.iter().any(|reading| is(&reading.report));
        let has_data = has(|report| matches!(report, Report::Data(_)));
        let has_failure = has(|report| matches!(report, Report::Failure(_)));
        assert!(has_data || failure.is_some());
        assert_eq!(has_failure, failure.is_some(), "{failure:?}");
        let expected = if has_data {
            State::Verified
        } else {
            State::Failed
        };
        let facts = facts(&readings, stage.fields().len());
        assert_eq!(facts.state().0, expected, "{failure:?}");
    }
}

/// Reading is pure: the same bytes tell the same, as often as they come.
pub async fn replayed_callbacks_tell_the_same<B: Bench>() {
    for Played { stage, letters, .. } in played::<B>(false).await {
        let first = stage.believed(&letters).await;
        for _ in 0..3 {
            let again = stage.believed(&letters).await;
            let pairs = first.iter().zip(&again);
            assert!(pairs.into_iter().all(|(a, b)| told(a) == told(b)));
        }
    }
}

/// No callback is needed to read another, and any order comes to the same.
pub async fn callbacks_in_any_order_come_to_the_same<B: Bench>() {
    for Played {
        stage,
        failure,
        mut letters,
    } in played::<B>(false).await
    {
        let fields = stage.fields().len();
        let plain = facts(&stage.believed(&letters).await, fields);
        for seed in 0..8 {
            let draws = drawn(seed);
            for (place, draw) in (1..letters.len()).rev().zip(draws) {
                letters.swap(place, draw % (place + 1));
            }
            let readings = stage.believed(&letters).await;
            assert_eq!(facts(&readings, fields), plain, "{failure:?}, seed {seed}");
            let rest = readings.iter().skip(1);
            let without = facts(rest.chain(readings.first()), fields);
            assert_eq!(without, plain, "{failure:?}, seed {seed}");
        }
    }
}

/// One that comes a day later tells the same, and is known as late; or it is refused.
pub async fn late_callbacks_tell_the_same_and_are_known_as_late<B: Bench>() {
    for Played { stage, letters, .. } in played::<B>(false).await {
        for letter in letters {
            let in_time = stage.read(&letter).await.unwrap();
            let later = letter.receive_time + Duration::from_secs(24 * 60 * 60);
            let candidates = vec![stage.candidate()];
            if let Ok(late) = stage.read_as(&letter, later, candidates).await {
                assert_eq!(told(&late), told(&in_time));
                assert!(late.is_late, "{}", told(&late));
            }
        }
    }
}

/// What the provider did not sign is not believed, however genuine the rest of it is.
pub async fn forged_callbacks_are_refused<B: Bench>() {
    for Played { stage, letters, .. } in played::<B>(true).await {
        let (mut forged, mut genuine) = (0, 0);
        for letter in letters {
            let outcome = stage.read(&letter).await;
            let is_forged = stage.bench.is_forged(&letter.body);
            assert_eq!(outcome.is_err(), is_forged, "{outcome:?}");
            *if is_forged { &mut forged } else { &mut genuine } += 1;
        }
        assert!(genuine > 1 && forged >= genuine, "{forged} of {genuine}");
    }
}

/// One that ends early is refused, wherever it ends.
pub async fn half_written_callbacks_are_refused<B: Bench>() {
    for played in played::<B>(false).await {
        let stage = &played.stage;
        for letter in played.kinds().await {
            let length = letter.body.len();
            let ends = (0..16).map(|part| length * part / 16);
            let last = length.saturating_sub(16)..length;
            for end in ends.chain(last) {
                let half = letter.with(letter.body.slice(..end).to_vec());
                let Ok(reading) = stage.read(&half).await else {
                    continue;
                };
                // What ends a body may be no part of what it says.
                let whole = stage.read(letter).await.unwrap();
                assert_eq!(told(&reading), told(&whole), "at {end} of {length}");
                assert!(end + 16 >= length, "at {end} of {length}");
            }
        }
    }
}

/// A byte that was changed is noticed, or was no part of what the callback says.
pub async fn a_callback_that_was_tampered_with_is_refused_or_tells_the_same<B: Bench>() {
    for played in played::<B>(false).await {
        let stage = &played.stage;
        for letter in played.kinds().await {
            let genuine = told(&stage.read(letter).await.unwrap());
            for (place, bit) in drawn(1).zip(drawn(2)).take(96) {
                let mut body = letter.body.to_vec();
                let place = place % body.len();
                body[place] ^= 1 << (bit % 8);
                if let Ok(reading) = stage.read(&letter.with(body)).await {
                    assert_eq!(told(&reading), genuine, "byte {place}");
                }
            }
        }
    }
}

/// It is not taken for another user's nor for nobody's, and tells nothing that was not asked for.
pub async fn a_callback_about_something_else_is_refused<B: Bench>() {
    for played in played::<B>(false).await {
        let stage = &played.stage;
        let another = stage
            .facade
            .prepare(&stage.bench.wish_of_another())
            .unwrap();
        for letter in played.kinds().await {
            let read = async |candidates| {
                let time = letter.receive_time;
                stage.read_as(letter, time, candidates).await
            };
            let mut other_user = stage.candidate();
            other_user.subject = another.subject.clone();
            for candidates in [vec![other_user], Vec::new()] {
                let count = candidates.len();
                let outcome = read(candidates).await;
                assert!(outcome.is_err(), "{count}: {outcome:?}");
            }
            let mut fewer_fields = stage.candidate();
            fewer_fields.fields = fewer_fields.fields.iter().take(1).cloned().collect();
            let fields = fewer_fields.fields.clone();
            if let Ok(Reading {
                report: Report::Data(data),
                ..
            }) = read(vec![fewer_fields]).await
            {
                assert!(data.items.iter().all(|item| fields.contains(&item.field)));
                assert!(data.unrequested > 0);
            }
        }
    }
}

/// Whatever else arrives is refused, and nothing breaks.
pub async fn nonsense_in_place_of_a_callback_is_refused<B: Bench>() {
    let Some(stage) = Stage::<B>::calling().await else {
        return;
    };
    let deep = "{\"a\":".repeat(50_000);
    let bodies: [&[u8]; 9] = [
        b"",
        b" ",
        b"null",
        b"{}",
        b"[]",
        b"{\"signature\":\"\"}",
        b"--x\r\n\r\n--x--",
        b"\xff\xfe\x00",
        deep.as_bytes(),
    ];
    let types = [
        None,
        Some("application/json"),
        Some("multipart/form-data; boundary=x"),
        Some("multipart/form-data"),
        Some("\u{7f}"),
    ];
    for body in bodies {
        for content_type in types {
            for channel in [CallbackChannel::Status, CallbackChannel::Data] {
                let letter = Letter {
                    channel,
                    content_type: content_type.map(str::to_owned),
                    body: Bytes::copy_from_slice(body),
                    receive_time: verilane_core::Clock::now(&stage.clock),
                };
                assert!(stage.read(&letter).await.is_err());
            }
        }
    }
}
