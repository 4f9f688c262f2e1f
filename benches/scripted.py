"""Users in Python, CPU per request of whole processes: `python -m benches.scripted [--rounds N] [--seconds S] …`.

One worker runs `async def` users, or a locustfile of two tasks, beside wrk, the declared scenario of the same product,
k9-load's users in Python, and Locust itself with the same file, where they are installed. Rounds, starts and ratios are
those of `benches.cpu_per_request`: clients are compared within a round. Script lag is that of arrivals at half the rate
that the users reached.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches import affinity, answers, clients, results
from benches.cpu_per_request import CONNECTIONS, TARGETS, Run, page, rounds
from benches.peers.install import find
from benches.peers.scripted import K9Users, Locust
from benches.plans import USER_AGENT
from benches.processes import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benches.processes import Finished
    from benches.targets.target import Target

GET = "await c.get({path!r})"
MANY = "for _ in range(100):\n        await c.get({path!r})"
JSON = "(await c.get({api!r})).json()"
GATHER = "await c.gather(" + ", ".join(["c.get({path!r})"] * 4) + ")"
GETS = "async users"
BODIES = {
    GETS: GET,
    "async users, 100 in an iteration": MANY,
    "async users, json() of 1 KiB": JSON,
    "async users, gather of 4": GATHER,
}
"""What an iteration of users does."""

_LOCUSTFILE = """
from locust import FastHttpUser, HttpUser, events, task


class Asks({kind}):
    @task
    def one(self):
        self.client.get({path!r}, headers={{"User-Agent": {agent!r}}})

    @task
    def other(self):
        self.client.get({path!r}, headers={{"User-Agent": {agent!r}}})
"""
_LISTENER = """

@events.request.add_listener
def seen(**_):
    pass
"""
_FILE = """
from loadcore import Client, Scenario, arrival_rate, users


async def asks(c: Client) -> None:
    {body}


asking = Scenario("asking", base_url={url!r}, load={load}, steps=asks)
"""


@dataclass(frozen=True)
class Scripted:
    """`loadcore run` of a file whose users are Python, with one worker."""

    name: str
    body: str
    load: str = 'users({users}, duration="{seconds}s")'
    shortest_s: float = 0.3
    stretch: float = 4.0

    @contextmanager
    def command(self, job: clients.Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
            path = Path(folder) / "asking.py"
            body = self.body.format(path=job.path, api=answers.API.path)
            load = self.load.format(users=job.connections, seconds=job.seconds)
            written = _FILE.format(body=body, url=job.url, load=load)
            path.write_text(written, encoding="utf-8")
            output = ["--out", f"{folder}/run", "--json", "--progress", "none", "--no-strict-client"]
            yield [*clients.product(), "run", str(path), "--workers", "1", *output]

    def count(self, finished: Finished) -> clients.Count:
        """What it says afterwards."""
        return clients.Product().count(finished)


@dataclass(frozen=True)
class Locustfile:
    """A locustfile of two tasks: under `loadcore run` with one worker, or under Locust itself."""

    name: str
    kind: str
    is_ours: bool
    listens: bool = False
    shortest_s: float = 1.0
    stretch: float = 3.0

    @contextmanager
    def command(self, job: clients.Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
            path = Path(folder) / "locustfile.py"
            written = _LOCUSTFILE.format(kind=self.kind, path=job.path, agent=USER_AGENT)
            path.write_text(written + (_LISTENER if self.listens else ""), encoding="utf-8")
            users = str(job.connections)
            load = ["-u", users, "-r", users, "-t", f"{job.seconds:.0f}s"]
            if self.is_ours:
                output = ["--out", f"{folder}/run", "--json", "--progress", "none", "--no-strict-client"]
                command = [*clients.product(), "run", str(path), *load, "--base-url", job.url]
                yield [*command, "--workers", "1", "--include-ramp", *output]
            else:
                yield [find("locust"), "-f", str(path), "--headless", "--only-summary", "--json", *load, "-H", job.url]

    def count(self, finished: Finished) -> clients.Count:
        """What it says afterwards."""
        return clients.Product().count(finished) if self.is_ours else Locust().count(finished)


LOCUSTFILES = (
    Locustfile("locustfile, FastHttpUser", "FastHttpUser", is_ours=True),
    Locustfile("locustfile, HttpUser", "HttpUser", is_ours=True),
    Locustfile("locustfile, HttpUser, one listener", "HttpUser", is_ours=True, listens=True),
    Locustfile("Locust, FastHttpUser", "FastHttpUser", is_ours=False),
    Locustfile("Locust, HttpUser", "HttpUser", is_ours=False),
)


FILES = {*(one.name for one in LOCUSTFILES), *list(BODIES)[1:]}
"""What is measured with one number of users only."""
FILES_USERS = 64


def reached_per_s(runs: list[Run]) -> float | None:
    """What async users reached in runs of full length: a short run, and a start in any, would tell of the start."""
    own = [one for one in runs if one.client == GETS and one.connections == FILES_USERS and not one.short]
    return statistics.median(one.requests / one.seconds for one in own) if own else None


def script_lags(target: Target, runs: list[Run]) -> list[str]:
    """How late Python was with arrivals at half the rate that users reached, in words."""
    reached = reached_per_s(runs)
    if reached is None:
        return []
    rate, seconds = reached / 2, 5
    late = Scripted("lag", GET, load=f'arrival_rate("{rate:.0f}/s", duration="{seconds}s", max_users=1000)')
    with late.command(clients.Job(target.url, 1, seconds, path=answers.CONSTANT.path)) as words:
        finished = run(affinity.pinned(words, affinity.client_core()), target, clients.environment())
    lag = json.loads(finished.output)["user_code"]["script_lag"]
    p50_ms, p99_ms = lag["p50_ns"] / 1e6, lag["p99_ns"] / 1e6
    what = f"Script lag at half the rate that {FILES_USERS} users reached, {rate:,.0f} arrivals a second"
    return [f"{what}: p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms."]


def chosen_of(names: list[str]) -> list[clients.Client]:
    """The clients of these names."""
    known: dict[str, clients.Client] = {"wrk": clients.Wrk(), "loadcore bench": clients.Product()}
    known |= {name: Scripted(name, body) for name, body in BODIES.items()}
    known |= {one.name: one for one in LOCUSTFILES} | {K9Users.name: K9Users()}
    return [known[name] for name in names]


def main() -> None:
    """Measures and keeps what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benches.scripted", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a run")
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS)
    parser.add_argument("--servers", nargs="+", choices=TARGETS, default=["nullsrv"])
    names = ["wrk", "loadcore bench", *BODIES, K9Users.name, *(one.name for one in LOCUSTFILES)]
    parser.add_argument("--clients", nargs="+", choices=names, default=names)
    arguments = parser.parse_args()
    affinity.allow_many_files()
    runs: list[Run] = []
    said: list[str] = []
    for server in arguments.servers:
        with TARGETS[server](core=affinity.server_core()) as target:
            for connections in arguments.connections:
                job = clients.Job(target.url, connections, arguments.seconds, path=answers.CONSTANT.path)
                chosen = [each for each in arguments.clients if connections == FILES_USERS or each not in FILES]
                left_out: dict[str, str] = {}
                cell = list(rounds(chosen_of(chosen), target, job, arguments.rounds, left_out))
                cell = [one for one in cell if one.client not in left_out]
                said += [f"Left out at {connections} users: {name}: {why}" for name, why in left_out.items()]
                print(page(cell), flush=True)
                runs += cell
            said += script_lags(target, runs)
    kept: list[dict[str, Any]] = [asdict(one) for one in runs]
    written = page(runs).replace("## CPU per request", "## Users in Python")
    results.keep("scripted", kept, "\n\n".join([written.rstrip(), *said]))


if __name__ == "__main__":
    main()
