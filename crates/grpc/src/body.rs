//! The body of an answer, on its way out: ends its call's record with its trailers, and ends itself
//! when the caller's deadline for a stream has passed.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;
use tonic::{Code, Status};
use verilane_core::Reason;

use crate::call::Call;
use crate::status::status_of;

/// An answer's body.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// Of a gRPC call.
    Grpc(CallBody),
    /// Of a call over gRPC-Web, translated already, or of something that is no call at all.
    Other(tonic::body::Body),
}

/// The body of a call's answer.
#[derive(Debug)]
pub(crate) struct CallBody {
    inner: tonic::body::Body,
    call: Call,
    deadline: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

impl CallBody {
    /// The body of a call that has begun its answer.
    pub(crate) fn new(inner: tonic::body::Body, call: Call, to_end: Option<Duration>) -> Self {
        Self {
            inner,
            call,
            deadline: to_end.map(|limit| Box::pin(tokio::time::sleep(limit))),
            is_over: false,
        }
    }

    fn is_past_deadline(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline
            .as_mut()
            .is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
    }
}

impl Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if self.is_past_deadline(cx) {
            self.is_over = true;
            self.inner = tonic::body::Body::empty();
            self.call.finish(Code::DeadlineExceeded);
            let mut trailers = HeaderMap::new();
            // Fails only if a message can't be written as a header; ours can.
            let _ = status_of(Reason::DeadlineExceeded).add_header(&mut trailers);
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.call.finish_with(trailers);
                }
            }
            Poll::Ready(Some(Err(status))) => self.call.finish(status.code()),
            Poll::Ready(None) => self.is_over = true,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.get_mut() {
            Self::Grpc(body) => Pin::new(body).poll_frame(cx),
            Self::Other(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Grpc(body) => body.is_end_stream(),
            Self::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Grpc(body) => body.size_hint(),
            Self::Other(body) => body.size_hint(),
        }
    }
}
