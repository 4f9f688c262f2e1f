use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

const TEXT: &[u8] = br#"{"id": 7, "name": "seven", "again": "seven seven seven seven"}"#;
const MOST: usize = 1 << 20;

/// The text above by another encoder of brotli.
const BROTLI: &[u8] = &[
    27, 61, 0, 0, 4, 106, 115, 169, 62, 151, 237, 130, 173, 9, 26, 12, 26, 202, 24, 108, 192, 129, 99, 144, 13, 186,
    217, 108, 195, 198, 24, 142, 43, 142, 70, 239, 49, 69, 200, 77, 92, 110, 35, 239, 23, 19, 187, 212, 45, 11, 31,
];
/// The text above by the encoder of zstd's authors, with a sum.
const ZSTD: &[u8] = &[
    40, 181, 47, 253, 4, 104, 117, 1, 0, 68, 2, 123, 34, 105, 100, 34, 58, 32, 55, 44, 32, 34, 110, 97, 109, 101, 34,
    58, 32, 34, 115, 101, 118, 101, 110, 34, 44, 32, 34, 97, 103, 97, 105, 110, 32, 34, 125, 2, 0, 41, 83, 164, 180,
    249, 4, 81, 166, 237, 47,
];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn raw(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// Brotli that is not compressed: one meta-block of raw bytes (RFC 7932, 9.2), then an empty last one.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    let (mut bits, mut count) = (0_u64, 0);
    let mut put = |coded: &mut Vec<u8>, value: u64, width: u32| {
        bits |= value << count;
        count += width;
        while count >= 8 {
            coded.push(bits.to_le_bytes()[0]);
            bits >>= 8;
            count -= 8;
        }
        count
    };
    // A window of 16 bits.
    put(&mut coded, 0, 1);
    for chunk in bytes.chunks(1 << 16) {
        // Not the last, a length of four nibbles, not compressed.
        put(&mut coded, 0, 1);
        put(&mut coded, 0, 2);
        put(&mut coded, chunk.len() as u64 - 1, 16);
        let left = put(&mut coded, 1, 1);
        put(&mut coded, 0, (8 - left) % 8);
        coded.extend_from_slice(chunk);
    }
    let left = put(&mut coded, 0b11, 2);
    put(&mut coded, 0, (8 - left) % 8);
    coded
}

type Coder = fn(&[u8]) -> Vec<u8>;

/// What can be coded here, and how.
const CODERS: [(&str, Coder); 5] =
    [("gzip", gzip), ("deflate", zlib), ("deflate", raw), ("br", brotli), ("zstd", zstd)];

#[track_caller]
fn read(encoding: &str, body: &[u8], expected: &[u8]) {
    let decoded = decode(encoding.as_bytes(), body, MOST);
    assert_eq!(decoded.problem, None, "{encoding}");
    assert_eq!(String::from_utf8_lossy(&decoded.bytes), String::from_utf8_lossy(expected), "{encoding}");
}

fn problem(encoding: &str, body: &[u8], most: usize) -> Option<Unreadable> {
    let decoded = decode(encoding.as_bytes(), body, most);
    assert!(decoded.bytes.len() <= most && decoded.bytes.capacity() <= 2 * most.max(PIECE));
    decoded.problem
}

/// What other encoders made.
#[test]
fn each_coding() {
    for (encoding, body) in [
        ("gzip", gzip(TEXT)),
        ("x-gzip", gzip(TEXT)),
        ("GZip", gzip(TEXT)),
        ("deflate", zlib(TEXT)),
        ("deflate", raw(TEXT)),
        ("br", BROTLI.to_vec()),
        ("br", brotli(TEXT)),
        ("zstd", ZSTD.to_vec()),
        ("zstd", zstd(TEXT)),
        ("identity", TEXT.to_vec()),
        ("", TEXT.to_vec()),
        (" , ,identity,", TEXT.to_vec()),
    ] {
        read(encoding, &body, TEXT);
    }
}

/// What is named last was applied last.
#[test]
fn lists() {
    read("gzip, br", &brotli(&gzip(TEXT)), TEXT);
    read("br,gzip,", &gzip(BROTLI), TEXT);
    read("zstd, identity ,\tdeflate", &zlib(ZSTD), TEXT);
    read("gzip,gzip,gzip,gzip", &gzip(&gzip(&gzip(&gzip(TEXT)))), TEXT);
    assert_eq!(problem("gzip,gzip,gzip,gzip,gzip", b"x", MOST), Some(Unreadable::TooOften));
    assert_eq!(problem("br, gzip", &gzip(TEXT), MOST), Some(Unreadable::Damaged("br")));
}

/// A response to HEAD, a 204, a 304: there is nothing to decode, whatever the head says.
#[test]
fn nothing_at_all() {
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, br", "foo"] {
        read(encoding, b"", b"");
    }
}

/// A body that is empty once it is decoded is one.
#[test]
fn nothing_inside() {
    for (encoding, body) in
        [("gzip", gzip(b"")), ("deflate", zlib(b"")), ("deflate", raw(b"")), ("br", vec![6]), ("zstd", zstd(b""))]
    {
        read(encoding, &body, b"");
    }
    read("gzip, br", &brotli(&gzip(b"")), b"");
}

#[test]
fn unknown_codings_are_named() {
    for (encoding, name) in [("foo", "foo"), ("gzip, Compress", "Compress"), ("gzip br", "gzip br"), ("\u{e9}", "é")] {
        assert_eq!(problem(encoding, &gzip(TEXT), MOST), Some(Unreadable::Unknown(name.to_owned())));
    }
    let reason = problem("foo", TEXT, MOST).unwrap().reason(9);
    assert_eq!(reason, "the body is compressed with 'foo', which loadcore cannot read");
    let long = problem(&"x".repeat(500), TEXT, MOST).unwrap().reason(9);
    assert!(long.len() < 120);
}

/// Cut anywhere, a body is truncated, and its beginning is there.
#[test]
fn truncated() {
    for (encoding, body) in [
        ("gzip", gzip(TEXT)),
        ("deflate", zlib(TEXT)),
        ("deflate", raw(TEXT)),
        ("br", BROTLI.to_vec()),
        ("zstd", ZSTD.to_vec()),
    ] {
        for length in 1..body.len() {
            let decoded = decode(encoding.as_bytes(), &body[..length], MOST);
            assert!(matches!(decoded.problem, Some(Unreadable::Truncated(_))), "{encoding}, {length}: {decoded:?}");
            assert!(TEXT.starts_with(&decoded.bytes), "{encoding}, {length}");
        }
    }
}

/// Of a body of several blocks that ends early, the first ones are there.
#[test]
fn what_came_before_the_end_is_there() {
    let text = b"0123456789abcdef".repeat(40_000);
    for (encoding, body) in [("gzip", gzip(&text)), ("br", brotli(&text)), ("zstd", zstd(&text))] {
        let decoded = decode(encoding.as_bytes(), &body[..body.len() - 9], MOST);
        assert!(decoded.bytes.len() > 1_000 && text.starts_with(&decoded.bytes), "{encoding}");
    }
}

/// A wrong byte is found: by the rules of the coding, or by its sum.
#[test]
fn damaged() {
    for (encoding, body) in [("gzip", gzip(TEXT)), ("deflate", zlib(TEXT)), ("zstd", ZSTD.to_vec())] {
        for at in [0, body.len() / 2, body.len() - 2] {
            let mut body = body.clone();
            body[at] ^= 0x55;
            assert!(problem(encoding, &body, MOST).is_some(), "{encoding}, {at}");
        }
    }
    for encoding in ["gzip", "br", "zstd"] {
        assert!(matches!(problem(encoding, TEXT, MOST), Some(Unreadable::Damaged(_))), "{encoding}");
    }
}

/// What follows a coding is ignored, as gzip and browsers do; but members and frames follow each other.
#[test]
fn what_follows() {
    for (encoding, body) in [
        ("gzip", gzip(TEXT)),
        ("deflate", zlib(TEXT)),
        ("deflate", raw(TEXT)),
        ("br", BROTLI.to_vec()),
        ("zstd", ZSTD.to_vec()),
    ] {
        for junk in [&b"\0\0\0\0"[..], b"junk", b"\r\n"] {
            read(encoding, &[&body, junk].concat(), TEXT);
        }
    }
    let twice = TEXT.repeat(2);
    read("gzip", &gzip(TEXT).repeat(2), &twice);
    let skipped = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
    read("zstd", &[skipped, ZSTD, skipped, ZSTD].concat(), &twice);
    assert_eq!(
        problem("gzip", &[gzip(TEXT), gzip(TEXT)[..9].to_vec()].concat(), MOST),
        Some(Unreadable::Truncated("gzip"))
    );
}

/// A bomb costs no more than its permitted result, whichever coding hides it.
#[test]
fn bombs() {
    let zeros = vec![0; 64 << 20];
    let most = 64 << 10;
    for (encoding, name, body) in [
        ("gzip", "gzip", gzip(&zeros)),
        ("deflate", "deflate", zlib(&zeros)),
        ("br", "br", brotli(&zeros[..1 << 20])),
        ("zstd", "zstd", zstd(&zeros[..4 << 20])),
        ("gzip, gzip", "gzip", gzip(&gzip(&zeros))),
        ("gzip, zstd, deflate", "zstd", zlib(&zstd(&zeros[..4 << 20]))),
    ] {
        assert_eq!(problem(encoding, &body, most), Some(Unreadable::TooLarge(name)), "{encoding}");
    }
    let reason = Unreadable::TooLarge("br").reason(80);
    assert!(reason.contains("80 bytes") && reason.contains("decompressed") && reason.contains("Limits(kept_body=…)"));
}

/// Exactly as much as is kept can be read, one byte more cannot.
#[test]
fn the_limit_is_exact() {
    for length in [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
        let body = vec![b'x'; length];
        for (encoding, coded) in
            [("gzip", gzip(&body)), ("deflate", raw(&body)), ("br", brotli(&body)), ("zstd", zstd(&body))]
        {
            assert_eq!(problem(encoding, &coded, length), None, "{encoding}");
            assert!(matches!(problem(encoding, &coded, length - 1), Some(Unreadable::TooLarge(_))), "{encoding}");
        }
    }
}

/// Parts that hold nothing, and a window that no content needs, are refused.
#[test]
fn costly() {
    let empty = gzip(b"");
    assert_eq!(problem("gzip", &empty.repeat(MOST_PARTS), MOST), None);
    assert_eq!(problem("gzip", &empty.repeat(MOST_PARTS + 1), MOST), Some(Unreadable::Costly("gzip")));
    let skipped = b"\x50\x2a\x4d\x18\0\0\0\0".repeat(MOST_PARTS + 1);
    assert_eq!(problem("zstd", &skipped, MOST), Some(Unreadable::Costly("zstd")));
    // A window of 64 MiB, and one of 8 MiB, each with one block of one byte.
    let frame = |window: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, window], &[0x09, 0, 0, b'x'][..]].concat();
    assert_eq!(problem("zstd", &frame(0x80), MOST), Some(Unreadable::Costly("zstd")));
    read("zstd", &frame(0x68), b"x");
}

proptest! {
    /// What was coded, once or several times, comes back.
    #[test]
    fn round_trip(body in proptest::collection::vec(0_u8..4, 0..70_000), codings in proptest::collection::vec(0_usize..5, 0..=MOST_CODINGS)) {
        let mut coded = body.clone();
        let mut names = Vec::new();
        for coding in codings {
            let (name, encode) = CODERS[coding];
            names.push(name);
            coded = encode(&coded);
        }
        let decoded = decode(names.join(", ").as_bytes(), &coded, MOST);
        prop_assert_eq!(decoded, Decoded { bytes: body, problem: None });
    }

    /// Any bytes at all are decoded or refused, within the bounds.
    #[test]
    fn any_bytes(mut body in proptest::collection::vec(any::<u8>(), 0..300), changed in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..3), seed in 0_usize..6) {
        let whole = [gzip(TEXT), zlib(TEXT), raw(TEXT), BROTLI.to_vec(), ZSTD.to_vec()];
        if let Some(coded) = whole.get(seed) {
            body.clone_from(coded);
        }
        for (at, byte) in changed {
            if let Some(place) = at.checked_rem(body.len()) {
                body[place] = byte;
            }
        }
        for encoding in ["gzip", "deflate", "br", "zstd", "br, gzip"] {
            problem(encoding, &body, 40);
        }
    }
}
