"""Coordinated omission: `python -m benches.coordinated_omission [--rate R] [--periods N]`.

A server does nothing for the first second of every five, or of every ten. Who asks at a constant rate waits for the
rest of the second if it asks within it, and hardly at all if not, so the percentiles of response times follow from
arithmetic. A client that waits for an answer before it asks again asks once in that second, and its percentiles hide
it: wrk is run beside to show that, and what back-filling makes of it, see `back_fill`. oha is run at the same rate
with the correction that it offers.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import loadcore
from benches import affinity, back_fill, results, tools
from benches.peers.install import find
from benches.processes import run
from benches.product_runs import carried_out
from benches.statistics import quantile
from benches.targets.nullsrv import nullsrv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.targets.target import Target

FREEZES = ((1.0, 5.0), (1.0, 10.0))
"""Seconds of every period in which the server does nothing."""
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
CORNER = 0.005
"""Nearer than this to the share of frozen time a percentile is not told: there, one request in a thousand that took a
little longer moves it from nothing to tens of milliseconds."""
TOLERANCE = 0.01


@dataclass(frozen=True)
class Percentile:
    """One percentile: what it must be and what was reported."""

    freeze_s: float
    period_s: float
    quantile: float
    expected_s: float
    response_s: float
    service_s: float
    oha_s: float | None
    wrk_saw_s: float | None
    wrk_prints_s: float | None
    wrk_filled_s: float | None
    """wrk, back-filled with the median answer as the interval."""

    def error(self, told_s: float) -> float:
        """Relative error, of the freeze where nothing is expected."""
        return abs(told_s - self.expected_s) / (self.expected_s or self.freeze_s)

    @property
    def holds(self) -> bool:
        """Whether the response time is what it must be."""
        return self.error(self.response_s) <= TOLERANCE


def expected(freeze_s: float, period_s: float, q: float) -> float:
    """The q-quantile of waiting times for who asks at a constant rate.

    Of all who ask, a share of `freeze / period` asks within the freeze, and waits evenly between nothing and all of it.
    """
    return max(0.0, round(freeze_s - (1 - q) * period_s, 9))


def measure(freeze_s: float, period_s: float, rate: int, periods: int) -> list[Percentile]:
    """Runs loadcore's open model, oha and wrk's closed loop against a server that freezes."""
    with nullsrv("--freeze", f"{freeze_s * 1000:.0f}/{period_s * 1000:.0f}", core=affinity.server_core()) as target:
        load = loadcore.arrival_rate(f"{rate}/s", duration=f"{periods * period_s:.0f}s", max_users=rate * 3)
        scenario = loadcore.Scenario("freeze", base_url=target.url, load=load, steps=[loadcore.get("/")])
        with carried_out(scenario) as done:
            rows = done.requests.select(["response_ns", "service_ns"])
            responses, services = (sorted(rows[name].to_pylist()) for name in ("response_ns", "service_ns"))
        corrected = oha(target, rate, round(periods * period_s))
        saw, prints, filled = wrk(target, round(2 * period_s))
    return [
        Percentile(
            freeze_s=freeze_s,
            period_s=period_s,
            quantile=q,
            expected_s=expected(freeze_s, period_s, q),
            response_s=quantile(responses, q) / 1e9,
            service_s=quantile(services, q) / 1e9,
            oha_s=corrected.get(q),
            wrk_saw_s=saw.get(q),
            wrk_prints_s=prints.get(q),
            wrk_filled_s=filled.get(q),
        )
        for q in QUANTILES
        if abs(1 - q - freeze_s / period_s) > CORNER
    ]


def wrk(target: Target, seconds: int) -> tuple[dict[float, float], dict[float, float], dict[float, float]]:
    """Percentiles of what wrk saw, of what it prints, and of what it saw back-filled again; none without wrk."""
    try:
        told = back_fill.ask(target, seconds)
    except tools.MissingToolError as missing:
        print(f"left out wrk: {missing}")
        return {}, {}, {}
    saw = back_fill.emptied(told.values, told.interval_us(back_fill.CONNECTIONS))
    usual_us = round(back_fill.quantiles(saw, [0.5])[0.5] * 1e6)
    filled = back_fill.filled(saw, max(1, usual_us))
    return (
        back_fill.quantiles(saw, QUANTILES),
        back_fill.quantiles(told.values, QUANTILES),
        back_fill.quantiles(filled, QUANTILES),
    )


def oha(target: Target, rate: int, seconds: int) -> dict[float, float]:
    """Corrected percentiles that oha tells, by quantile; none without oha."""
    try:
        program = find("oha")
    except tools.MissingToolError as missing:
        print(f"left out oha: {missing}")
        return {}
    load = ["-q", str(rate), "--latency-correction", "-c", str(back_fill.CONNECTIONS), "-z", f"{seconds}s"]
    words = [program, "--no-tui", "--worker-threads", "1", "--output-format", "json", *load, f"{target.url}/"]
    return read_oha(run(affinity.pinned(words, affinity.client_core())).output)


def read_oha(output: str) -> dict[float, float]:
    """Seconds by quantile in oha's JSON: its names are `p50` and `p99.9`."""
    told = json.loads(output)["latencyPercentiles"]
    return {round(float(name[1:]) / 100, 6): seconds for name, seconds in told.items()}


def page(measured: Sequence[Percentile]) -> str:
    """All percentiles as a table."""

    def ms(seconds: float | None) -> str:
        return "" if seconds is None else f"{seconds * 1000:.1f}"

    lines = [
        [
            f"{one.freeze_s:.0f} s in {one.period_s:.0f}",
            f"p{one.quantile * 100:g}",
            f"{one.expected_s * 1000:.0f}",
            ms(one.response_s),
            f"{one.error(one.response_s) * 100:.2f} %",
            ms(one.service_s),
            ms(one.oha_s),
            "" if one.oha_s is None else f"{one.error(one.oha_s) * 100:.2f} %",
            *(ms(seconds) for seconds in (one.wrk_saw_s, one.wrk_prints_s, one.wrk_filled_s)),
        ]
        for one in measured
    ]
    columns = [
        "server freezes",
        "",
        "must be, ms",
        "response, ms",
        "error",
        "service, ms",
        "oha -q, corrected",
        "error",
    ]
    wrk = ["wrk saw", "wrk prints", "wrk, filled by median"]
    about = (
        "wrk saw: a closed loop. wrk prints: back-filled by itself with the mean interval. Filled by median: what it "
        "saw, back-filled by HdrHistogram's rule with the median answer as the interval; wrk2 is in no package."
    )
    return f"## Coordinated omission\n\n{about}\n\n{results.Table([*columns, *wrk], lines).markdown()}"


def main() -> int:
    """Measures; 0 if all percentiles are what they must be."""
    parser = argparse.ArgumentParser(prog="python -m benches.coordinated_omission", description=__doc__)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--periods", type=int, default=4)
    arguments = parser.parse_args()
    affinity.allow_many_files()
    measured = [one for freeze in FREEZES for one in measure(*freeze, arguments.rate, arguments.periods)]
    results.keep("coordinated_omission", [asdict(one) for one in measured], page(measured))
    return 0 if all(one.holds for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
