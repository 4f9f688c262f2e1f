"""CPU per request, beside others: `python -m benches.cpu_per_request [--rounds N] [--seconds S] …`.

In each round every client runs once, in random order, against the same server with the same request, the same answer
and as many connections. What a client costs before its first request is found from runs of another length and taken
away; a client whose start is dear runs longer, so that little hangs on it. The ratio of two clients is taken within a
round, where the machine was the same to both. The figure is the median of the rounds' ratios and its bootstrap
interval, for which the starts are drawn again as well. A run with an error is not a measurement and ends the bench.
"""

from __future__ import annotations

import argparse
import random
import statistics
from dataclasses import asdict, dataclass, replace
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Any

from benches import affinity, answers, clients, results, tools
from benches.engine import FailedRunError
from benches.processes import run
from benches.statistics import Estimate, bootstrap, resampled, start_up
from benches.targets import nginx, nullsrv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from benches.targets.target import Target

TARGETS: dict[str, Callable[..., AbstractContextManager[Target]]] = {"nullsrv": nullsrv.nullsrv, "nginx": nginx.nginx}
CONNECTIONS = (1, 64, 256, 1000)
HEADS_CONNECTIONS = 64
"""With how many the answers are measured whose head is another one each time."""
SHORT_ROUNDS = 9
"""What a start costs does not change; this number of rounds measures it."""
APART = 1.5
"""How much longer a run must be than the shortest, for the two to say what the start costs."""


@dataclass(frozen=True)
class Run:
    """One run of one client."""

    server: str
    connections: int
    client: str
    round: int
    short: bool
    seconds: float
    requests: int
    cpu_s: float
    wall_s: float
    server_cpu_s: float
    foreign_cores: float
    max_rss_bytes: int
    answer: str = answers.CONSTANT.name


def own() -> dict[str, clients.Client]:
    """The clients of every comparison."""
    all_of_them: list[clients.Client] = [
        clients.Floor(),
        clients.Wrk(),
        clients.Engine(rows=False),
        clients.Engine(rows=True),
        clients.Product(),
    ]
    return {client.name: client for client in all_of_them}


def measure(client: clients.Client, target: Target, job: clients.Job, place: tuple[int, bool]) -> Run:
    """Runs a client once, on the clients' core.

    Raises:
        FailedRunError: It had errors.
    """
    with client.command(job) as words:
        finished = run(affinity.pinned(words, affinity.client_core()), target, clients.environment())
        try:
            count = client.count(finished)
        except (ValueError, KeyError, TypeError, CalledProcessError) as error:
            raise FailedRunError(f"{client.name} ended with {finished.exit_code}: {finished.errors[-500:]}") from error
    if count.errors or not count.requests:
        raise FailedRunError(f"{client.name}, {job}: {count}")
    return Run(
        server=target.name,
        connections=job.connections,
        client=client.name,
        round=place[0],
        short=place[1],
        seconds=job.seconds,
        requests=count.requests,
        cpu_s=finished.cpu_s,
        wall_s=finished.wall_s,
        server_cpu_s=finished.server_cpu_s,
        foreign_cores=finished.foreign_cores,
        max_rss_bytes=finished.max_rss_bytes,
        answer=next((each.name for each in answers.ANSWERS.values() if each.path == job.path), job.path),
    )


def rounds(
    chosen: Sequence[clients.Client],
    target: Target,
    job: clients.Job,
    count: int,
    left_out: dict[str, str] | None = None,
) -> Iterable[Run]:
    """All runs of one job.

    Args:
        chosen: Who runs.
        target: Against what.
        job: What each does.
        count: How many rounds.
        left_out: Where it is noted why a client failed, which then runs no more; its runs so far are of no use.

    Raises:
        FailedRunError: A client failed, and nothing may be left out.
        MissingToolError: A client is not installed, likewise.
    """
    chance = random.Random(job.connections)
    for number in range(count):
        turns = [(client, job.seconds * client.stretch, False) for client in chosen]
        if number < SHORT_ROUNDS:
            turns += [(one, one.shortest_s, True) for one, length, _ in turns if length >= APART * one.shortest_s]
        chance.shuffle(turns)
        for client, length, short in turns:
            if left_out is not None and client.name in left_out:
                continue
            try:
                yield measure(client, target, replace(job, seconds=length), (number, short))
            except (FailedRunError, tools.MissingToolError) as error:
                if left_out is None:
                    raise
                left_out[client.name] = str(error)


def starts(runs: Sequence[Run], client: str) -> list[float]:
    """CPU seconds that a client needed before its first request, for each short run."""
    long = whole(runs, client)
    return [
        start_up((one.requests, one.cpu_s), (long[one.round].requests, long[one.round].cpu_s))
        for one in runs
        if one.client == client and one.short and long[one.round].requests > one.requests
    ]


def typical_start(costs: Sequence[float]) -> float:
    """The median; nothing where nothing was measured, or where it came out below."""
    return max(0.0, statistics.median(costs)) if costs else 0.0


def start_costs(runs: Sequence[Run]) -> dict[str, float]:
    """CPU seconds that each client needs before its first request."""
    return {client: typical_start(starts(runs, client)) for client in {one.client for one in runs}}


def whole(runs: Sequence[Run], client: str) -> dict[int, Run]:
    """A client's runs of full length, by round."""
    return {one.round: one for one in runs if one.client == client and not one.short}


def costs_us(runs: Sequence[Run]) -> dict[str, dict[int, float]]:
    """CPU microseconds per request, without the start: by client and round."""
    starting = start_costs(runs)
    costs: dict[str, dict[int, float]] = {}
    for one in runs:
        if not one.short:
            costs.setdefault(one.client, {})[one.round] = (one.cpu_s - starting[one.client]) / one.requests * 1e6
    return costs


def ratios(runs: Sequence[Run], client: str, reference: str) -> Estimate:
    """How a client's cost per request stands to another's, round by round."""
    if client == reference:
        return Estimate(1.0, 1.0, 1.0)
    ours, theirs = whole(runs, client), whole(runs, reference)
    our_starts, their_starts = starts(runs, client), starts(runs, reference)
    pairs = [(ours[number], theirs[number]) for number in sorted(ours)]

    def middle(pairs: Sequence[tuple[Run, Run]], our_starts: Sequence[float], their_starts: Sequence[float]) -> float:
        our_start, their_start = typical_start(our_starts), typical_start(their_starts)
        return statistics.median(
            ((our.cpu_s - our_start) / our.requests) / ((their.cpu_s - their_start) / their.requests)
            for our, their in pairs
        )

    return bootstrap(
        middle(pairs, our_starts, their_starts),
        lambda chance: middle(resampled(pairs, chance), resampled(our_starts, chance), resampled(their_starts, chance)),
    )


def table(runs: Sequence[Run]) -> results.Table:
    """What runs of one server and number of connections come to."""
    costs, starting = costs_us(runs), start_costs(runs)
    lines = []
    for client in sorted(costs, key=lambda name: statistics.median(costs[name].values())):
        own_runs = [one for one in runs if one.client == client and not one.short]
        measured = list(costs[client].values())
        lines.append(
            [
                client,
                f"{min(measured):.2f} / {statistics.median(measured):.2f}",
                *(ratios(runs, client, other).text() if other in costs else "" for other in ("wrk", "floor")),
                f"{max(one.requests / one.seconds for one in own_runs):,.0f}",
                f"{starting[client] * 1000:.0f}",
                f"{statistics.median(one.server_cpu_s / one.wall_s for one in own_runs):.2f}",
                f"{statistics.median(one.foreign_cores for one in own_runs):.2f}",
            ]
        )
    return results.Table(
        [
            "client",
            "CPU µs/request, least / median",
            "÷ wrk",
            "÷ floor",
            "best requests/s",
            "start, CPU ms",
            "server cores",
            "foreign cores",
        ],
        lines,
    )


def page(runs: Sequence[Run]) -> str:
    """All tables."""
    parts = ["## CPU per request", ""]
    for (server, answer, connections), cell in cells(runs).items():
        count = len({one.round for one in cell})
        what = f"{server}, {answers.ANSWERS[answer].title}, {connections} connections"
        parts += [f"**{what}**, {count} rounds", "", table(cell).markdown(), ""]
    return "\n".join(parts)


def cells(runs: Sequence[Run]) -> dict[tuple[str, str, int], list[Run]]:
    """Runs that are compared with each other, by server, answer and connections."""
    found: dict[tuple[str, str, int], list[Run]] = {}
    for one in runs:
        found.setdefault((one.server, one.answer, one.connections), []).append(one)
    return found


def load() -> list[Run]:
    """The runs kept last."""
    return [Run(**row) for row in results.load("cpu_per_request")[0]]


def main() -> None:
    """Measures and keeps what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benches.cpu_per_request", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a run")
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS)
    parser.add_argument(
        "--answers", nargs="+", choices=answers.ANSWERS, default=list(answers.ANSWERS), metavar="ANSWER",
        help=f"of {', '.join(answers.ANSWERS)}; all but the first with {HEADS_CONNECTIONS} connections",
    )  # fmt: skip
    parser.add_argument("--servers", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--clients", nargs="+", choices=own(), default=list(own()))
    parser.add_argument(
        "--add", action="store_true", help="keep what was measured before, but for what is measured now"
    )
    arguments = parser.parse_args()
    affinity.allow_many_files()
    chosen = [own()[name] for name in arguments.clients]
    measured = cells(load()) if arguments.add else {}
    for server in arguments.servers:
        with TARGETS[server](core=affinity.server_core()) as target:
            for answer, connections in jobs(arguments.answers, arguments.connections):
                job = clients.Job(target.url, connections, arguments.seconds, path=answers.ANSWERS[answer].path)
                cell = list(rounds(chosen, target, job, arguments.rounds))
                print(page(cell), flush=True)
                measured[server, answer, connections] = cell
    runs = [one for cell in measured.values() for one in cell]
    kept: list[dict[str, Any]] = [asdict(one) for one in runs]
    results.keep("cpu_per_request", kept, page(runs))


def jobs(names: Sequence[str], connections: Sequence[int]) -> list[tuple[str, int]]:
    """What is measured of each server: the constant head with all numbers of connections, the others with one."""
    most = [(answers.CONSTANT.name, number) for number in connections if answers.CONSTANT.name in names]
    return most + [(name, HEADS_CONNECTIONS) for name in names if name != answers.CONSTANT.name]


if __name__ == "__main__":
    main()
