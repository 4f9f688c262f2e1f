//! The decoder as a whole; each part has tests of its own.

use super::*;

/// Decodes one response to a GET that comes whole.
fn decode(response: &[u8]) -> Result<Progress, Outcome> {
    let mut decoder = Decoder::new(Limits::default());
    decoder.start(false);
    decoder.feed(response, &mut ())
}

/// The states, pointers and limits of a connection stay small, since there may be a hundred thousand of them.
#[test]
fn a_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 128, "{}", size_of::<Decoder>());
}

/// A head that came in pieces leaves no memory behind.
#[test]
fn carried_bytes_are_released_with_the_head() {
    let mut decoder = Decoder::new(Limits::default());
    decoder.start(false);
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" {
        assert_eq!(decoder.feed(&[*byte], &mut ()), Ok(Progress::NeedMore));
    }
    assert_eq!(decoder.held_bytes(), 0);
    assert_eq!(decoder.body_remaining(), Some(2));
}

/// A body dropped by the kernel counts as much as one that was read.
#[test]
fn skipped_body_completes_a_response() {
    let mut decoder = Decoder::new(Limits::default());
    decoder.start(false);
    assert_eq!(decoder.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", &mut ()), Ok(Progress::NeedMore));
    assert_eq!(decoder.skip_body(6), Progress::NeedMore);
    let Progress::Complete(complete) = decoder.skip_body(1) else { panic!("not complete") };
    assert_eq!((complete.body_bytes, complete.reusable), (9, true));
}

/// Bytes between responses belong to no request.
#[test]
fn unasked_bytes_are_surplus() {
    let mut decoder = Decoder::new(Limits::default());
    assert_eq!(decoder.feed(b"HTTP/1.1 408 Request Timeout\r\n\r\n", &mut ()), Err(Outcome::ProtoSurplus));
}

/// A response that was seen before is another one after other bytes, to another request, and within other limits.
#[test]
fn the_same_bytes_in_other_circumstances() {
    const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 3\r\n\r\nabc";
    let usual = Limits::default();
    let circumstances: &[(&str, Limits, bool, &[&[u8]])] = &[
        ("as before", usual, false, &[]),
        ("after an interim head that closes", usual, false, &[b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n"]),
        ("after the beginning of another", usual, false, &[b"HTTP/1.1 200 OK\r\nX-A: "]),
        ("after a broken beginning", usual, false, &[b"HT"]),
        ("to HEAD", usual, true, &[]),
        ("with a body that is too large", Limits { body_bytes: 2, ..usual }, false, &[]),
        ("with a head that is too large", Limits { head_bytes: 20, ..usual }, false, &[]),
        ("with too many lines", Limits { header_count: 1, ..usual }, false, &[]),
    ];
    let mut seen = SeenHeads::new();
    for (name, limits, head_request, before) in circumstances.iter().chain(circumstances) {
        let [mut plain, mut remembering] = [Decoder::new(*limits), Decoder::new(*limits)];
        plain.start(*head_request);
        remembering.start(*head_request);
        for piece in *before {
            let told = plain.feed(piece, &mut ());
            assert_eq!(told, remembering.feed_seen(piece, &mut seen, &mut ()), "{name}");
        }
        let told = plain.feed(RESPONSE, &mut ());
        assert_eq!(told, remembering.feed_seen(RESPONSE, &mut seen, &mut ()), "{name}");
    }
}

/// Who wants headers gets those of a head that was seen before, too: as they are this time.
#[test]
fn headers_of_a_head_that_was_seen() {
    #[derive(Default)]
    struct Lines(Vec<u8>, bool);
    impl Sink for Lines {
        fn header_lines(&mut self, lines: &[u8], sets_cookies: bool) {
            (self.0, self.1) = (lines.to_vec(), sets_cookies);
        }

        fn wants_headers(&self) -> bool {
            true
        }
    }
    let mut seen = SeenHeads::new();
    for (fields, sets_cookies) in [
        ("X-Id: 1\r\nContent-Length: 0\r\n", false),
        ("X-Id: 2\r\nContent-Length: 0\r\n", false),
        ("Set-Cookie: a=b\r\nContent-Length: 0\r\n", true),
        ("Set-Cookie: a=b\r\nContent-Length: 0\r\n", true),
    ] {
        let (mut decoder, mut told) = (Decoder::new(Limits::default()), Lines::default());
        decoder.start(false);
        let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        assert!(matches!(decoder.feed_seen(response.as_bytes(), &mut seen, &mut told), Ok(Progress::Complete(_))));
        assert_eq!((String::from_utf8_lossy(&told.0), told.1), (fields.into(), sets_cookies));
    }
}

/// A first header line may not continue a status line, whatever follows.
#[test]
fn status_lines_are_not_continued() {
    assert_eq!(decode(b"HTTP/1.1 200 OK\r\n Foo: bar\r\n\r\n"), Err(Outcome::ProtoHeader));
    assert_eq!(decode(b"HTTP/1.1 200 OK\r\n \r\n Foo: bar\r\n\r\n"), Err(Outcome::ProtoHeader));
}
