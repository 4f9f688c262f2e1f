"""A scenario beside others: `python -m benches.login [--rounds N] [--seconds S] [--connections N …]`.

A login whose token is taken from its JSON answer, then three calls with the token, each of them checked twice. The
method is that of `cpu_per_request`, turned round: requests per second of CPU. The server has to have counted as many
requests as all clients together.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benches import affinity, results, tools
from benches.clients import Client, Job
from benches.cpu_per_request import Run, costs_us, measure, ratios, rounds, start_costs
from benches.engine import FailedRunError
from benches.login.clients import K6, K9, Engine, Product
from benches.targets.nullsrv import nullsrv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.targets.target import Target

OWN = Product()
CLIENTS: tuple[Client, ...] = (Engine(rows=True), OWN, K9(), K6())
GOALS = {"k9": 2.0, "k6": 4.0}
"""How many times as many requests per second of CPU `loadcore run` is to make."""


def working(target: Target) -> tuple[list[Client], list[str]]:
    """The clients that can be measured, and why the others cannot. Ours has to."""
    found, missing = list[Client](), []
    for client in CLIENTS:
        try:
            measure(client, target, Job(target.url, 8, 1.0, path=""), (0, True))
        except (tools.MissingToolError, FailedRunError) as error:
            if client.name not in GOALS:
                raise
            missing.append(f"{client.name}: {error}")
            print(f"left out {missing[-1]}", flush=True)
        else:
            found.append(client)
    return found, missing


def table(runs: Sequence[Run]) -> results.Table:
    """Requests per second of CPU, and how many times as many as others `loadcore run` makes of it."""
    costs, starts = costs_us(runs), start_costs(runs)
    lines = []
    for client in sorted(costs, key=lambda name: statistics.median(costs[name].values())):
        own_runs = [one for one in runs if one.client == client and not one.short]
        cost = statistics.median(costs[client].values())
        lines.append(
            [
                client,
                f"{1e6 / cost:,.0f}",
                f"{cost:.2f}",
                ratios(runs, client, OWN.name).text() + (f" (goal {GOALS[client]:g})" if client in GOALS else ""),
                f"{max(one.requests / one.seconds for one in own_runs):,.0f}",
                f"{starts[client] * 1000:.0f}",
                f"{statistics.median(one.foreign_cores for one in own_runs):.2f}",
            ]
        )
    return results.Table(
        [
            "client",
            "requests per CPU second",
            "CPU µs/request",
            f"{OWN.name} ÷ this client",
            "best requests/s",
            "start, CPU ms",
            "foreign cores",
        ],
        lines,
    )


def main() -> int:
    """Measures and keeps what was measured; 1 if the server counted another number of requests than the clients."""
    parser = argparse.ArgumentParser(prog="python -m benches.login", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[64])
    arguments = parser.parse_args()
    affinity.allow_many_files()
    runs: list[Run] = []
    parts = ["## Login scenario", "", "POST with a JSON answer to extract from, three calls with two checks each.", ""]
    with nullsrv(core=affinity.server_core()) as target:
        chosen, missing = working(target)
        before = target.stats()["requests"]
        for connections in arguments.connections:
            job = Job(target.url, connections, arguments.seconds, path="")
            cell = list(rounds(chosen, target, job, arguments.rounds))
            heading = f"**nullsrv, {connections} users**, {arguments.rounds} rounds"
            parts += [heading, "", table(cell).markdown(), ""]
            runs += cell
        server, said = target.stats()["requests"] - before, sum(one.requests for one in runs)
    parts += [f"Requests counted by the server {server:,}, by all clients {said:,}.", ""]
    parts += [f"Left out: {'; '.join(missing)}."] if missing else []
    kept: list[dict[str, Any]] = [asdict(one) for one in runs]
    results.keep("login", kept, "\n".join(parts))
    return 0 if server == said else 1


if __name__ == "__main__":
    sys.exit(main())
