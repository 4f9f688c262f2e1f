"""User-space instructions per request, by callgrind."""

from __future__ import annotations

import math
import re
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benches import engine, tools
from benches.counts.cases import API, REALISTIC, SHIFTING, STATIC, TEMPLATED, UNIQUE, Case
from benches.counts.gates import Gate, per_request
from benches.targets.nginx import nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT, LONG = 4_000, 14_000
CONNECTIONS = 64
MOST_COUNTS = 6

MEASURED: tuple[tuple[Case, bool, int], ...] = (
    (STATIC, False, 1_920),
    (STATIC, True, 2_000),
    (UNIQUE, True, 2_020),
    (REALISTIC, True, 2_100),
    (SHIFTING, True, 3_180),
    (API, True, 2_900),
    (TEMPLATED, True, 3_400),
)
"""Case, whether rows are kept, and limit."""


def parse(profile: str) -> int:
    """All instructions of a callgrind profile."""
    found = re.search(r"^(?:summary|totals): (\d+)", profile, re.MULTILINE)
    if found is None:
        raise ValueError("a callgrind profile without its sum")
    return int(found[1])


@contextmanager
def profile(case: Case, base_url: str, requests: int, *, rows: bool) -> Iterator[Path]:
    """The callgrind profile of one whole run."""
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        path = Path(folder) / "callgrind.out"
        under = [tools.find("valgrind"), "--quiet", "--tool=callgrind", f"--callgrind-out-file={path}"]
        report = engine.run(case.plan(base_url, requests, CONNECTIONS), rows=rows, under=under)
        report.demand(case.requests(requests, CONNECTIONS))
        yield path


def count(case: Case, base_url: str, requests: int, *, rows: bool) -> int:
    """Instructions of one whole run."""
    with profile(case, base_url, requests, rows=rows) as path:
        return parse(path.read_text(encoding="utf-8"))


def functions(case: Case, base_url: str, *, inclusive: bool) -> str:
    """Where the instructions go, as callgrind_annotate tells it."""
    with profile(case, base_url, LONG, rows=True) as path:
        command = [tools.find("callgrind_annotate"), f"--inclusive={'yes' if inclusive else 'no'}", str(path)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def gates(base_url: str) -> Iterator[Gate]:
    """The gates on instructions; beside each the figure with nginx as the server, where it is installed."""
    with ExitStack() as running:
        beside: str | None = None
        with suppress(tools.MissingToolError):
            beside = running.enter_context(nginx()).url
        for case, rows, limit in MEASURED:
            name = f"instructions per request, {case.name}, {'with' if rows else 'without'} row log"
            other = each(case, beside, rows=rows) if beside and case.at_nginx and rows else None
            yield Gate(name, least(case, base_url, limit, rows=rows), limit, digits=0, beside=other)


def least(case: Case, base_url: str, limit: float, *, rows: bool) -> float:
    """Instructions of one request, counted again while they are over the limit, `MOST_COUNTS` times at most.

    A machine that is busy wakes the engine more often for the same requests, so that fewer share a wake-up: the count
    of a run can only be too high, by 1 to 6 %. The least of several is nearest to what the program takes, of short
    runs as of long ones.
    """
    ends = [math.inf, math.inf]
    figure = math.inf
    for _ in range(MOST_COUNTS):
        ends = [min(end, count(case, base_url, each, rows=rows)) for end, each in zip(ends, (SHORT, LONG), strict=True)]
        figure = per_request(ends[1], ends[0], LONG - SHORT)
        if figure <= limit:
            break
    return figure


def each(case: Case, base_url: str, *, rows: bool) -> float:
    """Instructions of one request."""
    short, long = (count(case, base_url, requests, rows=rows) for requests in (SHORT, LONG))
    return per_request(long, short, LONG - SHORT)
