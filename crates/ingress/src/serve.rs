//! Accepts sockets, no more than allowed at once, and drains with a hard deadline.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::config::IngressConfig;
use crate::connection::{self, Endings};

/// How long to wait after the system refused to give a socket (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How a drain went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Drained {
    /// Every request was answered.
    Whole,
    /// So many sockets were cut at the deadline.
    Cut(usize),
}

/// Serves until `shutdown` ends, then drains: nothing more is accepted, requests under way are
/// answered, and what is left at the deadline is cut. What was not answered with 200 comes again.
/// Sockets run on the calling task's runtime.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: IngressConfig,
    shutdown: impl Future<Output = ()>,
) -> Drained {
    let endings = Endings::default();
    let http = connection::http();
    let mut sockets = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let has_room = sockets.len() < config.max_sockets;
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = sockets.join_next(), if !sockets.is_empty() => {}
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _)) => {
                    sockets.spawn(connection::serve(
                        stream,
                        http.clone(),
                        router.clone(),
                        endings.clone(),
                        config.idle_timeout,
                    ));
                }
                Err(error) => {
                    tracing::warn!(%error, "no socket could be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    drain(sockets, &endings, config.drain_deadline).await
}

async fn drain(mut sockets: JoinSet<()>, endings: &Endings, deadline: Duration) -> Drained {
    tracing::info!(sockets = sockets.len(), "draining callbacks");
    endings.drain.cancel();
    let all_ended = async { while sockets.join_next().await.is_some() {} };
    if tokio::time::timeout(deadline, all_ended).await.is_ok() {
        return Drained::Whole;
    }
    let left = sockets.len();
    tracing::warn!(sockets = left, "cut at the deadline of the drain");
    endings.cut.cancel();
    while sockets.join_next().await.is_some() {}
    Drained::Cut(left)
}

#[cfg(test)]
mod tests;
