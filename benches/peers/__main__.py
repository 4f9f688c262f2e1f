"""CPU per request beside other tools: `python -m benches.peers [--install] [--rounds N] [--connections N …]`.

The method is that of `cpu_per_request`. A tool that is not installed, or that fails, is left out by name.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benches import affinity, clients, results, tools
from benches.cpu_per_request import Run, measure, rounds, table
from benches.engine import FailedRunError
from benches.peers import native, scripted
from benches.peers.install import PACKAGES, install
from benches.targets.nullsrv import nullsrv

if TYPE_CHECKING:
    from benches.targets.target import Target

OWN: tuple[clients.Client, ...] = (clients.Floor(), clients.Wrk(), clients.Engine(rows=True), clients.Product())
PEERS: tuple[clients.Client, ...] = (
    native.H2load(),
    native.Hey(),
    native.ApacheBench(),
    native.Oha(),
    native.Vegeta(),
    scripted.K6(),
    scripted.K9(),
    scripted.Locust(),
    scripted.Autocannon(),
)


def working(target: Target) -> tuple[list[clients.Client], list[str]]:
    """The tools that can be measured, and why the others cannot."""
    found, missing = list[clients.Client](), []
    for client in (*OWN, *PEERS):
        try:
            measure(client, target, clients.Job(target.url, 8, 1.0), (0, True))
        except (tools.MissingToolError, FailedRunError) as error:
            missing.append(f"{client.name}: {error}")
            print(f"left out {missing[-1]}", flush=True)
        else:
            found.append(client)
    return found, missing


def main() -> None:
    """Measures and keeps what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benches.peers", description=__doc__)
    parser.add_argument("--install", action="store_true", help="first get the tools that are not there")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[64])
    arguments = parser.parse_args()
    affinity.allow_many_files()
    if arguments.install:
        for problem in filter(None, map(install, PACKAGES)):
            print(f"not installed: {problem}", flush=True)
    runs: list[Run] = []
    parts = ["## Peers", ""]
    with nullsrv(core=affinity.server_core()) as target:
        chosen, missing = working(target)
        for connections in arguments.connections:
            job = clients.Job(target.url, connections, arguments.seconds)
            cell = list(rounds(chosen, target, job, arguments.rounds))
            heading = f"**nullsrv, {connections} connections**, {arguments.rounds} rounds"
            parts += [heading, "", table(cell).markdown(), ""]
            runs += cell
    parts += [f"Left out: {'; '.join(missing)}." if missing else "Nothing was left out.", ""]
    kept: list[dict[str, Any]] = [asdict(one) for one in runs]
    results.keep("peers", kept, "\n".join(parts))


if __name__ == "__main__":
    main()
