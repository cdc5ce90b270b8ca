//! Bodies that real compressors write, and bodies that no honest sender writes.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::{Encoding, InflateError, Inflater, KEPT};

const MIB: usize = 1024 * 1024;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 1).unwrap()
}

fn open(encoding: Encoding, body: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
    Inflater::new().inflate(encoding, body, limit, &mut |_| true).map(<[u8]>::to_vec)
}

/// Text of `length` bytes that compresses somewhat, different for each `salt`.
fn text(length: usize, salt: usize) -> Vec<u8> {
    (0..).flat_map(|line| format!("{} line {}\n", salt, line * 7919 % 1_000_003).into_bytes()).take(length).collect()
}

#[test]
fn content_of_any_size_comes_back_whole_and_the_buffer_is_reused() {
    let mut inflater = Inflater::new();
    for length in [0, 1, 18, 700, 65_535, 65_536, 65_537, MIB, 5 * MIB, 3 * MIB, 10] {
        let plain = text(length, length);
        for (encoding, body) in [(Encoding::Gzip, gzip(&plain)), (Encoding::Zstd, zstd(&plain))] {
            let opened = inflater.inflate(encoding, &body, 64 * MIB, &mut |_| true).unwrap();
            assert!(opened == plain, "{encoding:?} {length}");
        }
    }
    assert!(inflater.buffer.len() <= KEPT, "a large buffer is given back");
}

#[test]
fn gzip_of_several_members_is_opened_to_the_end() {
    let (first, second) = (text(40_000, 1), text(3, 2));
    for parts in [vec![&first, &second], vec![&second, &first], vec![&first, &first], vec![&second, &second, &second]] {
        let body: Vec<u8> = parts.iter().flat_map(|part| gzip(part)).collect();
        let plain: Vec<u8> = parts.into_iter().flatten().copied().collect();
        assert_eq!(open(Encoding::Gzip, &body, MIB).unwrap(), plain);
        assert_eq!(open(Encoding::Gzip, &body, plain.len()).unwrap(), plain);
        let limit = plain.len() - 1;
        assert_eq!(open(Encoding::Gzip, &body, limit), Err(InflateError::TooLarge { limit }));
    }
}

#[test]
fn zstd_of_several_frames_and_without_declared_size_is_opened_to_the_end() {
    let plain = text(300_000, 1);
    let streamed = zstd::stream::encode_all(&plain[..], 1).unwrap();
    let body = [streamed.clone(), streamed].concat();
    assert_eq!(open(Encoding::Zstd, &body, MIB).unwrap(), [plain.clone(), plain].concat());
}

#[test]
fn a_bomb_is_refused_at_the_limit_and_takes_no_more_memory_than_the_limit() {
    let zeros = vec![0; 40 * MIB];
    for (encoding, body) in [(Encoding::Gzip, gzip(&zeros)), (Encoding::Zstd, zstd(&zeros))] {
        let mut inflater = Inflater::new();
        let mut granted = 0;
        let mut room = |bytes| {
            granted += bytes;
            true
        };
        let refused = inflater.inflate(encoding, &body, MIB, &mut room).unwrap_err();
        assert_eq!(refused, InflateError::TooLarge { limit: MIB });
        assert!(granted <= MIB && inflater.buffer.len() <= MIB);
        assert_eq!(inflater.inflate(Encoding::Gzip, &gzip(b"fine"), MIB, &mut |_| true).unwrap(), b"fine");
    }
}

#[test]
fn a_declared_size_allocates_nothing() {
    let mut body = gzip(b"small");
    let tail = body.len() - 4;
    body[tail..].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut inflater = Inflater::new();
    let refused = inflater.inflate(Encoding::Gzip, &body, 64 * MIB, &mut |_| true).unwrap_err();
    assert_eq!(refused, InflateError::Corrupt { format: "gzip" });
    assert!(inflater.buffer.len() <= MIB);
}

#[test]
fn cut_changed_and_foreign_bytes_are_corrupt_and_never_panic() {
    let plain = text(20_000, 1);
    for (encoding, body) in [(Encoding::Gzip, gzip(&plain)), (Encoding::Zstd, zstd(&plain))] {
        for cut in [0, 1, 5, 17, body.len() / 2, body.len() - 1] {
            let opened = open(encoding, &body[..cut], MIB);
            // Zero frames are a valid zstd body without content.
            assert!(opened.is_err() || (cut == 0 && encoding == Encoding::Zstd), "{encoding:?} cut at {cut}");
        }
        for at in 0..body.len() {
            let mut changed = body.clone();
            changed[at] ^= 0x55;
            if let Ok(opened) = open(encoding, &changed, MIB) {
                assert!(opened == plain || encoding == Encoding::Zstd, "gzip carries a checksum");
            }
        }
        assert!(open(encoding, b"{\"resourceSpans\":[]}", MIB).is_err());
        assert!(open(encoding, &[body.clone(), b"trailing".to_vec()].concat(), MIB).is_err());
    }
}

#[test]
fn no_room_is_told_apart_from_too_large() {
    let body = gzip(&text(MIB, 1));
    let refused = Inflater::new().inflate(Encoding::Gzip, &body, 64 * MIB, &mut |_| false).unwrap_err();
    assert_eq!(refused, InflateError::NoRoom);
}

#[test]
fn names_are_read_as_http_reads_them() {
    assert_eq!(Encoding::from_name("GZIP"), Some(Encoding::Gzip));
    assert_eq!(Encoding::from_name(" identity "), Some(Encoding::Identity));
    assert_eq!(Encoding::from_name("zstd"), Some(Encoding::Zstd));
    assert_eq!(Encoding::from_name("br"), None);
    assert_eq!(Encoding::from_name("gzip, gzip"), None);
}
