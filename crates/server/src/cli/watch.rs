//! `verilane watch`: a client that follows verifications and loses nothing.
//!
//! It keeps the token of the last message that it has printed, and goes on from there whenever the
//! stream is cut. Only what a retry can't mend ends it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_api::v1::{
    EventFilter, StartPoint, State, WatchEnd, WatchVerificationRequest, WatchVerificationsRequest,
    watch_verification_request, watch_verifications_request,
};

use super::console;
use super::show::Item;

/// What is watched, and from where on.
#[derive(Args, Debug)]
pub struct Options {
    /// Where the service is.
    #[arg(long, default_value = "http://127.0.0.1:7400")]
    address: String,
    /// One verification; all that match if left out.
    #[arg(long, value_name = "ID", conflicts_with_all = ["connection", "provider", "state"])]
    verification: Option<String>,
    /// Only this connection's; can be repeated.
    #[arg(long)]
    connection: Vec<String>,
    /// Only this provider's; can be repeated.
    #[arg(long)]
    provider: Vec<String>,
    /// Only what enters or leaves this state, such as VERIFIED; can be repeated.
    #[arg(long, value_parser = state)]
    state: Vec<State>,
    /// Where to begin.
    #[arg(long, value_enum, default_value_t = From::Snapshot, conflicts_with = "resume_token")]
    from: From,
    /// Where an earlier watch of the same ended.
    #[arg(long, value_name = "TOKEN")]
    resume_token: Option<String>,
    /// When to end by itself; for one verification.
    #[arg(long, value_enum, default_value_t = Until::Never, requires = "verification")]
    until: Until,
    /// Prints one JSON object a line, each with its resume token.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    /// With what stands, then what happens.
    Snapshot,
    /// With what happens from now on.
    Now,
    /// With the oldest event that is kept.
    Beginning,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Until {
    /// Not before it is told to.
    Never,
    /// After the newest attempt's end.
    AttemptEnd,
    /// Once no attempt is possible any more.
    Final,
}

/// The rest between two tries: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

fn state(text: &str) -> Result<State, String> {
    let name = format!("STATE_{}", text.to_ascii_uppercase());
    State::from_str_name(&name)
        .filter(|state| *state != State::Unspecified)
        .ok_or_else(|| "is not a state, such as PENDING or VERIFIED".to_owned())
}

/// Watches until it is told to end, or the watch ends by itself.
///
/// # Errors
/// What a retry can't mend.
pub fn run(options: Options) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime could be had")?;
    runtime.block_on(async {
        let mut watcher = Watcher::new(options)?;
        tokio::select! {
            outcome = watcher.follow() => outcome?,
            told = tokio::signal::ctrl_c() => {
                told?;
                if let (Some(token), false) = (&watcher.token, watcher.options.json) {
                    console::complain(format_args!("go on with --resume-token {token}"));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

struct Watcher {
    client: VerificationServiceClient<Channel>,
    options: Options,
    token: Option<String>,
}

/// Why a stream is over.
enum Cut {
    /// By what can pass.
    ForNow(Status),
    /// By what will not.
    ForGood(anyhow::Error),
}

impl std::convert::From<Status> for Cut {
    fn from(status: Status) -> Self {
        match status.code() {
            // tonic says Unknown or Cancelled where a connection broke.
            Code::Unavailable
            | Code::Unknown
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Internal
            // Too much changed during the snapshot: the one begun anew reads a later state.
            | Code::Aborted => Self::ForNow(status),
            code => {
                let message = status.message();
                Self::ForGood(anyhow::anyhow!("the service refused ({code:?}): {message}"))
            }
        }
    }
}

impl Watcher {
    fn new(options: Options) -> anyhow::Result<Self> {
        let address = options.address.clone();
        let endpoint = Endpoint::from_shared(address.clone())
            .with_context(|| {
                format!("{address:?} is not an address such as http://127.0.0.1:7400")
            })?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_while_idle(true);
        Ok(Self {
            client: VerificationServiceClient::new(endpoint.connect_lazy()),
            token: options.resume_token.clone(),
            options,
        })
    }

    async fn follow(&mut self) -> anyhow::Result<()> {
        let (first, longest) = PAUSES;
        let mut pause = first;
        loop {
            let before = self.token.clone();
            let outcome = match self.options.verification.clone() {
                Some(id) => self.one(id).await,
                None => self.many().await,
            };
            match outcome {
                Ok(()) => return Ok(()),
                Err(Cut::ForGood(error)) => return Err(error),
                Err(Cut::ForNow(status)) => {
                    let (code, message) = (status.code(), status.message());
                    console::complain(format_args!("the watch was cut ({code:?}): {message}"));
                }
            }
            // Whatever has moved shows that there is somebody again.
            pause = if self.token == before {
                (pause * 2).min(longest)
            } else {
                first
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn one(&mut self, verification_id: String) -> Result<(), Cut> {
        use watch_verification_request::Start;
        let end = match self.options.until {
            Until::Never => WatchEnd::Never,
            Until::AttemptEnd => WatchEnd::AttemptEnd,
            Until::Final => WatchEnd::Final,
        };
        let request = WatchVerificationRequest {
            verification_id,
            start: Some(match self.token.clone() {
                Some(token) => Start::ResumeToken(token),
                None => Start::StartPoint(self.start_point()),
            }),
            end: end.into(),
            heartbeat_interval: None,
        };
        let mut stream = self.client.watch_verification(request).await?.into_inner();
        while let Some(message) = stream.message().await? {
            self.handle(Item::one(message.item), message.resume_token)?;
        }
        Ok(())
    }

    async fn many(&mut self) -> Result<(), Cut> {
        use watch_verifications_request::Start;
        let states = self.options.state.iter();
        let request = WatchVerificationsRequest {
            filter: Some(EventFilter {
                connections: self.options.connection.clone(),
                providers: self.options.provider.clone(),
                states: states.map(|state| i32::from(*state)).collect(),
            }),
            start: Some(match self.token.clone() {
                Some(token) => Start::ResumeToken(token),
                None => Start::StartPoint(self.start_point()),
            }),
            heartbeat_interval: None,
        };
        let mut stream = self.client.watch_verifications(request).await?.into_inner();
        while let Some(message) = stream.message().await? {
            self.handle(Item::many(message.item), message.resume_token)?;
        }
        // This watch never ends by itself.
        Err(Cut::ForNow(Status::unavailable("the stream ended")))
    }

    fn start_point(&self) -> i32 {
        match self.options.from {
            From::Snapshot => StartPoint::Snapshot,
            From::Now => StartPoint::Now,
            From::Beginning => StartPoint::Beginning,
        }
        .into()
    }

    /// Prints a message, and only then moves on to its token.
    fn handle(&mut self, item: Option<Item>, token: String) -> Result<(), Cut> {
        let line = match (&item, self.options.json) {
            (Some(item), true) => Some(item.json(&token).to_string()),
            (Some(item), false) => item.line(),
            (None, _) => None,
        };
        if let Some(line) = line {
            console::line(line).map_err(|error| Cut::ForGood(error.into()))?;
        }
        if !token.is_empty() {
            self.token = Some(token);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_retry_cannot_mend_ends_a_watch() {
        for code in [Code::Aborted, Code::Unavailable, Code::Unknown] {
            let cut = Cut::from(Status::new(code, "for now"));
            assert!(matches!(cut, Cut::ForNow(_)), "{code:?}");
        }
        for code in [Code::InvalidArgument, Code::NotFound, Code::OutOfRange] {
            let cut = Cut::from(Status::new(code, "for good"));
            assert!(matches!(cut, Cut::ForGood(_)), "{code:?}");
        }
    }
}
