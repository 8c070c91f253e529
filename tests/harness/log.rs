//! The log as callers without a stream read it: page by page, to its present end.

use tonic::Status;
use verilane_api::v1::list_events_request::{Scope, Start};
use verilane_api::v1::{Event, ListEventsRequest, StartPoint};

use super::Server;

impl Server {
    /// Every event there is.
    pub async fn log(&self) -> Vec<Event> {
        self.pages(None).await.unwrap()
    }

    /// The same of a server that may be gone any moment.
    pub async fn try_log(&self) -> Result<Vec<Event>, Status> {
        self.pages(None).await
    }

    /// Every event of a verification.
    pub async fn log_of(&self, id: &str) -> Vec<Event> {
        self.pages(Some(Scope::VerificationId(id.to_owned())))
            .await
            .unwrap()
    }

    async fn pages(&self, scope: Option<Scope>) -> Result<Vec<Event>, Status> {
        let mut start = Start::StartPoint(StartPoint::Beginning.into());
        let mut events = Vec::new();
        loop {
            let request = ListEventsRequest {
                scope: scope.clone(),
                start: Some(start),
                page_size: 1_000,
                wait: None,
            };
            let answer = self.verifications().list_events(request).await?;
            let page = answer.into_inner();
            if page.events.is_empty() {
                return Ok(events);
            }
            events.extend(page.events);
            start = Start::ResumeToken(page.next_resume_token);
        }
    }
}
