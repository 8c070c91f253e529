//! Watches of both kinds as one: opened from a place, read message by message.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_api::v1::{
    Event, EventFilter, StartPoint, Verification, WatchEnd, WatchVerificationRequest,
    WatchVerificationsRequest, watch_verification_request, watch_verification_response,
    watch_verifications_request, watch_verifications_response,
};
use verilane_core::Timestamp;

use super::{LIMIT, Server};

/// Where a watch begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// Where the server takes it to begin if nothing is said.
    Unsaid,
    /// With a start point.
    Point(StartPoint),
    /// After the message that this token came with.
    Token(String),
}

/// With the oldest event that is kept.
pub const BEGINNING: From = From::Point(StartPoint::Beginning);
/// With what happens from now on.
pub const NOW: From = From::Point(StartPoint::Now);
/// With what stands.
pub const SNAPSHOT: From = From::Point(StartPoint::Snapshot);

/// What is watched: one verification, or all that match.
#[derive(Clone, Debug)]
pub enum What {
    /// One, by its id.
    One(String),
    /// Those that match.
    Many(EventFilter),
}

/// What is wanted of a watch.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What is watched.
    pub what: What,
    /// From where.
    pub from: From,
    /// When it ends; only one verification's watch ends.
    pub end: WatchEnd,
    /// Seconds of silence until a heartbeat.
    pub heartbeat: Option<i64>,
}

impl Wish {
    /// A watch of one verification that never ends.
    pub fn one(id: &str, from: From) -> Self {
        Self {
            what: What::One(id.to_owned()),
            from,
            end: WatchEnd::Unspecified,
            heartbeat: None,
        }
    }

    /// A watch of everything.
    pub fn all(from: From) -> Self {
        Self::matching(EventFilter::default(), from)
    }

    /// A watch of what matches.
    pub fn matching(filter: EventFilter, from: From) -> Self {
        Self {
            what: What::Many(filter),
            from,
            end: WatchEnd::Unspecified,
            heartbeat: None,
        }
    }

    /// The same from elsewhere.
    pub fn from(&self, from: From) -> Self {
        Self {
            from,
            ..self.clone()
        }
    }

    /// With a heartbeat after so many seconds of silence.
    pub fn heartbeat(mut self, seconds: i64) -> Self {
        self.heartbeat = Some(seconds);
        self
    }

    /// Until an end.
    pub fn until(mut self, end: WatchEnd) -> Self {
        self.end = end;
        self
    }

    /// Opens it on a connection.
    pub async fn open(self, channel: Channel) -> Result<Watch, Status> {
        let mut client = VerificationServiceClient::new(channel);
        let heartbeat_interval = self
            .heartbeat
            .map(|seconds| prost_types::Duration { seconds, nanos: 0 });
        let messages = match self.what {
            What::One(verification_id) => {
                use watch_verification_request::Start;
                let request = WatchVerificationRequest {
                    verification_id,
                    start: match self.from {
                        From::Unsaid => None,
                        From::Point(point) => Some(Start::StartPoint(point.into())),
                        From::Token(token) => Some(Start::ResumeToken(token)),
                    },
                    end: self.end.into(),
                    heartbeat_interval,
                };
                let stream = client.watch_verification(request).await?.into_inner();
                stream.map(|message| message.map(Message::of_one)).boxed()
            }
            What::Many(filter) => {
                use watch_verifications_request::Start;
                let request = WatchVerificationsRequest {
                    filter: Some(filter),
                    start: match self.from {
                        From::Unsaid => None,
                        From::Point(point) => Some(Start::StartPoint(point.into())),
                        From::Token(token) => Some(Start::ResumeToken(token)),
                    },
                    heartbeat_interval,
                };
                let stream = client.watch_verifications(request).await?.into_inner();
                stream.map(|message| message.map(Message::of_many)).boxed()
            }
        };
        Ok(Watch {
            messages,
            token: String::new(),
        })
    }
}

/// What a message brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A row of a snapshot.
    Row(Box<Verification>),
    /// The end of a snapshot of so many rows.
    SnapshotEnd(u64),
    /// A transition.
    Event(Box<Event>),
    /// A sign of life, with the server's time.
    Heartbeat(Timestamp),
}

/// One message of a watch.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What it brings.
    pub item: Item,
    /// The token to go on from.
    pub token: String,
}

impl Message {
    fn of_one(message: verilane_api::v1::WatchVerificationResponse) -> Self {
        use watch_verification_response::Item as Wire;
        Self {
            item: match message.item.expect("a message without an item") {
                Wire::Snapshot(row) => Item::Row(Box::new(row.verification.unwrap())),
                Wire::SnapshotEnd(end) => Item::SnapshotEnd(end.verifications),
                Wire::Event(event) => Item::Event(Box::new(event)),
                Wire::Heartbeat(beat) => Item::Heartbeat(time(beat.time)),
            },
            token: message.resume_token,
        }
    }

    fn of_many(message: verilane_api::v1::WatchVerificationsResponse) -> Self {
        use watch_verifications_response::Item as Wire;
        Self {
            item: match message.item.expect("a message without an item") {
                Wire::Snapshot(row) => Item::Row(Box::new(row.verification.unwrap())),
                Wire::SnapshotEnd(end) => Item::SnapshotEnd(end.verifications),
                Wire::Event(event) => Item::Event(Box::new(event)),
                Wire::Heartbeat(beat) => Item::Heartbeat(time(beat.time)),
            },
            token: message.resume_token,
        }
    }

    /// The transition, if it brings one.
    pub fn event(self) -> Option<Event> {
        match self.item {
            Item::Event(event) => Some(*event),
            _ => None,
        }
    }
}

/// A time on the wire.
pub fn time(time: Option<prost_types::Timestamp>) -> Timestamp {
    let time = time.unwrap();
    Timestamp::from_micros(time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000)
}

/// An open watch.
pub struct Watch {
    messages: BoxStream<'static, Result<Message, Status>>,
    /// Of the last message that had one.
    pub token: String,
}

impl Watch {
    /// What comes next; none at the stream's end.
    pub async fn next(&mut self) -> Result<Option<Message>, Status> {
        let next = within(self.messages.next()).await.transpose()?;
        if let Some(message) = &next
            && !message.token.is_empty()
        {
            self.token.clone_from(&message.token);
        }
        Ok(next)
    }

    /// What comes next, which must come.
    pub async fn message(&mut self) -> Message {
        self.next().await.unwrap().expect("the watch has ended")
    }

    /// The next event, heartbeats passed over.
    pub async fn event(&mut self) -> Event {
        let event = async {
            loop {
                match self.message().await.item {
                    Item::Event(event) => return *event,
                    Item::Heartbeat(_) => {}
                    other => panic!("not an event: {other:?}"),
                }
            }
        };
        within(event).await
    }

    /// Events up to the first that is the last, heartbeats passed over.
    pub async fn until(&mut self, is_last: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.event().await;
            let over = is_last(&event);
            events.push(event);
            if over {
                return events;
            }
        }
    }

    /// So many events, heartbeats passed over.
    pub async fn take(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::with_capacity(count);
        while events.len() < count {
            events.push(self.event().await);
        }
        events
    }

    /// The rows of a snapshot, up to its end.
    pub async fn snapshot(&mut self) -> Vec<Verification> {
        let mut rows = Vec::new();
        loop {
            let message = self.message().await;
            match message.item {
                Item::Row(row) => {
                    assert_eq!(message.token, "", "a row has no token");
                    rows.push(*row);
                }
                Item::SnapshotEnd(count) => {
                    assert_eq!(count, rows.len() as u64);
                    assert_ne!(message.token, "");
                    return rows;
                }
                other => panic!("within a snapshot: {other:?}"),
            }
        }
    }

    /// Events up to two heartbeats in a row that the server sent after `time`. Before the second it
    /// had looked at everything that was committed by then, so none is under way.
    pub async fn quiet_after(&mut self, time: Timestamp) -> Vec<Event> {
        let (mut events, mut beats) = (Vec::new(), 0);
        while beats < 2 {
            let message = self.message().await;
            match message.item {
                Item::Event(event) => {
                    events.push(*event);
                    beats = 0;
                }
                Item::Heartbeat(at) => beats += u32::from(at > time),
                other => panic!("after a snapshot: {other:?}"),
            }
        }
        events
    }

    /// Everything up to the stream's end; its status, if that is not OK.
    pub async fn rest(&mut self) -> (Vec<Event>, Option<Status>) {
        let mut events = Vec::new();
        let rest = async {
            loop {
                match self.next().await {
                    Ok(Some(message)) => events.extend(message.event()),
                    Ok(None) => return None,
                    Err(status) => return Some(status),
                }
            }
        };
        let end = within(rest).await;
        (events, end)
    }
}

/// What must happen in time. Heartbeats come for ever, so each message's coming is not enough.
async fn within<T>(happens: impl Future<Output = T>) -> T {
    let happened = tokio::time::timeout(LIMIT, happens).await;
    happened.expect("what was waited for has not come")
}

impl Server {
    /// Opens a watch on the connection that is shared.
    pub async fn watch(&self, wish: Wish) -> Watch {
        wish.open(self.channel()).await.unwrap()
    }

    /// A connection of its own over which the server can send hardly anything before it is read.
    pub async fn connect_narrow(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.grpc)).unwrap();
        let endpoint = endpoint
            .initial_stream_window_size(512)
            .initial_connection_window_size(64 * 1_024);
        endpoint.connect().await.unwrap()
    }
}
