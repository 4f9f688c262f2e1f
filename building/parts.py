"""Programs that run side by side while one line each says how far they are."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_TAIL = 40
_DRAWN_EACH_S = 0.5
_SAID_EACH_S = 10.0
_SIZE = re.compile(r"\(([\d.]+) (kB|MB|GB)[)\s]")
_MEGABYTES = {"kB": 0.001, "MB": 1.0, "GB": 1000.0}


class PartFailedError(Exception):
    """A program ended with an error; the message has the end of what it printed."""


@dataclass
class Part:
    """One program and how far it is.

    Attributes:
        name: The first word of its lines.
        command: What is run.
        done: The end of its last line if it succeeded.
    """

    name: str
    command: Sequence[str]
    done: str
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL), init=False)
    ended_after_s: float | None = field(default=None, init=False)
    exit_code: int | None = field(default=None, init=False)

    def read(self, line: str) -> None:
        """Takes in a line that the program printed."""
        self.tail.append(line)

    def progress(self) -> str:
        """How far it is."""
        return "…"

    def line(self, elapsed_s: float) -> str:
        """Name and progress; once it has ended, how long it took."""
        if self.ended_after_s is None:
            return f"{self.name:<10} {elapsed_s:4.0f} s  {self.progress()}"
        said = "failed" if self.exit_code else self.done
        return f"{self.name:<10} {self.ended_after_s:4.0f} s  {said}"


@dataclass
class Packages(Part):
    """pip at work."""

    found: set[str] = field(default_factory=set, init=False)
    megabytes: float = field(default=0.0, init=False)
    installing: int = field(default=0, init=False)

    def read(self, line: str) -> None:
        """Counts packages and bytes."""
        super().read(line)
        words = line.split()
        if line.startswith("Collecting "):
            self.found.add(re.split(r"[\s\[<>=!~;]", words[1])[0].lower())
        elif line.startswith("Installing collected packages: "):
            self.installing = line.count(",") + 1
        elif words[:1] == ["Downloading"] and (size := _SIZE.search(line + " ")):
            self.megabytes += float(size[1]) * _MEGABYTES[size[2]]

    def progress(self) -> str:
        """Packages found, megabytes of them, or how many are being unpacked."""
        if self.installing:
            return f"installing {self.installing} packages, {self.megabytes:.0f} MB"
        return f"{len(self.found)} packages found, {self.megabytes:.0f} MB"


@dataclass
class Engine(Part):
    """cargo at work.

    Attributes:
        crates: How many it compiles if nothing is compiled yet; 0 if that is not known.
    """

    crates: int = 0
    compiled: int = field(default=0, init=False)
    latest: str = field(default="", init=False)

    def read(self, line: str) -> None:
        """Counts crates."""
        super().read(line)
        words = line.split()
        if words[:1] == ["Compiling"]:
            self.compiled += 1
            self.latest = words[1]
        elif words[:1] in (["Downloading"], ["Downloaded"]) and not self.compiled:
            self.latest = "fetching sources"

    def progress(self) -> str:
        """Crates begun, of all there are, and the newest of them."""
        of_all = f" of {self.crates}" if self.crates else ""
        return f"{self.compiled}{of_all} crates, {self.latest}" if self.compiled else self.latest or "…"


def run(parts: Sequence[Part], *, folder: Path, environment: Mapping[str, str], out: TextIO) -> None:
    """Runs all parts at once, and says on `out` how far each is: in place on a terminal, else every ten seconds.

    Raises:
        PartFailedError: One of them failed; the others were stopped.
    """
    started = time.monotonic()
    programs = [_start(part, folder, environment) for part in parts]
    threads = [
        threading.Thread(target=_follow, args=(part, program, started), daemon=True)
        for part, program in zip(parts, programs, strict=True)
    ]
    for thread in threads:
        thread.start()
    board = _Board(out)
    failed: list[Part] = []
    try:
        while any(thread.is_alive() for thread in threads):
            board.draw(parts, time.monotonic() - started)
            next((thread for thread in threads if thread.is_alive()), threads[-1]).join(_DRAWN_EACH_S)
            if any(part.exit_code for part in parts):
                break
        failed = [part for part in parts if part.exit_code]
    finally:
        for program in programs:
            if program.poll() is None:
                program.terminate()
        for thread in threads:
            thread.join(10)
    board.draw(parts, time.monotonic() - started, last=True)
    for part in failed:
        raise PartFailedError("\n".join([f"{part.name}: {' '.join(part.command)} failed:", *part.tail]))


def _start(part: Part, folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        part.command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _follow(part: Part, program: subprocess.Popen[str], started: float) -> None:
    """Reads what a program prints until it ends."""
    with program:
        for line in program.stdout or ():
            part.read(line.rstrip())
    part.exit_code = program.returncode
    part.ended_after_s = time.monotonic() - started


@dataclass
class _Board:
    """Where the lines stand."""

    out: TextIO
    drawn: int = 0
    said_at_s: float = 0.0
    ended: set[str] = field(default_factory=set)

    def draw(self, parts: Sequence[Part], elapsed_s: float, *, last: bool = False) -> None:
        if self.out.isatty():
            up = f"\x1b[{self.drawn}F" if self.drawn else ""
            self.out.write(up + "".join(f"\x1b[2K{part.line(elapsed_s)[:79]}\n" for part in parts))
            self.drawn = len(parts)
        else:
            due = elapsed_s - self.said_at_s >= _SAID_EACH_S
            for part in parts:
                over = part.ended_after_s is not None
                if part.name not in self.ended and (over or (due and not last)):
                    self.out.write(f"{part.line(elapsed_s)}\n")
                if over:
                    self.ended.add(part.name)
            if due:
                self.said_at_s = elapsed_s
        self.out.flush()
