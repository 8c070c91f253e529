//! One connection: HTTP/2, or HTTP/1 for gRPC-Web, until its client, a drain or a cut ends it.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::config::GrpcConfig;
use crate::io::Io;
use crate::listener::UserId;
use crate::services::Answer;
use crate::stack::Stack;

/// Requests are small, so are the windows for them.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What one stream may have waiting to be sent, in bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// All headers of one request together, in bytes.
const HEADERS: u32 = 16 * 1024;

/// Stands in each request's extensions: the connection that it came on.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// Closes it.
    pub(crate) closer: CancellationToken,
    /// Whose process began it, where that is known.
    pub(crate) user: Option<UserId>,
}

/// How connections end from our side.
#[derive(Clone, Debug)]
pub(crate) struct Endings {
    /// No new calls; open ones may finish.
    pub(crate) drain: CancellationToken,
    /// At once.
    pub(crate) cut: CancellationToken,
}

/// How HTTP is spoken.
pub(crate) fn http(config: &GrpcConfig) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.handshake_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.max_concurrent_streams)
        .keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_timeout)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEADERS);
    builder
}

/// Serves one connection to its end. What goes wrong on it concerns its client alone.
pub(crate) async fn serve<A, S>(
    (stream, user): (S, Option<UserId>),
    http: auto::Builder<TokioExecutor>,
    stack: Arc<Stack<A>>,
    endings: Endings,
    config: GrpcConfig,
) where
    A: Answer,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = Io::new(stream);
    let introduction = io.introduction();

    let closer = endings.cut.child_token();
    let service = service_fn({
        let closer = closer.clone();
        move |mut request: Request<Incoming>| {
            let closer = closer.clone();
            let connection = Connection { closer, user };
            request.extensions_mut().insert(connection);
            let stack = Arc::clone(&stack);
            // In a box of its own, which is gone once the answer has begun: inline it would stay
            // part of the task for as long as a watch is open.
            Box::pin(async move { Ok::<_, Infallible>(stack.answer(request.map(Body::new)).await) })
        }
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), service));
    let mut introduction_due = pin!(tokio::time::sleep(config.handshake_timeout));
    let mut is_draining = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error = %error, "a connection broke");
                }
                return;
            }
            () = closer.cancelled() => return,
            // One that says nothing, or only half a word, holds a place.
            () = introduction_due.as_mut(), if !introduction_due.is_elapsed() => {
                if !introduction.is_made() {
                    return;
                }
            }
            () = endings.drain.cancelled(), if !is_draining => {
                if !introduction.is_made() {
                    return;
                }
                is_draining = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
