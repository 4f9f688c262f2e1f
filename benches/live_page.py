"""What a live page costs the run that it shows: `python -m benches.live_page`.

One long run against a null target is shown by a page with a reader. The page's process is stopped and continued in
blocks of seconds, off, on, on, off, so that both sides are the same process, the same connections and nearly the same
moment: what else the machine does meanwhile meets both. A page that continues first takes what it missed, which one
that was never stopped does not: the first second of each block, with the page or without it, is left out. The first
and the last block of a round are the same: how far they are apart is the noise that the difference between the others
is compared with.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.request import urlopen

import psutil

import loadcore
from benches import results
from benches.statistics import Estimate, estimate
from loadcore.calibration.null_target import null_target
from loadcore.engine import Histogram
from loadcore.live.web.beside import PageBeside
from loadcore.results.open.opening import read_start
from loadcore.results.run_folder import RunFolder
from loadcore.results.schema import MACHINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RATE: Final = 2_000
WARM_UP_S: Final = 15
"""The page's process starts meanwhile."""
SETTLES_S: Final = 1
"""Of a block, in which a page that was stopped takes what it missed. Where there was none it is left out, too."""
NOISE: Final = 0.1
"""How far apart equal blocks may be: beyond it the bench decides nothing."""
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
_ORDER: Final = (False, True, True, False)
_PATIENCE_S: Final = 300.0


@dataclass(frozen=True)
class Measured:
    """A block of seconds.

    Attributes:
        number: Of its round.
        place: Within it.
        page: Whether the page was on.
        requests: How many were made.
        cpu_us: CPU of the worker's process per request.
        p99_us: Of response times.
    """

    number: int
    place: int
    page: bool
    requests: int
    cpu_us: float
    p99_us: float


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


def switch(folder: Path, rounds: int, block_s: int) -> None:
    """Stop and continue the page of the run in this folder, block after block."""
    page = next(each for each in psutil.Process().children() if "loadcore.live.web.process" in each.cmdline())
    began_s = read_start(RunFolder(folder)).wall_start_us / 1e6 + WARM_UP_S
    with suppress(ProcessLookupError):
        for block in range(rounds * len(_ORDER)):
            time.sleep(max(0.0, began_s + block * block_s - time.time()))
            os.kill(page.pid, signal.SIGCONT if _ORDER[block % len(_ORDER)] else signal.SIGSTOP)
        time.sleep(max(0.0, began_s + rounds * len(_ORDER) * block_s - time.time()))
        os.kill(page.pid, signal.SIGCONT)


class Switching(PageBeside):
    """The page of a run, which is stopped and continued in blocks."""

    def __init__(self, reader: Reader, rounds: int, block_s: int) -> None:
        super().__init__(reader.tell)
        self._blocks = rounds, block_s

    def on_start(self, description: loadcore.engine.Description) -> None:
        """Starts the page, and what switches it."""
        super().on_start(description)
        if self._path is not None:
            threading.Thread(target=switch, args=(self._path, *self._blocks), daemon=True).start()


def measure(url: str, rounds: int, block_s: int) -> tuple[list[Measured], int]:
    """The blocks of a run, and how many events the reader of its page got."""
    reader = Reader()
    seconds = WARM_UP_S + rounds * len(_ORDER) * block_s
    scenario = loadcore.Scenario(
        "shown",
        base_url=url,
        load=loadcore.arrival_rate(f"{RATE}/s", duration=f"{seconds}s", max_users=200),
        steps=[loadcore.get("/")],
    )
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        run = loadcore.run(
            scenario, workers=1, out=Path(folder) / "run", seed=1, listeners=[Switching(reader, rounds, block_s)]
        )
        rows = run.windows.select(["second", "worker", "count", "process_cpu_ns", "response"]).to_pylist()
        reader.end()
    times: defaultdict[int, Histogram] = defaultdict(Histogram)
    requests: defaultdict[int, int] = defaultdict(int)
    cpu_ns: defaultdict[int, int] = defaultdict(int)
    for row in rows:
        block, within_s = divmod(row["second"] - WARM_UP_S, block_s)
        if row["worker"] <= MACHINE or within_s < SETTLES_S or not 0 <= block < rounds * len(_ORDER):
            continue
        cpu_ns[block] += row["process_cpu_ns"] or 0
        if row["response"] is not None:
            times[block].add_encoded(row["response"])
            requests[block] += row["count"]
    return [_block(block, times[block], requests[block], cpu_ns[block]) for block in sorted(times)], reader.events


def _block(block: int, times: Histogram, requests: int, cpu_ns: int) -> Measured:
    number, place = divmod(block, len(_ORDER))
    return Measured(number, place, _ORDER[place], requests, cpu_ns / requests / 1e3, times.quantile(0.99) / 1e3)


def ratios(blocks: Sequence[Measured], of: Callable[[Measured], float]) -> tuple[Estimate, Estimate]:
    """With the page to without, and, of the two without, the last to the first: medians over rounds."""
    rounds = [
        sorted((each for each in blocks if each.number == number), key=lambda each: each.place)
        for number in sorted({each.number for each in blocks})
    ]
    shown = [(of(one) + of(two)) / (of(first) + of(last)) for first, one, two, last in rounds]
    same = [of(last) / of(first) for first, _, _, last in rounds]
    return estimate(shown), estimate(same)


def verdict(shown: Estimate, same: Estimate) -> str:
    """What the blocks with the page say beside the equal ones: `within noise`, `costs` or `undecided`."""
    if shown.low > max(same.high, 1):
        return "costs"
    is_sharp = max(shown.high, same.high) <= 1 + NOISE and min(shown.low, same.low) >= 1 / (1 + NOISE)
    return "within noise" if is_sharp else "undecided"


def page(blocks: Sequence[Measured], block_s: int, events: int) -> str:
    """The section of the page of results."""
    rows = []
    for name, of in MEASURES.items():
        shown, same = ratios(blocks, of)
        alone = estimate([of(each) for each in blocks if not each.page])
        rows.append([name, f"{alone.median:,.1f} µs", shown.text(3), same.text(3), verdict(shown, same)])
    columns = ["", "page off", "page on / off", "off / off", "verdict"]
    count = len({each.number for each in blocks})
    about = (
        f"One run of {RATE:,} requests/s to a null target, one worker. Its page, with a reader who got {events} "
        f"states, is stopped and continued in {count} rounds of four blocks of {block_s} s. Medians of ratios within "
        f"rounds, with their 95 % intervals. The {WARM_UP_S} s in which the page's process starts are left out, and of "
        f"each block the first {SETTLES_S} s."
    )
    return f"## The live page\n\n{about}\n\n{results.Table(columns, rows).markdown()}"


def _cpu(block: Measured) -> float:
    return block.cpu_us


def _p99(block: Measured) -> float:
    return block.p99_us


MEASURES: Final = {"CPU per request": _cpu, "p99 of response times": _p99}


def main() -> int:
    """Keep what was measured; 1 if the page had no reader, or costs what equal blocks do not differ by."""
    parser = argparse.ArgumentParser(prog="python -m benches.live_page", description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=6, help="of a block")
    arguments = parser.parse_args()
    with null_target([_ANSWER]) as target:
        blocks, events = measure(target.url, arguments.rounds, arguments.seconds)
    results.keep("live_page", [asdict(each) for each in blocks], page(blocks, arguments.seconds, events))
    if not events:
        print("the page had no reader", file=sys.stderr)
        return 1
    said = [verdict(*ratios(blocks, of)) for of in MEASURES.values()]
    if "undecided" in said:
        print(f"equal blocks differ by more than {NOISE:.0%}: measure longer, or on a quiet machine", file=sys.stderr)
    return int("costs" in said)


if __name__ == "__main__":
    raise SystemExit(main())
