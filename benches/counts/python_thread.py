"""User-space instructions per request of users in Python, by callgrind: of their thread, and of the engine's.

Most of the first are the interpreter's own, so its figures hold for one version of Python. They vary by a few per cent,
as does how many answers the thread finds at once, so a limit is a tenth above what was measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benches import clients, tools
from benches.build import ROOT
from benches.counts.gates import Gate, per_request
from benches.counts.instructions import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT, LONG = 4_000, 14_000
CODE, ENGINE = 1, 2
"""The threads, in the order in which they were started."""

MEASURED: dict[tuple[str, str], tuple[str, int, int]] = {
    ("python_users", "get"): ("users in Python", 10_100, 4_900),
    ("python_users", "once"): ("users in Python, a request an iteration", 17_600, 5_100),
    ("locust_file", "http"): ("HttpUser of a Locust file", 73_200, 12_600),
    ("locust_file", "fast"): ("FastHttpUser of a Locust file", 73_400, 12_600),
}
"""By program of `benches.counts` and case: what it is called, and the limits of both threads."""


def counts(program: str, case: str, base_url: str, requests: int) -> tuple[int, int]:
    """Instructions of the thread of user code and of the engine's, of one whole run."""
    clients.product()
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        out = Path(folder) / "callgrind.out"
        under = [tools.find("valgrind"), "--quiet", "--tool=callgrind", "--separate-threads=yes"]
        command = [sys.executable, "-m", f"benches.counts.{program}", base_url, case, str(requests)]
        # The same hashes, and so the same collisions, in each run.
        fixed = {**os.environ, **clients.environment(), "PYTHONHASHSEED": "0"}
        subprocess.run([*under, f"--callgrind-out-file={out}", *command], check=True, cwd=ROOT, env=fixed)
        code, engine = (parse(Path(f"{out}-{thread:02}").read_text(encoding="utf-8")) for thread in (CODE, ENGINE))
    return code, engine


def each(program: str, case: str, base_url: str) -> tuple[float, float]:
    """Instructions of one request, of both threads."""
    short, long = (counts(program, case, base_url, requests) for requests in (SHORT, LONG))
    code, engine = (per_request(end, begin, LONG - SHORT) for begin, end in zip(short, long, strict=True))
    return code, engine


def gates(base_url: str) -> Iterator[Gate]:
    """The gates on both threads."""
    for (program, case), (name, *limits) in MEASURED.items():
        figures = each(program, case, base_url)
        for thread, figure, limit in zip(("their thread", "the engine's"), figures, limits, strict=True):
            yield Gate(f"instructions per request, {name}: {thread}", figure, limit, digits=0)
