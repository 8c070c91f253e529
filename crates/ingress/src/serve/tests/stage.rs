//! The ingress on a real socket, over a sink that does as it is told.
//!
//! Paths that begin with `status` or `data` are known; `stuck` is looked up for ever, and `down`
//! can't be looked up. A message that begins with a reason's code is refused for it, `repeat` was
//! seen before, and `hold` is told about when it comes and kept until it is released.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use verilane_core::{CallbackChannel, ConnectionName, Pii, Reason, TraceParent, VerificationId};
use verilane_engine::{Taken, Verdict};

use crate::config::IngressConfig;
use crate::routes::router_over;
use crate::serve::{Drained, serve};
use crate::sink::{CallbackSink, Found};

/// Where every verification was created.
pub const CREATED_UNDER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A message as it was handed on.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    pub path: String,
    pub content_type: Option<String>,
    pub body: Bytes,
}

struct Sink {
    messages: mpsc::UnboundedSender<Message>,
    releases: Semaphore,
    verification: VerificationId,
}

impl CallbackSink for Sink {
    type Place = String;

    async fn find(&self, path: &Pii<String>) -> Result<Found<String>, Reason> {
        let path = path.expose();
        if path == "stuck" {
            std::future::pending::<()>().await;
        }
        let channel = match path {
            path if path.starts_with("status") => CallbackChannel::Status,
            path if path.starts_with("data") => CallbackChannel::Data,
            path if path == "down" => return Err(Reason::CallbackStoreUnavailable),
            _ => return Err(Reason::CallbackPathUnknown),
        };
        // `status-of-NAME` belongs to the connection NAME.
        let name = path.split("-of-").nth(1).unwrap_or("live");
        Ok(Found {
            connection: ConnectionName::new(name).unwrap(),
            channel,
            place: path.clone(),
        })
    }

    async fn take(
        &self,
        place: &String,
        content_type: Option<String>,
        body: Bytes,
    ) -> Result<Taken, Reason> {
        let text = String::from_utf8_lossy(&body).into_owned();
        let message = Message {
            path: place.clone(),
            content_type,
            body,
        };
        self.messages.send(message).unwrap();
        if text.starts_with("hold") {
            self.releases.acquire().await.unwrap().forget();
        }
        if text.starts_with("panic") {
            panic!("as told");
        }
        if let Some(reason) = Reason::from_code(&text) {
            return Err(reason);
        }
        let verdict = match text.as_str() {
            "repeat" => Verdict::Repeated,
            "cancelled" => Verdict::NotKept,
            _ => Verdict::Accepted,
        };
        Ok(Taken {
            verdict,
            verification: self.verification,
            trace_parent: Some(TraceParent(CREATED_UNDER.to_owned())),
        })
    }
}

/// A running ingress.
pub struct Stage {
    pub address: SocketAddr,
    pub verification: VerificationId,
    sink: Arc<Sink>,
    messages: mpsc::UnboundedReceiver<Message>,
    shutdown: oneshot::Sender<()>,
    served: JoinHandle<Drained>,
}

/// Waits for what happens at once unless something is broken.
pub async fn soon<T>(event: impl Future<Output = T>) -> T {
    let patience = Duration::from_secs(60);
    let event = tokio::time::timeout(patience, event).await;
    event.expect("it does not happen")
}

/// Limits that no test meets by accident.
pub fn roomy() -> IngressConfig {
    const LONG: Duration = Duration::from_secs(3_600);
    IngressConfig {
        body_timeout: LONG,
        engine_timeout: LONG,
        idle_timeout: LONG,
        drain_deadline: LONG,
        ..IngressConfig::default()
    }
}

impl Stage {
    pub async fn start(config: IngressConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, messages) = mpsc::unbounded_channel();
        let sink = Arc::new(Sink {
            messages: sender,
            releases: Semaphore::new(0),
            verification: VerificationId::generate(),
        });
        let router = router_over(Arc::clone(&sink), config);
        let (shutdown, ended) = oneshot::channel();
        let served = tokio::spawn(async move {
            let shutdown = async {
                let _ = ended.await;
            };
            serve(listener, router, config, shutdown).await
        });
        Self {
            address,
            verification: sink.verification,
            sink,
            messages,
            shutdown,
            served,
        }
    }

    pub async fn connect(&self) -> Client {
        Client {
            socket: TcpStream::connect(self.address).await.unwrap(),
            unread: Vec::new(),
        }
    }

    /// Sends one request on a socket of its own.
    pub async fn post(&self, path: &str, body: &str) -> Answer {
        let mut client = self.connect().await;
        client.post(path, body).await;
        client.answer().await.unwrap()
    }

    /// The next message that is handed on.
    pub async fn message(&mut self) -> Message {
        soon(self.messages.recv()).await.unwrap()
    }

    /// Lets one message that is held go on.
    pub fn release(&self) {
        self.sink.releases.add_permits(1);
    }

    /// The same for later.
    pub fn releaser(&self) -> impl FnOnce() + 'static {
        let sink = Arc::clone(&self.sink);
        move || sink.releases.add_permits(1)
    }

    /// Shuts down, and waits until nothing is left.
    pub async fn stop(self) -> (Drained, Vec<Message>) {
        let Self {
            sink,
            mut messages,
            shutdown,
            served,
            ..
        } = self;
        shutdown.send(()).unwrap();
        let drained = soon(served).await.unwrap();
        drop(sink);
        let mut left = Vec::new();
        while let Some(message) = soon(messages.recv()).await {
            left.push(message);
        }
        (drained, left)
    }
}

/// A client that speaks HTTP/1.1 a byte at a time if it likes.
pub struct Client {
    pub socket: TcpStream,
    unread: Vec<u8>,
}

/// What a client is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Client {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.socket.write_all(bytes.as_ref())).await.unwrap();
    }

    /// The head of a callback with some headers.
    pub async fn head(&mut self, path: &str, headers: &str) {
        let head = format!("POST /callbacks/{path} HTTP/1.1\r\nhost: ingress\r\n{headers}\r\n");
        self.send(head).await;
    }

    pub async fn post(&mut self, path: &str, body: &str) {
        self.head(path, &format!("content-length: {}\r\n", body.len()))
            .await;
        self.send(body).await;
    }

    /// Reads one answer; none if the socket ends before one begins.
    pub async fn answer(&mut self) -> Option<Answer> {
        let head_end = loop {
            if let Some(at) = self.unread.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.read_more().await {
                assert!(self.unread.is_empty(), "half an answer");
                return None;
            }
        };
        let head: Vec<u8> = self.unread.drain(..head_end).collect();
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer {
            status,
            head,
            body: String::new(),
        };
        let length: usize = answer
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            assert!(self.read_more().await, "half a body");
        }
        answer.body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        Some(answer)
    }

    /// Waits until the socket is closed, whatever comes before.
    pub async fn wait_for_the_end(&mut self) {
        while self.read_more().await {}
    }

    async fn read_more(&mut self) -> bool {
        let read = soon(self.socket.read_buf(&mut self.unread)).await;
        // A socket that is closed with something unread on it is reset.
        read.unwrap_or(0) > 0
    }
}
