//! Where callbacks arrive: takes everything, answers 200, and keeps it as it came.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use verilane_core::clock::ManualClock;
use verilane_core::{CallbackChannel, Clock as _, Pii};

use super::letter::Letter;
use super::wire::{Message, answer};

/// The place.
pub(super) struct Receiver {
    address: SocketAddr,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl Receiver {
    pub(super) async fn new(clock: ManualClock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let letters = Arc::<Mutex<Vec<Letter>>>::default();
        let kept = Arc::clone(&letters);
        tokio::spawn(async move {
            while let Ok((provider, _)) = listener.accept().await {
                tokio::spawn(take(provider, Arc::clone(&kept), clock.clone()));
            }
        });
        Self { address, letters }
    }

    /// Where a channel's callbacks go.
    pub(super) fn url(&self, channel: &str) -> Pii<String> {
        Pii::new(format!("http://{}/{channel}", self.address))
    }

    /// What has come since the last look, in order.
    pub(super) fn take(&self) -> Vec<Letter> {
        std::mem::take(&mut self.letters.lock())
    }
}

async fn take(mut provider: TcpStream, letters: Arc<Mutex<Vec<Letter>>>, clock: ManualClock) {
    while let Some(message) = Message::read(&mut provider).await {
        let letter = Letter {
            channel: match message.path() {
                "/status" => CallbackChannel::Status,
                "/data" => CallbackChannel::Data,
                other => panic!("a callback to {other}"),
            },
            content_type: message.header("content-type").map(str::to_owned),
            receive_time: clock.now(),
            body: Bytes::from(message.body),
        };
        letters.lock().push(letter);
        let _ = provider.write_all(&answer(200, "", b"")).await;
    }
}
