//! Pictures of any size, brought piece by piece: a small PNG, and behind its end as much filling as
//! the size asks for.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

use super::scenario::MOST_BYTES;
use crate::images;
use crate::seed::Seed;

/// Pixels a side of the PNG.
const SIDE: usize = 24;
/// Bytes that are drawn for the filling, which repeats them.
const DRAWN: usize = 1_024;
/// How often a piece of the filling has them.
const REPEATS: usize = 64;

/// A picture on its way.
#[derive(Debug)]
pub struct Picture {
    head: Bytes,
    filling: Bytes,
    left: u64,
    announced: Option<u64>,
    breaks: bool,
    paused: bool,
}

fn clipped(piece: &Bytes, left: u64) -> Bytes {
    let length = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
    piece.slice(..length)
}

impl Picture {
    /// The picture that a seed draws for `label`; with so many bytes, if a number is said.
    pub fn new(seed: Seed, label: &str, bytes: Option<u64>) -> Self {
        let pixels = seed.draw(label).take(SIDE * SIDE);
        let head = Bytes::from(images::noise(&pixels, SIDE).unwrap_or_default());
        let small = u64::try_from(head.len()).unwrap_or(u64::MAX);
        let left = bytes.unwrap_or(small).min(MOST_BYTES);
        let filling = match left > small {
            true => {
                let drawn = seed.draw(&format!("{label}/filling")).take(DRAWN);
                Bytes::from(drawn.repeat(REPEATS))
            }
            false => Bytes::new(),
        };
        Self {
            head,
            filling,
            left,
            announced: Some(left),
            breaks: false,
            paused: false,
        }
    }

    /// It breaks off after half of what it announces.
    pub fn cut(mut self) -> Self {
        self.left /= 2;
        self.breaks = true;
        self
    }

    /// Half of it is announced, and comes.
    pub fn short(mut self) -> Self {
        self.left /= 2;
        self.announced = Some(self.left);
        self
    }

    /// It does not announce its length.
    pub fn unannounced(mut self) -> Self {
        self.announced = None;
        self
    }

    fn piece(&mut self) -> Option<Bytes> {
        let next = match self.head.is_empty() {
            true => self.filling.clone(),
            false => std::mem::take(&mut self.head),
        };
        let piece = clipped(&next, self.left);
        self.left -= u64::try_from(piece.len()).unwrap_or(self.left);
        (!piece.is_empty()).then_some(piece)
    }

    /// All of its bytes at once.
    pub fn whole(mut self) -> Bytes {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.piece() {
            whole.extend_from_slice(&piece);
        }
        whole.freeze()
    }
}

impl Body for Picture {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(piece) = self.piece() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if !self.breaks {
            return Poll::Ready(None);
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
        !self.breaks && self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        match self.announced {
            Some(length) => SizeHint::with_exact(length),
            None => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_exactly_the_bytes_asked_for_and_begins_with_the_same_png() {
        let picture = |bytes| Picture::new(Seed(1), "a", bytes).whole();
        let small = picture(None);
        assert!(small.starts_with(b"\x89PNG"));
        for bytes in [0, 10, 2_000, 70_000, 200_001] {
            let whole = picture(Some(bytes));
            assert_eq!(whole.len() as u64, bytes);
            let both = small.len().min(whole.len());
            assert_eq!(whole[..both], small[..both]);
        }
        assert_ne!(small, Picture::new(Seed(1), "b", None).whole());
        assert_eq!(
            Picture::new(Seed(1), "a", Some(9_000))
                .short()
                .whole()
                .len(),
            4_500
        );
    }
}
