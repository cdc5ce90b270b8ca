//! Opens compressed bodies. In: the bytes of a body and how they are encoded. Out: the plain bytes, never more than
//! the limit, or the reason why not. The only file that may use a decompressor, so that no body is opened uncapped.
//!
//! Both formats are opened in one piece into a buffer that grows until the content fits or the limit is passed. What
//! a body declares about its own size is a hint for the first try, never a reason to allocate.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use libdeflater::{DecompressionError, Decompressor};
use zstd::zstd_safe::{self, DCtx};

/// First guess of how much larger the content is: telemetry shrinks 8 to 20 times.
const USUAL_RATIO: usize = 16;
/// Each further try is this much larger, so that all tries together cost at most a third more than the last one.
const GROWTH: usize = 4;
/// Smallest first try.
const SMALLEST_TRY: usize = 64 * 1024;
/// A buffer up to this size is kept for the next body; a larger one is given back.
const KEPT: usize = 4 * 1024 * 1024;

/// How a body is encoded on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Not compressed.
    Identity,
    /// RFC 1952, one or more members.
    Gzip,
    /// RFC 8878, one or more frames.
    Zstd,
}

impl Encoding {
    /// The names that are accepted, as the answer to an unknown one lists them.
    pub const ACCEPTED: &'static str = "identity, gzip, zstd";

    /// Reads a `Content-Encoding` or `grpc-encoding` value; `None` if it is not known here.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim();
        if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            Some(Self::Identity)
        } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            Some(Self::Gzip)
        } else if name.eq_ignore_ascii_case("zstd") {
            Some(Self::Zstd)
        } else {
            None
        }
    }
}

/// Why a body could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// The content is larger than the limit; a bomb ends here.
    #[error("the content is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The bytes are not what the encoding says.
    #[error("the body is not valid {format}")]
    Corrupt {
        /// The format that the body claims to have.
        format: &'static str,
    },
    /// There is no memory to spare for the content now.
    #[error("no room for the content now")]
    NoRoom,
}

/// What one try to open a body into a buffer of given size came to.
enum Try {
    Opened(usize),
    TooSmall,
    Corrupt,
}

/// Opens bodies one after the other; keeps its tables and its buffer in between. One per thread.
pub struct Inflater {
    gzip: Decompressor,
    zstd: DCtx<'static>,
    buffer: Vec<u8>,
}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

impl Inflater {
    /// A decompressor with an empty buffer.
    pub fn new() -> Self {
        Self { gzip: Decompressor::new(), zstd: DCtx::create(), buffer: Vec::new() }
    }

    /// Opens `body`, at most `limit` bytes of content. `room` is asked before the buffer takes more memory, with the
    /// number of bytes that are added; what it grants counts until the caller gives it back.
    ///
    /// # Errors
    /// Content over the limit, bytes that are not the encoding's, or no room.
    pub fn inflate<'a>(
        &'a mut self,
        encoding: Encoding,
        body: &'a [u8],
        limit: usize,
        room: &mut dyn FnMut(usize) -> bool,
    ) -> Result<&'a [u8], InflateError> {
        match encoding {
            Encoding::Identity if body.len() > limit => Err(InflateError::TooLarge { limit }),
            Encoding::Identity => Ok(body),
            Encoding::Gzip => self.grow_until_it_fits("gzip", body, limit, room),
            Encoding::Zstd => self.grow_until_it_fits("zstd", body, limit, room),
        }
    }

    fn grow_until_it_fits(
        &mut self,
        format: &'static str,
        body: &[u8],
        limit: usize,
        room: &mut dyn FnMut(usize) -> bool,
    ) -> Result<&[u8], InflateError> {
        if self.buffer.len() > KEPT {
            self.buffer = Vec::new();
        }
        let guess = body.len().saturating_mul(USUAL_RATIO).max(SMALLEST_TRY);
        let mut size = guess.max(self.buffer.len()).min(limit);
        let mut granted = 0;
        loop {
            if !room(size - granted) {
                return Err(InflateError::NoRoom);
            }
            granted = size;
            if self.buffer.len() < size {
                self.buffer = vec![0; size];
            }
            let outcome = if format == "gzip" { self.try_gzip(body, size) } else { self.try_zstd(body, size) };
            match outcome {
                Try::Opened(length) => return Ok(&self.buffer[..length]),
                Try::TooSmall if size == limit => return Err(InflateError::TooLarge { limit }),
                Try::TooSmall => size = size.saturating_mul(GROWTH).min(limit),
                Try::Corrupt => return Err(InflateError::Corrupt { format }),
            }
        }
    }

    fn try_gzip(&mut self, body: &[u8], size: usize) -> Try {
        let target = &mut self.buffer[..size];
        match self.gzip.gzip_decompress(body, target) {
            Ok(length) if is_one_member(body, length) => Try::Opened(length),
            Ok(_) => open_members(body, target),
            Err(DecompressionError::InsufficientSpace) => Try::TooSmall,
            Err(DecompressionError::BadData) => Try::Corrupt,
        }
    }

    fn try_zstd(&mut self, body: &[u8], size: usize) -> Try {
        match self.zstd.decompress(&mut self.buffer[..size], body) {
            Ok(length) => Try::Opened(length),
            Err(code) if zstd_safe::get_error_name(code) == "Destination buffer is too small" => Try::TooSmall,
            Err(_) => Try::Corrupt,
        }
    }
}

/// Whether a first member with `length` bytes of content is all there is in `body`. libdeflate stops after the first
/// member without saying where; a second one would start with the magic number, and the last four bytes would differ
/// if anything else followed.
fn is_one_member(body: &[u8], length: usize) -> bool {
    const MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];
    const HEADER: usize = 10;
    let rest = body.get(HEADER..).unwrap_or_default();
    let declared = body.last_chunk::<4>().map(|tail| u32::from_le_bytes(*tail) as usize);
    declared == Some(length & 0xffff_ffff) && memchr::memmem::find(rest, &MAGIC).is_none()
}

/// The slow way, for bodies of several members.
fn open_members(body: &[u8], target: &mut [u8]) -> Try {
    let mut reader = MultiGzDecoder::new(body);
    let mut length = 0;
    loop {
        if length == target.len() {
            return match reader.read(&mut [0]) {
                Ok(0) => Try::Opened(length),
                Ok(_) => Try::TooSmall,
                Err(_) => Try::Corrupt,
            };
        }
        match reader.read(&mut target[length..]) {
            Ok(0) => return Try::Opened(length),
            Ok(read) => length += read,
            Err(_) => return Try::Corrupt,
        }
    }
}

#[cfg(test)]
mod tests;
