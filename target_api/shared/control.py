"""The control page: what one process decides and every worker obeys at its next request.

Draining, the fault program, epochs that tell workers to reload something, and the queue of the `capacity` knob.
"""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

from loadcore_target.faults import FaultProgram
from loadcore_target.shared.pages import Page

_SIZE = 64 * 1024
_PROGRAM_AT = 4096


class Word(IntEnum):
    """Which word of the control page holds what."""

    DRAINING = 0
    FAULTS = 1
    """Version of the fault program; odd while it is being written."""
    KEYS = 2
    REVOKED = 3
    CACHE = 4
    NEXT_TURN = 5
    """CLOCK_MONOTONIC nanosecond at which the next request may pass the capacity gate."""
    PROGRAM_LENGTH = 6
    PROGRAM_SET_AT = 7
    """CLOCK_MONOTONIC nanosecond at which the fault program was set."""


class ProgramTooLongError(ValueError):
    """A fault program does not fit into the shared page."""


class ControlPage:
    """The shared decisions of one gateway.

    Args:
        path: File shared by the workers, or `None` for a gateway in a single process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._page = Page(path, _SIZE)
        self.words = self._page.words

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # The kernel drops the lock of a process that dies, so a killed worker cannot leave the gate shut.
        descriptor = self._page.descriptor
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if descriptor is not None:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    @property
    def draining(self) -> bool:
        """Whether the gateway is about to stop: readiness fails and connections are closed after each answer."""
        return self.words[Word.DRAINING] != 0

    @draining.setter
    def draining(self, value: bool) -> None:
        self.words[Word.DRAINING] = int(value)

    def epoch(self, word: Word) -> int:
        """The current epoch of something that workers cache."""
        return self.words[word]

    def bump(self, word: Word) -> None:
        """Tells every worker to reload what belongs to `word`."""
        with self._locked():
            self.words[word] += 1

    @property
    def faults_version(self) -> int:
        """Changes whenever another fault program was set."""
        return self.words[Word.FAULTS]

    def set_program(self, program: FaultProgram) -> None:
        """Publishes a fault program; it holds for requests that arrive from now on, in every worker.

        Raises:
            ProgramTooLongError: Its JSON does not fit.
        """
        text = program.model_dump_json().encode()
        if len(text) > _SIZE - _PROGRAM_AT:
            raise ProgramTooLongError(f"the fault program is longer than {_SIZE - _PROGRAM_AT} bytes")
        with self._locked():
            version = self.words[Word.FAULTS] | 1
            self.words[Word.FAULTS] = version
            self._page.bytes[_PROGRAM_AT : _PROGRAM_AT + len(text)] = text
            self.words[Word.PROGRAM_LENGTH] = len(text)
            self.words[Word.NEXT_TURN] = 0
            self.words[Word.PROGRAM_SET_AT] = time.monotonic_ns()
            self.words[Word.FAULTS] = version + 1

    def program(self) -> tuple[int, FaultProgram]:
        """The version of the fault program that holds now, and the program."""
        with self._locked():
            length = self.words[Word.PROGRAM_LENGTH]
            text = bytes(self._page.bytes[_PROGRAM_AT : _PROGRAM_AT + length])
            version = self.words[Word.FAULTS]
        return version, FaultProgram.model_validate_json(text) if text else FaultProgram()

    @property
    def program_set_at(self) -> float:
        """Monotonic seconds at which the fault program was set."""
        return self.words[Word.PROGRAM_SET_AT] / 1e9

    def take_turn(self, interval_ns: int, longest_wait_ns: int) -> int | None:
        """Joins the queue of the capacity gate.

        Turns are handed out in order of asking, `interval_ns` apart, over all workers together: the gate is a token
        bucket of depth one.

        Returns:
            Nanoseconds to wait for the own turn, or `None` when that would be longer than `longest_wait_ns`; then no
            turn was taken.
        """
        with self._locked():
            now = time.monotonic_ns()
            turn = max(now, self.words[Word.NEXT_TURN])
            if turn - now > longest_wait_ns:
                return None
            self.words[Word.NEXT_TURN] = turn + interval_ns
        return turn - now

    def close(self) -> None:
        """Unmaps the page."""
        self.words.release()
        self._page.close()
