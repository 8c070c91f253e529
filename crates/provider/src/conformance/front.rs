//! The network between a plug-in and its provider: passes requests on, one by one, and does to the
//! next ones what it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::wire::{Message, answer};

/// How long a test waits for what must happen; reached only if it does not.
const LIMIT: Duration = Duration::from_secs(60);

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upset {
    /// It does not arrive; this is answered instead: status, one more header line or nothing, body.
    Answered(u16, &'static str, Vec<u8>),
    /// It arrives, and this is answered instead of what the provider answers.
    AnsweredAfter(u16, &'static str, Vec<u8>),
    /// It does not arrive; this is answered, byte for byte, which was the answer to another.
    Replayed(Vec<u8>),
    /// It does not arrive, and nothing is answered.
    Silence,
    /// It arrives, and nothing is answered.
    SilenceAfter,
    /// It does not arrive, and the connection breaks.
    Cut,
    /// It arrives, and the connection breaks.
    CutAfter,
    /// It arrives, and half of the answer comes back before the connection breaks.
    Half,
    /// It does not arrive, and an answer begins that does not end.
    Endless,
}

/// The network.
pub struct Front {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepts: JoinHandle<()>,
}

struct Shared {
    upstream: Mutex<Option<SocketAddr>>,
    upsets: Mutex<VecDeque<Upset>>,
    /// The provider's newest answer.
    answered: Mutex<Vec<u8>>,
    seen: watch::Sender<Seen>,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    requests: usize,
    /// Requests that wait for an answer which will not come.
    silent: usize,
}

impl Front {
    pub(super) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: Mutex::default(),
            upsets: Mutex::default(),
            answered: Mutex::default(),
            seen: watch::Sender::default(),
        });
        let accepting = Arc::clone(&shared);
        let accepts = tokio::spawn(async move {
            while let Ok((plugin, _)) = listener.accept().await {
                let shared = Arc::clone(&accepting);
                tokio::spawn(async move { shared.exchange(plugin).await });
            }
        });
        Self {
            address,
            shared,
            accepts,
        }
    }

    /// Where the plug-in sends its requests: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where they are passed on to.
    pub fn leads_to(&self, provider: SocketAddr) {
        *self.shared.upstream.lock() = Some(provider);
    }

    /// The next request meets this; those after it nothing, unless they are told too.
    pub(super) fn upset(&self, upset: Upset) {
        self.shared.upsets.lock().push_back(upset);
    }

    /// How many requests have come.
    pub(super) fn requests(&self) -> usize {
        self.shared.seen.borrow().requests
    }

    /// What the provider answered last.
    pub(super) fn answered(&self) -> Vec<u8> {
        self.shared.answered.lock().clone()
    }

    /// Waits until so many requests in all have come that are not answered.
    pub(super) async fn silent(&self, count: usize) {
        let mut seen = self.shared.seen.subscribe();
        let silent = seen.wait_for(|seen| seen.silent >= count);
        tokio::time::timeout(LIMIT, silent).await.unwrap().unwrap();
    }

    /// Is there no more: whoever comes now finds nobody.
    pub(super) async fn goes(self) {
        self.accepts.abort();
        let _ = self.accepts.await;
    }
}

impl Shared {
    async fn exchange(&self, mut plugin: TcpStream) {
        let Some(request) = Message::read(&mut plugin).await else {
            return;
        };
        let upset = self.upsets.lock().pop_front();
        self.seen.send_modify(|seen| seen.requests += 1);
        let answer = match upset {
            None => self.pass(&request).await,
            Some(Upset::Answered(status, header, body)) => answer(status, header, &body),
            Some(Upset::AnsweredAfter(status, header, body)) => {
                self.pass(&request).await;
                answer(status, header, &body)
            }
            Some(Upset::Replayed(answer)) => answer,
            Some(Upset::Silence) => return self.say_nothing(plugin).await,
            Some(Upset::SilenceAfter) => {
                self.pass(&request).await;
                return self.say_nothing(plugin).await;
            }
            Some(Upset::Cut) => return,
            Some(Upset::CutAfter) => {
                self.pass(&request).await;
                return;
            }
            Some(Upset::Half) => {
                let mut whole = self.pass(&request).await;
                let body = whole.windows(4).position(|at| at == b"\r\n\r\n").unwrap() + 4;
                whole.truncate(body + (whole.len() - body) / 2);
                whole
            }
            Some(Upset::Endless) => {
                // As much as the client takes: it has to stop by itself.
                let _ = plugin.write_all(b"HTTP/1.1 200 Said\r\n\r\n\"").await;
                while plugin.write_all(&[b'x'; 16 * 1024]).await.is_ok() {}
                return;
            }
        };
        // The plug-in may have gone.
        let _ = plugin.write_all(&answer).await;
    }

    /// Has the provider handle a request, and gives its answer.
    async fn pass(&self, request: &Message) -> Vec<u8> {
        let upstream = self.upstream.lock().expect("the front leads nowhere");
        let mut provider = TcpStream::connect(upstream).await.unwrap();
        provider.write_all(&request.closing()).await.unwrap();
        let mut answer = Vec::new();
        provider.read_to_end(&mut answer).await.unwrap();
        self.answered.lock().clone_from(&answer);
        answer
    }

    /// Lasts until the plug-in goes.
    async fn say_nothing(&self, mut plugin: TcpStream) {
        self.seen.send_modify(|seen| seen.silent += 1);
        let _ = plugin.read_u8().await;
    }
}
