//! The wire suite against the decoder: every case whole, byte by byte and cut in two, and always with the same result.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

mod told;
mod wire;

use std::collections::HashSet;
use std::iter;

use loadcore_core::exchange::h1::{Decoder, Progress};
use loadcore_core::http::{Complete, Sink};
use loadcore_core::record::Outcome;
use told::Told;
use wire::{Case, Then};

/// Responses up to this length are cut at every place.
const CUT_EVERYWHERE: usize = 2_000;
/// How many cuts longer ones get.
const CUTS_OF_LONG: usize = 24;

/// What came of a response, as far as a caller can see it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    outcome: &'static str,
    status: Option<u16>,
    body_bytes: u64,
    reusable: bool,
    interim: u8,
    surplus: usize,
    keep_alive_timeout: Option<u16>,
}

/// Gives a case to a decoder in pieces. Also gives how many bytes were given when it was over.
fn deliver<'a>(case: &Case, pieces: impl Iterator<Item = &'a [u8]>, sink: &mut impl Sink) -> (Seen, usize) {
    let mut decoder = Decoder::new(case.limits);
    decoder.start(case.request == "HEAD");
    let mut given = 0;
    let mut end: Option<Result<Complete, Outcome>> = None;
    let mut later = 0;
    for piece in pieces {
        if end.is_some() {
            later += piece.len();
            continue;
        }
        given += piece.len();
        match decoder.feed(piece, sink) {
            Ok(Progress::NeedMore) => {}
            Ok(Progress::Complete(complete)) => end = Some(Ok(complete)),
            Err(outcome) => end = Some(Err(outcome)),
        }
    }
    let end = end.unwrap_or_else(|| match case.then {
        Then::Open => Err(decoder.timed_out()),
        Then::Fin => decoder.eof(),
        Then::Rst => Err(decoder.reset()),
    });
    let seen = Seen {
        outcome: end.map_or_else(Outcome::name, |_| "ok"),
        status: decoder.status(),
        body_bytes: decoder.body_bytes(),
        reusable: end.is_ok_and(|complete| complete.reusable && later == 0),
        interim: decoder.interim(),
        surplus: end.map_or(0, |complete| complete.surplus + later),
        keep_alive_timeout: end.ok().and_then(|complete| complete.keep_alive_timeout),
    };
    if let Ok(complete) = end {
        assert_eq!(
            (Some(complete.status), complete.body_bytes, complete.interim),
            (seen.status, seen.body_bytes, seen.interim),
            "the decoder contradicts itself"
        );
    }
    (seen, given)
}

/// What the case demands.
fn demanded(case: &Case) -> Seen {
    Seen {
        outcome: Outcome::ALL
            .iter()
            .map(|outcome| outcome.name())
            .find(|name| *name == case.outcome)
            .expect("an outcome"),
        status: case.status,
        body_bytes: case.body().len() as u64,
        reusable: case.reusable(),
        interim: case.interim,
        surplus: case.surplus,
        keep_alive_timeout: case.keep_alive_timeout,
    }
}

/// Where to cut a response of this length in two: everywhere, or at the ends and evenly between.
fn cuts(length: usize) -> Vec<usize> {
    if length <= CUT_EVERYWHERE {
        return (1..length).collect();
    }
    let near_ends = [1, 9, 16, 17, length - 3, length - 2, length - 1];
    let between = (1..CUTS_OF_LONG).map(|index| length / CUTS_OF_LONG * index);
    near_ends.into_iter().chain(between).collect()
}

/// Runs one case in every delivery. Gives how many there were, or what is wrong.
fn run(case: &Case) -> Result<usize, String> {
    let response = case.response();
    let demanded = demanded(case);
    let mut whole = Told::default();
    let mut deliveries = 0;
    let mut check =
        |name: &str, pieces: &mut dyn Iterator<Item = &[u8]>, pieces_again: &mut dyn Iterator<Item = &[u8]>| {
            let mut told = Told::default();
            let (seen, given) = deliver(case, pieces, &mut told);
            let (seen_without_sink, _) = deliver(case, pieces_again, &mut ());
            deliveries += 2;
            if seen != demanded || seen_without_sink != demanded {
                return Err(format!("{name}: {seen:?}\n  without sink {seen_without_sink:?}\n  demanded {demanded:?}"));
            }
            if told.body != case.body() || told.status != case.status {
                return Err(format!("{name}: told {told:?}"));
            }
            if name == "whole" {
                whole = told;
            } else if told != whole {
                return Err(format!("{name}: told {told:?}\n  but whole {whole:?}"));
            }
            if name == "bytes" && case.stops_by.is_some_and(|most| given > most) {
                return Err(format!("stopped only after {given} bytes"));
            }
            Ok(())
        };
    check("whole", &mut iter::once(&response[..]), &mut iter::once(&response[..]))?;
    check("bytes", &mut response.chunks(1), &mut response.chunks(1))?;
    for at in cuts(response.len()) {
        let (begin, rest) = response.split_at(at);
        check(&format!("cut at {at}"), &mut [begin, rest].into_iter(), &mut [begin, rest].into_iter())?;
    }
    if let Some(headers) = &case.headers {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.bytes(), value.bytes())).collect();
        if headers != whole.headers {
            return Err(format!("headers {:?}", whole.headers));
        }
    }
    Ok(deliveries)
}

/// Every response of the suite comes out as its case demands, whatever pieces it comes in.
#[test]
#[expect(clippy::print_stdout, reason = "the figures of the suite")]
fn every_case_in_every_delivery() {
    let cases = wire::cases();
    assert!(cases.len() >= 2_000, "only {} cases found", cases.len());
    let mut deliveries = 0;
    let mut failures = Vec::new();
    for case in &cases {
        match run(case) {
            Ok(count) => deliveries += count,
            Err(failure) => failures.push(format!("{}: {failure}", case.id)),
        }
    }
    println!("{} cases, {deliveries} deliveries", cases.len());
    assert!(failures.is_empty(), "{} of {} cases fail:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// Cases are distinguished by their names.
#[test]
fn ids_are_unique() {
    let mut ids = HashSet::new();
    for case in wire::cases() {
        assert!(ids.insert(case.id.clone()), "{} twice", case.id);
    }
}

/// The suite shows every outcome that bytes alone can bring about.
#[test]
fn the_suite_shows_every_outcome_of_the_decoder() {
    let cases = wire::cases();
    let shown: HashSet<&str> = cases.iter().map(|case| case.outcome.as_str()).collect();
    let names = Outcome::ALL.iter().map(|outcome| outcome.name());
    let missing: Vec<&str> = names
        .filter(|name| {
            let is_of_decoder = ["closed_", "reset_", "proto_", "body_"].iter().any(|prefix| name.starts_with(prefix));
            // A case is one response, and surplus needs none to be expected.
            is_of_decoder && *name != "proto_surplus" && !shown.contains(name)
        })
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}
