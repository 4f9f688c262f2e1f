"""The one way a supervisor deals with a worker, wherever that worker runs.

`WorkerHandle` is all that the supervisor knows. `WorkerProcess` is a worker in a process on this machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loadcore.errors import InternalError
from loadcore.processes import messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BOOT = Path(__file__).with_name("worker_boot.py")
_PACKAGES = Path(__file__).parents[2]
"""The folder that loadcore is in, which a worker must find where only our own `sys.path` names it."""
_PIPE_BYTES = 1 << 20
"""So that a supervisor that is held up for some seconds does not hold up its workers."""
_LOG_TAIL_BYTES = 2_000


@dataclass(frozen=True)
class Gone:
    """The worker no longer exists. After a `wire.Done` that is as it should be, else it was lost."""

    reason: str


class WorkerHandle(ABC):
    """A worker, as its supervisor sees it. Orders are sent and not waited for; a worker that is gone swallows them.

    A worker answers `prepare` with `wire.Prepared`, `arm` with `wire.Armed`, either with `wire.Trouble` instead;
    after `go` it sends windows until `wire.Done`.
    """

    worker: int
    """Its number, from 0."""

    @property
    def pid(self) -> int | None:
        """Its process on this machine; None if it has none."""
        return None

    @abstractmethod
    def prepare(self, order: messages.Prepare) -> None:
        """Hand over the plan and the share."""

    @abstractmethod
    def arm(self) -> None:
        """Have everything opened that is needed to start."""

    @abstractmethod
    def go(self, order: messages.Go) -> None:
        """Start at a common moment."""

    @abstractmethod
    def change(self, order: messages.Change) -> None:
        """Change the load."""

    @abstractmethod
    def stop(self) -> None:
        """Start no more iterations."""

    @abstractmethod
    def interrupt(self) -> None:
        """Stop now."""

    @abstractmethod
    def reports(self) -> Iterator[messages.Report | Gone]:
        """Everything the worker says, as it comes; the last is `Gone`. Blocks; used by one thread."""

    @abstractmethod
    def close(self) -> None:
        """End the worker at once, if it still runs, and wait until it is gone. Any thread may do so, more than once."""


class WorkerProcess(WorkerHandle):
    """A worker in a process of its own on this machine, reached through pipes.

    Started, not forked: it works in notebooks, in threads, and in scripts without a `__main__` guard. It has its own
    process group, so that Ctrl-C in a terminal reaches the supervisor alone.

    Args:
        worker: Its number.
        log: Where its standard error goes.
        with_site: Whether code of the user runs in it, which finds all packages that are installed.
        environment: Variables that it has besides those of this process.
    """

    def __init__(
        self, worker: int, log: Path, *, with_site: bool = False, environment: Mapping[str, str] | None = None
    ) -> None:
        self.worker = worker
        self._log = log
        watched, held = os.pipe()
        self._lifeline = os.fdopen(held, "wb", buffering=0)
        """Held by this process and by no other, so that its end is that of the supervisor."""
        with os.fdopen(watched, "rb", buffering=0), log.open("wb") as errors:
            self._process = subprocess.Popen(
                _command(os.getpid(), watched, with_site=with_site),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(watched,),
                process_group=0,
                env={**os.environ, **environment} if environment else None,
            )
        if self._process.stdout is not None:
            _widen(self._process.stdout.fileno())

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def prepare(self, order: messages.Prepare) -> None:
        """Hand over the plan and the share."""
        self._send(order)

    def arm(self) -> None:
        """Have everything opened that is needed to start."""
        self._send(messages.Arm())

    def go(self, order: messages.Go) -> None:
        """Start at a common moment."""
        self._send(order)

    def lease(self, order: messages.Lease) -> None:
        """End by itself at a moment, unless a later one comes."""
        self._send(order)

    def change(self, order: messages.Change) -> None:
        """Change the load."""
        self._send(order)

    def stop(self) -> None:
        """Start no more iterations."""
        self._send(messages.Stop())

    def interrupt(self) -> None:
        """Stop now."""
        self._send(messages.Interrupt())

    def reports(self) -> Iterator[messages.Report | Gone]:
        """Everything the worker says, as it comes."""
        pipe = self._process.stdout
        if pipe is None:
            raise InternalError("a worker without a pipe")
        with pipe:
            try:
                while (report := messages.read_report(pipe.read)) is not None:
                    yield report
            except InternalError as problem:
                self._process.kill()
                yield Gone(f"sent an invalid message: {problem}")
                return
        yield Gone(self._how_it_ended())

    def close(self) -> None:
        """End the process at once, if it still runs."""
        self._process.kill()
        self._process.wait()
        self._lifeline.close()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # What was not sent to a worker that is gone is of no interest.
                self._process.stdin.close()
        with contextlib.suppress(OSError):
            if not self._log.stat().st_size:
                self._log.unlink()

    def _send(self, order: messages.Order) -> None:
        pipe = self._process.stdin
        if pipe is None:
            raise InternalError("a worker without a pipe")
        encoded = messages.encode_order(order)
        # `reports` says that it is gone. ValueError: the pipe is closed, perhaps by another thread just now.
        with contextlib.suppress(OSError, ValueError):
            pipe.write(encoded)
            pipe.flush()

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        if -code == signal.SIGKILL:
            how += " (out of memory? see dmesg)"
        said = self._last_words()
        return f"{how}: {said}" if said else how

    def _last_words(self) -> str:
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, self._log.stat().st_size - _LOG_TAIL_BYTES))
                lines = log.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1].strip() if lines else ""


def _command(supervisor: int, lifeline: int, *, with_site: bool) -> list[str]:
    """What starts a worker's process: see `worker_boot`."""
    # -P: modules of the user's folder must not take the place of those of the standard library.
    flags = ["-P"] if with_site else ["-P", "-S"]
    main = ["loadcore.processes.worker_main", str(supervisor), str(lifeline), str(_PACKAGES)]
    return [sys.executable, *flags, str(_BOOT), *main]


def _widen(pipe: int) -> None:
    """Make room in a pipe, where the system can; elsewhere its own size will do."""
    resize = getattr(fcntl, "F_SETPIPE_SZ", None)
    if resize is not None:
        with contextlib.suppress(OSError):  # More than an unprivileged user may have.
            fcntl.fcntl(pipe, resize, _PIPE_BYTES)
