//! Frames on their way to a client that may be slow.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::mpsc;

/// How many frames may wait.
const MOST: usize = 64;
/// How many bytes may wait; a frame that is larger waits alone.
const ROOM: usize = 256 * 1024;

/// The client is gone.
#[derive(Debug)]
pub(super) struct Closed;

#[derive(Debug)]
pub(super) struct Frames {
    sender: mpsc::Sender<Bytes>,
    /// How long the frames are that were sent last, as many of them as can be waiting.
    lengths: VecDeque<usize>,
}

pub(super) fn channel() -> (Frames, mpsc::Receiver<Bytes>) {
    let (sender, receiver) = mpsc::channel(MOST);
    let lengths = VecDeque::with_capacity(MOST);
    (Frames { sender, lengths }, receiver)
}

impl Frames {
    /// Sends a frame once there is room for it. Cancelling this sends nothing.
    pub(super) async fn send(&mut self, frame: Bytes) -> Result<(), Closed> {
        // Frames are taken in their order: with so many places free, only the last ones wait.
        let mut room = ROOM.saturating_sub(frame.len());
        let beside = self.lengths.iter().rev().take(MOST - 1);
        let beside = beside
            .map_while(|length| {
                room = room.checked_sub(*length)?;
                Some(())
            })
            .count();
        let free = match self.lengths.len() {
            sent if sent == beside => 1,
            _ => MOST - beside,
        };
        let mut places = self.sender.reserve_many(free).await.map_err(|_| Closed)?;
        if let Some(place) = places.next() {
            if self.lengths.len() == MOST {
                self.lengths.pop_front();
            }
            self.lengths.push_back(frame.len());
            place.send(frame);
        }
        Ok(())
    }

    /// Whether all that was sent was taken.
    pub(super) fn is_flushed(&self) -> bool {
        self.sender.capacity() == MOST
    }

    /// Something that knows when the client is gone.
    pub(super) fn client(&self) -> mpsc::Sender<Bytes> {
        self.sender.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// How many frames of a length are sent before one has to wait.
    fn sent(frames: &mut Frames, length: usize) -> usize {
        let mut context = Context::from_waker(Waker::noop());
        for count in 0.. {
            let sending = pin!(frames.send(vec![0; length].into()));
            if sending.poll(&mut context).is_pending() {
                return count;
            }
        }
        0
    }

    #[test]
    fn frames_wait_until_there_is_room() {
        for (length, count) in [
            (0, MOST),
            (10, MOST),
            (ROOM / 8, 8),
            (ROOM / 2 + 1, 1),
            (ROOM * 3, 1),
        ] {
            let (mut frames, mut receiver) = channel();
            assert_eq!(sent(&mut frames, length), count, "{length}");
            receiver.try_recv().expect("a frame");
            assert_eq!(sent(&mut frames, length), 1, "{length}");
            assert!(!frames.is_flushed());
        }
    }

    #[test]
    fn a_large_frame_waits_for_the_small_ones() {
        let (mut frames, mut receiver) = channel();
        assert_eq!(sent(&mut frames, 10), MOST);
        for _ in 1..MOST {
            receiver.try_recv().expect("a frame");
            assert_eq!(sent(&mut frames, ROOM), 0);
        }
        receiver.try_recv().expect("the last");
        assert!(frames.is_flushed());
        assert_eq!(sent(&mut frames, ROOM), 1);
    }
}
