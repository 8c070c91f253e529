//! The log as callers without a stream read it: page by page, to its present end.

use verilane_api::v1::list_events_request::{Scope, Start};
use verilane_api::v1::{Event, ListEventsRequest, StartPoint};

use super::Server;

impl Server {
    /// Every event there is.
    pub async fn log(&self) -> Vec<Event> {
        self.pages(None).await
    }

    /// Every event of a verification.
    pub async fn log_of(&self, id: &str) -> Vec<Event> {
        self.pages(Some(Scope::VerificationId(id.to_owned()))).await
    }

    async fn pages(&self, scope: Option<Scope>) -> Vec<Event> {
        let mut start = Start::StartPoint(StartPoint::Beginning.into());
        let mut events = Vec::new();
        loop {
            let request = ListEventsRequest {
                scope: scope.clone(),
                start: Some(start),
                page_size: 1_000,
                wait: None,
            };
            let answer = self.verifications().list_events(request).await;
            let page = answer.unwrap().into_inner();
            if page.events.is_empty() {
                return events;
            }
            events.extend(page.events);
            start = Start::ResumeToken(page.next_resume_token);
        }
    }
}
