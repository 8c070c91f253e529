//! Checking values again, of connections that can: each value is on one list, or nobody believes the
//! answer.
//!
//! The suite knows no provider's answer. What it puts in place of one is what the same provider
//! answered to another question.

use verilane_core::Pii;

use super::stage::Stage;
use super::unanswered::{each_says_what_may_be_done_next, nonsense};
use super::{Bench, Upset};
use crate::{Capability, DataItem, Facade, ProviderError, Report, Revalidated, ValueToCheck};

/// A run's values; none if the connection can't check them again.
async fn delivered<B: Bench>() -> Option<(Stage<B>, Vec<DataItem>)> {
    let stage = Stage::<B>::new().await;
    if !stage.has(Capability::Revalidate) {
        return None;
    }
    for letter in stage.played_out().await {
        if let Report::Data(data) = stage.read(&letter).await.unwrap().report {
            assert!(data.items.len() > 1);
            return Some((stage, data.items));
        }
    }
    panic!("no data came");
}

fn to_check(item: &DataItem) -> ValueToCheck<'_> {
    ValueToCheck {
        field: &item.field,
        value: &item.value,
        pepper: item.pepper.as_ref().expect("it came with a pepper"),
    }
}

async fn check<B: Bench>(
    stage: &Stage<B>,
    values: &[ValueToCheck<'_>],
) -> Result<Revalidated, ProviderError> {
    check_by(stage, &stage.facade, values).await
}

async fn check_by<B: Bench>(
    stage: &Stage<B>,
    facade: &Facade,
    values: &[ValueToCheck<'_>],
) -> Result<Revalidated, ProviderError> {
    facade.revalidate(&stage.prepared.subject, values).await
}

fn sorted(mut answer: Revalidated) -> Revalidated {
    answer.valid.sort_unstable();
    answer.invalid.sort_unstable();
    answer
}

/// Values as they came hold, with their peppers; another value does not, nor one under another
/// pepper. Nothing is started by it.
pub async fn values_that_came_hold_and_others_do_not<B: Bench>() {
    let Some((stage, items)) = delivered::<B>().await else {
        return;
    };
    let values: Vec<_> = items.iter().map(to_check).collect();
    let mut fields: Vec<String> = items.iter().map(|item| item.field.clone()).collect();
    fields.sort_unstable();
    for _ in 0..2 {
        let answer = sorted(check(&stage, &values).await.unwrap());
        assert_eq!((answer.valid, answer.invalid.len()), (fields.clone(), 0));
    }
    let other = Pii::new(format!("not {}", items[0].value.expose()));
    let mut wrong_value = values.clone();
    wrong_value[0].value = &other;
    let mut wrong_pepper = values.clone();
    wrong_pepper[0].pepper = values[1].pepper;
    for wrong in [wrong_value, wrong_pepper] {
        let answer = check(&stage, &wrong).await.unwrap();
        assert_eq!(answer.invalid, [items[0].field.as_str()]);
        assert_eq!(answer.valid.len(), items.len() - 1);
    }
    assert_eq!(stage.bench.held(), 1);
}

/// An answer that leaves a value out, names one more or another, or says nothing is no answer.
pub async fn an_answer_about_other_values_than_were_asked_about_is_not_believed<B: Bench>() {
    let Some((stage, items)) = delivered::<B>().await else {
        return;
    };
    let values: Vec<_> = items.iter().map(to_check).collect();
    let (all, first, second) = (&values[..], &values[..1], &values[1..2]);
    let twice = [values[0], values[0]];
    let questions = [
        ("less", first, all),
        ("more", all, first),
        ("other", second, first),
        ("twice", &twice[..], first),
    ];
    for (what, answered, asked) in questions {
        // What the provider makes of this question is its own business.
        let _ = check(&stage, answered).await;
        stage.front.upset(Upset::Replayed(stage.front.answered()));
        let outcome = check(&stage, asked).await;
        assert!(outcome.is_err(), "{what}: {outcome:?}");
        check(&stage, asked).await.unwrap();
    }
    for body in nonsense() {
        stage.front.upset(Upset::Answered(200, "", body));
        let failure = check(&stage, all).await.expect_err("it says nothing");
        assert!(!failure.is_retryable(), "{failure:?}");
    }
}

/// However it is not answered, it can be made again, and says the same.
pub async fn a_check_of_values_that_is_not_answered_says_what_may_be_done_next<B: Bench>() {
    let Some((stage, items)) = delivered::<B>().await else {
        return;
    };
    let values: Vec<_> = items.iter().map(to_check).collect();
    each_says_what_may_be_done_next(&stage, async |facade| {
        Ok(sorted(check_by(&stage, facade, &values).await?))
    })
    .await;
}

/// A check is dropped on either side; made again, it says the same.
pub async fn a_crash_on_either_side_of_a_check_of_values_leaves_it_askable<B: Bench>() {
    let Some((stage, items)) = delivered::<B>().await else {
        return;
    };
    let values: Vec<_> = items.iter().map(to_check).collect();
    let whole = sorted(check(&stage, &values).await.unwrap());
    for (crash, count) in [(Upset::Silence, 1), (Upset::SilenceAfter, 2)] {
        stage.front.upset(crash.clone());
        tokio::select! {
            answered = check(&stage, &values) => panic!("{crash:?}: {answered:?}"),
            () = stage.front.silent(count) => {}
        }
        assert_eq!(sorted(check(&stage, &values).await.unwrap()), whole);
    }
}
