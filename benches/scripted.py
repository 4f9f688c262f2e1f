"""Users in Python, CPU per request of whole processes: `python -m benches.scripted [--rounds N] [--seconds S] …`.

One worker runs `async def` users that ask for the constant answer, beside wrk and the declared scenario of the same
product. Rounds, starts and ratios are those of `benches.cpu_per_request`: clients are compared within a round.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches import affinity, answers, clients, results
from benches.cpu_per_request import CONNECTIONS, TARGETS, Run, page, rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benches.processes import Finished

GET = "await c.get({path!r})"
MANY = "for _ in range(100):\n        await c.get({path!r})"
JSON = "(await c.get({path!r})).content"
GATHER = "await c.gather(" + ", ".join(["c.get({path!r})"] * 4) + ")"
BODIES = {
    "async users": GET,
    "async users, 100 in an iteration": MANY,
    "async users, body read": JSON,
    "async users, gather of 4": GATHER,
}
"""What an iteration of users does."""

_FILE = """
from loadcore import Client, Scenario, users


async def asks(c: Client) -> None:
    {body}


asking = Scenario("asking", base_url={url!r}, load=users({users}, duration="{seconds}s"), steps=asks)
"""


@dataclass(frozen=True)
class Scripted:
    """`loadcore run` of a file whose users are Python, with one worker."""

    name: str
    body: str
    shortest_s: float = 0.3
    stretch: float = 4.0

    @contextmanager
    def command(self, job: clients.Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
            path = Path(folder) / "asking.py"
            body = self.body.format(path=job.path)
            written = _FILE.format(body=body, url=job.url, users=job.connections, seconds=job.seconds)
            path.write_text(written, encoding="utf-8")
            output = ["--out", f"{folder}/run", "--json", "--progress", "none", "--no-strict-client"]
            yield [*clients.product(), "run", str(path), "--workers", "1", *output]

    def count(self, finished: Finished) -> clients.Count:
        """What it says afterwards."""
        return clients.Product().count(finished)


def chosen_of(names: list[str]) -> list[clients.Client]:
    """The clients of these names."""
    known: dict[str, clients.Client] = {"wrk": clients.Wrk(), "loadcore bench": clients.Product()}
    known |= {name: Scripted(name, body) for name, body in BODIES.items()}
    return [known[name] for name in names]


def main() -> None:
    """Measures and keeps what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benches.scripted", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a run")
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS)
    parser.add_argument("--servers", nargs="+", choices=TARGETS, default=["nullsrv"])
    names = ["wrk", "loadcore bench", *BODIES]
    parser.add_argument("--clients", nargs="+", choices=names, default=names)
    arguments = parser.parse_args()
    affinity.allow_many_files()
    runs: list[Run] = []
    for server in arguments.servers:
        with TARGETS[server](core=affinity.server_core()) as target:
            for connections in arguments.connections:
                job = clients.Job(target.url, connections, arguments.seconds, path=answers.CONSTANT.path)
                cell = list(rounds(chosen_of(arguments.clients), target, job, arguments.rounds))
                print(page(cell), flush=True)
                runs += cell
    kept: list[dict[str, Any]] = [asdict(one) for one in runs]
    results.keep("scripted", kept, page(runs).replace("## CPU per request", "## Users in Python"))


if __name__ == "__main__":
    main()
