//! Lines out of chunks.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;
use thiserror::Error;

/// The largest frame that a [`Deframer`] takes if it is not told otherwise: 16 MiB.
///
/// An object in etcd has 1.5 MiB at most; as JSON, with managed fields, it has several times that.
pub const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// A frame that is larger than the limit.
///
/// The stream cannot be read on after it.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("frame is larger than {limit} bytes")]
pub struct FrameTooLarge {
    /// The limit.
    pub limit: usize,
}

/// Cuts a stream of bytes into lines, each of them a frame.
///
/// Chunks go in by [`push`](Deframer::push), frames come out by [`next_frame`](Deframer::next_frame)
/// until there are none, and at the end of the stream [`finish`](Deframer::finish) gives what was
/// left without a newline. Blank lines are no frames, and `\r\n` ends a line like `\n`.
///
/// A frame within one chunk is a slice of it. Only a frame that spans chunks is copied, and never
/// more than the limit is held of it.
///
/// ```
/// use bytes::Bytes;
/// use kubist_wire::frame::Deframer;
///
/// let mut deframer = Deframer::new();
/// deframer.push(Bytes::from_static(b"one\ntw"));
/// assert_eq!(deframer.next_frame()?.as_deref(), Some(&b"one"[..]));
/// assert_eq!(deframer.next_frame()?, None);
/// deframer.push(Bytes::from_static(b"o\r\n\nthree"));
/// assert_eq!(deframer.next_frame()?.as_deref(), Some(&b"two"[..]));
/// assert_eq!(deframer.next_frame()?, None);
/// assert_eq!(deframer.finish().as_deref(), Some(&b"three"[..]));
/// # Ok::<(), kubist_wire::frame::FrameTooLarge>(())
/// ```
#[derive(Debug)]
pub struct Deframer {
    /// What was pushed and not yet looked at.
    chunks: VecDeque<Bytes>,
    /// The start of a frame whose end has not come.
    partial: BytesMut,
    limit: usize,
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new()
    }
}

impl Deframer {
    /// A deframer with the [default limit](DEFAULT_LIMIT).
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// A deframer for frames of at most so many bytes, newline excluded.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            chunks: VecDeque::new(),
            partial: BytesMut::new(),
            limit,
        }
    }

    /// Takes the next chunk of the stream.
    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.chunks.push_back(chunk);
        }
    }

    /// The next frame, or `None` until there is more to read.
    ///
    /// # Errors
    ///
    /// Fails where a frame is larger than the limit.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameTooLarge> {
        while let Some(chunk) = self.chunks.front_mut() {
            let end = memchr(b'\n', chunk);
            let length = end.unwrap_or(chunk.len());
            if length > self.limit - self.partial.len().min(self.limit) {
                return Err(FrameTooLarge { limit: self.limit });
            }
            let line = if end.is_some() && self.partial.is_empty() {
                chunk.split_to(length)
            } else {
                self.partial.extend_from_slice(&chunk[..length]);
                chunk.advance(length);
                match end {
                    Some(_) => self.partial.split().freeze(),
                    None => {
                        self.chunks.pop_front();
                        continue;
                    }
                }
            };
            chunk.advance(1);
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
            if let Some(frame) = trim(line) {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// What came after the last newline, unless it is blank.
    ///
    /// To be called at the end of the stream, after [`next_frame`](Self::next_frame) gave `None`.
    pub fn finish(&mut self) -> Option<Bytes> {
        trim(self.partial.split().freeze())
    }
}

/// Drops blanks around a line; `None` if there is nothing else.
fn trim(mut line: Bytes) -> Option<Bytes> {
    let trimmed = line.trim_ascii();
    if trimmed.is_empty() {
        return None;
    }
    if trimmed.len() < line.len() {
        line = line.slice_ref(trimmed);
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All frames of a stream, and what is left at its end.
    type Frames = (Vec<Vec<u8>>, Option<Vec<u8>>);

    fn frames(chunks: &[&[u8]], limit: usize) -> Result<Frames, FrameTooLarge> {
        let mut deframer = Deframer::with_limit(limit);
        let mut frames = Vec::new();
        for chunk in chunks {
            deframer.push(Bytes::copy_from_slice(chunk));
            while let Some(frame) = deframer.next_frame()? {
                frames.push(frame.to_vec());
            }
        }
        Ok((frames, deframer.finish().map(|frame| frame.to_vec())))
    }

    #[test]
    fn a_frame_within_a_chunk_is_not_copied() {
        let chunk = Bytes::from_static(b"first\nsecond\n");
        let mut deframer = Deframer::new();
        deframer.push(chunk.clone());
        for expected in ["first", "second"] {
            let frame = deframer.next_frame().expect("small").expect("complete");
            assert_eq!(frame, expected);
            assert!(chunk.as_ptr_range().contains(&frame.as_ptr()));
        }
    }

    #[test]
    fn the_limit_holds_with_and_without_a_newline() {
        let too_large = Err(FrameTooLarge { limit: 4 });
        assert_eq!(frames(&[b"1234\n"], 4), Ok((vec![b"1234".to_vec()], None)));
        assert_eq!(frames(&[b"12345\n"], 4), too_large);
        assert_eq!(frames(&[b"123", b"45"], 4), too_large);
        assert_eq!(frames(&[b"123", b"45\n"], 4), too_large);
        assert_eq!(frames(&[b"12345"], 4), too_large);
    }

    #[test]
    fn chunks_may_pile_up() {
        let mut deframer = Deframer::new();
        for chunk in ["a", "b\nc", "\n", "d"] {
            deframer.push(Bytes::from_static(chunk.as_bytes()));
        }
        assert_eq!(deframer.next_frame().expect("small").as_deref(), Some(&b"ab"[..]));
        assert_eq!(deframer.next_frame().expect("small").as_deref(), Some(&b"c"[..]));
        assert_eq!(deframer.next_frame().expect("small"), None);
        assert_eq!(deframer.finish().as_deref(), Some(&b"d"[..]));
        assert_eq!(deframer.finish(), None);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_frames(
            stream in "[ab \r\n]{0,64}",
            mut cuts in prop::collection::vec(0usize..64, 0..12),
        ) {
            let stream = stream.as_bytes();
            cuts.iter_mut().for_each(|cut| *cut = (*cut).min(stream.len()));
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut start = 0;
            for cut in cuts {
                chunks.push(&stream[start..cut]);
                start = cut;
            }
            chunks.push(&stream[start..]);

            let mut lines: Vec<_> = stream.split(|b| *b == b'\n').map(|line| line.trim_ascii().to_vec()).collect();
            let last = lines.pop().filter(|line| !line.is_empty());
            lines.retain(|line| !line.is_empty());
            prop_assert_eq!(frames(&chunks, DEFAULT_LIMIT), Ok((lines, last)));
        }
    }
}
