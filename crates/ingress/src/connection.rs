//! One socket: HTTP/1.1, or HTTP/2 without TLS, until its client, idleness, a drain or a cut ends
//! it.

use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::leftovers::{Lingering, Unread};

/// All headers of one request together, and what is read at once, in bytes.
const HEADERS: u32 = 32 * 1024;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 32;
/// What a client may send on one stream before it is read, in bytes.
const STREAM_WINDOW: u32 = 128 * 1024;
/// And on all streams of a connection.
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// How sockets end from our side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endings {
    /// No new requests; those under way may finish.
    pub(crate) drain: CancellationToken,
    /// At once.
    pub(crate) cut: CancellationToken,
}

/// How HTTP is spoken.
pub(crate) fn http() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Idleness, which is watched from outside, includes a head that does not come to its end.
        .header_read_timeout(None)
        // A provider that hangs up after its last byte has still delivered its message.
        .half_close(true)
        .max_buf_size(HEADERS as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADERS);
    builder
}

/// Serves one socket to its end. What goes wrong on it concerns its client alone.
pub(crate) async fn serve(
    stream: TcpStream,
    http: auto::Builder<TokioExecutor>,
    router: Router,
    endings: Endings,
    idle_timeout: Duration,
) {
    // Answers are small and complete; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let under_way = watch::Sender::new(0);
    let unread = Unread::default();
    let socket = TokioIo::new(Lingering::new(stream, unread.clone()));
    let service = service_fn(|request: Request<Incoming>| {
        let one = UnderWay::begin(&under_way);
        let answer = router.clone().oneshot(unread.watch(request));
        let unread = unread.clone();
        async move {
            let answer = answer.await.map(|answer| unread.announce(answer));
            drop(one);
            answer
        }
    });
    let idle = idle(under_way.subscribe(), idle_timeout);
    let mut idle = std::pin::pin!(idle);
    let mut connection = std::pin::pin!(http.serve_connection(socket, service));
    let mut is_draining = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a socket broke");
                }
                return;
            }
            () = endings.cut.cancelled() => return,
            () = &mut idle => return,
            () = endings.drain.cancelled(), if !is_draining => {
                is_draining = true;
                unread.forget();
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// A request between its head and its answer.
struct UnderWay(watch::Sender<usize>);

impl UnderWay {
    fn begin(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count = count.saturating_add(1));
        Self(count.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Ends once nothing has been under way for as long as `limit`.
async fn idle(mut under_way: watch::Receiver<usize>, limit: Duration) {
    loop {
        // Its sender lives as long as the service; without one nothing begins any more.
        let _ = under_way.wait_for(|count| *count == 0).await;
        let next = tokio::time::timeout(limit, under_way.changed());
        if next.await.is_err() {
            return;
        }
    }
}
