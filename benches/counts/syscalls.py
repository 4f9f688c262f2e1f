"""System calls per request, by strace."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benches import engine, tools
from benches.counts.cases import STATIC
from benches.counts.gates import Gate, per_request

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT, LONG = 2_000, 12_000
CONNECTIONS = (1, 64)
RECEIVING = {"recvfrom", "recvmsg", "read", "readv"}
SENDING = {"sendto", "sendmsg", "write", "writev"}

Calls = dict[str, tuple[int, int]]
"""Calls and failed calls, by name."""


def parse(summary: str) -> Calls:
    """The table that `strace -c` writes."""
    calls: Calls = {}
    for line in summary.splitlines():
        words = line.split()
        # % time, seconds, usecs/call, calls, [errors,] syscall
        if len(words) in {5, 6} and words[3].isdigit():
            calls[words[-1]] = (int(words[3]), int(words[4]) if len(words) == 6 else 0)
    calls.pop("total", None)
    return calls


def count(base_url: str, requests: int, connections: int) -> Calls:
    """System calls of one whole run."""
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        summary = Path(folder) / "strace.txt"
        under = [tools.find("strace"), "-f", "-c", "-o", str(summary)]
        engine.run(STATIC.plan(base_url, requests, connections), under=under).demand(requests)
        return parse(summary.read_text(encoding="utf-8"))


def total(calls: Calls, names: set[str]) -> int:
    """How often any of these was called."""
    return sum(calls.get(name, (0, 0))[0] for name in names)


def failed(calls: Calls, names: set[str]) -> int:
    """How often any of these failed: for sockets without blocking, that is EAGAIN."""
    return sum(calls.get(name, (0, 0))[1] for name in names)


def gates(base_url: str) -> Iterator[Gate]:
    """The gates on system calls."""
    for connections in CONNECTIONS:
        short, long = (count(base_url, requests, connections) for requests in (SHORT, LONG))

        def each(of: Calls, names: set[str]) -> float:
            return total(of, names)

        figures = [
            ("recv", per_request(each(long, RECEIVING), each(short, RECEIVING), LONG - SHORT), 1.01),
            ("send", per_request(each(long, SENDING), each(short, SENDING), LONG - SHORT), 1.01),
            (
                "EAGAIN",
                per_request(failed(long, RECEIVING | SENDING), failed(short, RECEIVING | SENDING), LONG - SHORT),
                0.01,
            ),
            ("epoll_ctl", per_request(each(long, {"epoll_ctl"}), each(short, {"epoll_ctl"}), LONG - SHORT), 0.02),
            ("futex", per_request(each(long, {"futex"}), each(short, {"futex"}), LONG - SHORT), 0.01),
        ]
        for name, figure, limit in figures:
            yield Gate(f"{name} per request, {connections} connections", figure, limit)
