"""CPU per request beside other tools: `python -m benches.peers [--install] [--rounds N] [--connections N …]`.

The method is that of `cpu_per_request`. A tool that is not installed, or that fails at a number of connections, is left
out there by name.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benches import affinity, clients, results, tools
from benches.cpu_per_request import CONNECTIONS, Run, measure, rounds, table
from benches.engine import FailedRunError
from benches.peers import native, scripted
from benches.peers.install import JMETER, PACKAGES, install, versions
from benches.peers.jmeter import JMeter
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
    JMeter(JMETER),
)


def working(target: Target, connections: int) -> tuple[list[clients.Client], dict[str, str]]:
    """The tools that can be measured with this number of connections, and why the others cannot."""
    found, missing = list[clients.Client](), dict[str, str]()
    for client in (*OWN, *PEERS):
        try:
            measure(client, target, clients.Job(target.url, connections, 1.0), (0, True))
        except (tools.MissingToolError, FailedRunError) as error:
            missing[client.name] = str(error)
        else:
            found.append(client)
    return found, missing


def cell(target: Target, job: clients.Job, count: int) -> tuple[list[Run], str]:
    """The runs of all tools that did it without an error, and their summary."""
    chosen, missing = working(target, job.connections)
    measured = list(rounds(chosen, target, job, count, missing))
    runs = [one for one in measured if one.client not in missing]
    heading = f"**{target.name}, {job.connections} connections**, {count} rounds"
    out = "; ".join(f"{name} ({' '.join(why.split())[-160:]})" for name, why in missing.items())
    told = f"Left out: {out}." if out else "Nothing was left out."
    text = "\n".join([heading, "", table(runs).markdown(), "", told, ""])
    print(text, flush=True)
    return runs, text


def main() -> None:
    """Measures and keeps what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benches.peers", description=__doc__)
    parser.add_argument("--install", action="store_true", help="first get the tools that are not there")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS)
    arguments = parser.parse_args()
    affinity.allow_many_files()
    if arguments.install:
        for problem in filter(None, map(install, PACKAGES)):
            print(f"not installed: {problem}", flush=True)
    runs: list[Run] = []
    told = ", ".join(f"{program} {version}" for program, version in versions().items())
    parts = ["## Peers", "", f"Versions: {told or 'none of the tools says its own'}.", ""]
    with nullsrv(core=affinity.server_core()) as target:
        for connections in arguments.connections:
            measured, text = cell(target, clients.Job(target.url, connections, arguments.seconds), arguments.rounds)
            runs += measured
            parts.append(text)
    kept: list[dict[str, Any]] = [asdict(one) for one in runs]
    results.keep("peers", kept, "\n".join(parts))


if __name__ == "__main__":
    main()
