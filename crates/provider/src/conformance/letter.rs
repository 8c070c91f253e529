//! A callback as it came, and what a plug-in made of it, put so that two can be compared.

use std::fmt::Write as _;

use bytes::Bytes;
use verilane_core::{CallbackChannel, Fact, Facts, Pii, Timestamp};

use crate::{Reading, Report};

/// A callback as it came.
#[derive(Clone)]
pub(super) struct Letter {
    pub(super) channel: CallbackChannel,
    pub(super) content_type: Option<String>,
    pub(super) body: Bytes,
    pub(super) receive_time: Timestamp,
}

impl Letter {
    /// The same with another body.
    pub(super) fn with(&self, body: Vec<u8>) -> Self {
        Self {
            body: Bytes::from(body),
            ..self.clone()
        }
    }
}

fn shown(text: Option<&Pii<String>>) -> &str {
    text.map_or("-", |text| text.expose())
}

/// All that a callback tells, but for whether it came late.
pub(super) fn told(reading: &Reading) -> String {
    let mut told = format!(
        "about {} at {:?}: ",
        reading.candidate, reading.provider_time
    );
    match &reading.report {
        Report::Status(status) => {
            let (word, identity, hash) = (
                &status.status,
                &status.identity,
                shown(status.tx_hash.as_ref()),
            );
            let (rank, fact, when) = (status.rank, status.fact, status.occurrence);
            write!(told, "{word} {identity} {when:?} {rank} {fact:?} {hash}")
        }
        Report::Failure(failure) => {
            let (word, identity) = (&failure.status, &failure.identity);
            write!(
                told,
                "{word} {identity} {} {:?}",
                failure.rank, failure.fact
            )
        }
        Report::Data(data) => {
            let items = data.items.iter().map(|item| {
                let (value, pepper) = (item.value.expose(), shown(item.pepper.as_ref()));
                format!("{}={value}/{pepper}", item.field)
            });
            let mut items: Vec<String> = items.collect();
            items.sort_unstable();
            write!(told, "{} {}", items.join(" "), data.unrequested)
        }
    }
    .unwrap();
    told
}

/// What callbacks together say of an attempt that asked for so many fields.
pub(super) fn facts<'a>(readings: impl IntoIterator<Item = &'a Reading>, fields: usize) -> Facts {
    let fact = |reading: &Reading| match &reading.report {
        Report::Status(status) => status.fact,
        Report::Data(data) if data.items.len() == fields => Some(Fact::DataComplete),
        Report::Data(_) => Some(Fact::DataIncomplete),
        Report::Failure(failure) => Some(failure.fact),
    };
    let facts = readings.into_iter().filter_map(fact);
    facts.fold(Facts::default(), Facts::with)
}
