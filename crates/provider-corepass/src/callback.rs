//! From a callback's bytes to what it tells, or to why it is not believed. Pure.
//!
//! Checked in this order: shape, signature, time, user, items, attempt. What comes after its deadline
//! is marked late, and whoever knows what came before decides: a status tells nothing new then,
//! while data and failures were paid for and still count.

mod unsigned;

use std::time::Duration;

use verilane_core::{CallbackChannel, Pii, Reason, Timestamp};
use verilane_provider::{
    Callback, Candidate, DataItem, DataReport, Reading, Refusal, Report, picture,
};

use crate::attempt::{self, Clue};
use crate::fields;
use crate::ican::CoreId;
use crate::report;
use crate::signature::keys::KeySet;
use crate::signature::{self, Accepted, SignatureError};
use crate::wire::body::json_text;
use crate::wire::callback::{DataBody, FailureBody, Info, Outcome, StatusBody};
use crate::wire::{Malformed, Object};

/// How long a callback is fresh: its deadline is its own time and this.
pub const FRESH: Duration = Duration::from_secs(180);
/// How far clocks may differ.
const SKEW: Duration = Duration::from_secs(60);
/// How far ahead the deadline of a data or failure callback may lie. The document's samples give
/// them the request's expiration, which is at most a quarter of an hour ahead.
const LONGEST_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// The most bytes of a status callback; a genuine one has some 500 and 67 more for each item.
const MAX_STATUS_BODY: usize = 64 * 1024;

impl From<Malformed> for BadCallback {
    fn from(_: Malformed) -> Self {
        Self(Reason::CallbackMalformed)
    }
}

impl From<SignatureError> for BadCallback {
    fn from(error: SignatureError) -> Self {
        Self(match error {
            SignatureError::Unusable => Reason::CallbackUnsigned,
            SignatureError::KeyUnknown | SignatureError::KeyNotForChannel => {
                Reason::CallbackKeyNotPinned
            }
            SignatureError::DoesNotHold => Reason::CallbackSignatureInvalid,
        })
    }
}

/// Why a callback is not believed, on the way to a [`Refusal`].
struct BadCallback(Reason);

pub use unsigned::read as read_unsigned;

/// Checks a callback and says what it tells, and about which candidate.
///
/// # Errors
/// [`Refusal`], by the first check that failed.
pub fn read(keys: &KeySet, callback: &Callback) -> Result<Reading, Refusal> {
    judge(keys, callback).map_err(|BadCallback(reason)| reason.into())
}

fn judge(keys: &KeySet, callback: &Callback) -> Result<Reading, BadCallback> {
    if callback.channel == CallbackChannel::Status && callback.body.len() > MAX_STATUS_BODY {
        return Err(Malformed::TooLarge.into());
    }
    let text = json_text(callback.content_type.as_deref(), &callback.body)?;
    let object = Object::parse(&text)?;
    match callback.channel {
        CallbackChannel::Status => {
            let body = StatusBody::read(&object)?;
            let accepted = signature::verify(keys, callback.channel, &object)?;
            status(callback, &body, &accepted)
        }
        CallbackChannel::Data => {
            let outcome = Outcome::read(&object)?;
            let accepted = signature::verify(keys, callback.channel, &object)?;
            match outcome {
                Outcome::Data(body) => data(callback, body, &accepted),
                Outcome::Failure(body) => failure(callback, &body, &accepted),
            }
        }
    }
}

fn status(
    callback: &Callback,
    body: &StatusBody,
    accepted: &Accepted,
) -> Result<Reading, BadCallback> {
    let deadline = Timestamp::from_secs(body.deadline);
    refuse_future(callback, deadline, FRESH)?;
    let provider_time = deadline - FRESH;
    let candidate = find(
        callback,
        &body.user,
        |about| {
            let mut hashes: Vec<_> = about.fields.iter().map(|f| fields::hash_of(f)).collect();
            same_set(&mut hashes, &body.fields)
        },
        Clue {
            expiration: Some(body.expiration),
            time: provider_time,
        },
    )?;
    let report = report::status(&body.status, provider_time, body.tx_hash.clone());
    let is_late = is_late(callback, deadline);
    Ok(reading(
        candidate,
        Report::Status(report),
        provider_time,
        is_late,
        accepted,
    ))
}

fn data(callback: &Callback, body: DataBody, accepted: &Accepted) -> Result<Reading, BadCallback> {
    // An expiration that the signature does not cover says nothing.
    let expiration = body
        .expiration
        .filter(|_| accepted.candidate.covers_expiration);
    let came = delivered(callback, body, expiration)?;
    Ok(reading(
        came.candidate,
        Report::Data(came.data),
        came.provider_time,
        came.is_late,
        accepted,
    ))
}

/// Data, and the candidate that it is for.
struct Delivered {
    candidate: usize,
    data: DataReport,
    provider_time: Timestamp,
    is_late: bool,
}

/// What data brings, by a body whose signature is another's business.
fn delivered(
    callback: &Callback,
    body: DataBody,
    expiration: Option<i64>,
) -> Result<Delivered, BadCallback> {
    let deadline = Timestamp::from_secs(body.deadline);
    refuse_future(callback, deadline, LONGEST_DEADLINE)?;
    let provider_time = deadline - FRESH;
    let infos = each_field_once(body.infos)?;
    let candidate = find(
        callback,
        &body.user,
        // Data without a single value asked for is no data of this request: taken for it, it would
        // shut out what is still to come.
        |about| {
            let mut infos = infos.iter().filter(|info| value(info).is_some());
            infos.any(|info| about.fields.contains(&info.field))
        },
        Clue {
            expiration,
            time: provider_time,
        },
    )?;
    let asked = callback
        .candidates
        .get(candidate)
        .map(|about| about.fields.as_ref())
        .unwrap_or_default();
    let (items, unrequested): (Vec<_>, Vec<_>) = infos
        .into_iter()
        .partition(|info| asked.contains(&info.field));
    let items = items.into_iter().filter_map(|info| {
        let value = value(&info)?.clone();
        let is_picture = fields::by_name(&info.field).is_some_and(|f| f.claim.is_image());
        Some(DataItem {
            checks: None,
            image: is_picture.then(|| picture::read(value.expose())),
            field: info.field,
            value,
            pepper: info.pepper,
        })
    });
    let report = DataReport {
        items: items.collect(),
        unrequested: unrequested.len(),
    };
    Ok(Delivered {
        candidate,
        data: report,
        provider_time,
        is_late: is_late(callback, deadline),
    })
}

fn failure(
    callback: &Callback,
    body: &FailureBody,
    accepted: &Accepted,
) -> Result<Reading, BadCallback> {
    let deadline = Timestamp::from_secs(body.deadline);
    refuse_future(callback, deadline, LONGEST_DEADLINE)?;
    let provider_time = deadline - FRESH;
    let candidate = find(
        callback,
        &body.user,
        |about| same_set(&mut about.fields.to_vec(), &body.items),
        clue(body.expiration, provider_time, accepted),
    )?;
    let report = report::failure(body.error.expose());
    let is_late = is_late(callback, deadline);
    Ok(reading(
        candidate,
        Report::Failure(report),
        provider_time,
        is_late,
        accepted,
    ))
}

fn reading(
    candidate: usize,
    report: Report,
    provider_time: Timestamp,
    is_late: bool,
    accepted: &Accepted,
) -> Reading {
    Reading {
        candidate,
        report,
        provider_time: Some(provider_time),
        is_late,
        key_fingerprint: accepted.key.clone(),
        encoding: accepted.candidate.name,
    }
}

/// Provider and we count whole seconds: the deadline's own second is still in time.
fn is_late(callback: &Callback, deadline: Timestamp) -> bool {
    callback.receive_time.as_secs() > deadline.as_secs()
}

fn refuse_future(
    callback: &Callback,
    deadline: Timestamp,
    ahead: Duration,
) -> Result<(), BadCallback> {
    if deadline > callback.receive_time + ahead + SKEW {
        return Err(BadCallback(Reason::CallbackFromFuture));
    }
    Ok(())
}

/// What the body says about its attempt. An expiration that the signature does not cover says
/// nothing.
fn clue(expiration: Option<i64>, time: Timestamp, accepted: &Accepted) -> Clue {
    Clue {
        expiration: expiration.filter(|_| accepted.candidate.covers_expiration),
        time,
    }
}

/// The candidate that is meant, among those about this user and these items.
fn find(
    callback: &Callback,
    user: &Pii,
    has_items: impl Fn(&Candidate) -> bool,
    clue: Clue,
) -> Result<usize, BadCallback> {
    let unknown = BadCallback(Reason::CallbackAttemptUnknown);
    if callback.candidates.is_empty() {
        return Err(unknown);
    }
    let user =
        CoreId::parse(user.expose()).map_err(|_| BadCallback(Reason::CallbackSubjectMismatch))?;
    let is_user = |about: &Candidate| user.is_same_as(about.subject.expose());
    if !callback.candidates.iter().any(is_user) {
        return Err(BadCallback(Reason::CallbackSubjectMismatch));
    }
    let fits = |about: &Candidate| is_user(about) && has_items(about);
    if !callback.candidates.iter().any(fits) {
        return Err(BadCallback(Reason::CallbackItemsMismatch));
    }
    attempt::choose(&callback.candidates, fits, clue).ok_or(unknown)
}

/// An item's value, if it has one: nothing, or blanks, verify nothing.
fn value(info: &Info) -> Option<&Pii> {
    info.value
        .as_ref()
        .filter(|value| !value.expose().trim().is_empty())
}

/// An item may be repeated word for word; with two values it says nothing.
fn each_field_once(infos: Vec<Info>) -> Result<Vec<Info>, BadCallback> {
    let text = |value: &Option<Pii>| value.as_ref().map(|value| value.expose().clone());
    let mut once: Vec<Info> = Vec::with_capacity(infos.len());
    for info in infos {
        match once.iter().find(|known| known.field == info.field) {
            None => once.push(info),
            Some(known)
                if text(&known.value) == text(&info.value)
                    && text(&known.pepper) == text(&info.pepper) => {}
            Some(_) => return Err(BadCallback(Reason::CallbackItemsMismatch)),
        }
    }
    Ok(once)
}

fn same_set(ours: &mut [String], theirs: &[String]) -> bool {
    let mut theirs = theirs.to_vec();
    theirs.sort_unstable();
    theirs.dedup();
    ours.sort_unstable();
    *ours == *theirs
}

#[cfg(test)]
mod tests;
