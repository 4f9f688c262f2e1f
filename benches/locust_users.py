"""Users of a Locust file that mostly wait: `python -m benches.locust_users [--users N] [--seconds S]`.

One worker has them all. Memory: users that have made one request and wait, against the same number of Locust's plain
`User`, which has no client. CPU: users that wait `between(1, 3)`, against a hundred that wait so much less that they
make as many requests per second, at the same price each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benches import affinity, clients, results
from benches.engine import FailedRunError
from benches.targets.nullsrv import nullsrv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benches.targets.target import Target

LIMIT_BYTES = 25_000
"""Most that a user may take beyond a plain one."""
LIMIT_CORES = 0.05
"""Most CPU that waiting users may take beside that of their requests."""
_FEW_USERS = 100
_PER_SECOND = 1_000
_LONG_S = 3_600
_FILE = """
from locust import FastHttpUser, HttpUser, User, between, constant, task


class Shopper({kind}):
    wait_time = {waits}

    @task
    def look(self):
        {body}
"""


@dataclass(frozen=True)
class Worker:
    """What one worker took for its users over a stretch of time."""

    kind: str
    users: int
    waits: str
    rss_bytes: int
    connections: int
    seconds: float
    cpu_s: float
    requests: int

    @property
    def cores(self) -> float:
        """CPU time per second."""
        return self.cpu_s / self.seconds


def watch(target: Target, kind: str, users: int, waits: str, seconds: float) -> Worker:
    """Starts users, waits until all have begun, and looks at their worker for some seconds.

    Raises:
        FailedRunError: The worker ended before, or not all users came.
    """
    body = "pass" if kind == "User" else 'self.client.get("/")'
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as name:
        folder = Path(name)
        (folder / "users.py").write_text(_FILE.format(kind=kind, waits=waits, body=body), encoding="utf-8")
        with _worker(folder, target, users) as worker:
            _until_all_came(worker, users, has_connections=kind != "User")
            before, asked, began = worker.cpu_times(), target.stats()["requests"], time.monotonic()
            time.sleep(seconds)
            took, after, done = time.monotonic() - began, worker.cpu_times(), target.stats()["requests"]
            return Worker(
                kind=kind,
                users=users,
                waits=waits,
                rss_bytes=worker.memory_info().rss,
                connections=_connections(worker),
                seconds=took,
                cpu_s=after.user + after.system - before.user - before.system,
                requests=done - asked,
            )


@dataclass(frozen=True)
class _Of:
    """What was measured of one kind of users."""

    idle: Worker
    many: Worker
    few: Worker

    @classmethod
    def measure(cls, target: Target, kind: str, users: int, seconds: float) -> _Of:
        """Three runs."""
        share = _FEW_USERS / users
        return cls(
            idle=watch(target, kind, users, f"constant({_LONG_S})", 3),
            many=watch(target, kind, users, "between(1, 3)", seconds),
            few=watch(target, kind, _FEW_USERS, f"between({share}, {3 * share})", seconds),
        )

    @property
    def beside(self) -> float:
        """Cores that many users take beside what their requests take."""
        return self.many.cores - self.many.requests / self.many.seconds * self.few.cpu_s / self.few.requests


@contextmanager
def _worker(folder: Path, target: Target, users: int) -> Iterator[psutil.Process]:
    """The worker process of a run."""
    options = ["-u", str(users), "-r", str(_PER_SECOND), "-H", target.url, "--workers", "1", "--no-strict-client"]
    words = [*clients.product(), "run", str(folder / "users.py"), *options, "--out", str(folder / "run")]
    environment = {**os.environ, **clients.environment()}
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        try:
            supervisor = psutil.Process(run.pid)
            deadline = time.monotonic() + 60
            while True:
                if found := [one for one in supervisor.children(recursive=True) if _is_worker(one)]:
                    yield found[0]
                    return
                if run.poll() is not None or time.monotonic() > deadline:
                    raise FailedRunError("the run has no worker")
                time.sleep(0.1)
        finally:
            for one in (*psutil.Process(run.pid).children(recursive=True), run):
                one.kill()


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "loadcore.processes.worker_main" in process.cmdline()
    except psutil.Error:
        return False  # It has ended meanwhile.


def _until_all_came(worker: psutil.Process, users: int, *, has_connections: bool) -> None:
    time.sleep(users / _PER_SECOND + 10)
    deadline = time.monotonic() + 120
    while has_connections and _connections(worker) < users:
        if time.monotonic() > deadline:
            raise FailedRunError("not all users came")
        time.sleep(0.5)


def _connections(worker: psutil.Process) -> int:
    return sum(one.status == psutil.CONN_ESTABLISHED for one in worker.net_connections("tcp"))


def main() -> int:
    """Measures; 0 if the limits hold."""
    parser = argparse.ArgumentParser(prog="python -m benches.locust_users", description=__doc__)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=15.0)
    arguments = parser.parse_args()
    affinity.allow_many_files()
    with nullsrv(core=affinity.server_core()) as target:
        plain = watch(target, "User", arguments.users, f"constant({_LONG_S})", 3)
        found = [_Of.measure(target, kind, arguments.users, arguments.seconds) for kind in ("HttpUser", "FastHttpUser")]
    return _report(plain, found)


def _report(plain: Worker, found: list[_Of]) -> int:
    rows, holds = [], True
    for each in found:
        bytes_each = (each.idle.rss_bytes - plain.rss_bytes) / plain.users
        holds &= bytes_each <= LIMIT_BYTES and each.beside <= LIMIT_CORES
        rate = each.many.requests / each.many.seconds
        request = f"{each.few.cpu_s / each.few.requests * 1e6:.1f} µs"
        rows.append(
            [
                each.idle.kind,
                f"{bytes_each / 1000:.1f} kB",
                f"{rate:,.0f}",
                f"{each.many.cores:.1%}",
                request,
                f"{each.beside:.1%}",
            ]
        )
    columns = [
        "users",
        "memory of each",
        "requests/s",
        "CPU of the worker",
        "CPU per request, few users",
        "beside requests",
    ]
    text = f"""## Users of Locust files

{plain.users:,} users in one worker, each with a connection of its own. *Memory of each* is beyond that of
Locust's plain `User` (limit {LIMIT_BYTES / 1000:.0f} kB). The other columns are about users that wait
`between(1, 3)`: *few* are {_FEW_USERS} which make about as many requests per second, and *beside requests*
is the CPU that is left if each request takes what it takes there (limit {LIMIT_CORES:.0%} of a core).

{results.Table(columns, rows).markdown()}
"""
    measured = [plain, *(one for each in found for one in (each.idle, each.many, each.few))]
    results.keep("locust_users", [asdict(one) for one in measured], text)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
