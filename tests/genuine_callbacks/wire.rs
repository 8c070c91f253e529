//! Callbacks as bytes on kept-alive sockets: several thousand of them are sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How many sockets share the work.
const SOCKETS: usize = 8;

/// What a callback was answered: the status code, and the reason where it was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// The HTTP status code.
    pub code: u16,
    /// The body.
    pub body: String,
}

/// One socket.
pub struct Caller {
    socket: BufReader<TcpStream>,
    host: String,
    path: String,
}

impl Caller {
    /// Connects to where a callback URL points.
    pub async fn to(url: &str) -> Self {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let socket = TcpStream::connect(host).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self {
            socket: BufReader::new(socket),
            host: host.to_owned(),
            path: format!("/{path}"),
        }
    }

    /// Sends a body, and waits for its answer.
    pub async fn send(&mut self, body: &[u8]) -> Answer {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.path,
            self.host,
            body.len()
        );
        let request = [head.as_bytes(), body].concat();
        self.socket.get_mut().write_all(&request).await.unwrap();
        self.answer().await
    }

    async fn answer(&mut self) -> Answer {
        let status = self.line().await;
        let code = status.split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = 0;
        loop {
            let line = self.line().await.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body).await.unwrap();
        Answer {
            code,
            body: String::from_utf8(body).unwrap(),
        }
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.socket.read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }
}

/// Sends one body.
pub async fn send(url: &str, body: &[u8]) -> Answer {
    Caller::to(url).await.send(body).await
}

/// Sends all bodies, several at a time, and says how often each answer came.
pub async fn send_all(url: &str, bodies: Vec<Vec<u8>>) -> BTreeMap<Answer, usize> {
    let bodies = Arc::new(bodies);
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..SOCKETS {
        let (bodies, next, url) = (Arc::clone(&bodies), Arc::clone(&next), url.to_owned());
        callers.spawn(async move {
            let mut answers: BTreeMap<Answer, usize> = BTreeMap::new();
            let mut caller = Caller::to(&url).await;
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                *answers.entry(caller.send(body).await).or_default() += 1;
            }
            answers
        });
    }
    let mut answers = BTreeMap::new();
    for part in callers.join_all().await {
        for (answer, count) in part {
            *answers.entry(answer).or_default() += count;
        }
    }
    answers
}
