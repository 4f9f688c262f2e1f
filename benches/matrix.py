"""All else that a response can be: `python -m benches.matrix [--rounds N] [--seconds S]`.

Large bodies, chunked ones, a connection for each request, TLS, beside wrk where it can do the same; then what only
has to work: a storm of timeouts, and ten thousand users that think. What is looked for is a cliff.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benches import affinity, clients, engine, plans, results
from benches.cpu_per_request import Run, costs_us, ratios, rounds
from benches.targets.nginx import nginx
from benches.targets.nullsrv import nullsrv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benches.targets.target import Target


@dataclass(frozen=True)
class Kind:
    """A kind of exchange."""

    name: str
    path: str = "/"
    connections: int = 64
    close: bool = False
    tls: bool = False

    @contextmanager
    def target(self) -> Iterator[Target]:
        """The server for it."""
        core = affinity.server_core()
        with nginx(core=core, tls=True) if self.tls else nullsrv(core=core) as target:
            yield target


KINDS = (
    Kind("156 bytes"),
    Kind("16 KB", "/size/16384"),
    Kind("64 KB", "/size/65536"),
    Kind("1 MB", "/size/1048576"),
    Kind("64 KB, chunked", "/chunked/65536"),
    Kind("1 MB, chunked", "/chunked/1048576"),
    Kind("connection per request", "/close", close=True),
    Kind("TLS, kept", tls=True),
    Kind("TLS, connection per request", close=True, connections=16, tls=True),
)
CLIENTS: tuple[clients.Client, ...] = (clients.Wrk(), clients.Engine(rows=True))


def compare(kind: Kind, count: int, seconds: float) -> list[Run]:
    """Runs one kind with wrk and the engine."""
    with kind.target() as target:
        job = clients.Job(target.url, kind.connections, seconds, kind.path, kind.close)
        return list(rounds(CLIENTS, target, job, count))


def line(kind: Kind, runs: Sequence[Run]) -> list[str]:
    """What a kind comes to."""
    costs = costs_us(runs)
    wrk, own = (client.name for client in CLIENTS)
    rates = [max(one.requests / one.seconds for one in runs if one.client == name) for name in (wrk, own)]
    medians = [statistics.median(costs[name].values()) for name in (wrk, own)]
    measured = [*(f"{figure:.1f}" for figure in medians), ratios(runs, own, wrk).text()]
    return [kind.name, str(kind.connections), *measured, *(f"{rate:,.0f}" for rate in rates)]


def timeouts(users: int, seconds: int) -> list[str]:
    """A server that never answers, and a timeout of 100 ms: every request is recorded as timed out."""
    with nullsrv(core=affinity.server_core()) as target:
        load = {"kind": "users", "users": users, "duration_ns": seconds * plans.SECOND_NS}
        http = {"timeouts": {"connect_ns": 5 * plans.SECOND_NS, "total_ns": plans.SECOND_NS // 10}}
        report = engine.run(plans.plan(target.url, load, {**plans.STATIC, "url": "/never"}, http=http))
    timed_out = sum(count for name, count in report.outcomes.items() if "timeout" in name)
    if report.rows != report.requests or timed_out < 0.99 * report.requests:
        raise engine.FailedRunError(f"{report}")
    return [
        f"timeouts of 100 ms, {users:,} users",
        f"{report.requests:,}",
        f"{timed_out:,} timed out, each with its row",
    ]


def thinking(users: int, seconds: int) -> list[str]:
    """Many users that think for about two seconds between requests."""
    think = {"kind": "think", "distribution": "uniform", "min_ns": plans.SECOND_NS, "max_ns": 3 * plans.SECOND_NS}
    with nullsrv(core=affinity.server_core()) as target:
        load = {"kind": "users", "users": users, "duration_ns": seconds * plans.SECOND_NS}
        report = engine.run(plans.plan(target.url, load, steps=[plans.STATIC, think])).demand()
        accepted = target.stats()["accepted"] - 1
    return [f"{users:,} users that think 1-3 s", f"{report.requests:,}", f"0 errors, {accepted:,} connections"]


def main() -> int:
    """Measures everything."""
    parser = argparse.ArgumentParser(prog="python -m benches.matrix", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    affinity.allow_many_files()
    lines, kept = [], list[dict[str, Any]]()
    for kind in KINDS:
        runs = compare(kind, arguments.rounds, arguments.seconds)
        kept += [{"kind": kind.name, **asdict(one)} for one in runs]
        lines.append(line(kind, runs))
        print(lines[-1], flush=True)
    columns = ["exchange", "connections", "wrk, CPU µs", "engine, CPU µs", "engine ÷ wrk", "wrk/s", "engine/s"]
    works = results.Table(["", "requests", ""], [timeouts(1_000, 5), thinking(10_000, 10)])
    told = f"nullsrv (TLS: nginx), {arguments.rounds} rounds of {arguments.seconds:g} s."
    text = f"## Matrix\n\n{told}\n\n{results.Table(columns, lines).markdown()}\n\n{works.markdown()}"
    results.keep("matrix", kept, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
