"""Fidelity: `python -m benches.fidelity [--delay-us D] [--seconds S]`.

A server holds every answer for a known time and measures how long it really did. What loadcore reports beyond that is
loopback, the waking of two processes, and loadcore's own error. The first two are what wrk sees beyond it, with one
connection and nothing else to do: the way there and back. Rates go from a tenth of what one worker can do to beyond it:
below 70 % of a core the error of the median must be small, and where it is not small the run must say that the client
was the limit.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import loadcore
from benches import affinity, clients, results
from benches.processes import run
from benches.product_runs import carried_out
from benches.targets.nullsrv import nullsrv

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.2)
ERROR_LIMIT_NS = 30_000
BUSY = 0.7
"""Share of a core below which the limit holds."""
GREAT = 0.1
"""Share of the true time from which on the verdict must have fired."""


@dataclass(frozen=True)
class Compared:
    """One rate: what the server did and what was reported."""

    share: float
    rate: int
    way_ns: int
    true_p50_ns: int
    service_p50_ns: int
    true_p99_ns: int
    service_p99_ns: int
    response_p50_ns: int
    engine_cores: float
    verdict: str
    dropped: int
    foreign_cores: float

    @property
    def error_ns(self) -> int:
        """What was reported beyond the truth and the way there and back, at the median."""
        return self.service_p50_ns - self.true_p50_ns - self.way_ns

    @property
    def holds(self) -> bool:
        """Whether the error is small, or the run says that it is not to be trusted."""
        if self.verdict == "client_limited":
            return True
        return abs(self.error_ns) <= (ERROR_LIMIT_NS if self.engine_cores < BUSY else GREAT * self.true_p50_ns)


def way(delay_us: int) -> int:
    """Nanoseconds that wrk's one request at a time takes beyond what the server holds it."""
    with nullsrv(core=affinity.server_core()) as target, ExitStack() as stack:
        job = clients.Job(target.url, 1, 4.0, f"/delay/constant/{delay_us}")
        words = stack.enter_context(clients.Wrk().command(job))
        requests = clients.Wrk().count(run(affinity.pinned(words, affinity.client_core()), target)).requests
        held_ns: int = target.stats()["held_ns"][0]
        return round(job.seconds * 1e9 / requests) - held_ns


def compare(share: float, rate: int, delay_us: int, seconds: int, way_ns: int) -> Compared:
    """Runs one rate against a server of its own."""
    with nullsrv(core=affinity.server_core()) as target:
        load = loadcore.arrival_rate(f"{rate}/s", duration=f"{seconds}s", max_users=4_000)
        step = loadcore.get(f"/delay/constant/{delay_us}")
        with carried_out(loadcore.Scenario("fidelity", base_url=target.url, load=load, steps=[step])) as done:
            said, client = done.summary["all"], done.summary["client"]
            held = target.stats()["held_ns"]
            return Compared(
                share=share,
                rate=rate,
                way_ns=way_ns,
                true_p50_ns=held[0],
                service_p50_ns=said["service"]["p50_ns"],
                true_p99_ns=held[2],
                service_p99_ns=said["service"]["p99_ns"],
                response_p50_ns=said["response"]["p50_ns"],
                engine_cores=client["workers"][0]["cpu_ratio"],
                verdict=client["verdict"],
                dropped=done.summary["load"]["scenarios"][0]["iterations"]["dropped"],
                foreign_cores=client["foreign_cores"] or 0.0,
            )


def most(delay_us: int) -> int:
    """Requests per second of one worker that never waits for its server's answer."""
    with nullsrv(core=affinity.server_core()) as target:
        step = loadcore.get(f"/delay/constant/{delay_us}")
        load = loadcore.users(1_000, duration="4s")
        with carried_out(loadcore.Scenario("most", base_url=target.url, load=load, steps=[step])) as done:
            return int(done.summary["all"]["requests_per_s"])


def page(measured: Sequence[Compared], delay_us: int) -> str:
    """All rates as a table."""
    lines = [
        [
            f"{one.share:.0%}",
            f"{one.rate:,}",
            f"{one.true_p50_ns / 1000:,.0f} / {one.true_p99_ns / 1000:,.0f}",
            f"{one.service_p50_ns / 1000:,.0f} / {one.service_p99_ns / 1000:,.0f}",
            f"{one.error_ns / 1000:+,.0f}",
            f"{one.response_p50_ns / 1000:,.0f}",
            f"{one.engine_cores:.2f}",
            str(one.dropped),
            one.verdict,
            f"{one.foreign_cores:.2f}",
        ]
        for one in measured
    ]
    columns = ["of the most", "per second", "true p50 / p99, µs", "service p50 / p99, µs", "error of p50, µs"]
    more = ["response p50, µs", "engine cores", "dropped", "client", "foreign cores"]
    there_and_back = (
        f"The way there and back, as wrk sees it with one connection, takes {measured[0].way_ns / 1000:,.0f} µs; "
    )
    told = f"Answers held for {delay_us:,} µs. {there_and_back}the error is what is reported beyond both."
    return f"## Fidelity\n\n{told}\n\n" + results.Table([*columns, *more], lines).markdown()


def main() -> int:
    """Measures; 0 if every error is small or said."""
    parser = argparse.ArgumentParser(prog="python -m benches.fidelity", description=__doc__)
    parser.add_argument("--delay-us", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, default=5)
    arguments = parser.parse_args()
    affinity.allow_many_files()
    top = most(arguments.delay_us)
    way_ns = way(arguments.delay_us)
    measured = [compare(share, int(share * top), arguments.delay_us, arguments.seconds, way_ns) for share in SHARES]
    results.keep("fidelity", [asdict(one) for one in measured], page(measured, arguments.delay_us))
    return 0 if all(one.holds for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
