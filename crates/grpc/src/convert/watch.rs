//! What a caller says about a watch, or about a page of events.

use std::time::Duration;

use verilane_api::v1;
use verilane_core::VerificationId;
use verilane_engine::{EngineError, EventFilter, EventScope, ListEvents, WatchEnd, WatchStart};

use super::violations::Violations;
use super::words;

/// Shortest, longest and default silence before a heartbeat, in seconds.
const HEARTBEAT: (u64, u64, u64) = (1, 300, 30);
/// Shortest, longest and default wait of a long poll, in seconds.
const WAIT: (u64, u64, u64) = (0, 30, 0);
const PAGE_MAX: u32 = 1_000;
const PAGE_DEFAULT: u32 = 100;

/// A watch of one verification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct One {
    pub(crate) id: VerificationId,
    pub(crate) start: WatchStart,
    pub(crate) end: WatchEnd,
    pub(crate) heartbeat: Duration,
}

/// A watch of many.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Many {
    pub(crate) filter: EventFilter,
    pub(crate) start: WatchStart,
    pub(crate) heartbeat: Duration,
}

pub(crate) fn read_one(request: v1::WatchVerificationRequest) -> Result<One, EngineError> {
    use v1::watch_verification_request::Start;
    let mut violations = Violations::default();
    let check = &mut violations;
    let id = check.id("verification_id", &request.verification_id);
    let start = match request.start {
        Some(Start::ResumeToken(token)) => Some(WatchStart::After(token)),
        Some(Start::StartPoint(point)) => start_point(check, point, WatchStart::Snapshot),
        None => Some(WatchStart::Snapshot),
    };
    let end = match v1::WatchEnd::try_from(request.end) {
        Ok(v1::WatchEnd::Unspecified | v1::WatchEnd::Never) => Some(WatchEnd::Never),
        Ok(v1::WatchEnd::AttemptEnd) => Some(WatchEnd::AttemptEnd),
        Ok(v1::WatchEnd::Final) => Some(WatchEnd::Final),
        Err(_) => {
            check.invalid("end", "must be an end of a watch");
            None
        }
    };
    let heartbeat =
        check.duration_within("heartbeat_interval", request.heartbeat_interval, HEARTBEAT);
    let read = id.zip(start).zip(end).map(|((id, start), end)| One {
        id,
        start,
        end,
        heartbeat,
    });
    violations.into_result(read)
}

pub(crate) fn read_many(request: v1::WatchVerificationsRequest) -> Result<Many, EngineError> {
    use v1::watch_verifications_request::Start;
    let mut violations = Violations::default();
    let check = &mut violations;
    let filter = filter(check, &request.filter.unwrap_or_default());
    let start = match request.start {
        Some(Start::ResumeToken(token)) => Some(WatchStart::After(token)),
        Some(Start::StartPoint(point)) => start_point(check, point, WatchStart::Snapshot),
        None => Some(WatchStart::Snapshot),
    };
    let heartbeat =
        check.duration_within("heartbeat_interval", request.heartbeat_interval, HEARTBEAT);
    let read = start.map(|start| Many {
        filter,
        start,
        heartbeat,
    });
    violations.into_result(read)
}

pub(crate) fn read_list(request: v1::ListEventsRequest) -> Result<ListEvents, EngineError> {
    use v1::list_events_request::{Scope, Start};
    let mut violations = Violations::default();
    let check = &mut violations;
    let scope = match request.scope {
        Some(Scope::VerificationId(id)) => check.id("verification_id", &id).map(EventScope::One),
        Some(Scope::Filter(said)) => Some(EventScope::Many(filter(check, &said))),
        None => Some(EventScope::Many(EventFilter::default())),
    };
    let start = match request.start {
        Some(Start::ResumeToken(token)) => Some(WatchStart::After(token)),
        Some(Start::StartPoint(point)) => start_point(check, point, WatchStart::Beginning),
        None => Some(WatchStart::Beginning),
    };
    if start == Some(WatchStart::Snapshot) {
        check.invalid(
            "start_point",
            "must not be a snapshot: only a watch has one",
        );
    }
    let page_size = check.page_size(request.page_size, PAGE_MAX, PAGE_DEFAULT);
    let wait = check.duration_within("wait", request.wait, WAIT);
    let read = scope.zip(start).map(|(scope, start)| ListEvents {
        scope,
        start,
        page_size: usize::try_from(page_size).unwrap_or(usize::MAX),
        wait,
    });
    violations.into_result(read)
}

fn start_point(
    violations: &mut Violations,
    point: i32,
    unspecified: WatchStart,
) -> Option<WatchStart> {
    match v1::StartPoint::try_from(point) {
        Ok(v1::StartPoint::Unspecified) => Some(unspecified),
        Ok(v1::StartPoint::Snapshot) => Some(WatchStart::Snapshot),
        Ok(v1::StartPoint::Now) => Some(WatchStart::Now),
        Ok(v1::StartPoint::Beginning) => Some(WatchStart::Beginning),
        Err(_) => {
            violations.invalid("start_point", "must be a start point");
            None
        }
    }
}

fn filter(violations: &mut Violations, said: &v1::EventFilter) -> EventFilter {
    EventFilter {
        connections: violations.connections("filter.connections", &said.connections),
        providers: violations.providers("filter.providers", &said.providers),
        states: words::states(violations, "filter.states", &said.states),
    }
}
