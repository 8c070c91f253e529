//! What stands before the ingress, where the connector calls: open, or shut as if nobody was there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A door to the ingress. Ends with the runtime of its test.
pub struct Gate {
    /// Where the connector calls.
    pub address: SocketAddr,
    leads_to: watch::Sender<Option<SocketAddr>>,
    turned_away: Arc<AtomicUsize>,
}

impl Gate {
    /// A shut one.
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (leads_to, open) = watch::channel(None);
        let turned_away = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve(listener, open, Arc::clone(&turned_away)));
        Self {
            address,
            leads_to,
            turned_away,
        }
    }

    /// Lets connections through.
    pub fn open(&self, to: SocketAddr) {
        self.leads_to.send_replace(Some(to));
    }

    /// Cuts every connection, and lets none through.
    pub fn shut(&self) {
        self.leads_to.send_replace(None);
    }

    /// How many connections were turned away.
    pub fn turned_away(&self) -> usize {
        self.turned_away.load(Ordering::Relaxed)
    }
}

async fn serve(
    listener: TcpListener,
    open: watch::Receiver<Option<SocketAddr>>,
    turned_away: Arc<AtomicUsize>,
) {
    while let Ok((mut caller, _)) = listener.accept().await {
        let mut open = open.clone();
        let Some(to) = *open.borrow_and_update() else {
            turned_away.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        tokio::spawn(async move {
            let Ok(mut ingress) = TcpStream::connect(to).await else {
                return;
            };
            tokio::select! {
                _ = copy_bidirectional(&mut caller, &mut ingress) => {}
                _ = open.wait_for(Option::is_none) => {}
            }
        });
    }
}
