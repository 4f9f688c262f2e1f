"""Coordinated omission: `python -m benches.coordinated_omission [--rate R] [--periods N]`.

A server does nothing for the first second of every five, or of every ten. Who asks at a constant rate waits for the
rest of the second if it asks within it, and hardly at all if not, so the percentiles of response times follow from
arithmetic. A client that waits for an answer before it asks again asks once in that second, and its percentiles hide
it; wrk is run beside to show that.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import loadcore
from benches import affinity, results, tools
from benches.processes import run
from benches.product_runs import carried_out
from benches.statistics import quantile
from benches.targets.nullsrv import nullsrv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.targets.target import Target

FREEZES = ((1.0, 5.0), (1.0, 10.0))
"""Seconds of every so many in which the server does nothing."""
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
CORNER = 0.005
"""Nearer than this to the share of frozen time a percentile is not told: there, one request in a thousand that took a
little longer moves it from nothing to tens of milliseconds."""
TOLERANCE = 0.01


@dataclass(frozen=True)
class Percentile:
    """One percentile: what it must be and what was said."""

    freeze_s: float
    period_s: float
    quantile: float
    expected_s: float
    response_s: float
    service_s: float
    wrk_s: float | None

    @property
    def error(self) -> float:
        """Relative error, of the freeze where nothing is expected."""
        return abs(self.response_s - self.expected_s) / (self.expected_s or self.freeze_s)

    @property
    def holds(self) -> bool:
        """Whether the response time is what it must be."""
        return self.error <= TOLERANCE


def expected(freeze_s: float, period_s: float, q: float) -> float:
    """The q-quantile of waiting times for who asks at a constant rate.

    Of all who ask, a share of `freeze / period` asks within the freeze, and waits evenly between nothing and all of it.
    """
    return max(0.0, round(freeze_s - (1 - q) * period_s, 9))


def measure(freeze_s: float, period_s: float, rate: int, periods: int) -> list[Percentile]:
    """Runs loadcore's open model and wrk's closed loop against a server that freezes."""
    with nullsrv("--freeze", f"{freeze_s * 1000:.0f}/{period_s * 1000:.0f}", core=affinity.server_core()) as target:
        load = loadcore.arrival_rate(f"{rate}/s", duration=f"{periods * period_s:.0f}s", max_users=rate * 3)
        scenario = loadcore.Scenario("freeze", base_url=target.url, load=load, steps=[loadcore.get("/")])
        with carried_out(scenario) as done:
            rows = done.requests.select(["response_ns", "service_ns"])
            responses, services = (sorted(rows[name].to_pylist()) for name in ("response_ns", "service_ns"))
        closed = wrk(target, round(2 * period_s))
    return [
        Percentile(
            freeze_s=freeze_s,
            period_s=period_s,
            quantile=q,
            expected_s=expected(freeze_s, period_s, q),
            response_s=quantile(responses, q) / 1e9,
            service_s=quantile(services, q) / 1e9,
            wrk_s=closed.get(q),
        )
        for q in QUANTILES
        if abs(1 - q - freeze_s / period_s) > CORNER
    ]


def wrk(target: Target, seconds: int) -> dict[float, float]:
    """Percentiles that wrk prints, by quantile; none without wrk."""
    try:
        words = [tools.find("wrk"), "-t1", "-c10", f"-d{seconds}s", "--latency", f"{target.url}/"]
    except tools.MissingToolError as missing:
        print(f"left out wrk: {missing}")
        return {}
    return read_latencies(run(affinity.pinned(words, affinity.client_core())).output)


def read_latencies(output: str) -> dict[float, float]:
    """Seconds by quantile in what `wrk --latency` prints."""
    units = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
    found = re.findall(r"^\s*(\d+)%\s+([\d.]+)(us|ms|s)\s*$", output, re.MULTILINE)
    return {int(percent) / 100: float(value) * units[unit] for percent, value, unit in found}


def page(measured: Sequence[Percentile]) -> str:
    """All percentiles as a table."""
    lines = [
        [
            f"{one.freeze_s:.0f} s in {one.period_s:.0f}",
            f"p{one.quantile * 100:g}",
            f"{one.expected_s * 1000:.0f}",
            f"{one.response_s * 1000:.1f}",
            f"{one.error * 100:.2f} %",
            f"{one.service_s * 1000:.1f}",
            f"{one.wrk_s * 1000:.1f}" if one.wrk_s is not None else "",
        ]
        for one in measured
    ]
    columns = ["server freezes", "", "must be, ms", "response, ms", "error", "service, ms", "wrk (closed loop), ms"]
    return "## Coordinated omission\n\n" + results.Table(columns, lines).markdown()


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
