"""Pacing: `python -m benches.pacing [--rates 1000 …] [--seconds S] [--long S]`.

Arrivals of a rate: exactly as many as planned, each due when the arithmetic says, sent soon after, and no later at the
end than at the beginning, for which one rate lasts for five minutes. Poisson arrivals: the gaps are exponential, by
the Kolmogorov-Smirnov test.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import loadcore
from benches import affinity, results
from benches.product_runs import carried_out
from benches.statistics import kolmogorov_smirnov, quantile
from benches.targets.nullsrv import nullsrv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.targets.target import Target
    from loadcore.scenario.load_models import Arrivals

SECOND_NS = 1_000_000_000
LATENESS_LIMIT_NS = 100_000
"""Most that the median request may be late on an idle core."""
SIGNIFICANCE = 0.01
LONG_RATE = 10_000
"""The rate that is kept for long."""
SAMPLE = 5_000
"""Gaps that are tested; with more of them, the microseconds that a schedule is rounded to would show."""


@dataclass(frozen=True)
class Paced:
    """How a rate was kept."""

    arrivals: str
    rate: int
    seconds: int
    planned: int
    sent: int
    dropped: int
    wrong_due: int
    """Arrivals that were not due when the arithmetic says."""
    lateness_p50_ns: float
    lateness_p99_ns: float
    lateness_max_ns: float
    drift_ns: float
    """By how much later the median request of the last tenth was than that of the first."""
    gaps_probability: float
    """Of gaps as far from exponential as these: near 0 for even arrivals."""
    engine_cores: float
    foreign_cores: float

    @property
    def holds(self) -> bool:
        """Whether counts and law are right, which no other work on the machine can spoil."""
        law = self.wrong_due == 0 if self.arrivals == "even" else self.gaps_probability > SIGNIFICANCE
        counted = self.sent + self.dropped == self.planned if self.arrivals == "even" else True
        return law and counted


def measure(target: Target, rate: int, seconds: int, arrivals: Arrivals) -> Paced:
    """Runs a rate and reads every row."""
    load = loadcore.arrival_rate(f"{rate}/s", duration=f"{seconds}s", max_users=5_000, arrivals=arrivals)
    scenario = loadcore.Scenario("pacing", base_url=target.url, load=load, steps=[loadcore.get("/")])
    with carried_out(scenario) as run:
        rows = run.requests.select(["offset_ns", "lag_ns"]).sort_by("offset_ns")
        due, lag = rows["offset_ns"].to_pylist(), rows["lag_ns"].to_pylist()
        counts, worker = run.summary["load"]["scenarios"][0]["iterations"], run.summary["client"]["workers"][0]
        return Paced(
            arrivals=arrivals,
            rate=rate,
            seconds=seconds,
            planned=rate * seconds,
            sent=len(due),
            dropped=counts["dropped"],
            wrong_due=sum(abs(at - k * SECOND_NS / rate) > 1 for k, at in enumerate(due))
            if not counts["dropped"]
            else 0,
            lateness_p50_ns=statistics.median(lag),
            lateness_p99_ns=quantile(sorted(lag), 0.99),
            lateness_max_ns=max(lag),
            drift_ns=drift(lag),
            gaps_probability=exponential_gaps(due, rate),
            engine_cores=worker["cpu_ratio"],
            foreign_cores=run.summary["client"]["foreign_cores"] or 0.0,
        )


def drift(lag: Sequence[int]) -> float:
    """Median lag of the last tenth of requests less that of the first."""
    tenth = max(1, len(lag) // 10)
    return statistics.median(lag[-tenth:]) - statistics.median(lag[:tenth])


def exponential_gaps(due: Sequence[int], rate: int) -> float:
    """Probability that gaps of a Poisson process of this rate are as far from its law as these."""
    gaps = [(after - before) / SECOND_NS for before, after in pairwise(due[: SAMPLE + 1])]
    return kolmogorov_smirnov(gaps, lambda gap: 1 - math.exp(-rate * gap))[1]


def page(measured: Sequence[Paced]) -> str:
    """All rates as a table."""
    lines = [
        [
            one.arrivals,
            f"{one.rate:,}",
            str(one.seconds),
            f"{one.planned:,}",
            f"{one.sent:,}",
            str(one.dropped),
            str(one.wrong_due) if one.arrivals == "even" else "",
            f"{one.lateness_p50_ns / 1000:.0f} / {one.lateness_p99_ns / 1000:.0f} / {one.lateness_max_ns / 1000:.0f}",
            f"{one.drift_ns / 1000:+.0f}",
            f"{one.gaps_probability:.2f}" if one.arrivals == "poisson" else "",
            f"{one.engine_cores:.2f}",
            f"{one.foreign_cores:.2f}",
        ]
        for one in measured
    ]
    columns = [
        "arrivals",
        "per second",
        "seconds",
        "planned",
        "sent",
        "dropped",
        "wrongly due",
        "late, µs: p50 / p99 / most",
    ]
    return (
        "## Pacing\n\n"
        + results.Table([*columns, "drift, µs", "KS p", "engine cores", "foreign cores"], lines).markdown()
    )


def main() -> int:
    """Measures; 0 if counts and laws are right."""
    parser = argparse.ArgumentParser(prog="python -m benches.pacing", description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[1_000, 10_000, 50_000])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--long", type=int, default=300, help=f"seconds of {LONG_RATE:,} a second, 0 for none")
    arguments = parser.parse_args()
    affinity.allow_many_files()
    kinds: tuple[Arrivals, ...] = ("even", "poisson")
    with nullsrv(core=affinity.server_core()) as target:
        measured = [measure(target, rate, arguments.seconds, kind) for kind in kinds for rate in arguments.rates]
        if arguments.long:
            measured.append(measure(target, LONG_RATE, arguments.long, "even"))
    results.keep("pacing", [asdict(one) for one in measured], page(measured))
    return 0 if all(one.holds for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
