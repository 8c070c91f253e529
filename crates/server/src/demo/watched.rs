//! A watch that is followed in a terminal, and what was seen of it over several streams.

use std::io::Write;

use anyhow::{Result, bail, ensure};
use tonic::transport::Channel;
use verilane_api::v1;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_api::v1::watch_verification_request::Start;
use verilane_api::v1::watch_verification_response::Item;

/// What was seen.
#[derive(Default)]
pub(super) struct Watched {
    revisions: Vec<u64>,
    token: String,
}

impl Watched {
    /// After the token that came last.
    pub(super) fn token(&self) -> Start {
        Start::ResumeToken(self.token.clone())
    }

    /// How many events came, over all streams.
    pub(super) const fn count(&self) -> usize {
        self.revisions.len()
    }

    /// Whether each revision from the first on came once.
    pub(super) fn check_whole(&self) -> Result<()> {
        let whole = self.revisions.iter().copied().eq(1..=self.count() as u64);
        ensure!(
            whole,
            "the streams together had a hole: {:?}",
            self.revisions
        );
        Ok(())
    }

    /// Follows one stream up to and with the first event that is `last`, and drops it there.
    pub(super) async fn follow(
        &mut self,
        client: &mut VerificationServiceClient<Channel>,
        id: &str,
        start: Start,
        out: &mut impl Write,
        last: impl Fn(&v1::Event) -> bool,
    ) -> Result<()> {
        let request = v1::WatchVerificationRequest {
            verification_id: id.to_owned(),
            start: Some(start),
            end: v1::WatchEnd::Never.into(),
            ..v1::WatchVerificationRequest::default()
        };
        let mut stream = client.watch_verification(request).await?.into_inner();
        while let Some(message) = stream.message().await? {
            self.token = message.resume_token;
            let Some(Item::Event(event)) = message.item else {
                continue;
            };
            self.revisions.push(event.revision);
            writeln!(out, "   {}", line(&event))?;
            out.flush()?;
            if last(&event) {
                return Ok(());
            }
        }
        bail!("the stream ended early")
    }
}

/// From the first event on.
pub(super) fn beginning() -> Start {
    Start::StartPoint(v1::StartPoint::Beginning.into())
}

/// An event in a line: ours and the provider's time, what happened, the state, the assurance.
fn line(event: &v1::Event) -> String {
    // The provider's word where the event is about one; else it is what stood before.
    let what = match event.r#type() {
        v1::EventType::ProviderStatus | v1::EventType::FailureReported => &event.provider_status,
        other => other.as_str_name().trim_start_matches("EVENT_TYPE_"),
    };
    let state = word(event.state_after());
    let state = if event.state_before() == event.state_after() {
        state.to_owned()
    } else {
        format!("→ {state}")
    };
    let provider = event
        .provider_time
        .map_or_else(|| "        ".to_owned(), clock_time);
    let assurance = event
        .assurance()
        .as_str_name()
        .trim_start_matches("ASSURANCE_");
    let late = if event.late { "  late" } else { "" };
    format!(
        "#{:<3} {}  provider {provider}  {what:<20} {state:<13} {assurance}{late}",
        event.revision,
        event.commit_time.map(clock_time).unwrap_or_default(),
    )
}

/// A state by its name.
pub(super) fn word(state: v1::State) -> &'static str {
    state.as_str_name().trim_start_matches("STATE_")
}

/// The time of day of a time, UTC.
pub(super) fn clock_time(time: prost_types::Timestamp) -> String {
    let of_day = time.seconds.rem_euclid(86_400);
    let (hours, minutes, seconds) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}")
}

/// A claim's value in words.
pub(super) fn value(value: v1::claim_value::Kind) -> String {
    use v1::claim_value::Kind;
    match value {
        Kind::Text(text) => text,
        Kind::Date(date) => format!("{:04}-{:02}-{:02}", date.year, date.month, date.day),
        Kind::Country(country) => country.alpha3,
        Kind::Boolean(yes) => if yes { "yes" } else { "no" }.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_between_streams_is_seen() {
        let mut watched = Watched {
            revisions: vec![1, 2, 3],
            token: String::new(),
        };
        assert!(watched.check_whole().is_ok());
        watched.revisions.push(5);
        assert!(watched.check_whole().is_err());
    }

    #[test]
    fn times_are_told_by_the_clock() {
        let time = prost_types::Timestamp {
            seconds: 86_400 + 3_661,
            nanos: 0,
        };
        assert_eq!(clock_time(time), "01:01:01");
    }
}
