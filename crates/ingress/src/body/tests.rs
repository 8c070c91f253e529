//! A body whose sender does as it is told.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use super::*;

struct Broken;

/// What arrives, and what was announced.
struct Scripted {
    frames: mpsc::UnboundedReceiver<Result<Bytes, Broken>>,
    announced: Option<u64>,
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let next = self.frames.poll_recv(cx);
        next.map(|frame| frame.map(|frame| frame.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.announced
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

type Sender = mpsc::UnboundedSender<Result<Bytes, Broken>>;

fn scripted(announced: Option<u64>) -> (Sender, Scripted) {
    let (sender, frames) = mpsc::unbounded_channel();
    (sender, Scripted { frames, announced })
}

/// A body of frames of these sizes, without an announcement.
fn sized(sizes: &[usize]) -> Scripted {
    let (sender, body) = scripted(None);
    for size in sizes {
        let frame = Bytes::from(vec![b'x'; *size]);
        sender.send(Ok(frame)).ok().unwrap();
    }
    body
}

const LONG: Duration = Duration::from_secs(3_600);

fn all_of(budget: &Budget, bytes: usize) -> bool {
    budget.nothing().grow(bytes)
}

#[tokio::test]
async fn a_body_is_put_together_in_order() {
    let (sender, body) = scripted(Some(6));
    for part in ["ab", "", "cde", "f"] {
        sender.send(Ok(Bytes::from(part))).ok().unwrap();
    }
    drop(sender);
    let whole = read(body, 6, LONG, &Budget::new(6)).await.unwrap();
    assert_eq!(whole.bytes, "abcdef");
}

#[tokio::test]
async fn what_is_announced_too_large_is_not_read() {
    let (sender, body) = scripted(Some(11));
    let refused = read(body, 10, LONG, &Budget::new(100)).await;
    assert_eq!(refused.err(), Some(Reason::CallbackTooLarge));
    assert!(sender.is_closed());
}

#[tokio::test]
async fn what_is_not_announced_is_read_up_to_the_limit() {
    let budget = Budget::new(10_000);
    let whole = read(sized(&[4_000, 6_000]), 10_000, LONG, &budget).await;
    assert_eq!(whole.unwrap().bytes.len(), 10_000);
    let refused = read(sized(&[4_000, 6_001]), 10_000, LONG, &budget).await;
    assert_eq!(refused.err(), Some(Reason::CallbackTooLarge));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_handed_on_and_gives_its_room_back() {
    let budget = Budget::new(1_000);
    let (sender, body) = scripted(None);
    sender.send(Ok(Bytes::from(vec![0; 1_000]))).ok().unwrap();
    sender.send(Err(Broken)).ok().unwrap();
    let refused = read(body, 1_000, LONG, &budget).await;
    assert_eq!(refused.err(), Some(Reason::CallbackIncomplete));
    assert!(all_of(&budget, 1_000));
}

#[tokio::test]
async fn the_time_is_for_the_whole_body_however_often_a_byte_comes() {
    let (sender, body) = scripted(None);
    let trickle = async {
        while sender.send(Ok(Bytes::from_static(b"x"))).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    let budget = Budget::new(usize::MAX);
    let reading = read(body, usize::MAX, Duration::from_millis(20), &budget);
    let (refused, ()) = tokio::join!(reading, trickle);
    assert_eq!(refused.err(), Some(Reason::CallbackTooSlow));
}

#[tokio::test]
async fn room_is_taken_as_a_body_grows_and_held_while_it_is_needed() {
    let budget = Budget::new(100_000);
    let (sender, body) = scripted(Some(80_000));
    let reading = tokio::spawn({
        let budget = budget.clone();
        async move { read(body, 80_000, LONG, &budget).await }
    });
    assert!(all_of(&budget, 100_000), "nothing has arrived yet");
    sender.send(Ok(Bytes::from(vec![0; 80_000]))).ok().unwrap();
    drop(sender);
    let whole = reading.await.unwrap().unwrap();
    assert!(all_of(&budget, 20_000));
    assert!(!all_of(&budget, 20_001));
    let refused = read(sized(&[20_001]), 80_000, LONG, &budget).await;
    assert_eq!(refused.err(), Some(Reason::CallbackOverload));
    drop(whole);
    assert!(read(sized(&[20_001]), 80_000, LONG, &budget).await.is_ok());
}

#[tokio::test]
async fn no_more_memory_is_held_than_room_was_taken_for() {
    for sizes in [&[10, 3_000][..], &[5_000, 1, 9_000], &[2_048, 2_048, 1]] {
        let budget = Budget::new(1_000_000);
        let whole = read(sized(sizes), 20_000, LONG, &budget).await.unwrap();
        let memory = whole.bytes.try_into_mut().unwrap().capacity();
        let left = 1_000_000 - memory;
        assert!(
            !all_of(&budget, left + 1),
            "{sizes:?}: {memory} bytes are held"
        );
    }
}
