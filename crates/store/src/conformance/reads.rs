//! Promises about lists, and about where callbacks lead.

use verilane_core::{
    BlindIndex, CallbackChannel, EventKind, Fact, LookupKind, ProviderName, SeenWrite, SlotHolder,
    SlotWrite, State, Verification, VerificationId,
};

use super::sample::{at, connection, create, digest, event, provider, row, seen, slot_of, step};
use super::{StoreUnderTest, open};
use crate::{CommitError, ListQuery, Listed, PageMark, Store};

/// What a list knows a verification by.
struct Known {
    row: Verification,
    lookups: Vec<(LookupKind, BlindIndex)>,
}

fn shared_lookup(kind: LookupKind, which: u8) -> (LookupKind, BlindIndex) {
    (kind, digest([which; 16], 9))
}

/// Twelve verifications that differ in everything a list can ask for, committed out of order.
async fn populate(store: &dyn Store) -> Vec<Known> {
    let mut known = Vec::new();
    for number in 0..12_u8 {
        let mut change = create(at(u64::from(number * 5 % 12) / 2));
        let write = change.verification.as_mut().unwrap();
        let row = &mut write.row;
        row.connection = connection(["first", "second", "third"][usize::from(number % 3)]);
        if number % 2 == 0 {
            row.provider = ProviderName::new("civic-pass").unwrap();
        }
        let fact = match number % 4 {
            0 => Some(Fact::Accepted),
            1 => Some(Fact::DataComplete),
            2 => Some(Fact::Cancelled),
            _ => None,
        };
        let attempt = &mut row.attempts[0];
        attempt.facts = fact.map_or(attempt.facts, |fact| attempt.facts.with(fact));
        change.events = vec![event(None, row, EventKind::Created)];
        change.indexes.extend([
            shared_lookup(LookupKind::Subject, number % 2),
            shared_lookup(LookupKind::Label, number % 3),
            // The same digest twice is one lookup.
            shared_lookup(LookupKind::Label, number % 3),
        ]);
        known.push(Known {
            row: row.clone(),
            lookups: change.indexes.clone(),
        });
        store.commit(change).await.unwrap();
    }
    known.sort_by_key(|known| std::cmp::Reverse((known.row.create_time, known.row.id)));
    known
}

fn expected<'k>(known: &'k [Known], query: &ListQuery) -> Vec<&'k Verification> {
    let one_of = |any: bool, none: bool| none || any;
    known
        .iter()
        .filter(|Known { row, lookups }| {
            let mark = (row.create_time, row.id);
            let names = &query.connections;
            let kinds = &query.providers;
            let states = &query.states;
            one_of(names.contains(&row.connection), names.is_empty())
                && one_of(kinds.contains(&row.provider), kinds.is_empty())
                && one_of(states.contains(&row.state().0), states.is_empty())
                && query.lookups.iter().all(|l| lookups.contains(l))
                && query.created_from.is_none_or(|t| row.create_time >= t)
                && query.created_before.is_none_or(|t| row.create_time < t)
                && query.after.is_none_or(|m| mark < (m.time, m.id))
        })
        .map(|known| &known.row)
        .take(query.limit as usize)
        .collect()
}

/// Each part of a query, and all of them together, give what they say, newest first.
pub async fn lists_match_every_part_of_their_query(place: impl StoreUnderTest) {
    let store = open(&place).await;
    let known = populate(&*store).await;
    let middle = &known[5].row;
    let mark = PageMark {
        time: middle.create_time,
        id: middle.id,
    };
    let subject = shared_lookup(LookupKind::Subject, 1);
    let label = shared_lookup(LookupKind::Label, 2);
    let own = known[3].lookups[0];
    let unknown = (LookupKind::SubjectRef, subject.1);
    let mut queries = vec![ListQuery::default()];
    let mut vary = |options: &[fn(&mut ListQuery, &Options)]| {
        let options: Vec<_> = options.to_vec();
        let context = Options {
            mark,
            lookups: [subject, label, own, unknown],
        };
        queries = queries
            .iter()
            .flat_map(|query| {
                options.iter().map(|option| {
                    let mut query = query.clone();
                    option(&mut query, &context);
                    query
                })
            })
            .collect();
    };
    vary(&[
        |_, _| {},
        |q, _| q.connections = vec![connection("first")],
        |q, _| q.connections = vec![connection("first"), connection("third")],
        |q, _| q.connections = vec![connection("nobody")],
    ]);
    vary(&[|_, _| {}, |q, _| q.providers = vec![provider()]]);
    vary(&[
        |_, _| {},
        |q, _| q.states = vec![State::Processing],
        |q, _| q.states = vec![State::Verified, State::Pending, State::Failed],
    ]);
    vary(&[
        |_, _| {},
        |q, o| q.lookups = vec![o.lookups[0]],
        |q, o| q.lookups = vec![o.lookups[0], o.lookups[1]],
        |q, o| q.lookups = vec![o.lookups[2]],
        |q, o| q.lookups = vec![o.lookups[3]],
    ]);
    vary(&[
        |_, _| {},
        |q, _| q.created_from = Some(at(2)),
        |q, _| q.created_before = Some(at(4)),
        |q, _| {
            q.created_from = Some(at(1));
            q.created_before = Some(at(3));
        },
    ]);
    vary(&[|_, _| {}, |q, o| q.after = Some(o.mark)]);
    vary(&[|q, _| q.limit = 100, |q, _| q.limit = 2]);
    let mut matched = 0;
    for query in &queries {
        let listed = store.list(query).await.unwrap();
        let found: Vec<_> = listed.iter().map(|listed| &listed.verification).collect();
        assert_eq!(found, expected(&known, query), "{query:?}");
        matched += usize::from(!found.is_empty());
    }
    assert!(
        matched * 4 > queries.len(),
        "{matched} of {}",
        queries.len()
    );
}

/// The subjects that a change brings take the place of those before, of its own verification and of no
/// other; what else it is found by stays. None brought leave none. It holds through a restart.
pub async fn a_verification_is_found_by_the_subjects_that_were_given_last(
    place: impl StoreUnderTest,
) {
    let store = open(&place).await;
    let [first, second, third] = [1, 2, 3].map(|which| shared_lookup(LookupKind::Subject, which));
    let label = shared_lookup(LookupKind::Label, 1);
    let (mut made, mut other) = (create(at(1)), create(at(0)));
    for change in [&mut made, &mut other] {
        change.indexes.extend([first, second, label]);
    }
    let others = row(&other).id;
    let mut now = row(&made);
    store.commit(made).await.unwrap();
    store.commit(other).await.unwrap();
    for (subjects, finds) in [
        (Some(vec![second.1, third.1, third.1]), [false, true, true]),
        (None, [false, true, true]),
        (Some(vec![first.1]), [true, false, false]),
        (Some(Vec::new()), [false, false, false]),
    ] {
        let mut change = step(&now, EventKind::DataReceived, |_| {});
        now = row(&change);
        change.subjects = subjects;
        store.commit(change).await.unwrap();
        for (lookup, is_found) in [first, second, third].into_iter().zip(finds) {
            let mut expected = Vec::new();
            expected.extend(is_found.then_some(now.id));
            expected.extend((lookup != third).then_some(others));
            assert_eq!(found(&*store, lookup).await, expected);
        }
        assert_eq!(found(&*store, label).await, [now.id, others]);
    }
    let mut nobodys = step(&now, EventKind::DataReceived, |_| {});
    nobodys.subjects = Some(vec![first.1]);
    (nobodys.verification, nobodys.events) = (None, Vec::new());
    let refused = store.commit(nobodys).await;
    assert!(
        matches!(refused, Err(CommitError::Invalid(_))),
        "{refused:?}"
    );
    place.close(store).await;
    let store = open(&place).await;
    assert_eq!(found(&*store, first).await, [others]);
    assert_eq!(found(&*store, label).await, [now.id, others]);
}

async fn found(store: &dyn Store, lookup: (LookupKind, BlindIndex)) -> Vec<VerificationId> {
    let query = ListQuery {
        lookups: vec![lookup],
        limit: 10,
        ..ListQuery::default()
    };
    let listed = store.list(&query).await.unwrap();
    listed
        .into_iter()
        .map(|listed| listed.verification.id)
        .collect()
}

struct Options {
    mark: PageMark,
    lookups: [(LookupKind, BlindIndex); 4],
}

/// A list read page by page shows each row that stood from the beginning exactly once, however many
/// are added or moved meanwhile, and each with its newest event's place.
pub async fn pages_of_a_list_neither_miss_nor_repeat_while_rows_are_added(
    place: impl StoreUnderTest,
) {
    let store = open(&place).await;
    let mut standing = Vec::new();
    for number in 0..20 {
        // Several share a time, so that the id has to decide.
        let change = create(at(10 + number / 4));
        standing.push(row(&change));
        store.commit(change).await.unwrap();
    }
    let mut query = ListQuery {
        limit: 3,
        ..ListQuery::default()
    };
    let mut seen: Vec<Listed> = Vec::new();
    for turn in 0_usize.. {
        let page = store.list(&query).await.unwrap();
        let Some(last) = page.last() else {
            break;
        };
        query.after = Some(PageMark {
            time: last.verification.create_time,
            id: last.verification.id,
        });
        seen.extend(page);
        for time in [at(0), at(10 + turn as u64), at(99)] {
            store.commit(create(time)).await.unwrap();
        }
        let moved = step(&standing[turn], EventKind::ProviderStatus, |row| {
            row.attempts[0].facts = row.attempts[0].facts.with(Fact::Accepted);
        });
        standing[turn] = row(&moved);
        store.commit(moved).await.unwrap();
        if turn + 1 == standing.len() {
            break;
        }
    }
    for row in &standing {
        let times = seen.iter().filter(|l| l.verification.id == row.id).count();
        assert_eq!(times, 1, "created at {:?}", row.create_time);
    }
    let places: Vec<_> = seen
        .iter()
        .map(|l| (l.verification.create_time, l.verification.id))
        .collect();
    assert!(places.is_sorted_by(|a, b| a > b));
    for listed in store
        .list(&ListQuery {
            limit: 1_000,
            ..ListQuery::default()
        })
        .await
        .unwrap()
    {
        let id = listed.verification.id;
        let events = store.events_of(id, verilane_core::Revision(0), 100).await;
        let newest = events.unwrap().last().unwrap().sequence;
        assert_eq!(listed.last_sequence, newest);
    }
}

/// Each of a slot's two paths leads to it, and to everybody who used it, newest first, with what
/// was seen of their events.
pub async fn a_callback_path_leads_to_its_slot_and_everybody_who_used_it(
    place: impl StoreUnderTest,
) {
    let store = open(&place).await;
    let mut first = create(at(0));
    first.seen = vec![SeenWrite::First(seen(&row(&first), "PENDING"))];
    let made = slot_of(&first);
    store.commit(first.clone()).await.unwrap();
    let mut second = create(at(5));
    let taken = verilane_core::Slot {
        holder: SlotHolder {
            verification: row(&second).id,
            attempt: 1,
        },
        keep_until: at(1 << 20),
        ..made.clone()
    };
    let write = second.verification.as_mut().unwrap();
    write.row.attempts[0].slot = made.id;
    second.slot = Some(SlotWrite::Take {
        expected: made.holder,
        slot: taken.clone(),
    });
    store.commit(second.clone()).await.unwrap();
    store.commit(create(at(6))).await.unwrap();

    let mut again = step(&row(&first), EventKind::ProviderStatus, |row| {
        let attempt = &mut row.attempts[0];
        attempt.facts = attempt.facts.with(Fact::Accepted);
        attempt.expire_time = Some(at(900));
    });
    again.seen = vec![
        SeenWrite::Again(seen(&row(&first), "PENDING")),
        SeenWrite::First(seen(&row(&first), "ACCEPTED")),
    ];
    store.commit(again.clone()).await.unwrap();

    for (path, channel) in [
        (made.status_path, CallbackChannel::Status),
        (made.data_path, CallbackChannel::Data),
    ] {
        let target = store.callback_target(path).await.unwrap().unwrap();
        assert_eq!((&target.slot, target.channel), (&taken, channel));
        // The newest first, each as it stands.
        let users = [row(&second), row(&again)];
        let users = users.map(|user| user.attempts[0].tenancy(user.id));
        assert_ne!(users[1].facts, row(&first).attempts[0].facts);
        assert_eq!(target.tenancies, users);
        assert_eq!(store.tenancies(made.id).await.unwrap(), users);
    }
    let older = store.load(row(&first).id).await.unwrap().unwrap();
    assert!(older.has_seen(1, "PENDING") && older.has_seen(1, "ACCEPTED"));
    assert_eq!(older.seen.len(), 2);
    let unused = verilane_core::SlotId::from_bytes([78; 16]);
    assert_eq!(store.tenancies(unused).await.unwrap(), []);
    let nowhere = digest([77; 16], 2);
    assert_eq!(store.callback_target(nowhere).await.unwrap(), None);
    assert_eq!(store.slot(made.key).await.unwrap(), Some(taken.clone()));
    assert_eq!(store.slot_by_id(made.id).await.unwrap(), Some(taken));
    assert_eq!(store.slot(nowhere).await.unwrap(), None);
}
