//! Lists of verifications, in one of two orders.
//!
//! A list with keyed digests starts from the first digest, else it walks an index by time. Values
//! are bound, never written into the query.

use rusqlite::types::Value;
use rusqlite::{Connection, Result, params_from_iter};
use verilane_store::{ListOrder, ListQuery, Listed};

use crate::read::verification;

/// One page.
pub(crate) fn list(connection: &Connection, query: &ListQuery) -> Result<Vec<Listed>> {
    let (sql, values) = compose(query);
    let found = connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(values), verification::row)?
        .collect::<Result<Vec<_>>>()?;
    found
        .into_iter()
        .map(|(mut row, last_sequence)| {
            verification::complete(connection, &mut row)?;
            Ok(Listed {
                verification: row,
                last_sequence,
            })
        })
        .collect()
}

fn compose(query: &ListQuery) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut from = String::new();
    let mut conditions = Vec::new();
    for (number, (kind, digest)) in query.lookups.iter().enumerate() {
        // CROSS JOIN keeps the order of tables: from the few rows of a digest to verifications.
        from.push_str(&format!("lookups l{number} CROSS JOIN "));
        conditions.push(format!(
            "l{number}.kind = ? AND l{number}.digest = ? AND l{number}.verification = {}",
            match number {
                0 => "v.id".to_owned(),
                later => format!("l{}.verification", later - 1),
            }
        ));
        values.push(Value::from(i64::from(kind.number())));
        values.push(Value::from(digest.as_bytes().to_vec()));
    }
    let mut one_of = |column: &str, words: Vec<String>| {
        if !words.is_empty() {
            let places = vec!["?"; words.len()].join(", ");
            conditions.push(format!("v.{column} IN ({places})"));
            values.extend(words.into_iter().map(Value::from));
        }
    };
    one_of("connection", words(&query.connections));
    one_of("provider", words(&query.providers));
    one_of("state", words(&query.states));
    if let Some(time) = query.created_from {
        conditions.push("v.create_time >= ?".to_owned());
        values.push(Value::from(time.as_micros()));
    }
    if let Some(time) = query.created_before {
        conditions.push("v.create_time < ?".to_owned());
        values.push(Value::from(time.as_micros()));
    }
    let (after, order) = match query.order {
        ListOrder::Newest => (
            "(v.create_time, v.id) < (?, ?)",
            "v.create_time DESC, v.id DESC",
        ),
        ListOrder::ReviewDeadline => {
            conditions.push("v.review_deadline IS NOT NULL".to_owned());
            (
                "(v.review_deadline, v.id) > (?, ?)",
                "v.review_deadline, v.id",
            )
        }
    };
    if let Some(mark) = query.after {
        conditions.push(after.to_owned());
        values.push(Value::from(mark.time.as_micros()));
        values.push(Value::from(mark.id.as_bytes().to_vec()));
    }
    values.push(Value::from(i64::from(query.limit)));
    let filter = if conditions.is_empty() {
        "1".to_owned()
    } else {
        conditions.join(" AND ")
    };
    let sql = format!(
        "SELECT {} FROM {from}verifications v \
         CROSS JOIN verification_secrets s ON s.verification = v.id \
         WHERE {filter} ORDER BY {order} LIMIT ?",
        verification::COLUMNS
    );
    (sql, values)
}

fn words<T: ToString>(names: &[T]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
