"""How long a client takes to its first request: `python -m benches.startup [--only CLIENT …]`.

Time and CPU from the start of a client's process to the first bytes of a request at a server. The clients run in turn,
in random order, each on the clients' core, and are ended once they have sent something. loadcore runs once more on all
cores, with a worker on each, and between the clients it prints its help and completes a word.

Python's byte code is there, as it is in what pip and uv install: this machine may say not to write any.
"""

from __future__ import annotations

import argparse
import os
import random
import selectors
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benches import affinity, clients, results, tools
from benches.build import ROOT
from benches.engine import FailedRunError
from benches.peers.__main__ import OWN, PEERS
from benches.statistics import estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

WITHIN_S = 30.0
"""A client that has sent nothing for this time is left out."""
RUNS_S = 10.0
"""What clients are asked to run, so that none ends by itself."""


SHORT: Mapping[str, tuple[Sequence[str], Mapping[str, str]]] = {
    "loadcore --help": (["--help"], {}),
    "completion of `loadcore r`": (
        [],
        {"_LOADCORE_COMPLETE": "complete_bash", "COMP_WORDS": "loadcore r", "COMP_CWORD": "1"},
    ),
}
"""Commands that end by themselves: their arguments and their variables."""


@dataclass(frozen=True)
class Start:
    """One start of one client."""

    client: str
    round: int
    wall_s: float
    cpu_s: float
    """Of all its processes and threads up to the first request, or to the end of a command that sends none."""


class OnAllCores(clients.Product):
    """`loadcore bench` as users start it: a worker on each core."""

    name = "loadcore bench, all cores"

    @contextmanager
    def command(self, job: clients.Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        with super().command(job) as words:
            place = words.index("--workers")
            yield [*words[:place], *words[place + 2 :]]


def first_request(listener: socket.socket, within_s: float) -> None:
    """Waits until a client has sent something. Connections without a word, which some tools try first, do not count.

    Raises:
        TimeoutError: No client has.
    """
    deadline = time.monotonic() + within_s
    with selectors.DefaultSelector() as waiting:
        waiting.register(listener, selectors.EVENT_READ)
        opened = list[socket.socket]()
        try:
            while (left := deadline - time.monotonic()) > 0:
                for key, _ in waiting.select(left):
                    if key.fileobj is listener:
                        opened.append(listener.accept()[0])
                        waiting.register(opened[-1], selectors.EVENT_READ)
                    elif _said_something(key.fd):
                        return
                    else:
                        waiting.unregister(key.fileobj)
        finally:
            for one in opened:
                one.close()
    raise TimeoutError(f"no request within {within_s:.0f} s")


def _said_something(descriptor: int) -> bool:
    try:
        return bool(os.read(descriptor, 1))
    except ConnectionError:
        return False


def cpu_s(process: psutil.Process) -> float:
    """CPU time of a process, its children and their threads so far, to the nanosecond as the kernel counts it.

    Children that have ended count as well, to a hundredth of a second.
    """
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        for task in Path(f"/proc/{one.pid}/task").iterdir():
            total += int((task / "schedstat").read_text(encoding="utf-8").split()[0]) / 1e9
        times = one.cpu_times()
        total += times.children_user + times.children_system
    return total


def environment() -> dict[str, str]:
    """That of a client, which finds its byte code, and writes what is missing."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **clients.environment(), "PYTHONPYCACHEPREFIX": str(ROOT / "target" / "bench" / "bytecode")}


@contextmanager
def started(words: Sequence[str]) -> Iterator[psutil.Process]:
    """A client that runs as long as the block."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = psutil.Popen(words, env=environment(), **quiet)
    try:
        yield process
    finally:
        for one in [*process.children(recursive=True), process]:
            one.kill()
        process.wait()


def measure(client: clients.Client, number: int, connections: int, *, core: int | None) -> Start:
    """Starts a client once, on a core, or wherever it wants.

    Raises:
        MissingToolError: It is not installed.
        FailedRunError: It sent nothing.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        job = clients.Job(f"http://127.0.0.1:{listener.getsockname()[1]}", connections, RUNS_S)
        with client.command(job) as words:
            begun = time.monotonic()
            with started(affinity.pinned(words, core)) as process:
                try:
                    first_request(listener, WITHIN_S)
                except TimeoutError as error:
                    raise FailedRunError(f"{client.name}: {error}") from error
                return Start(client.name, number, time.monotonic() - begun, cpu_s(process))


def measure_short(name: str, number: int) -> Start:
    """Runs one of `SHORT` to its end, on the clients' core."""
    arguments, variables = SHORT[name]
    words = affinity.pinned([*clients.product(), *arguments], affinity.client_core())
    begun = time.monotonic()
    process = subprocess.Popen(words, env={**environment(), **variables}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise FailedRunError(f"{name} ended with {process.returncode}")
    return Start(name, number, time.monotonic() - begun, usage.ru_utime + usage.ru_stime)


def working(connections: int, only: Sequence[str] = ()) -> tuple[list[clients.Client], list[str]]:
    """The clients that can be measured, and why the others cannot. Their files are in memory afterwards.

    With `only`, these alone are tried.
    """
    found, missing = list[clients.Client](), []
    for client in (each for each in (*OWN, *PEERS) if not only or each.name in only):
        try:
            measure(client, 0, connections, core=affinity.client_core())
        except (tools.MissingToolError, FailedRunError) as error:
            missing.append(f"{client.name}: {error}")
        else:
            found.append(client)
    return found, missing


def page(starts: Sequence[Start], missing: Sequence[str], connections: int) -> str:
    """All clients as a table, the quickest first."""
    rows = []
    for name in {one.client for one in starts}:
        walls, cpus = (
            estimate([getattr(one, what) * 1000 for one in starts if one.client == name])
            for what in ("wall_s", "cpu_s")
        )
        rows.append((walls.median, [name, walls.text(0), cpus.text(0)]))
    table = results.Table(["client", "time, ms", "CPU, ms"], [line for _, line in sorted(rows)])
    count = len({one.round for one in starts})
    told = f"Left out: {'; '.join(missing)}." if missing else "Nothing was left out."
    conditions = (
        f"From the start of the process to the first request at the server, {connections} connections, {count} rounds."
    )
    return f"## Start-up\n\n{conditions}\n\n{table.markdown()}\n\n{told}"


def main() -> None:
    """Measures and keeps what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benches.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--only", nargs="*", default=[], metavar="CLIENT")
    arguments = parser.parse_args()
    connections, core = arguments.connections, affinity.client_core()
    chosen, missing = working(connections, arguments.only)
    jobs: list[Callable[[int], Start]] = [partial(measure, each, connections=connections, core=core) for each in chosen]
    if any(isinstance(each, clients.Product) for each in chosen):
        jobs.append(partial(measure, OnAllCores(), connections=connections, core=None))
        jobs += [partial(measure_short, name) for name in SHORT]
    chance, starts = random.Random(1), list[Start]()
    for number in range(arguments.rounds):
        chance.shuffle(jobs)
        starts += [job(number) for job in jobs]
    kept: list[dict[str, Any]] = [asdict(one) for one in starts]
    results.keep("startup", kept, page(starts, missing, arguments.connections))


if __name__ == "__main__":
    main()
