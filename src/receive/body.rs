//! Reads request bodies. In: a body that arrives in pieces. Out: its bytes in one piece, never more than was granted
//! before they were read.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;

use super::admission::Permit;
use crate::otlp::rejection::Rejection;

/// Steps in which room is taken for a body of unknown length.
const STEP: usize = 256 * 1024;
/// How long and how much a refused HTTP/1 sender is listened to, so that it can read its answer.
const LINGER: Duration = Duration::from_secs(2);

/// Where a body is read from, piece by piece.
pub(super) struct Pieces<B> {
    body: B,
    first: Bytes,
    rest: BytesMut,
}

impl<B: Body<Data = Bytes> + Unpin> Pieces<B> {
    pub(super) fn new(body: B) -> Self {
        Self { body, first: Bytes::new(), rest: BytesMut::new() }
    }

    /// Waits for more data; `None` at the end. A body that breaks off has no one left to be answered.
    async fn next(&mut self) -> Result<Option<Bytes>, Rejection> {
        loop {
            let frame = poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)).await;
            match frame.transpose().map_err(|_| Rejection::Protocol { detail: "the body broke off" })? {
                None => return Ok(None),
                Some(frame) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => return Ok(Some(data)),
                    Err(_) => {} // trailers
                },
            }
        }
    }

    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    /// Keeps a piece. The usual small body is one piece and is never copied.
    fn keep(&mut self, piece: Bytes, expected: usize) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if self.rest.is_empty() {
            self.rest.reserve(expected.max(self.first.len() + piece.len()));
            self.rest.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.rest.extend_from_slice(&piece);
    }

    fn into_bytes(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
    }

    /// Reads to the end; `declared` is the length that the sender states, if it does.
    pub(super) async fn whole(
        mut self,
        declared: Option<u64>,
        limit: usize,
        permit: &mut Permit,
    ) -> Result<Bytes, Rejection> {
        let expected = match declared.map(usize::try_from) {
            None => 0,
            Some(Ok(length)) if length <= limit => length,
            Some(_) => return Err(Rejection::TooLarge { limit }),
        };
        let mut granted = expected;
        if !permit.grow(expected) {
            return Err(Rejection::busy());
        }
        while let Some(piece) = self.next().await? {
            let length = self.len() + piece.len();
            if length > limit {
                return Err(Rejection::TooLarge { limit });
            }
            if length > granted {
                let step = STEP.max(length - granted);
                if !permit.grow(step) {
                    return Err(Rejection::busy());
                }
                granted += step;
            }
            self.keep(piece, expected);
        }
        Ok(self.into_bytes())
    }

    /// Reads the one message of a unary gRPC call: whether it is compressed, and its bytes.
    pub(super) async fn message(mut self, limit: usize, permit: &mut Permit) -> Result<(bool, Bytes), Rejection> {
        let mut prefix = None;
        while let Some(piece) = self.next().await? {
            self.keep(piece, prefix.map_or(0, |prefix: Prefix| prefix.end));
            if prefix.is_none() {
                prefix = self.prefix(limit)?;
                if prefix.is_some_and(|prefix| !permit.grow(prefix.end)) {
                    return Err(Rejection::busy());
                }
            }
            if prefix.is_some_and(|prefix| self.len() > prefix.end) {
                return Err(Rejection::Protocol { detail: "the call carries more than one message" });
            }
        }
        match prefix {
            Some(prefix) if self.len() == prefix.end => {
                Ok((prefix.compressed, self.into_bytes().slice(Prefix::LENGTH..)))
            }
            _ => Err(Rejection::Protocol { detail: "the call ended before its message did" }),
        }
    }

    fn prefix(&self, limit: usize) -> Result<Option<Prefix>, Rejection> {
        let read: &[u8] = if self.rest.is_empty() { &self.first } else { &self.rest };
        let Some((&[flag, ref length @ ..], _)) = read.split_first_chunk::<{ Prefix::LENGTH }>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        match flag {
            0 | 1 if length > limit => Err(Rejection::TooLarge { limit }),
            0 | 1 => Ok(Some(Prefix { compressed: flag == 1, end: Prefix::LENGTH + length })),
            _ => Err(Rejection::Protocol { detail: "the message starts with an unknown flag" }),
        }
    }
}

/// What stands in front of a gRPC message.
#[derive(Clone, Copy)]
struct Prefix {
    compressed: bool,
    /// Where the message ends, counted from the start of the prefix.
    end: usize,
}

impl Prefix {
    /// One byte of flags, four bytes of length.
    const LENGTH: usize = 5;
}

/// Reads on for a moment and keeps nothing. A sender on HTTP/1 that is still writing when its connection is closed
/// meets a reset in place of the answer.
pub(super) async fn discard<B: Body<Data = Bytes> + Unpin>(body: B) {
    let mut pieces = Pieces::new(body);
    let all = async { while let Ok(Some(_)) = pieces.next().await {} };
    // The answer follows in either case.
    drop(tokio::time::timeout(LINGER, all).await);
}
