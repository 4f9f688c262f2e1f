"""What a live page costs the run that it shows: `python -m benches.live_page`.

Runs with and without a page come in rounds of four, without, with, with, without, against the same null target; each
page has a reader. The first and the last of a round are the same: how far they are apart is the noise that the
difference between the others is compared with.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import loadcore
from benches import results
from benches.statistics import Estimate, estimate
from loadcore.calibration.null_target import null_target
from loadcore.live.web.beside import PageBeside
from loadcore.results.schema import MACHINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RATE = 2_000
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
_ORDER = (False, True, True, False)
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Measured:
    """A run.

    Attributes:
        number: Of its round.
        place: Within it.
        page: Whether it was shown.
        requests: How many it made.
        cpu_us: CPU of the worker's process per request.
        p99_us: Of response times.
        events: What the reader of the page got.
    """

    number: int
    place: int
    page: bool
    requests: int
    cpu_us: float
    p99_us: float
    events: int


class Reader:
    """Opens the page as its address is printed, and reads what comes."""

    def __init__(self) -> None:
        self.events = 0
        self._thread: threading.Thread | None = None

    def tell(self, text: str) -> None:
        """Take what is printed."""
        if (found := re.search(r"(http://\S+/)\?token=(\S+)", text)) is not None:
            self._thread = threading.Thread(target=self._read, args=(found[1], found[2]), daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Wait for the end of the page."""
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)

    def _read(self, address: str, token: str) -> None:
        with urlopen(f"{address}events?token={token}", timeout=_PATIENCE_S) as response:
            for line in response:
                self.events += line.startswith(b"event: ")
                if b"STILL RUNNING" not in line and line.startswith(b"data: "):
                    return


def measure(url: str, seconds: float, number: int, place: int) -> Measured:
    """A run, shown or not."""
    shown, reader = _ORDER[place], Reader()
    scenario = loadcore.Scenario(
        "shown",
        base_url=url,
        load=loadcore.arrival_rate(f"{RATE}/s", duration=f"{seconds:g}s", max_users=200),
        steps=[loadcore.get("/")],
    )
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        listeners = [PageBeside(reader.tell)] if shown else []
        run = loadcore.run(scenario, workers=1, out=Path(folder) / "run", seed=1, listeners=listeners)
        cpu_ns = sum(
            row["process_cpu_ns"] or 0
            for row in run.windows.select(["worker", "process_cpu_ns"]).to_pylist()
            if row["worker"] > MACHINE
        )
        reader.end()
    requests = run.summary["load"]["requests"]["recorded"]
    p99_ns = run.summary["all"]["response"]["p99_ns"] or 0
    return Measured(number, place, shown, requests, cpu_ns / requests / 1e3, p99_ns / 1e3, reader.events)


def ratios(runs: Sequence[Measured], of: Callable[[Measured], float]) -> tuple[Estimate, Estimate]:
    """With a page to without, and, of the two without, the last to the first: medians over rounds."""
    rounds = [
        sorted((each for each in runs if each.number == number), key=lambda each: each.place)
        for number in sorted({each.number for each in runs})
    ]
    shown = [(of(one) + of(two)) / (of(first) + of(last)) for first, one, two, last in rounds]
    same = [of(last) / of(first) for first, _, _, last in rounds]
    return estimate(shown), estimate(same)


def page(runs: Sequence[Measured], seconds: float) -> str:
    """The section of the page of results."""
    rows = []
    for name, of in (("CPU per request", _cpu), ("p99 of response times", _p99)):
        shown, same = ratios(runs, of)
        alone = estimate([of(each) for each in runs if not each.page])
        rows.append([name, f"{alone.median:,.1f} µs", shown.text(), same.text()])
    columns = ["", "without a page", "with a page / without", "without / without"]
    count = len({each.number for each in runs})
    events = min(each.events for each in runs if each.page)
    about = (
        f"{count} rounds of four runs of {seconds:g} s, {RATE:,} requests/s to a null target, one worker. Each page "
        f"had a reader, who got {events} states or more. Medians of ratios within rounds, with their 95 % intervals."
    )
    return f"## The live page\n\n{about}\n\n{results.Table(columns, rows).markdown()}"


def _cpu(run: Measured) -> float:
    return run.cpu_us


def _p99(run: Measured) -> float:
    return run.p99_us


def main() -> int:
    """Keep what was measured; 1 if a page had no reader, or a page costs what equal runs do not differ by."""
    parser = argparse.ArgumentParser(prog="python -m benches.live_page", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    with null_target([_ANSWER]) as target:
        runs = [
            measure(target.url, arguments.seconds, number, place)
            for number in range(arguments.rounds)
            for place in range(len(_ORDER))
        ]
    results.keep("live_page", [asdict(each) for each in runs], page(runs, arguments.seconds))
    if any(each.page and not each.events for each in runs):
        print("a page had no reader", file=sys.stderr)
        return 1
    return int(any(shown.low > max(same.high, 1) for shown, same in (ratios(runs, _cpu), ratios(runs, _p99))))


if __name__ == "__main__":
    raise SystemExit(main())
