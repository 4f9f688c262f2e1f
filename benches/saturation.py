"""How much one worker can do, and two: `python -m benches.saturation [--seconds S]`.

The most requests per second of the engine and of `loadcore bench`, the CPU that a request takes at a part of that,
and what a second worker adds. A target on the same machine needs a core, too: on two cores a second worker has
nowhere to go, and the figure says so.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import loadcore
from benches import affinity, clients, engine, plans, results
from benches.cpu_per_request import measure
from benches.processes import run
from benches.product_runs import carried_out
from benches.targets.nullsrv import nullsrv

if TYPE_CHECKING:
    from benches.targets.target import Target

SHARES = (0.2, 0.5, 0.8)
TRIES = 5
CONNECTIONS = 64


@dataclass(frozen=True)
class Rate:
    """A rate and what it took."""

    what: str
    per_second: float
    cpu_us: float
    foreign_cores: float

    def line(self) -> list[str]:
        """As in the table."""
        cpu = f"{self.cpu_us:.2f}" if self.cpu_us else ""
        return [self.what, f"{self.per_second:,.0f}", cpu, f"{self.foreign_cores:.2f}"]


def most(target: Target, client: clients.Client, seconds: float) -> Rate:
    """The best of some tries, as of a machine that others disturb."""
    job = clients.Job(target.url, CONNECTIONS, seconds)
    runs = [measure(client, target, job, (number, False)) for number in range(TRIES)]
    best = max(runs, key=lambda one: one.requests)
    return Rate(f"{client.name}, most", best.requests / seconds, best.cpu_s / best.requests * 1e6, best.foreign_cores)


def part(target: Target, share: float, rate: int, seconds: float) -> Rate:
    """CPU per request of the engine at a constant rate."""
    load = {
        "kind": "arrival_rate",
        "rate": {"count": rate, "per_ns": plans.SECOND_NS},
        "duration_ns": int(seconds * plans.SECOND_NS),
        "max_users": 2_000,
        "arrivals": "even",
    }
    with engine.command(plans.plan(target.url, load)) as words:
        finished = run(affinity.pinned(words, affinity.client_core()), target)
    count = clients.Engine(rows=True).count(finished)
    return Rate(
        f"engine, row log, {share:.0%} of it",
        count.requests / seconds,
        finished.cpu_s / count.requests * 1e6,
        finished.foreign_cores,
    )


def with_workers(target: Target, workers: int, seconds: float) -> Rate:
    """The product's rate with this number of workers, on all cores."""
    load = loadcore.users(CONNECTIONS * workers, duration=f"{seconds:.0f}s")
    scenario = loadcore.Scenario("scaling", base_url=target.url, load=load, steps=[loadcore.get("/")])
    with carried_out(scenario, workers=workers, pinned=False) as done:
        summary = done.summary
        cpu_s = sum(worker["process_cpu_s"] for worker in summary["client"]["workers"])
        rate, foreign = summary["all"]["requests_per_s"], summary["client"]["foreign_cores"] or 0.0
        return Rate(
            f"loadcore, {workers} worker(s), all cores", rate, cpu_s / summary["all"]["requests"] * 1e6, foreign
        )


def main() -> None:
    """Measures and keeps what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benches.saturation", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    seconds = parser.parse_args().seconds
    affinity.allow_many_files()
    with nullsrv(core=affinity.server_core()) as target:
        rates = [
            most(target, client, seconds) for client in (clients.Wrk(), clients.Engine(rows=True), clients.Product())
        ]
        rates += [part(target, share, int(share * rates[1].per_second), seconds) for share in SHARES]
    with nullsrv() as target:
        rates += [with_workers(target, workers, seconds) for workers in (1, 2)]
    kept: list[dict[str, Any]] = [asdict(one) for one in rates]
    columns = ["", "requests/s", "CPU µs/request, start included", "foreign cores"]
    told = (
        f"{len(affinity.cores())} cores, {CONNECTIONS} connections a worker. In the lines of all cores the target, one "
        "thread, shares them with the workers: with two cores a second worker takes away from it."
    )
    table = results.Table(columns, [one.line() for one in rates])
    results.keep("saturation", kept, f"## Saturation\n\n{told}\n\n{table.markdown()}")


if __name__ == "__main__":
    main()
