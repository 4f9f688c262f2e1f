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

MEASURED: dict[str, tuple[str, int, int]] = {
    "get": ("users in Python", 14_000, 6_300),
    "once": ("users in Python, a request an iteration", 29_000, 8_950),
}
"""By case of `benches.counts.python_users`: what it is called, and the limits of both threads."""


def counts(case: str, base_url: str, requests: int) -> tuple[int, int]:
    """Instructions of the thread of user code and of the engine's, of one whole run."""
    clients.product()
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        out = Path(folder) / "callgrind.out"
        under = [tools.find("valgrind"), "--quiet", "--tool=callgrind", "--separate-threads=yes"]
        command = [sys.executable, "-m", "benches.counts.python_users", base_url, case, str(requests)]
        # The same hashes, and so the same collisions, in each run.
        fixed = {**os.environ, **clients.environment(), "PYTHONHASHSEED": "0"}
        subprocess.run([*under, f"--callgrind-out-file={out}", *command], check=True, cwd=ROOT, env=fixed)
        code, engine = (parse(Path(f"{out}-{thread:02}").read_text(encoding="utf-8")) for thread in (CODE, ENGINE))
    return code, engine


def gates(base_url: str) -> Iterator[Gate]:
    """The gates on both threads."""
    for case, (name, code_limit, engine_limit) in MEASURED.items():
        short, long = (counts(case, base_url, requests) for requests in (SHORT, LONG))
        threads = zip(("their thread", "the engine's"), short, long, (code_limit, engine_limit), strict=True)
        for thread, begin, end, limit in threads:
            figure = per_request(end, begin, LONG - SHORT)
            yield Gate(f"instructions per request, {name}: {thread}", figure, limit, digits=0)
