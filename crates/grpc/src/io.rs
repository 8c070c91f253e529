//! The socket as HTTP sees it: passes everything on, and knows whether its client has introduced
//! itself yet.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// As long as HTTP/2's preface; no request of HTTP/1 is shorter.
const INTRODUCTION: usize = 24;

/// How much has been read from a socket, up to an introduction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Introduction(Arc<AtomicUsize>);

impl Introduction {
    /// Whether the client has said enough for HTTP to have begun.
    pub(crate) fn is_made(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= INTRODUCTION
    }
}

/// A socket.
pub(crate) struct Io<S> {
    stream: S,
    introduction: Introduction,
}

impl<S> Io<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            introduction: Introduction::default(),
        }
    }

    pub(crate) fn introduction(&self) -> Introduction {
        self.introduction.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Io<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if !self.introduction.is_made() {
            let read = buf.filled().len() - before;
            self.introduction.0.fetch_add(read, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Io<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
