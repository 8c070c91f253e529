//! A server of one connection a request, that says byte for byte what it is told to say.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What it answers.
#[derive(Clone)]
pub enum Says {
    /// These bytes.
    This(String),
    /// Nothing: it hangs up.
    Nothing,
    /// Nothing, and it waits.
    NeverAnything,
}

/// A request, as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: String,
    pub body: String,
}

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// An answer with a body.
pub fn answer(status: u16, more: &str, body: &str) -> Says {
    let length = body.len();
    Says::This(format!(
        "HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\nconnection: close\r\n{more}\r\n{body}"
    ))
}

impl Seen {
    /// A header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (named, value) = line.split_once(": ")?;
            named.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Method and path.
    pub fn line(&self) -> &str {
        let line = self.head.lines().next().unwrap();
        line.strip_suffix(" HTTP/1.1").unwrap()
    }
}

impl Server {
    /// One that answers by a request's path.
    pub async fn start(says: impl Fn(&str) -> Says + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (noted, says) = (Arc::clone(&seen), Arc::new(says));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (noted, says) = (Arc::clone(&noted), Arc::clone(&says));
                tokio::spawn(async move {
                    let Some(request) = whole(&mut stream).await else {
                        return;
                    };
                    let path = request.line().split_once(' ').unwrap().1.to_owned();
                    noted.lock().unwrap().push(request);
                    match says(&path) {
                        Says::This(bytes) => {
                            let _ = stream.write_all(bytes.as_bytes()).await;
                            let _ = stream.shutdown().await;
                        }
                        Says::Nothing => {}
                        Says::NeverAnything => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, seen }
    }

    /// One that answers everything alike.
    pub async fn saying(says: Says) -> Self {
        Self::start(move |_| says.clone()).await
    }

    /// What it was asked.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn whole(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let seen = Seen {
                head: head.to_owned(),
                body: body.to_owned(),
            };
            let length = seen
                .header("content-length")
                .map_or(0, |l| l.parse().unwrap());
            if body.len() >= length {
                return Some(seen);
            }
        }
        let mut more = [0; 4096];
        let count = stream
            .read(&mut more)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend_from_slice(&more[..count]);
    }
}
