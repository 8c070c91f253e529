use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::decide::Document;
use crate::decide::rows::{DAY, DEADLINES, MADE, begun, kinds, row_of};
use crate::decide::{
    Polls, cancel, expire_action, miss_data_deadline, miss_processing_deadline, next_look,
};
use crate::{DocumentType, Mark, NewEvent, OTHER_WORD};

/// One whose browser has brought something back.
fn handed_over() -> Verification {
    let reference = Sealed::new(b"reference".to_vec());
    row_of(
        &continued(
            &begun(),
            1,
            (HandoverKind::Request, reference),
            MADE,
            &DEADLINES,
        )
        .unwrap(),
    )
}

fn look(status: &'static str, rank: u16, fact: Option<Fact>) -> Look {
    Look {
        status: status.into(),
        rank,
        fact,
        whose: Whose::Theirs,
        progress: None,
        marks: Marks::default(),
        offers: Vec::new(),
    }
}

fn readable() -> Look {
    look("verification-success", 3, Some(Fact::Confirmed))
}

fn passed() -> Look {
    look("partner-pass", 4, Some(Fact::Approved))
}

fn came(fields: &'static [&'static str]) -> Came<'static> {
    Came {
        fields,
        ..Came::default()
    }
}

fn whole() -> PulledClaims<'static> {
    PulledClaims {
        came: came(&["name", "email"]),
        decision: None,
    }
}

fn in_review(reviewer: Reviewer) -> Verification {
    let row = row_of(&looked(&handed_over(), 1, readable(), MADE, &DEADLINES).unwrap());
    row_of(&claims_pulled(
        &row,
        1,
        &whole(),
        reviewer,
        MADE,
        &DEADLINES,
    ))
}

#[test]
fn each_difference_between_two_looks_is_one_event_and_the_same_look_is_none() {
    let row = handed_over();
    let first = Look {
        progress: Some("in-progress".into()),
        offers: vec!["b".to_owned(), "a".to_owned(), "b".to_owned()],
        ..look("user-acknowledged", 2, Some(Fact::Accepted))
    };
    let change = looked(&row, 1, first.clone(), MADE, &DEADLINES).unwrap();
    assert_eq!(
        kinds(&change),
        [
            EventKind::ProviderStatus,
            EventKind::ProviderProgress,
            EventKind::EvidenceOffered
        ]
    );
    assert!(
        change
            .events
            .iter()
            .all(|e| e.assurance == Assurance::Pulled)
    );
    let row = row_of(&change);
    assert_eq!(row.state().0, State::Processing);
    assert_eq!(looked(&row, 1, first.clone(), MADE, &DEADLINES), None);
    let second = Look {
        progress: None,
        ..first
    };
    let change = looked(&row, 1, second, MADE, &DEADLINES).unwrap();
    assert_eq!(kinds(&change), [EventKind::ProviderProgress]);
    assert_eq!(change.events[0].provider_progress, None);
}

#[test]
fn a_change_between_two_texts_that_are_not_shown_is_told_all_the_same() {
    let text = |status, progress| Look {
        progress: Some(OTHER_WORD.into()),
        marks: Marks {
            status: Some(Mark(status)),
            progress: Some(Mark(progress)),
        },
        ..look(OTHER_WORD, 0, None)
    };
    let row = row_of(&looked(&handed_over(), 1, text(1, 1), MADE, &DEADLINES).unwrap());
    assert_eq!(looked(&row, 1, text(1, 1), MADE, &DEADLINES), None);
    let change = looked(&row, 1, text(1, 2), MADE, &DEADLINES).unwrap();
    assert_eq!(kinds(&change), [EventKind::ProviderProgress]);
    let row = row_of(&change);
    let change = looked(&row, 1, text(2, 2), MADE, &DEADLINES).unwrap();
    assert_eq!(kinds(&change), [EventKind::ProviderStatus]);
    assert_eq!(
        looked(&row_of(&change), 1, text(2, 2), MADE, &DEADLINES),
        None
    );
}

fn nameless(look: Look) -> Look {
    Look {
        whose: Whose::Nameless,
        ..look
    }
}

#[test]
fn once_the_user_was_named_only_another_s_name_is_a_mismatch() {
    let row = in_review(Reviewer::Provider);
    let verified = row_of(&looked(&row, 1, nameless(passed()), MADE, &DEADLINES).unwrap());
    assert_eq!(verified.state().0, State::Verified);
    // Named once is enough, whether or not anything was taken.
    let named = row_of(&looked(&handed_over(), 1, readable(), MADE, &DEADLINES).unwrap());
    let passed_now = row_of(&looked(&named, 1, nameless(passed()), MADE, &DEADLINES).unwrap());
    assert!(passed_now.attempts[0].facts.is_approved());
    let anothers = Look {
        whose: Whose::Anothers,
        ..passed()
    };
    let rejected = row_of(&looked(&named, 1, anothers, MADE, &DEADLINES).unwrap());
    assert_eq!(
        rejected.state(),
        (State::Rejected, Some(Reason::SubjectMismatch))
    );
}

#[test]
fn nobody_is_verified_before_he_is_named() {
    let early = looked(&handed_over(), 1, nameless(passed()), MADE, &DEADLINES).unwrap();
    let row = row_of(&early);
    assert_eq!(row.state().0, State::Processing);
    assert!(!row.attempts[0].facts.is_approved() && !row.attempts[0].facts.is_matched());
    assert_eq!(looked(&row, 1, nameless(passed()), MADE, &DEADLINES), None);
    // His name is news, though the word is the same.
    let change = looked(&row, 1, passed(), MADE, &DEADLINES).unwrap();
    assert_eq!(kinds(&change), [EventKind::ProviderStatus]);
    let attempt = &row_of(&change).attempts[0];
    assert!(attempt.facts.is_approved() && attempt.facts.is_matched());
}

#[test]
fn a_request_is_free_again_once_it_is_another_s_or_came_to_a_bad_end_unnamed() {
    let unmatched = handed_over();
    let matched = row_of(&looked(&unmatched, 1, readable(), MADE, &DEADLINES).unwrap());
    let declined = || {
        let no = Fact::Rejected(Reason::UserDeclined);
        look("user-cancelled", 4, Some(no))
    };
    let table = [
        (declined(), Whose::Unsaid, [true, false]),
        (declined(), Whose::Nameless, [true, false]),
        (declined(), Whose::Theirs, [false, false]),
        (readable(), Whose::Nameless, [false, false]),
        (readable(), Whose::Anothers, [true, true]),
    ];
    for (look, whose, frees) in table {
        let look = Look { whose, ..look };
        let frees_of = |row: &Verification| look.frees(&row.attempts[0]);
        assert_eq!([&unmatched, &matched].map(frees_of), frees, "{look:?}");
    }
}

#[test]
fn a_word_that_comes_again_after_another_is_told_again_and_moves_nothing() {
    let row = row_of(&looked(&handed_over(), 1, readable(), MADE, &DEADLINES).unwrap());
    let back = look("user-acknowledged", 2, Some(Fact::Accepted));
    let change = looked(&row, 1, back, MADE, &DEADLINES).unwrap();
    assert!(!change.events[0].applied);
    let row = row_of(&change);
    assert_eq!(row.state().0, State::Processing);
    assert_eq!(row.provider_status().unwrap(), "verification-success");
    assert!(looked(&row, 1, readable(), MADE, &DEADLINES).is_some());
}

#[test]
fn nothing_can_be_brought_back_twice_late_or_for_an_attempt_that_has_ended() {
    let reference = || Sealed::new(b"another".to_vec());
    let refused = |row: &Verification, now| {
        continued(
            row,
            1,
            (HandoverKind::Request, reference()),
            now,
            &DEADLINES,
        )
        .err()
    };
    assert_eq!(
        refused(&handed_over(), MADE),
        Some(Reason::AlreadyContinued)
    );
    assert_eq!(refused(&begun(), MADE + DAY), Some(Reason::NotContinuable));
    let cancelled = row_of(&cancel(&begun(), MADE, &DEADLINES).unwrap().unwrap());
    assert_eq!(refused(&cancelled, MADE), Some(Reason::NotContinuable));
}

#[test]
fn the_provider_has_the_last_word_of_a_decision_unless_nobody_can_be_told() {
    let row = in_review(Reviewer::Provider);
    assert_eq!(row.state().0, State::InReview);
    let approve = |row: &Verification, reviewer| {
        decided(row, 1, Decision::Approve, reviewer, MADE, &DEADLINES)
    };
    let change = approve(&row, Reviewer::Provider).unwrap().unwrap();
    assert_eq!(change.events[0].decision, Some(Decision::Approve));
    let waiting = row_of(&change);
    assert_eq!(waiting.state().0, State::InReview);
    assert!(waiting.attempts[0].pending_decision().is_some());
    assert_eq!(
        needed_timer(&waiting, 1, &DEADLINES).unwrap().0,
        JobKind::SendDecision
    );
    // It is told until the provider has it, so nobody calls it off on the way.
    assert_eq!(
        cancel(&waiting, MADE, &DEADLINES),
        Err(Reason::DecisionPending)
    );
    let done = row_of(&looked(&waiting, 1, passed(), MADE, &DEADLINES).unwrap());
    assert_eq!(done.state().0, State::Verified);
    assert_eq!(done.attempts[0].pending_decision(), None);

    let alone = approve(&in_review(Reviewer::CallerAlone), Reviewer::CallerAlone);
    assert_eq!(row_of(&alone.unwrap().unwrap()).state().0, State::Verified);
}

#[test]
fn a_decision_is_made_once_and_only_in_review() {
    let decide = |row: &Verification, decision| {
        decided(row, 1, decision, Reviewer::Provider, MADE, &DEADLINES)
    };
    for early in [begun(), handed_over()] {
        for decision in [Decision::Approve, Decision::Reject] {
            assert_eq!(decide(&early, decision), Err(Reason::ReviewNotOpen));
        }
    }
    let open = in_review(Reviewer::Provider);
    let row = row_of(&decide(&open, Decision::Reject).unwrap().unwrap());
    assert_eq!(decide(&row, Decision::Reject), Ok(None));
    assert_eq!(
        decide(&row, Decision::Approve),
        Err(Reason::ReviewDecidedOtherwise)
    );
    // Somebody else was quicker.
    let elsewhere = row_of(&looked(&open, 1, passed(), MADE, &DEADLINES).unwrap());
    assert_eq!(
        decide(&elsewhere, Decision::Reject),
        Err(Reason::ReviewNotOpen)
    );
}

#[test]
fn claims_without_a_required_one_fail_and_those_of_another_document_do_not_count() {
    let row = handed_over();
    let without = PulledClaims {
        came: came(&["email"]),
        ..whole()
    };
    let change = claims_pulled(&row, 1, &without, Reviewer::Provider, MADE, &DEADLINES);
    let failed = row_of(&change);
    assert_eq!(
        failed.state(),
        (State::Failed, Some(Reason::RequiredItemMissing))
    );
    let mut named = handed_over();
    named.claims[0].document = Some(DocumentType::Passport);
    for (document, state) in [
        (Document::Known(DocumentType::Passport), State::InReview),
        (Document::Known(DocumentType::IdCard), State::Failed),
        (Document::Other, State::Failed),
    ] {
        let mut claims = whole();
        claims.came.document = Some(document);
        let change = claims_pulled(&named, 1, &claims, Reviewer::Provider, MADE, &DEADLINES);
        assert_eq!(row_of(&change).state().0, state, "{document:?}");
    }
}

#[test]
fn a_decision_known_beforehand_is_made_with_the_claims() {
    let claims = PulledClaims {
        decision: Some(Decision::Approve),
        ..whole()
    };
    let pulled = |reviewer| claims_pulled(&handed_over(), 1, &claims, reviewer, MADE, &DEADLINES);
    let change = pulled(Reviewer::CallerAlone);
    assert_eq!(
        kinds(&change),
        [EventKind::ReviewNeeded, EventKind::ReviewDecided]
    );
    assert_eq!(row_of(&change).state().0, State::Verified);
    let row = row_of(&pulled(Reviewer::Provider));
    assert_eq!(row.state().0, State::InReview);
    assert!(row.attempts[0].pending_decision().is_some());
}

#[test]
fn a_review_is_reminded_of_once_and_ends_as_configured() {
    let row = in_review(Reviewer::Provider);
    assert_eq!(remind_reviewer(&row, 1, MADE, &DEADLINES), None);
    assert_eq!(row.review_deadline(), Some(MADE + 3 * DAY));
    let reminded = row_of(&remind_reviewer(&row, 1, MADE + DAY, &DEADLINES).unwrap());
    assert_eq!(
        remind_reviewer(&reminded, 1, MADE + 2 * DAY, &DEADLINES),
        None
    );
    let miss = |overdue, reviewer, after| {
        let deadlines = Deadlines {
            overdue,
            ..DEADLINES
        };
        let change = miss_review_deadline(&reminded, 1, reviewer, MADE + after, &deadlines);
        change.map(|change| (kinds(&change), row_of(&change).state()))
    };
    let late = 3 * DAY;
    assert_eq!(miss(None, Reviewer::Provider, 2 * DAY), None);
    let overdue = vec![EventKind::ReviewOverdue];
    assert_eq!(
        miss(None, Reviewer::Provider, late),
        Some((
            overdue.clone(),
            (State::Failed, Some(Reason::ReviewOverdue))
        ))
    );
    assert_eq!(
        miss(Some(Decision::Reject), Reviewer::CallerAlone, late),
        Some((
            overdue.clone(),
            (State::Rejected, Some(Reason::ReviewRejected))
        ))
    );
    assert_eq!(
        miss(Some(Decision::Reject), Reviewer::Provider, late),
        Some((overdue, (State::InReview, None)))
    );
}

/// What can happen to an attempt after its browser has brought something back.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Look(usize),
    Claims { whole: bool },
    Decide(Decision),
    Cancel,
    Later(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..WORDS.len()).prop_map(Deed::Look),
        2 => any::<bool>().prop_map(|whole| Deed::Claims { whole }),
        2 => prop_oneof![Just(Decision::Approve), Just(Decision::Reject)].prop_map(Deed::Decide),
        1 => Just(Deed::Cancel),
        1 => (1_u64..100).prop_map(Deed::Later),
    ]
}

const WORDS: [(&str, Option<Fact>); 7] = [
    ("awaiting-user", None),
    ("user-acknowledged", Some(Fact::Accepted)),
    ("verification-success", Some(Fact::Confirmed)),
    (
        "verification-failed",
        Some(Fact::Failed(Reason::IdentityNotConfirmed)),
    ),
    ("user-cancelled", Some(Fact::Rejected(Reason::UserDeclined))),
    ("partner-pass", Some(Fact::Approved)),
    ("partner-fail", Some(Fact::Rejected(Reason::ReviewRejected))),
];

/// What is known, and what follows from it: the published table, and the order of states.
#[derive(Default)]
struct Model {
    words: [bool; WORDS.len()],
    claims: bool,
    lacking: bool,
    timed_out: Option<State>,
    decided_alone: Option<Decision>,
    cancelled: bool,
}

impl Model {
    fn state(&self) -> State {
        let [_, acknowledged, success, failed, declined, pass, fail] = self.words;
        let yes = pass || self.decided_alone == Some(Decision::Approve);
        let no = fail || self.decided_alone == Some(Decision::Reject);
        let table = [
            (self.cancelled, State::Cancelled),
            (yes && self.claims, State::Verified),
            (
                failed || self.lacking || self.timed_out == Some(State::Failed),
                State::Failed,
            ),
            (declined || no, State::Rejected),
            (self.timed_out == Some(State::Expired), State::Expired),
            (self.claims, State::InReview),
            (acknowledged || success || yes, State::Processing),
        ];
        let found = table.into_iter().find(|(holds, _)| *holds);
        found.map_or(State::Pending, |(_, state)| state)
    }
}

/// Runs out what is due, as the engine's jobs do.
fn run_out(row: &Verification, reviewer: Reviewer, now: Timestamp) -> Option<Change> {
    expire_action(row, 1, now, &DEADLINES)
        .or_else(|| miss_processing_deadline(row, 1, now, &DEADLINES))
        .or_else(|| miss_data_deadline(row, 1, now, &DEADLINES))
        .or_else(|| remind_reviewer(row, 1, now, &DEADLINES))
        .or_else(|| miss_review_deadline(row, 1, reviewer, now, &DEADLINES))
}

proptest! {
    #[test]
    fn any_course_of_looks_claims_decisions_and_time_ends_as_the_table_says(
        deeds in prop::collection::vec(deed(), 0..30),
        told in any::<bool>(),
    ) {
        let reviewer = if told { Reviewer::Provider } else { Reviewer::CallerAlone };
        let mut row = handed_over();
        let mut model = Model::default();
        let mut events: Vec<NewEvent> = Vec::new();
        let mut now = MADE;
        for deed in deeds {
            let change = match deed {
                Deed::Look(which) => {
                    let (word, fact) = WORDS[which];
                    model.words[which] = true;
                    let rank = u16::try_from(which).unwrap() + 1;
                    looked(&row, 1, look(word, rank, fact), now, &DEADLINES)
                }
                Deed::Claims { whole: all } => {
                    model.claims |= all;
                    model.lacking |= !all;
                    let came = came(if all { &["name"] } else { &["email"] });
                    let claims = PulledClaims { came, ..whole() };
                    Some(claims_pulled(&row, 1, &claims, reviewer, now, &DEADLINES))
                }
                Deed::Decide(decision) => {
                    let review = row.attempts[0].handover.as_ref().unwrap().review;
                    let before = review.and_then(|review| review.decided);
                    let open = row.state().0 == State::InReview;
                    let decided = decided(&row, 1, decision, reviewer, now, &DEADLINES);
                    match (before, &decided) {
                        (Some((made, _)), Ok(None)) => prop_assert_eq!(made, decision),
                        (Some((made, _)), Err(Reason::ReviewDecidedOtherwise)) => {
                            prop_assert_ne!(made, decision);
                        }
                        (None, Err(Reason::ReviewNotOpen)) => prop_assert!(!open),
                        (None, Ok(Some(_))) => {
                            prop_assert!(open);
                            if !told {
                                model.decided_alone = Some(decision);
                            }
                        }
                        unexpected => prop_assert!(false, "{:?}", unexpected),
                    }
                    decided.ok().flatten()
                }
                Deed::Cancel => {
                    let is_pending = row.attempts[0].pending_decision().is_some();
                    let change = cancel(&row, now, &DEADLINES);
                    prop_assert_eq!(change == Err(Reason::DecisionPending), is_pending);
                    let change = change.ok().flatten();
                    model.cancelled |= change.is_some();
                    change
                }
                Deed::Later(hours) => {
                    now = now + Duration::from_secs(hours * 60 * 60);
                    let before = row.state().0;
                    let change = run_out(&row, reviewer, now);
                    if let Some(change) = &change {
                        let after = row_of(change).state().0;
                        if after != before {
                            model.timed_out = model.timed_out.max_by_precedence(after);
                        }
                    }
                    change
                }
            };
            if let Some(change) = change {
                prop_assert_eq!(change.verification.as_ref().unwrap().expected, Some(row.revision));
                row = row_of(&change);
                events.extend(change.events);
            }
            prop_assert_eq!(row.state().0, model.state());
            prop_assert_eq!(
                next_look(&row, 1, 0, now, &POLLS).is_some(),
                match row.state().0 {
                    State::Pending | State::Processing | State::InReview => true,
                    State::Verified | State::Rejected | State::Cancelled => false,
                    State::Expired | State::Failed => {
                        now < row.attempts[0].end_time.unwrap() + POLLS.after_end
                    }
                }
            );
        }
        // The log tells the whole course, each revision once.
        for (event, revision) in events.iter().zip(4..) {
            prop_assert_eq!(event.revision.0, revision);
        }
        if let Some(last) = events.last() {
            prop_assert_eq!(last.state_after, row.state().0);
        }
    }
}

const POLLS: Polls = Polls {
    first: Duration::from_secs(5),
    longest: DAY,
    after_end: DAY,
};

trait MaxByPrecedence {
    fn max_by_precedence(self, other: State) -> Self;
}

impl MaxByPrecedence for Option<State> {
    fn max_by_precedence(self, other: State) -> Self {
        let known = self.filter(|known| known.precedence() >= other.precedence());
        known.or(Some(other))
    }
}
