"""Memory: users that wait, and a long run: `python -m benches.memory [--users N] [--rows N]`.

A user that waits has one connection and nothing else to do. What 10,000 of them take is the resident memory of the
engine's process beyond that of one user that has made as many requests, divided by their number. Then a run of twenty
million requests is watched, up to its summary: no process may grow once it is under way.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psutil

from benches import affinity, clients, engine, plans, results
from benches.targets.nullsrv import nullsrv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benches.targets.target import Target

LONGEST_S = 1_800
"""A run that takes longer than this is ended, and is not a measurement."""
ROW_BYTES = 40
"""More than a row takes on disk."""
HOUR = {"kind": "think", "distribution": "constant", "ns": 3600 * plans.SECOND_NS}
LIMIT_BYTES = 2048
"""Most that a waiting user may take."""
GROWTH_LIMIT_BYTES = 8 << 20
"""Most that a process may grow after the first fifth of a long run: what recycled memory and allocators do."""


@dataclass(frozen=True)
class Waiting:
    """An engine whose users all wait."""

    users: int
    rss_bytes: int
    descriptors: int
    local_ports: int
    server_connections: int


@dataclass(frozen=True)
class Sample:
    """A process of a long run at some time."""

    process: str
    seconds: float
    rss_bytes: int


def waiting(target: Target, users: int, repeats: int) -> Waiting:
    """Lets each of some users make its requests and then wait, and looks at the process."""
    request = {"kind": "repeat", "times": repeats, "steps": [plans.STATIC]}
    load = {"kind": "users", "users": users, "duration_ns": 3600 * plans.SECOND_NS}
    before, deadline = target.stats()["requests"], time.monotonic() + 120
    with engine.command(plans.plan(target.url, load, steps=[request, HOUR])) as words, _started(words) as process:
        while target.stats()["requests"] < before + users * repeats:
            time.sleep(0.1)
            if process.poll() is not None or time.monotonic() > deadline:
                raise engine.FailedRunError("not all users were there in time")
        # The windows of some more seconds, so that recycled ones are all there.
        time.sleep(4)
        looked_at = psutil.Process(process.pid)
        inet = [one for one in looked_at.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
        return Waiting(
            users=users,
            rss_bytes=looked_at.memory_info().rss,
            descriptors=looked_at.num_fds(),
            local_ports=len({one.laddr.port for one in inet}),
            server_connections=target.stats()["open"] - 1,
        )


@contextmanager
def _started(words: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(affinity.pinned(words, affinity.client_core()), stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def soak(target: Target, rows: int) -> tuple[list[Sample], int]:
    """Watches `loadcore bench` make a number of requests; the samples of each process, and the rows it has written.

    Raises:
        FailedRunError: There is no room for the rows on disk, or it took too long.
    """
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        if shutil.disk_usage(folder).free < rows * ROW_BYTES:
            raise engine.FailedRunError(f"{rows:,} rows do not fit where {folder} is")
        options = ["-c", "64", "-n", str(rows), "--workers", "1", "--progress", "none", "--no-strict-client", "--json"]
        words = [*clients.product(), "bench", f"{target.url}/", *options, "--out", f"{folder}/run"]
        with tempfile.TemporaryFile("w+") as output:
            process = psutil.Popen(words, stdout=output, env={**os.environ, **clients.environment()})
            samples = list(_watch(process))
            process.wait()
            output.seek(0)
            return samples, json.load(output)["load"]["requests"]["rows"]


def _watch(process: psutil.Popen) -> Iterator[Sample]:
    begun = time.monotonic()
    while process.poll() is None:
        for one in [process, *process.children(recursive=True)]:
            try:
                name = "worker" if "loadcore.processes.worker_main" in one.cmdline() else "supervisor"
                yield Sample(name, time.monotonic() - begun, one.memory_info().rss)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        if time.monotonic() - begun > LONGEST_S:
            for one in [*process.children(recursive=True), process]:
                one.kill()
            raise engine.FailedRunError(f"not done after {LONGEST_S} s")
        time.sleep(0.1)


def growth(samples: Sequence[Sample]) -> int:
    """Bytes by which a process is larger in the last fifth of its life than in the second."""
    last = max(sample.seconds for sample in samples)
    early = [one.rss_bytes for one in samples if 0.2 * last <= one.seconds < 0.4 * last]
    late = [one.rss_bytes for one in samples if one.seconds >= 0.8 * last]
    return max(late) - max(early) if early and late else 0


def main() -> int:
    """Measures; 0 if all limits hold."""
    parser = argparse.ArgumentParser(prog="python -m benches.memory", description=__doc__)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=20_000_000)
    arguments = parser.parse_args()
    affinity.allow_many_files()
    with nullsrv(core=affinity.server_core()) as target:
        base, many = waiting(target, 1, arguments.users), waiting(target, arguments.users, 1)
        samples, rows = soak(target, arguments.rows)
    each = (many.rss_bytes - base.rss_bytes) / (many.users - base.users)
    grown = {name: growth([one for one in samples if one.process == name]) for name in ("worker", "supervisor")}
    waits = results.Table(
        ["users", "RSS", "descriptors", "local ports", "connections at the server"],
        [
            [
                f"{one.users:,}",
                f"{one.rss_bytes / 2**20:.1f} MiB",
                *(f"{n:,}" for n in (one.descriptors, one.local_ports, one.server_connections)),
            ]
            for one in (base, many)
        ],
    )
    peaks = {name: max(one.rss_bytes for one in samples if one.process == name) for name in grown}
    soaked = results.Table(
        ["process", "most RSS", "growth after the first fifth"],
        [[name, f"{peaks[name] / 2**20:.0f} MiB", f"{grown[name] / 2**20:+.1f} MiB"] for name in grown],
    )
    text = f"""## Memory

{waits.markdown()}

A waiting user takes **{each:,.0f} bytes** (limit {LIMIT_BYTES:,}).

{rows:,} requests, each with its row, {samples[-1].seconds:.0f} s:

{soaked.markdown()}
"""
    results.keep("memory", [asdict(one) for one in samples], text)
    holds = (
        each <= LIMIT_BYTES and rows == arguments.rows and all(value <= GROWTH_LIMIT_BYTES for value in grown.values())
    )
    return 0 if holds and many.server_connections == arguments.users else 1


if __name__ == "__main__":
    sys.exit(main())
