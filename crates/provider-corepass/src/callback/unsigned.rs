//! Data whose signature was refused, read as if it were not: shape, time, user, items and attempt must
//! be right all the same. Nobody believes it for that. Pure.

use verilane_core::{CallbackChannel, Reason};
use verilane_provider::{Callback, Refusal, UnsignedData};

use super::{BadCallback, delivered};
use crate::wire::Object;
use crate::wire::body::json_text;
use crate::wire::callback::Outcome;

/// Reads data without its signature. It must hold something, and nothing that was not asked for.
///
/// # Errors
/// [`Refusal`], by the first check that failed.
pub fn read(callback: &Callback) -> Result<UnsignedData, Refusal> {
    judge(callback).map_err(|BadCallback(reason)| reason.into())
}

fn judge(callback: &Callback) -> Result<UnsignedData, BadCallback> {
    if callback.channel != CallbackChannel::Data {
        return Err(BadCallback(Reason::CallbackMalformed));
    }
    let text = json_text(callback.content_type.as_deref(), &callback.body)?;
    let object = Object::parse(&text)?;
    let Outcome::Data(body) = Outcome::read(&object)? else {
        return Err(BadCallback(Reason::CallbackMalformed));
    };
    let expiration = body.expiration;
    let came = delivered(callback, body, expiration)?;
    Ok(UnsignedData {
        candidate: came.candidate,
        data: came.data,
        provider_time: Some(came.provider_time),
        is_late: came.is_late,
    })
}
