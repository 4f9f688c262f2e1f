"""What recording costs, and whether it loses anything: `python -m benches.recording [--rounds N] [--requests N]`.

The engine with and without its row log, and the product that writes the rows, round by round. Then one run whose rows,
windows, summary and server must all tell the same number, and whose histograms must hold every row.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import asdict
from typing import Any

import pyarrow.compute as pc

import loadcore
from benches import affinity, clients, results
from benches.cpu_per_request import Run, costs_us, ratios, rounds
from benches.product_runs import carried_out
from benches.targets.nullsrv import nullsrv
from loadcore.engine import Histogram

CLIENTS: tuple[clients.Client, ...] = (clients.Engine(rows=False), clients.Engine(rows=True), clients.Product())


def equal(requests: int) -> dict[str, int]:
    """The number of requests of one run, by everyone who counted them."""
    with nullsrv(core=affinity.server_core()) as target:
        load = loadcore.iterations(total=requests, users=64)
        scenario = loadcore.Scenario("recording", base_url=target.url, load=load, steps=[loadcore.get("/")])
        with carried_out(scenario) as run:
            merged = Histogram()
            steps = run.windows.filter(pc.equal(run.windows["kind"].cast("string"), "step"))
            for encoded in steps["service"].to_pylist():
                if encoded is not None:
                    merged.add_encoded(encoded)
            return {
                "planned": requests,
                "server": target.stats()["requests"],
                "summary": run.summary["load"]["requests"]["sent_total"],
                "rows": run.requests.num_rows,
                "windows": pc.sum(steps["count"]).as_py(),
                "histograms": merged.count,
                "rows with a service time": run.requests.num_rows - run.requests["service_ns"].null_count,
            }


def page(runs: list[Run], counts: dict[str, int]) -> str:
    """Costs and counts."""
    costs = costs_us(runs)
    lines = [
        [name, f"{statistics.median(costs[name].values()):.2f}", ratios(runs, name, CLIENTS[0].name).text()]
        for name in (client.name for client in CLIENTS)
    ]
    told = results.Table(["counted by", "requests"], [[name, f"{count:,}"] for name, count in counts.items()])
    table = results.Table(["", "CPU µs/request", "÷ engine without rows"], lines)
    conditions = f"nullsrv, 64 connections, {len({one.round for one in runs})} rounds."
    return f"## Recording\n\n{conditions}\n\n{table.markdown()}\n\n{told.markdown()}"


def main() -> int:
    """Measures; 0 if all counts are equal."""
    parser = argparse.ArgumentParser(prog="python -m benches.recording", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--requests", type=int, default=1_000_000)
    arguments = parser.parse_args()
    affinity.allow_many_files()
    with nullsrv(core=affinity.server_core()) as target:
        job = clients.Job(target.url, 64, arguments.seconds)
        runs = list(rounds(CLIENTS, target, job, arguments.rounds))
    counts = equal(arguments.requests)
    kept: list[dict[str, Any]] = [asdict(one) for one in runs]
    results.keep("recording", kept, page(runs, counts))
    return 0 if len(set(counts.values())) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
