use proptest::prelude::*;

use super::*;

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let reason = prop::sample::select(Reason::ALL.to_vec());
    let fact = (0..20_u8, reason).prop_map(|(which, reason)| match which {
        0 => Fact::Accepted,
        1 => Fact::Confirmed,
        2 => Fact::Settled,
        3 => Fact::SettlementFailed,
        4 => Fact::ReviewNeeded,
        5 => Fact::DataComplete,
        6 => Fact::DataIncomplete,
        7 => Fact::Failed(reason),
        8 => Fact::Rejected(reason),
        9 => Fact::Expired(reason),
        10 => Fact::ExtraItems,
        11 => Fact::DataDiscarded,
        12 => Fact::DeliveryFailed,
        13 => Fact::UnusableImages,
        14 => Fact::Approved,
        15 => Fact::DataRefuted,
        16 => Fact::DigestMismatch,
        17 => Fact::RefutedInPart,
        18 => Fact::Matched,
        _ => Fact::Cancelled,
    });
    prop::collection::vec(fact, 0..12)
}

fn learn(facts: &[Fact]) -> Facts {
    facts.iter().fold(Facts::default(), |all, f| all.with(*f))
}

/// What one fact says on its own, written apart from the code above.
fn says(fact: Fact) -> State {
    match fact {
        Fact::Accepted | Fact::Confirmed | Fact::Settled | Fact::Approved => State::Processing,
        Fact::ReviewNeeded => State::InReview,
        Fact::DataComplete => State::Verified,
        Fact::SettlementFailed | Fact::DataIncomplete | Fact::Failed(_) => State::Failed,
        Fact::Rejected(_) | Fact::DataRefuted => State::Rejected,
        Fact::Expired(_) => State::Expired,
        Fact::Cancelled => State::Cancelled,
        Fact::ExtraItems
        | Fact::DataDiscarded
        | Fact::DeliveryFailed
        | Fact::UnusableImages
        | Fact::RefutedInPart
        | Fact::DigestMismatch
        | Fact::Matched => State::Pending,
    }
}

/// What two facts say together that neither says alone.
fn approved(facts: &[Fact]) -> Option<State> {
    let said = [Fact::Approved, Fact::ReviewNeeded]
        .iter()
        .all(|fact| facts.contains(fact));
    said.then_some(State::Verified)
}

proptest! {
    #[test]
    fn any_order_and_any_duplication_of_facts_end_the_same(
        (facts, shuffled) in facts().prop_flat_map(|facts| {
            let doubled: Vec<_> = facts.iter().chain(&facts).copied().collect();
            (Just(facts), Just(doubled).prop_shuffle())
        })
    ) {
        prop_assert_eq!(learn(&facts), learn(&shuffled));
    }

    #[test]
    fn the_state_is_the_greatest_of_what_is_known(facts in facts()) {
        let expected = facts
            .iter()
            .map(|fact| says(*fact))
            .chain(approved(&facts))
            .max_by_key(|state| state.precedence())
            .unwrap_or(State::Pending);
        prop_assert_eq!(learn(&facts).state().0, expected);
    }
}

#[test]
fn precedence_is_the_documented_order() {
    let order = [
        State::Cancelled,
        State::Verified,
        State::Failed,
        State::Rejected,
        State::Expired,
        State::InReview,
        State::Processing,
        State::Pending,
    ];
    assert!(order.is_sorted_by(|a, b| a.precedence() > b.precedence()));
}

#[test]
fn a_success_on_any_attempt_counts_and_else_the_newest_speaks() {
    let expired = Facts::default().with(Fact::Expired(Reason::ActionExpired));
    let verified = Facts::default().with(Fact::DataComplete);
    let open = Facts::default();
    assert_eq!(
        state_of_verification([expired, open].into_iter()).0,
        State::Pending
    );
    assert_eq!(
        state_of_verification([verified, open].into_iter()).0,
        State::Verified
    );
}

#[test]
fn settlement_that_failed_is_a_warning_once_data_is_here_in_either_order() {
    let a = Facts::default()
        .with(Fact::DataComplete)
        .with(Fact::SettlementFailed);
    let b = Facts::default()
        .with(Fact::SettlementFailed)
        .with(Fact::DataComplete);
    assert_eq!(a, b);
    assert_eq!(a.state().0, State::Verified);
    assert_eq!(a.warnings().collect::<Vec<_>>(), [Reason::SettlementFailed]);
    let without = Facts::default().with(Fact::SettlementFailed);
    assert_eq!(without.state(), (State::Failed, Some(Reason::FinishFailed)));
}

#[test]
fn data_that_came_and_was_not_kept_was_delivered() {
    let settled = Facts::default().with(Fact::Cancelled).with(Fact::Settled);
    let warnings = |facts: Facts| facts.warnings().collect::<Vec<_>>();
    assert_eq!(warnings(settled), [Reason::DataNotDelivered]);
    assert!(!settled.is_told_out());
    let delivered = settled.with(Fact::DataDiscarded);
    assert_eq!(warnings(delivered), [Reason::LateDataDiscarded]);
    assert!(delivered.is_told_out());
}
