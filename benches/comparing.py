"""How often `compare` cries wolf, and how often it finds a change, with real runs: `python -m benches.comparing`.

It makes runs of one scenario against one target, with nothing changed between them, and draws two sets of five from
them, again and again. Whatever is called different is a false alarm. Then the median of one of the sets is raised by
half, which must be found.
"""

from __future__ import annotations

import argparse
import copy
import random
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import loadcore
from loadcore.comparison.compare import compare
from loadcore.comparison.metrics import named
from loadcore.comparison.sides import Compared, Side
from loadcore.judge.comparing.change import LEAST_RUNS, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMPARISONS = 24
MOST_ALARMS = 3
LEAST_FOUND = 0.9
_SERVICE_S = 0.02


class _Answers(BaseHTTPRequestHandler):
    """Answers after 20 ms."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answers."""
        time.sleep(_SERVICE_S)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Keeps quiet."""


@contextmanager
def _target() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


def made(count: int, seconds: float) -> list[dict[str, Any]]:
    """The summaries of runs of the same thing."""
    found: list[dict[str, Any]] = []
    with _target() as url, tempfile.TemporaryDirectory() as folder:
        scenario = loadcore.Scenario(
            "same",
            base_url=url,
            load=loadcore.arrival_rate("100/s", duration=f"{seconds}s", max_users=50),
            steps=[loadcore.get("/")],
        )
        for number in range(count):
            run = loadcore.run(scenario, workers=1, out=Path(folder) / str(number))
            found.append(copy.deepcopy({**run.summary}))
    return found


def raised(summary: dict[str, Any], factor: float) -> dict[str, Any]:
    """The run with another median of response times."""
    changed = copy.deepcopy(summary)
    changed["all"]["response"]["p50_ns"] = round(factor * changed["all"]["response"]["p50_ns"])
    return changed


def words(summaries: Sequence[dict[str, Any]], comparisons: int, factor: float, draws: random.Random) -> Counter[Word]:
    """The words for pairs of sets that are drawn from these runs, the second with its median raised."""
    said: Counter[Word] = Counter()
    for _ in range(comparisons):
        drawn = draws.sample(summaries, 2 * LEAST_RUNS)
        after = drawn[LEAST_RUNS:] if factor == 1 else [raised(each, factor) for each in drawn[LEAST_RUNS:]]
        sides = [
            Side(label, [Compared(str(each["run_id"]), each) for each in side])
            for label, side in (("A", drawn[:LEAST_RUNS]), ("B", after))
        ]
        said[compare(sides[0], sides[1], named(())).word] += 1
    return said


def main() -> int:
    """Prints the words; 1 if that is too many alarms, or too few finds."""
    parser = argparse.ArgumentParser(prog="python -m benches.comparing", description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=2)
    arguments = parser.parse_args()
    summaries = made(arguments.runs, arguments.seconds)
    invalid = sum(each["verdict"]["status"] == "invalid" for each in summaries)
    print(f"{len(summaries)} runs, {invalid} of them invalid (they are compared all the same here)")
    draws = random.Random(1)
    equal = words(summaries, COMPARISONS, 1, draws)
    many = words(summaries, 20 * COMPARISONS, 1, draws)
    slower = words(summaries, 10 * COMPARISONS, 1.5, draws)
    alarms = COMPARISONS - equal[Word.NO_EVIDENCE]
    share = 1 - many[Word.NO_EVIDENCE] / many.total()
    found = slower[Word.SLOWER] / slower.total()
    print(f"equal runs: {alarms} alarms in {COMPARISONS} comparisons of 5 + 5 (most: {MOST_ALARMS})")
    print(f"equal runs: {share:.1%} alarms in {many.total()} comparisons that share runs")
    print(f"median up by half: found in {found:.1%} of {slower.total()} (least: {LEAST_FOUND:.0%})")
    return int(alarms > MOST_ALARMS or found < LEAST_FOUND)


if __name__ == "__main__":
    raise SystemExit(main())
