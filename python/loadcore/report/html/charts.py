"""The charts of a run's page, in the order of the reader's questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loadcore.report.html import sentences
from loadcore.report.html.chart import Chart, Series, Style, Value, us
from loadcore.results.open.heat import edge_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadcore.report.html.history import History
    from loadcore.results.open.timeline import Moment, Quantiles

_MOST_KINDS: Final = 4
"""Ways to end that have an area of their own; the others share one."""
_TIMES: Final[tuple[tuple[str, str, int, Style], ...]] = (
    ("p50_ns", "p50", 3, "solid"),
    ("p95_ns", "p95", 1, "dashed"),
    ("p99_ns", "p99", 4, "dashdot"),
)
_NINES: Final = (
    *(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99),
    *(0.9925, 0.995, 0.997, 0.998, 0.999, 0.9995, 0.9998, 0.9999, 0.99995, 0.99999, 0.999995, 0.999999),
)
"""Percentiles of the spectrum."""


def load_charts(history: History) -> list[Chart]:
    """Where did it break: load against response, and how requests ended."""
    return [_knee(history), _rate(history)]


def time_charts(history: History) -> list[Chart]:
    """How slow was it, and when."""
    return [
        _percentiles(history, "response", "Response time", lambda moment: moment.response),
        _percentiles(history, "service", "Service time", lambda moment: moment.service),
        _heat(history),
        _lag(history),
        _spectrum(history),
    ]


def error_charts(history: History) -> list[Chart]:
    """What failed, and when; none if nothing did."""
    if not history.kinds:
        return []
    series = _areas(history, with_ok=False)
    said = sentences.errors(history)
    return [Chart("errors", "Errors over time", said, "stack", series, "errors per second", wide=True)]


def connection_charts(history: History) -> list[Chart]:
    """What connecting cost."""
    moments = history.moments
    series = [
        Series("opened per second", _per_s(moments, lambda each: each.connections), 1, "bars", "per_s"),
        Series("connect p95", us(each.connect_p95_ns for each in moments), 4, "dashed", "us", right=True),
        Series("first byte p95", us(each.ttfb_p95_ns for each in moments), 3, "solid", "us", right=True),
    ]
    said = sentences.connections(history)
    title = "Connections, and time to the first byte"
    return [Chart("connections", title, said, "lines", series, "connections per second", "time", wide=True)]


def client_charts(history: History) -> list[Chart]:
    """Whether the client kept up, and who used the machine."""
    moments = history.moments
    busy = Series("busiest engine thread", [each.cpu for each in moments], 1, "solid", "ratio")
    in_flight = Series("requests in flight", [each.in_flight for each in moments], 5, "dotted", "count", right=True)
    cores = [
        Series("other programs", [each.foreign_cores for each in moments], 4, "dashed", "cores"),
        Series("target", [each.target_cores for each in moments], 2, "solid", "cores"),
    ]
    said = sentences.client(history)
    charts = [Chart("engine", "The load generator", said, "lines", [busy, in_flight], "share of a core", "requests")]
    shown = [each for each in cores if any(each.values)]
    if shown:
        said = sentences.machine(history)
        charts.append(Chart("machine", "Cores used beside it", said, "lines", shown, "cores"))
    return charts


def _per_s(moments: Sequence[Moment], count: Callable[[Moment], int]) -> list[Value]:
    return [count(each) / each.seconds for each in moments]


def _knee(history: History) -> Chart:
    """A dot for each moment: how much was answered, and how long it took."""
    shown = [each for each in history.moments if each.response is not None]
    broken = _crossed_in(history)
    states = [2 if _is_late(each) else 1 if each.from_s in broken else 0 for each in shown]
    extra = {
        "x": [round(each.answered / each.seconds, 1) for each in shown],
        "y": us(each.response.p95_ns if each.response else None for each in shown),
        "states": states,
        "at": [each.from_s for each in shown],
        "names": ["thresholds hold", "a threshold is crossed", "the client was late"],
        "x_title": "responses per second",
    }
    said = sentences.knee(history)
    return Chart("knee", "Load against response time", said, "scatter", (), "response time p95", log=True, extra=extra)


def _crossed_in(history: History) -> set[float]:
    """Where the moments begin in which a threshold was crossed."""
    stretches = [each for found in history.crossings.values() for each in found.stretches]
    return {
        moment.from_s
        for moment in history.moments
        if any(each.from_s <= moment.from_s < each.to_s for each in stretches)
    }


def _is_late(moment: Moment) -> bool:
    """Whether the client's own delay is a tenth of the response times or more, and can be felt at all."""
    if moment.lag_p99_ns is None or moment.response is None:
        return False
    return moment.lag_p99_ns > max(sentences.LATE_NS, 0.1 * moment.response.p95_ns)


def _rate(history: History) -> Chart:
    moments = history.moments
    series = _areas(history, with_ok=True)
    series.append(Series("asked", _per_s(moments, lambda each: each.asked), 6, "dashed", "per_s"))
    series.append(Series("users", [each.users for each in moments], 5, "dotted", "count", right=True))
    said = sentences.rate(history)
    return Chart("rate", "How requests ended", said, "stack", series, "requests per second", "users")


def _areas(history: History, *, with_ok: bool) -> list[Series]:
    """One area for each way to end, the most frequent at the bottom."""
    moments, kinds = history.moments, history.kinds
    own, shared = kinds[:_MOST_KINDS], kinds[_MOST_KINDS:]
    if len(shared) == 1:
        own, shared = kinds, []
    areas = [Series("as expected", _ended(moments, "ok"), 1, "area", "per_s")] if with_ok else []
    areas += [Series(kind, _ended(moments, kind), 2 + place, "area", "per_s") for place, kind in enumerate(own)]
    if shared:
        areas.append(Series(f"{len(shared)} others", _ended(moments, *shared), 2 + len(own), "area", "per_s"))
    return areas


def _ended(moments: Sequence[Moment], *kinds: str) -> list[Value]:
    return _per_s(moments, lambda each: sum(each.ended[kind] for kind in kinds))


def _percentiles(history: History, key: str, title: str, of: Callable[[Moment], Quantiles | None]) -> Chart:
    found = [of(each) for each in history.moments]
    series = [
        Series(name, us(None if each is None else getattr(each, field) for each in found), colour, style, "us")
        for field, name, colour, style in _TIMES
    ]
    series.append(Series("slowest", us(None if each is None else each.max_ns for each in found), 5, "dotted", "us"))
    said = sentences.response(history) if key == "response" else sentences.service(history)
    return Chart(key, title, said, "lines", series, "time", log=True)


def _heat(history: History) -> Chart:
    """Counts by moment and bucket; of each moment from its lowest bucket on."""
    columns = []
    for moment in history.moments:
        low, high = min(moment.heat, default=0), max(moment.heat, default=-1)
        columns.append([low, *(moment.heat.get(bucket, 0) for bucket in range(low, high + 1))])
    heats = [moment.heat for moment in history.moments if moment.heat]
    low, high = min(map(min, heats), default=0), max(map(max, heats), default=0)
    edges = [shortened_us(edge_ns(bucket)) for bucket in range(low, high + 2)]
    most = max((max(each[1:], default=0) for each in columns), default=0)
    extra = {"columns": columns, "first": low, "edges": edges, "most": most}
    every = "second by second" if history.width_s == 1 else f"every {history.width_s} s"
    title, said = f"Response times, {every}", sentences.heat(history)
    return Chart("heat", title, said, "heat", (), "response time", log=True, extra=extra, wide=True)


def shortened_us(nanoseconds: float) -> float:
    """Nanoseconds in microseconds, in as many digits as an axis needs."""
    return float(f"{nanoseconds / 1000:.4g}")


def _lag(history: History) -> Chart:
    """The band under the heatmap, on the same seconds."""
    series = [
        Series("client lag p99", us(each.lag_p99_ns for each in history.moments), 2, "bars", "us"),
        Series("latest request", us(each.lag_max_ns for each in history.moments), 5, "dotted", "us"),
    ]
    said = sentences.lag(history)
    return Chart("lag", "How late the client was", said, "lines", series, "client lag", log=True, wide=True)


def _spectrum(history: History) -> Chart:
    """Percentiles on a scale on which each nine is as wide as the one before."""
    timeline = history.timeline
    count = max(timeline.response.count, 1)
    shown = [quantile for quantile in _NINES if quantile == 0 or count * (1 - quantile) >= 1]
    response, service = (
        us(each.quantile(quantile) if each.count else None for quantile in shown)
        for each in (timeline.response, timeline.service)
    )
    series = [
        Series("response time", response, 1, "solid", "us"),
        Series("service time", service, 4, "dashed", "us"),
    ]
    said = sentences.spectrum(history)
    extra = {"quantiles": shown}
    return Chart("spectrum", "All percentiles", said, "spectrum", series, "time", log=True, extra=extra, wide=True)
