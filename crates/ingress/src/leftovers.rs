//! What a client goes on sending after it was refused.
//!
//! A socket that is closed with something unread on it is reset, and a reset can overtake the
//! answer: the people behind the client then see a broken connection and no reason. So the answer
//! says that the socket closes, and the rest is read and thrown away until the client has closed its
//! side. For how long is up to whoever watches the socket; how much is bounded here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version, header};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is thrown away before the socket is reset after all, in bytes.
const MOST: usize = 64 * 1024 * 1024;

/// Whether the body of a socket's request is not read to its end. HTTP/2 ends streams one by one
/// and needs none of this.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread(Arc<AtomicBool>);

impl Unread {
    /// The request with its body under observation.
    pub(crate) fn watch<B: Body>(&self, request: Request<B>) -> Request<Watched<B>> {
        let is_http_1 = request.version() <= Version::HTTP_11;
        self.set(is_http_1 && !request.body().is_end_stream());
        request.map(|body| Watched {
            body,
            unread: self.clone(),
        })
    }

    /// The answer, with notice that the socket closes if the client may still be sending.
    pub(crate) fn announce<B>(&self, mut answer: Response<B>) -> Response<B> {
        if self.get() {
            let headers = answer.headers_mut();
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    /// Nothing more is read before the socket closes: this side can't wait any longer.
    pub(crate) fn forget(&self) {
        self.set(false);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, is_unread: bool) {
        self.0.store(is_unread, Ordering::Relaxed);
    }
}

/// A request's body that notes when it has been read.
#[derive(Debug)]
pub(crate) struct Watched<B> {
    body: B,
    unread: Unread,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() {
            self.unread.set(false);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A socket that reads what is left before it closes.
#[derive(Debug)]
pub(crate) struct Lingering<S> {
    socket: S,
    unread: Unread,
    is_shut: bool,
    thrown_away: usize,
}

impl<S> Lingering<S> {
    pub(crate) const fn new(socket: S, unread: Unread) -> Self {
        Self {
            socket,
            unread,
            is_shut: false,
            thrown_away: 0,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            self.is_shut = true;
        }
        while self.unread.get() && self.thrown_away < MOST {
            let mut waste = [0; 8 * 1024];
            let mut waste = ReadBuf::new(&mut waste);
            let read = ready!(Pin::new(&mut self.socket).poll_read(cx, &mut waste));
            let size = waste.filled().len();
            if read.is_err() || size == 0 {
                break;
            }
            self.thrown_away = self.thrown_away.saturating_add(size);
        }
        Poll::Ready(Ok(()))
    }
}
