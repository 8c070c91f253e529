//! Bodies that misbehave: one promises all of its bytes, brings the first half, and breaks off; one
//! comes in pieces.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Half of a body, under the length of the whole.
#[derive(Debug)]
pub struct Half {
    length: u64,
    first: Option<Bytes>,
    paused: bool,
}

impl Half {
    /// The first half of `whole`.
    pub fn of(whole: &Bytes) -> Self {
        Self {
            length: u64::try_from(whole.len()).unwrap_or(u64::MAX),
            first: Some(whole.slice(..whole.len() / 2)),
            paused: false,
        }
    }
}

impl Body for Half {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        // What was handed over is written while this waits; an error at once would swallow it.
        if !self.paused {
            self.paused = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionAborted.into())))
    }

    fn is_end_stream(&self) -> bool {
        false
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// A body in pieces, with a pause of real time before each.
#[derive(Debug)]
pub struct Dripping {
    rest: Bytes,
    piece: usize,
    pause: Duration,
    waiting: Pin<Box<Sleep>>,
}

impl Dripping {
    /// `whole` in about so many pieces.
    pub fn of(whole: Bytes, pieces: usize, pause: Duration) -> Self {
        Self {
            piece: (whole.len() / pieces.max(1)).max(1),
            rest: whole,
            pause,
            waiting: Box::pin(sleep(pause)),
        }
    }
}

impl Body for Dripping {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.waiting.as_mut().poll(cx));
        self.waiting = Box::pin(sleep(self.pause));
        let length = self.piece.min(self.rest.len());
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }
}
