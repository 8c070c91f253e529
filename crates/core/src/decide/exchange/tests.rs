use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::decide::rows::{DAY, DEADLINES, MADE, begun, kinds, row_of};
use crate::decide::{
    Came, DATA_IDENTITY, DataArrival, DataKept, cancel, continued, data_kept, data_received,
    expire_action, needed_timer,
};
use crate::{ClaimStatus, HandoverKind, JobKind, JobWrite, NewEvent, Sealed};

fn handed_in(row: &Verification, kind: HandoverKind, now: Timestamp) -> Result<Change, Reason> {
    let reference = (kind, Sealed::new(b"reference".to_vec()));
    continued(row, 1, reference, now, &DEADLINES)
}

/// One whose code is to be exchanged.
fn exchanging() -> Verification {
    row_of(&handed_in(&begun(), HandoverKind::Code, MADE).unwrap())
}

fn tell(row: &Verification, event: &PageEvent, now: Timestamp) -> Result<Change, Reason> {
    page_told(row, 1, event, now, &DEADLINES)
}

fn arrival<'a>(fields: &'a [&'a str], refuted: &'a [&'a str]) -> DataArrival<'a> {
    DataArrival {
        came: Came {
            fields,
            refuted,
            ..Came::default()
        },
        extra: false,
        digest_mismatch: false,
        imported: false,
        provider_time: None,
        assurance: Assurance::Signed,
        late: false,
    }
}

fn error(word: &'static str) -> PageEvent {
    PageEvent::Error(word.into())
}

#[test]
fn a_page_is_believed_on_its_word_alone_and_each_thing_is_noted_once() {
    let told = [
        (PageEvent::Seen, EventKind::RequestSeen, None),
        (error("no-qr"), EventKind::PageError, Some("no-qr")),
        (PageEvent::Declined, EventKind::RequestDeclined, None),
    ];
    for (event, kind, word) in told {
        let change = tell(&begun(), &event, MADE).unwrap();
        assert_eq!(kinds(&change), [kind]);
        let said = &change.events[0];
        assert_eq!(said.assurance, Assurance::Local);
        assert_eq!(said.provider_status.as_deref(), word);
        let end = (State::Rejected, Some(Reason::UserDeclined));
        let state = row_of(&change).state();
        if kind == EventKind::RequestDeclined {
            assert_eq!(state, end);
        } else {
            assert_eq!(state, (State::Pending, None));
        }
        let noted = SeenKey {
            verification: begun().id,
            attempt: 1,
            identity: event.identity(),
        };
        assert_eq!(change.seen, [SeenWrite::First(noted)]);
    }
    let all = [PageEvent::Seen, PageEvent::Declined, error("a"), error("b")];
    let identities: BTreeSet<_> = all.iter().map(PageEvent::identity).collect();
    assert_eq!(identities.len(), 4);
    assert!(!identities.contains(DATA_IDENTITY));
}

#[test]
fn a_page_tells_nothing_late_or_of_what_waits_for_no_browser() {
    let ended = row_of(&tell(&begun(), &PageEvent::Declined, MADE).unwrap());
    let cancelled = row_of(&cancel(&begun(), MADE, &DEADLINES).unwrap().unwrap());
    let mut intended = begun();
    intended.attempts[0].phase = StartPhase::Intended;
    let mut over = begun();
    over.expire_time = MADE;
    let late = MADE + DAY;
    for (row, now) in [
        (begun(), late),
        (over, MADE),
        (ended, MADE),
        (cancelled, MADE),
        (intended, MADE),
        (exchanging(), MADE),
    ] {
        for event in [PageEvent::Seen, PageEvent::Declined, error("a")] {
            let refused = tell(&row, &event, now).unwrap_err();
            assert_eq!(refused, Reason::NotContinuable);
        }
        let code = handed_in(&row, HandoverKind::Code, now).unwrap_err();
        let has_one = row.attempts[0].handover.is_some();
        let why = if has_one {
            Reason::AlreadyContinued
        } else {
            Reason::NotContinuable
        };
        assert_eq!(code, why);
    }
    assert!(tell(&begun(), &PageEvent::Seen, late - DAY / 2).is_ok());
}

#[test]
fn a_code_is_the_users_part_and_its_exchange_is_due_at_once() {
    let change = handed_in(&begun(), HandoverKind::Code, MADE).unwrap();
    assert_eq!(kinds(&change), [EventKind::Continued]);
    let row = row_of(&change);
    assert_eq!(row.state(), (State::Processing, None));
    assert_eq!(row.attempts[0].accept_time, Some(MADE));
    let timer = needed_timer(&row, 1, &DEADLINES);
    assert_eq!(timer, Some((JobKind::Exchange, MADE)));
    let scheduled = change.jobs.iter().any(|job| {
        matches!(job, JobWrite::Schedule { key, due, leased_until: None }
            if key.kind == JobKind::Exchange && *due == MADE)
    });
    let dropped = change
        .jobs
        .iter()
        .any(|job| matches!(job, JobWrite::Drop(key) if key.kind == JobKind::ExpireAction));
    assert!(scheduled && dropped, "{:?}", change.jobs);
    // A request that is looked at has no exchange.
    let looked_at = row_of(&handed_in(&begun(), HandoverKind::Request, MADE).unwrap());
    assert_eq!(looked_at.state(), (State::Pending, None));
    let (kind, _) = needed_timer(&looked_at, 1, &DEADLINES).unwrap();
    assert_eq!(kind, JobKind::ExpireAction);
}

#[test]
fn an_answer_that_is_kept_moves_nothing_and_leaves_the_job_as_it_is() {
    let row = exchanging();
    let change = code_exchanged(&row, 1, MADE + DAY, &DEADLINES).unwrap();
    assert_eq!(kinds(&change), [EventKind::CodeExchanged]);
    assert_eq!(change.events[0].assurance, Assurance::Pulled);
    assert_eq!(row_of(&change).state(), (State::Processing, None));
    // Its count of sends stays with it.
    assert_eq!(change.jobs, []);
}

#[test]
fn an_exchange_that_comes_to_nothing_ends_the_attempt_for_its_reason_and_drops_the_job() {
    let ends = [
        Fact::Failed(Reason::CodeAlreadyUsed),
        Fact::Failed(Reason::ExchangeAbandoned),
        Fact::Failed(Reason::ExchangeRefused),
        Fact::Failed(Reason::ExchangeUnauthorized),
        Fact::Failed(Reason::ExchangeAnswerInvalid),
        Fact::Failed(Reason::PayloadNotEncrypted),
        Fact::Failed(Reason::ExchangeOutcomeUnknown),
        Fact::Rejected(Reason::SubjectMismatch),
    ];
    for fact in ends {
        for assurance in [Assurance::Local, Assurance::Pulled] {
            let change = exchange_ended(&exchanging(), 1, (fact, assurance), MADE, &DEADLINES);
            let change = change.unwrap();
            assert_eq!(kinds(&change), [EventKind::FailureReported]);
            assert_eq!(change.events[0].assurance, assurance);
            let end = match fact {
                Fact::Rejected(reason) => (State::Rejected, Some(reason)),
                Fact::Failed(reason) => (State::Failed, Some(reason)),
                _ => continue,
            };
            let row = row_of(&change);
            assert_eq!(row.state(), end);
            assert_eq!(change.events[0].reason, end.1);
            let mut jobs = change.jobs.iter();
            assert!(
                jobs.any(|job| matches!(job, JobWrite::Drop(key) if key.kind == JobKind::Exchange))
            );
            let again = exchange_ended(&row, 1, (fact, assurance), MADE, &DEADLINES);
            assert_eq!(again, None);
            assert_eq!(code_exchanged(&row, 1, MADE, &DEADLINES), None);
        }
    }
}

#[test]
fn what_exchanges_no_code_comes_to_nothing_by_an_exchange() {
    let looked_at = row_of(&handed_in(&begun(), HandoverKind::Request, MADE).unwrap());
    let cancelled = row_of(&cancel(&exchanging(), MADE, &DEADLINES).unwrap().unwrap());
    for row in [begun(), looked_at, cancelled] {
        let end = (Fact::Failed(Reason::ExchangeRefused), Assurance::Pulled);
        assert_eq!(exchange_ended(&row, 1, end, MADE, &DEADLINES), None);
        assert_eq!(code_exchanged(&row, 1, MADE, &DEADLINES), None);
        assert_eq!(exchange_ended(&row, 7, end, MADE, &DEADLINES), None);
    }
}

#[test]
fn claims_that_do_not_hold_give_way_to_a_newer_attempts_and_not_the_other_way_round() {
    let first = row_of(&data_received(
        &exchanging(),
        1,
        &arrival(&["name"], &["name"]),
        MADE,
        &DEADLINES,
    ));
    let why = Some(Reason::ClaimNotValid);
    assert_eq!(first.state(), (State::Rejected, why));
    let mut row = first;
    let mut second = exchanging().attempts.remove(0);
    second.number = 2;
    row.attempts.push(second);
    let refuted = arrival(&["name"], &["name"]).came;
    let whole = arrival(&["name"], &[]).came;
    assert_eq!(data_kept(&row, 2, &refuted), DataKept::Claims);
    let newer = arrival(&["name", "email"], &["name"]);
    let row = row_of(&data_received(&row, 2, &newer, MADE, &DEADLINES));
    assert_eq!(row.attempts[1].state(), (State::Rejected, why));
    assert_eq!(data_kept(&row, 1, &refuted), DataKept::Message);
    assert_eq!(data_kept(&row, 1, &whole), DataKept::Claims);
}

#[test]
fn a_users_name_alone_makes_nothing_verified_where_all_else_does_not_hold() {
    let mut row = exchanging();
    row.claims[0].name = crate::ClaimName::ProviderSubject;
    let table: [(&[&str], &[&str], State); 5] = [
        (&["name"], &[], State::Verified),
        (&["name"], &["name"], State::Rejected),
        (&["name", "email"], &[], State::Verified),
        (&["name", "email"], &["email"], State::Rejected),
        (&["name", "email"], &["name"], State::Rejected),
    ];
    for (fields, refuted, state) in table {
        let change = data_received(&row, 1, &arrival(fields, refuted), MADE, &DEADLINES);
        assert_eq!(row_of(&change).state().0, state, "{fields:?} {refuted:?}");
    }
}

/// The claims of the rows, and whether each is required.
const CLAIMS: [(&str, bool); 2] = [("name", true), ("email", false)];

#[derive(Clone, Copy, Debug)]
enum Deed {
    Seen,
    Declined,
    Error,
    Code,
    Kept,
    Ended(usize),
    /// Which came, and which of them do not hold.
    Data([bool; 2], [bool; 2]),
    Cancelled,
    TimePasses(u32),
}

/// Why an exchange can end.
const ENDS: [Fact; 3] = [
    Fact::Failed(Reason::ExchangeOutcomeUnknown),
    Fact::Failed(Reason::ExchangeRefused),
    Fact::Rejected(Reason::SubjectMismatch),
];

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        1 => Just(Deed::Seen),
        1 => Just(Deed::Declined),
        1 => Just(Deed::Error),
        4 => Just(Deed::Code),
        2 => Just(Deed::Kept),
        2 => (0..ENDS.len()).prop_map(Deed::Ended),
        2 => any::<([bool; 2], [bool; 2])>().prop_map(|(came, not)| Deed::Data(came, not)),
        1 => Just(Deed::Cancelled),
        2 => (0_u32..30).prop_map(Deed::TimePasses),
    ]
}

fn named(which: [bool; 2]) -> Vec<&'static str> {
    let all = CLAIMS.iter().zip(which);
    all.filter(|(_, is)| *is)
        .map(|((field, _), _)| *field)
        .collect()
}

/// What data comes to, by the table in the documents.
fn end_of(required: [bool; 2], came: [bool; 2], not: [bool; 2]) -> (State, Option<Reason>) {
    let is_wrong = [0, 1].map(|place| came[place] && not[place]);
    let lacks = [0, 1].iter().any(|place| required[*place] && !came[*place]);
    let refuted = [0, 1]
        .iter()
        .any(|place| required[*place] && is_wrong[*place]);
    let is_nothing = came != [false; 2] && is_wrong == came;
    if lacks {
        (State::Failed, Some(Reason::RequiredItemMissing))
    } else if refuted || is_nothing {
        (State::Rejected, Some(Reason::ClaimNotValid))
    } else {
        (State::Verified, None)
    }
}

proptest! {
    #[test]
    fn what_becomes_of_each_claim_is_what_came_of_it_and_whether_it_holds(
        required in any::<[bool; 2]>(),
        came in any::<[bool; 2]>(),
        not in any::<[bool; 2]>(),
    ) {
        let mut row = exchanging();
        for (claim, required) in row.claims.iter_mut().zip(required) {
            claim.required = required;
        }
        let refuted: Vec<_> = named(not).into_iter().filter(|f| named(came).contains(f)).collect();
        let fields = named(came);
        let data = arrival(&fields, &refuted);
        let change = data_received(&row, 1, &data, MADE, &DEADLINES);
        prop_assert_eq!(kinds(&change), [EventKind::DataReceived]);
        prop_assert_eq!(change.events[0].assurance, Assurance::Signed);
        let row = row_of(&change);
        prop_assert_eq!(row.state(), end_of(required, came, not));
        let is_partly = row.state().0 == State::Verified && !refuted.is_empty();
        let warnings: Vec<_> = is_partly.then_some(Reason::OptionalClaimNotValid).into_iter().collect();
        prop_assert_eq!(&change.events[0].warnings, &warnings);
        prop_assert_eq!(row.warnings(), warnings);
        for (place, claim) in row.claims.iter().enumerate() {
            let expected = match (came[place], not[place]) {
                (false, _) => ClaimStatus::NotHeld,
                (true, true) => ClaimStatus::Invalid,
                (true, false) => ClaimStatus::Granted,
            };
            prop_assert_eq!(claim.status, expected);
        }
    }

    #[test]
    fn any_course_of_pages_codes_ends_and_time_ends_as_the_table_says(
        deeds in prop::collection::vec(deed(), 0..25),
    ) {
        let mut row = begun();
        let mut now = MADE;
        let (mut state, mut has_code) = ((State::Pending, None), false);
        let mut events: Vec<NewEvent> = Vec::new();
        let first = row.revision.0;
        for deed in deeds {
            let pending = state.0 == State::Pending && now < MADE + DAY;
            let exchanges = state.0 == State::Processing;
            let mut expected = state;
            let change = match deed {
                Deed::Seen | Deed::Declined | Deed::Error => {
                    let event = match deed {
                        Deed::Seen => PageEvent::Seen,
                        Deed::Declined => PageEvent::Declined,
                        _ => error("a"),
                    };
                    let change = tell(&row, &event, now);
                    prop_assert_eq!(change.is_ok(), pending);
                    if pending && event == PageEvent::Declined {
                        expected = (State::Rejected, Some(Reason::UserDeclined));
                    }
                    change.ok()
                }
                Deed::Code => {
                    let change = handed_in(&row, HandoverKind::Code, now);
                    prop_assert_eq!(change.is_ok(), pending && !has_code);
                    if change.is_ok() {
                        (has_code, expected) = (true, (State::Processing, None));
                    }
                    change.ok()
                }
                Deed::Kept => {
                    let change = code_exchanged(&row, 1, now, &DEADLINES);
                    prop_assert_eq!(change.is_some(), exchanges);
                    change
                }
                Deed::Ended(which) => {
                    let end = (ENDS[which], Assurance::Pulled);
                    let change = exchange_ended(&row, 1, end, now, &DEADLINES);
                    prop_assert_eq!(change.is_some(), exchanges);
                    if exchanges {
                        expected = match ENDS[which] {
                            Fact::Rejected(reason) => (State::Rejected, Some(reason)),
                            Fact::Failed(reason) => (State::Failed, Some(reason)),
                            _ => expected,
                        };
                    }
                    change
                }
                // The engine reads what it kept for an attempt that still waits for it.
                Deed::Data(came, not) if exchanges => {
                    let (fields, refuted) = (named(came), named(not));
                    let data = arrival(&fields, &refuted);
                    expected = end_of(CLAIMS.map(|(_, must)| must), came, not);
                    Some(data_received(&row, 1, &data, now, &DEADLINES))
                }
                Deed::Data(..) => None,
                Deed::Cancelled => {
                    let change = cancel(&row, now, &DEADLINES).ok().flatten();
                    if change.is_some() {
                        expected = (State::Cancelled, Some(Reason::CancelledByCaller));
                    }
                    change
                }
                Deed::TimePasses(hours) => {
                    now = now + DAY / 24 * hours;
                    let change = expire_action(&row, 1, now, &DEADLINES);
                    let is_over = state.0 == State::Pending && now >= MADE + DAY;
                    prop_assert_eq!(change.is_some(), is_over);
                    if is_over {
                        expected = (State::Expired, Some(Reason::ActionExpired));
                    }
                    change
                }
            };
            if let Some(change) = change {
                row = row_of(&change);
                events.extend(change.events);
            }
            state = expected;
            prop_assert_eq!(row.state(), state);
            // Whoever waits for an outcome has the job that brings it, and nobody else has.
            let timer = needed_timer(&row, 1, &DEADLINES).map(|(kind, _)| kind);
            prop_assert_eq!(timer == Some(JobKind::Exchange), state.0 == State::Processing);
        }
        let revisions = events.iter().map(|event| event.revision.0);
        prop_assert!(revisions.eq((first + 1..).take(events.len())));
    }
}
