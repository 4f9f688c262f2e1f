//! Reads what a few responses of each second say about where their time went. The others are not looked at.

use super::User;
use super::capture::Capture;
use crate::exchange::{Exchange, Stack};
use crate::plan::UpstreamHeader;
use crate::record::{Phase, Record, StepId};

/// A head is looked at up to here.
const HEAD: usize = 8 * 1024;

const MS: f64 = 1e6;
/// Headers that hold milliseconds: those of Envoy and Kong.
const KNOWN: [&str; 3] = ["X-Envoy-Upstream-Service-Time", "X-Kong-Upstream-Latency", "X-Kong-Proxy-Latency"];
const SERVER_TIMING: &str = "server-timing";

/// No response takes longer.
const LONGEST_NS: f64 = 86_400e9;

impl<T: Stack> User<T> {
    /// Looks at the response that has just been recorded. If its head is gone, that of the next one is kept.
    #[cold]
    #[inline(never)]
    pub(super) fn look_for_hints(&self, row: &Record) {
        if !self.lane.flight.arrival.is_in_one_piece() {
            return self.worker.is_curious.set(true);
        }
        let exchanges = self.worker.exchanges.borrow();
        let buffer = T::Exchange::received(&exchanges);
        let received = usize::try_from(self.lane.flight.arrival.bytes).unwrap_or(HEAD).min(buffer.len());
        if let Some(ttfb_ns) = row.durations().ttfb_ns {
            self.note_hints(row.step, row.phase, &buffer[..received], ttfb_ns);
        }
    }

    /// Looks at a response whose head was kept for it.
    #[cold]
    #[inline(never)]
    pub(super) fn look_at_kept(&self, step: StepId, phase: Phase, capture: &Capture, started_ns: u64) {
        if let Some((beginning, _)) = capture.beginning() {
            self.note_hints(step, phase, beginning, self.lane.flight.arrival.first_byte_ns.saturating_sub(started_ns));
        }
    }

    fn note_hints(&self, step: StepId, phase: Phase, bytes: &[u8], ttfb_ns: u64) {
        let own = self.worker.program.http.upstream_header.as_ref();
        let mut recorder = self.worker.recorder.borrow_mut();
        T::Exchange::fields(&bytes[..bytes.len().min(HEAD)], &mut |name, value| {
            read(name, value, own, &mut |name, time_ns| recorder.hint(step, phase, name, time_ns, ttfb_ns));
        });
    }
}

/// Tells every time that a header of a response names.
fn read(name: &[u8], value: &[u8], own: Option<&UpstreamHeader>, found: &mut dyn FnMut(&str, u64)) {
    let (Ok(name), Ok(value)) = (str::from_utf8(name), str::from_utf8(value)) else { return };
    if name.eq_ignore_ascii_case(SERVER_TIMING) {
        server_timing(value, found);
    }
    if let Some(own) = own.filter(|own| own.name.eq_ignore_ascii_case(name)) {
        #[expect(clippy::cast_precision_loss, reason = "a unit")]
        let unit_ns = own.unit_ns as f64;
        tell(&own.name, sum(value, unit_ns), found);
    } else if let Some(known) = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        tell(known, sum(value, MS), found);
    } else if is_of_upstream(name) {
        // nginx counts seconds with a fraction, others whole milliseconds.
        tell(name, sum(value, if value.contains('.') { 1e9 } else { MS }), found);
    }
}

/// Whether a header tells an upstream's time by its name, as `X-Upstream-Header-Time` does.
fn is_of_upstream(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("upstream") && ["time", "latency", "duration"].iter().any(|word| name.contains(word))
}

/// The metrics of a `Server-Timing` header that have a duration: `db;dur=53.2, app;desc="a, b";dur=47`.
fn server_timing(value: &str, found: &mut dyn FnMut(&str, u64)) {
    let mut quoted = false;
    let outside = |separator: char| {
        move |character: char| {
            quoted ^= character == '"';
            character == separator && !quoted
        }
    };
    for metric in value.split(outside(',')) {
        let mut parts = metric.split(outside(';')).map(str::trim);
        let name = parts.next().unwrap_or_default();
        let duration = parts.find_map(|part| {
            let (key, value) = part.split_once('=')?;
            key.trim().eq_ignore_ascii_case("dur").then(|| value.trim().trim_matches('"'))
        });
        if let Some(duration) =
            duration.filter(|_| !name.is_empty() && name.chars().all(|each| each.is_ascii_graphic()))
        {
            tell(&format!("Server-Timing {name}"), duration.parse().ok().map(|ms: f64| ms * MS), found);
        }
    }
}

/// The sum of the numbers in a header: a proxy that asked several upstreams names several. A number may carry its unit.
fn sum(value: &str, unit_ns: f64) -> Option<f64> {
    let times = value.split([',', ':', ' ', ';']).filter_map(|word| {
        let word = word.trim();
        let digits = word.trim_end_matches(|character: char| character.is_ascii_alphabetic());
        let unit_ns = match &word[digits.len()..] {
            "" => unit_ns,
            "s" => 1e9,
            "ms" => MS,
            "us" => 1e3,
            _ => return None,
        };
        digits.parse().ok().map(|number: f64| number * unit_ns)
    });
    times.reduce(|one, other| one + other)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a day")]
fn tell(name: &str, time_ns: Option<f64>, found: &mut dyn FnMut(&str, u64)) {
    if let Some(time_ns) = time_ns.filter(|time_ns| (0.0..=LONGEST_NS).contains(time_ns)) {
        found(name, time_ns.round() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::h1;

    fn hints(head: &str, own: Option<&UpstreamHeader>) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nServer-Timing: body;dur=1");
        h1::Exchange::fields(bytes.as_bytes(), &mut |name, value| {
            read(name, value, own, &mut |name, time_ns| found.push((name.to_owned(), time_ns)));
        });
        found
    }

    #[test]
    fn server_timing_names_parts() {
        let all =
            hints("server-timing: db;dur=53.2, app;desc=\"a, b; c\";dur=\"47\", miss, cache;desc=x\r\nX: y", None);
        assert_eq!(all, [("Server-Timing db".to_owned(), 53_200_000), ("Server-Timing app".to_owned(), 47_000_000)]);
        assert_eq!(hints("Server-Timing: db;dur=-1, a;dur=nan, b;dur=inf, c;dur=, d;dur=1e99", None), []);
    }

    #[test]
    fn headers_of_proxies_have_their_units() {
        let head = "x-envoy-upstream-service-time: 290\r\nX-Kong-Proxy-Latency: 2\r\nx-kong-upstream-latency: -\r\n\
            X-Upstream-Header-Time: 0.300\r\nUpstream-Latency: 12\r\nX-Upstream: a\r\nX-Upstream-Response-Time: -";
        let expected = [
            ("X-Envoy-Upstream-Service-Time", 290_000_000),
            ("X-Kong-Proxy-Latency", 2_000_000),
            ("X-Upstream-Header-Time", 300_000_000),
            ("Upstream-Latency", 12_000_000),
        ];
        assert_eq!(hints(head, None), expected.map(|(name, ns)| (name.to_owned(), ns)));
    }

    #[test]
    fn an_own_header_has_its_unit() {
        let own = |unit_ns| UpstreamHeader { name: "X-Time".to_owned(), unit_ns };
        for (value, unit_ns, expected) in [
            ("0.3", 1_000_000_000, Some(300_000_000)),
            ("0.300, 0.1 : 0.05", 1_000_000_000, Some(450_000_000)),
            ("290", 1_000_000, Some(290_000_000)),
            ("290us", 1_000_000, Some(290_000)),
            ("0.29s", 1_000_000, Some(290_000_000)),
            ("-", 1_000_000, None),
            ("fast", 1_000_000, None),
            ("", 1_000_000, None),
        ] {
            let found = hints(&format!("x-time: {value}"), Some(&own(unit_ns)));
            assert_eq!(found.first().map(|(_, ns)| *ns), expected, "{value}");
        }
    }
}
