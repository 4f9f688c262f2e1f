"""Code of the user's own in a worker process.

It has the main thread. Orders, windows and rows are handled beside it, by threads that were there before any of it was
imported: it may replace `threading` and whatever else it likes, as gevent does.
"""

from __future__ import annotations

import _thread
import gc
import os
import sys
import time
import traceback
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from loadcore.engine import Ended, Rows, Sampled, Windows, end_without
from loadcore.errors import ScenarioRaised
from loadcore.processes import messages
from loadcore.processes.user_output import UserOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loadcore.engine import Crossing, Engine
    from loadcore.processes.reports import Reports
    from loadcore.processes.row_log import RowLog

END_WITHIN_S = 5.0
"""How long user code may take to end once the engine has."""

_EVENT_TIMEOUT_MS = 200
_MOST_PLACES = 100
_MOST_LINES_SHOWN = 20


class Program(Protocol):
    """What a worker runs besides its engine."""

    facts: dict[str, Any]
    """What the supervisor is to know of it before the start."""

    def run(self, crossing: Crossing, control: Control) -> dict[str, Any] | None:
        """Run, on the main thread, until the code has ended. Gives what the summary is to keep of it."""
        ...


class Control:
    """What a program can tell of its code.

    Args:
        reports: The way to the supervisor.
        output: What the code has printed.
    """

    def __init__(self, reports: Reports, output: UserOutput) -> None:
        self._reports = reports
        self._output = output
        self._lock = _thread.allocate_lock()
        self.so_far: Callable[[], dict[str, Any]] = dict
        """What the program would give if it ended now, for code that does not end. Called in another thread."""
        self._raised: dict[tuple[str, str], dict[str, Any]] = {}

    def raised(self, kind: str, place: str, traceback: str, *, at_fault: bool = False) -> None:
        """The code raised an exception: the first of its kind and place is kept, others are counted.

        Args:
            kind: The exception's type.
            place: File and line.
            traceback: Its traceback.
            at_fault: Whether a request of the same iteration was an error: then it may be the target's doing.
        """
        with self._lock:
            known = self._raised.get((kind, place))
            if known is None and len(self._raised) >= _MOST_PLACES:
                kind, place, traceback = "other exceptions", "", ""
                known = self._raised.get((kind, place))
            if known is None:
                printed = self._output.last(_MOST_LINES_SHOWN)
                known = {"kind": kind, "place": place, "count": 0, "at_fault": 0, "traceback": traceback}
                self._raised[kind, place] = known | {"printed": printed}
                known = self._raised[kind, place]
            known["count"] += 1
            known["at_fault"] += at_fault
            is_new = known["count"] == 1
        if is_new:
            self.say(f"a user raised {traceback.strip() or kind}")

    def say(self, sentence: str) -> None:
        """Something worth knowing, in one sentence."""
        self._reports.send(messages.Remark(sentence))

    def abort(self, reason: str) -> None:
        """End the run: it counts as aborted by the user's code."""
        self._reports.send(messages.Aborted(reason))

    @property
    def exceptions(self) -> list[dict[str, Any]]:
        """What was raised: type, place, how often, and the first traceback with what was printed before it."""
        with self._lock:
            return [dict(each) for each in self._raised.values()]


class UserCode:
    """The main thread's part of a worker that runs code of the user's.

    Args:
        reports: The way to the supervisor.
        worker: The worker's number.
        lifeline: What is closed when the supervisor is gone.
    """

    def __init__(self, reports: Reports, worker: int, lifeline: int) -> None:
        self._reports = reports
        self._began, self._ended, self._returned = (_locked() for _ in range(3))
        self._pump: Callable[[], None] = lambda: None
        self._document: dict[str, Any] = {}
        self._problem: BaseException | None = None
        self._failure: BaseException | None = None
        # Whatever the code holds up, even the interpreter: the process ends soon after its supervisor.
        end_without(lifeline)
        _thread.start_new_thread(self._work, ())
        self._output = UserOutput(reports, worker)
        self.control = Control(reports, self._output)

    def prepare(self, program: Mapping[str, Any], share: int, shares: int) -> Program:
        """Import the code, which prints to the supervisor's standard error from now on, and reads nothing."""
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        sys.stdout = sys.stderr = self._output
        for path in reversed(program.get("paths", ())):
            if path not in sys.path:
                sys.path.insert(0, path)
        module = import_module(program["module"])
        prepared: Program = module.prepare(program["arguments"], share, shares)
        return prepared

    def run(self, program: Program, engine: Engine, log: RowLog, go: messages.Go) -> int:
        """Run the code beside its engine. Gives the exit code when both have ended."""
        crossing = engine.crossing()
        self._pump = lambda: self._hand_on(engine, log, go)
        freeze()
        engine.start(go.start_at_ns, go.wall_start_us, go.begins_ns)
        self._began.release()
        try:
            if crossing is not None:
                self._document = program.run(crossing, self.control) or {}
        except BaseException as problem:  # noqa: BLE001 - told with the end of this worker
            self._failure = problem
            engine.interrupt()
        finally:
            self._output.flush()
            self._returned.release()
        self._ended.acquire()
        if self._problem is not None:
            raise self._problem
        return 0

    def _work(self) -> None:
        self._began.acquire()
        try:
            self._pump()
        except BaseException as problem:  # noqa: BLE001 - told on the main thread
            self._problem = problem
        finally:
            self._ended.release()

    def _hand_on(self, engine: Engine, log: RowLog, go: messages.Go) -> None:
        """Hand on what the engine gives until it has ended, and the code as well."""
        while True:
            match event := engine.next_event(_EVENT_TIMEOUT_MS):
                case None:
                    self._reports.heartbeat()
                case Rows(batch):
                    log.write(batch)
                case Windows(batch):
                    self._reports.send(messages.WindowBatch(batch.to_stream()))
                case Sampled(sample):
                    self._reports.send(messages.Sampled(sample))
                case Ended():
                    break
            self._output.flush()
        ended_ns = time.monotonic_ns() - go.start_at_ns
        has_returned = self._returned.acquire(timeout=END_WITHIN_S)
        document = self._document if has_returned else self._ended_by_force()
        user_code = {"exceptions": self.control.exceptions, **document}
        end = log.close(event, user_code)
        if self._failure is not None:
            reason, error = _failed(self._failure)
            end = replace(end, reason=reason, error=error)
        self._reports.send(messages.Done(end, ended_ns))
        if not has_returned:
            os._exit(0)

    def _ended_by_force(self) -> dict[str, Any]:
        """What is known of code that did not end by itself."""
        document = self.control.so_far()
        at = document.get("endless", "")
        where = f"; it was at {at}" if at else ""
        self.control.say(f"the code of the users had not ended {END_WITHIN_S:g} s after the run, and was ended{where}")
        return {"endless": "", **document}


def _failed(problem: BaseException) -> tuple[str, str]:
    """How a worker has ended whose program raised this: the reason and what to say."""
    if isinstance(problem, ScenarioRaised):
        return "raised", problem.message
    # Not the user's. The log of the worker has what a bug report needs.
    traceback.print_exception(problem, file=sys.__stderr__)
    return "failed", f"{type(problem).__name__}: {problem}"


def freeze() -> None:
    """What was made so far stays: the collector does not look at it again, and looks seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _locked() -> _thread.LockType:
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock
