//! Laws of the decoder: well-formed responses come out as they went in, however they are cut; and what it accepts of a
//! head is what another parser reads there.

mod told;

use loadcore_core::exchange::h1::{Decoder, Progress, SeenHeads};
use loadcore_core::http::Complete;
use loadcore_core::plan::Limits;
use loadcore_core::record::Outcome;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;
use told::Told;

/// How the body of a response is framed.
#[derive(Debug, Clone)]
enum Framing {
    Length,
    /// Cut into chunks at these places, with this extension and these trailers.
    Chunked(Vec<Index>, String, Vec<(String, String)>),
    UntilClose,
}

/// A response as it was meant.
#[derive(Debug, Clone)]
struct Meant {
    interim: Vec<u16>,
    http10: bool,
    status: u16,
    reason: String,
    headers: Vec<(String, String)>,
    close: bool,
    framing: Framing,
    body: Vec<u8>,
    surplus: Vec<u8>,
}

impl Meant {
    fn has_body(&self) -> bool {
        !matches!(self.status, 204 | 304)
    }

    fn is_framed(&self) -> bool {
        !self.has_body() || !matches!(self.framing, Framing::UntilClose)
    }

    fn bytes(&self) -> Vec<u8> {
        let interim = self.interim.iter().map(|status| format!("HTTP/1.1 {status} X\r\nLink: {status}\r\n\r\n"));
        let version = if self.http10 { "1.0" } else { "1.1" };
        let status_line = format!("HTTP/{version} {} {}\r\n", self.status, self.reason);
        let headers = self.headers.iter().map(|(name, value)| format!("X{name}:{value}\r\n"));
        let close = if self.close { "Connection: close\r\n" } else { "" };
        let head: String = interim.chain([status_line]).chain(headers).chain([close.to_owned()]).collect();
        let mut bytes = head.into_bytes();
        match &self.framing {
            Framing::Length => bytes.extend(format!("Content-Length: {}\r\n\r\n", self.body.len()).bytes()),
            Framing::Chunked(..) => bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n"),
            Framing::UntilClose => bytes.extend(b"\r\n"),
        }
        if self.has_body() {
            self.put_body(&mut bytes);
        }
        if self.is_framed() {
            bytes.extend(&self.surplus);
        }
        bytes
    }

    fn put_body(&self, bytes: &mut Vec<u8>) {
        let Framing::Chunked(cuts, extension, trailers) = &self.framing else {
            bytes.extend(&self.body);
            return;
        };
        for chunk in pieces(&self.body, cuts).filter(|chunk| !chunk.is_empty()) {
            bytes.extend(format!("{:x}{extension}\r\n", chunk.len()).bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n");
        for (name, value) in trailers {
            bytes.extend(format!("X{name}:{value}\r\n").bytes());
        }
        bytes.extend(b"\r\n");
    }
}

/// Cuts a string at these places.
fn pieces<'a>(text: &'a [u8], cuts: &[Index]) -> impl Iterator<Item = &'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    let pairs: Vec<_> = places.windows(2).map(|pair| (pair[0], pair[1])).collect();
    pairs.into_iter().map(|(begin, end)| &text[begin..end])
}

fn header() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![4 => "[-A-Za-z0-9_.!]{0,20}", 1 => "[Cc]ontent-[Ee]ncoding", 1 => "x-correlation-id"];
    (name, "[ \t]{0,2}([!-~\u{80}-\u{7ff}]([ -~]{0,40}[!-~])?)?[ \t]{0,2}")
}

fn framing() -> impl Strategy<Value = Framing> {
    let cuts = prop::collection::vec(any::<Index>(), 0..5);
    let chunked = (cuts, "( ?;[a-z]{1,3}(=[a-z]{1,3})?)?", prop::collection::vec(header(), 0..3));
    prop_oneof![
        Just(Framing::Length),
        chunked.prop_map(|(cuts, extension, trailers)| Framing::Chunked(cuts, extension, trailers)),
        Just(Framing::UntilClose),
    ]
}

prop_compose! {
    fn meant()(
        interim in prop::collection::vec(prop_oneof![Just(100_u16), 102_u16..=199], 0..3),
        version in 0..4,
        status in prop_oneof![3 => Just(200_u16), 1 => Just(204), 1 => Just(304), 3 => 200_u16..=999],
        reason in "[ -~]{0,20}",
        headers in prop::collection::vec(header(), 0..8),
        close in any::<bool>(),
        framing in framing(),
        body in prop::collection::vec(any::<u8>(), 0..200),
        surplus in prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 1..20)],
    ) -> Meant {
        // HTTP/1.0 knows no chunks.
        let http10 = version == 0 && !matches!(framing, Framing::Chunked(..));
        Meant { interim, http10, status, reason, headers, close, framing, body, surplus }
    }
}

/// Decodes a response to GET that comes in pieces and then ends. Also gives the bytes that came after its end.
fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>, told: &mut Told) -> (Result<Complete, Outcome>, usize) {
    decode_by(Decoder::feed, pieces, told)
}

fn decode_by<'a>(
    mut feed: impl FnMut(&mut Decoder, &[u8], &mut Told) -> Result<Progress, Outcome>,
    pieces: impl Iterator<Item = &'a [u8]>,
    told: &mut Told,
) -> (Result<Complete, Outcome>, usize) {
    let mut decoder = Decoder::new(Limits::default());
    decoder.start(false);
    let mut result = None;
    let mut surplus = 0;
    for piece in pieces {
        match result {
            Some(_) => surplus += piece.len(),
            None => match feed(&mut decoder, piece, told) {
                Ok(Progress::NeedMore) => {}
                Ok(Progress::Complete(complete)) => {
                    surplus = complete.surplus;
                    result = Some(Ok(complete));
                }
                Err(outcome) => result = Some(Err(outcome)),
            },
        }
    }
    (result.unwrap_or_else(|| decoder.eof()), surplus)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    /// What a server means is what is seen, whatever pieces it comes in.
    #[test]
    fn well_formed_responses_come_out_as_meant(meant in meant(), cuts in prop::collection::vec(any::<Index>(), 0..6)) {
        let bytes = meant.bytes();
        let mut told = Told::default();
        let (result, surplus) = decode(pieces(&bytes, &cuts), &mut told);
        let complete = result.map_err(|outcome| TestCaseError::fail(outcome.name()))?;
        prop_assert_eq!(complete.status, meant.status);
        prop_assert_eq!(complete.interim as usize, meant.interim.len());
        prop_assert_eq!(&told.body[..], if meant.has_body() { &meant.body[..] } else { &[] });
        prop_assert_eq!(surplus, if meant.is_framed() { meant.surplus.len() } else { 0 });
        if surplus == 0 {
            prop_assert_eq!(complete.reusable, meant.is_framed() && !meant.close && !meant.http10);
        }
        for ((name, value), (told_name, told_value)) in meant.headers.iter().zip(&told.headers) {
            prop_assert_eq!(format!("X{name}").into_bytes(), told_name.clone());
            prop_assert_eq!(value.trim_matches([' ', '\t']).as_bytes(), &told_value[..]);
        }
    }

    /// Any bytes at all give the same whole and in pieces.
    #[test]
    fn cuts_change_nothing(
        meant in meant(),
        damage in prop::collection::vec((any::<Index>(), damage()), 0..4),
        cuts in prop::collection::vec(any::<Index>(), 1..8),
    ) {
        let bytes = damaged(meant.bytes(), &damage);
        let (mut told, mut told_in_pieces) = (Told::default(), Told::default());
        let (result, surplus) = decode([&bytes[..]].into_iter(), &mut told);
        let (result_in_pieces, surplus_in_pieces) = decode(pieces(&bytes, &cuts), &mut told_in_pieces);
        let comparable = |result: Result<Complete, Outcome>, surplus: usize| {
            result.map(|complete| Complete { surplus, reusable: complete.reusable && surplus == 0, ..complete })
        };
        prop_assert_eq!(comparable(result, surplus), comparable(result_in_pieces, surplus_in_pieces));
        prop_assert_eq!(told, told_in_pieces);
    }

    /// Where heads are remembered, a response means what it means where they are not: after itself, after others like
    /// it, and in pieces.
    #[test]
    fn remembered_heads_change_nothing(
        meant in meant(),
        damage in prop::collection::vec(prop::collection::vec((any::<Index>(), damage()), 0..3), 1..5),
        cuts in prop::collection::vec(any::<Index>(), 0..3),
        wants_no_headers in any::<bool>(),
    ) {
        let mut seen = SeenHeads::new();
        let damaged: Vec<_> = damage.iter().map(|damage| damaged(meant.bytes(), damage)).collect();
        for bytes in damaged.iter().chain(&damaged) {
            let mut told = Told { wants_no_headers, ..Told::default() };
            let mut told_by_seen = Told { wants_no_headers, ..Told::default() };
            let feed = |decoder: &mut Decoder, piece: &[u8], told: &mut Told| decoder.feed_seen(piece, &mut seen, told);
            let by_seen = decode_by(feed, pieces(bytes, &cuts), &mut told_by_seen);
            prop_assert_eq!(by_seen, decode(pieces(bytes, &cuts), &mut told));
            prop_assert_eq!(told_by_seen, told);
        }
    }

    /// A head that is accepted says to httparse what it says to us; httparse accepts all that we accept.
    #[test]
    fn accepted_heads_are_read_as_httparse_reads_them(
        meant in meant(),
        damage in prop::collection::vec((any::<Index>(), damage()), 0..3),
    ) {
        let meant = Meant { interim: Vec::new(), body: Vec::new(), surplus: Vec::new(), ..meant };
        let bytes = damaged(meant.bytes(), &damage);
        let mut told = Told::default();
        let _ = decode([&bytes[..]].into_iter(), &mut told);
        if !told.is_head_complete {
            return Ok(());
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let mut config = httparse::ParserConfig::default();
        config.allow_obsolete_multiline_headers_in_responses(true);
        let parsed = config.parse_response(&mut response, &bytes);
        prop_assert!(matches!(parsed, Ok(httparse::Status::Complete(_))), "{:?}", parsed);
        prop_assert_eq!(response.code, told.status);
        let theirs: Vec<_> = response.headers.iter().map(|header| (header.name.as_bytes().to_vec(), unfolded(header.value))).collect();
        prop_assert_eq!(told.headers, theirs);
    }
}

/// A change of one byte.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Insert(u8),
    Replace(u8),
    Remove,
}

fn damage() -> impl Strategy<Value = Damage> {
    let byte = prop_oneof![prop::sample::select(b"\r\n \t:;,0\0\x7f\x80".to_vec()), any::<u8>()].boxed();
    prop_oneof![byte.clone().prop_map(Damage::Insert), byte.prop_map(Damage::Replace), Just(Damage::Remove)]
}

fn damaged(mut bytes: Vec<u8>, damage: &[(Index, Damage)]) -> Vec<u8> {
    for (at, damage) in damage {
        let at = at.index(bytes.len());
        match *damage {
            Damage::Insert(byte) => bytes.insert(at, byte),
            Damage::Replace(byte) => bytes[at] = byte,
            Damage::Remove if bytes.len() > 1 => drop(bytes.remove(at)),
            Damage::Remove => {}
        }
    }
    bytes
}

/// A value as httparse gives it, with each fold as one space.
fn unfolded(value: &[u8]) -> Vec<u8> {
    let lines = value.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line).trim_ascii());
    lines.collect::<Vec<_>>().join(&b' ').trim_ascii().to_vec()
}
