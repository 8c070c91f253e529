//! What a caller says about a list of verifications.

use verilane_api::v1;
use verilane_core::Reason;
use verilane_engine::{EngineError, ListOrder, ListVerifications};

use super::create::{labels, subject};
use super::subject::canonical;
use super::violations::Violations;
use super::words;

const PAGE_MAX: u32 = 200;
const PAGE_DEFAULT: u32 = 50;

/// Reads a request to list verifications.
pub(crate) fn read(
    request: v1::ListVerificationsRequest,
) -> Result<ListVerifications, EngineError> {
    let mut violations = Violations::default();
    let check = &mut violations;
    let filter = request.filter.unwrap_or_default();
    let subject = filter.subject.and_then(|said| {
        let read = subject(check, "filter.subject", Some(said))?;
        if read.expose().is_empty() {
            check.add(Reason::SubjectMalformed, "filter.subject", "names nobody");
        }
        Some(read)
    });
    let subject_ref = check.text("filter.subject_ref", filter.subject_ref);
    let list = ListVerifications {
        connections: check.connections("filter.connections", &filter.connections),
        providers: check.providers("filter.providers", &filter.providers),
        states: words::states(check, "filter.states", &filter.states),
        subject: subject.map(canonical),
        subject_ref: Some(subject_ref).filter(|text| !text.expose().is_empty()),
        labels: labels(check, "filter.labels", filter.labels),
        created_from: check.time("filter.create_time_from", filter.create_time_from),
        created_before: check.time("filter.create_time_before", filter.create_time_before),
        order: order(check, request.order),
        page_size: check.page_size(request.page_size, PAGE_MAX, PAGE_DEFAULT),
        page_token: Some(request.page_token).filter(|token| !token.is_empty()),
    };
    violations.into_result(Some(list))
}

fn order(violations: &mut Violations, said: i32) -> ListOrder {
    match v1::ListOrder::try_from(said) {
        Ok(v1::ListOrder::Unspecified | v1::ListOrder::Newest) => ListOrder::Newest,
        Ok(v1::ListOrder::ReviewDeadline) => ListOrder::ReviewDeadline,
        Err(_) => {
            violations.invalid("order", "must be an order");
            ListOrder::Newest
        }
    }
}
