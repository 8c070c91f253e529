//! Every call of Civic's own endpoints: written down when it comes in, completed when it is over.

use std::collections::VecDeque;

use serde::Serialize;
use verilane_core::Timestamp;

use super::scenario::CivicSipEndpoint;
use crate::scenario::AnswerTrouble;

/// How many calls are remembered at most; beyond that the oldest are forgotten.
const MOST_CALLS: usize = 20_000;

/// A call of one of Civic's own endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CivicSipCall {
    /// Its place among all: 1, 2, …
    pub number: u64,
    /// When it came in, in Unix milliseconds.
    pub at_ms: i64,
    /// Which endpoint.
    pub endpoint: CivicSipEndpoint,
    /// The scope request that it was about, by its id.
    pub request: Option<String>,
    /// What was done to it on purpose.
    pub trouble: Option<AnswerTrouble>,
    /// Whether it spent its code.
    pub effect: bool,
    /// Whether it is over: answered, or its connection cut.
    pub over: bool,
    /// The status that it was answered; none if it is not over, or the connection was cut instead.
    pub code: Option<u16>,
    /// Why it was refused.
    pub refusal: Option<&'static str>,
    /// Whether it came with an `Authorization` header.
    pub authorization: bool,
}

/// The calls.
#[derive(Debug, Default)]
pub struct Calls {
    kept: VecDeque<CivicSipCall>,
    last: u64,
}

impl Calls {
    /// A call comes in.
    pub fn open(
        &mut self,
        endpoint: CivicSipEndpoint,
        request: Option<String>,
        trouble: Option<AnswerTrouble>,
        authorization: bool,
        now: Timestamp,
    ) -> u64 {
        self.last += 1;
        if self.kept.len() >= MOST_CALLS {
            self.kept.pop_front();
        }
        self.kept.push_back(CivicSipCall {
            number: self.last,
            at_ms: now.as_millis(),
            endpoint,
            request,
            trouble,
            effect: false,
            over: false,
            code: None,
            refusal: None,
            authorization,
        });
        self.last
    }

    fn find(&mut self, number: u64) -> Option<&mut CivicSipCall> {
        let first = self.kept.front()?.number;
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        self.kept.get_mut(place)
    }

    /// What Civic has made of it, before anything of the answer is sent.
    pub fn judged(&mut self, number: u64, judged: Result<(), &'static str>) {
        if let Some(call) = self.find(number) {
            call.effect |= judged.is_ok() && call.endpoint == CivicSipEndpoint::Exchange;
            call.refusal = judged.err();
        }
    }

    /// It is over.
    pub fn close(&mut self, number: u64, code: Option<u16>) {
        if let Some(call) = self.find(number) {
            call.over = true;
            call.code = code;
        }
    }

    /// The calls after a number, oldest first, about one request or all.
    pub fn after(&self, number: u64, request: Option<&str>) -> Vec<CivicSipCall> {
        let calls = self.kept.iter().filter(|call| call.number > number);
        let about = |call: &&CivicSipCall| request.is_none() || call.request.as_deref() == request;
        calls.filter(about).cloned().collect()
    }
}
