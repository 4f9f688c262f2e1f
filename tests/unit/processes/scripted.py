"""Workers that follow a script, in place of processes."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loadcore.engine import Description, ScenarioInfo, StepInfo
from loadcore.judge.thresholds.grammar import parse
from loadcore.live.listeners import Listener, Listeners
from loadcore.machine.client_limits import Needs
from loadcore.processes import messages
from loadcore.processes.assignment import Assignment
from loadcore.processes.stop_requests import StopRequests
from loadcore.processes.supervisor import Supervisor
from loadcore.processes.worker_handle import Gone, WorkerHandle
from loadcore.results.run_facts import WorkerEnd
from loadcore.results.run_folder import RunFolder
from loadcore.results.write.windows_file import PLAIN
from loadcore.scenario.threshold import Threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from loadcore.live.frame import Frame

DESCRIPTION = Description(
    steps=(StepInfo("shop", "GET /items", "GET", "main"),),
    checks=(),
    groups=(),
    scenarios=(ScenarioInfo("shop", "closed", None, None, 5),),
    connections=5,
)


def window(second: int, worker: int, requests: int, errors: int = 0, phase: str = "steady") -> messages.WindowBatch:
    """A second of a worker whose requests were answered by 200, or by 500 if they are errors."""
    about: dict[str, Any] = {"second": second, "worker": worker, "phase": phase, "scenario": "shop"}
    statuses = [{"status": 200, "count": requests - errors}, {"status": 500, "count": errors}]
    step = {"kind": "step", "name": "GET /items", "section": "main", "method": "GET", "count": requests}
    step |= {
        "errors": errors,
        "attempts": requests,
        "statuses": statuses,
        "outcomes": [{"name": "ok", "count": requests}],
    }
    scenario = {"kind": "scenario", "iterations_started": requests, "iterations_completed": requests, "users_active": 5}
    rows = [about | step, about | scenario, about | {"kind": "worker"}]
    batch = pa.RecordBatch.from_pylist(rows, schema=PLAIN)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return messages.WindowBatch(bytes(sink.getvalue()))


def done(worker: int, reason: str = "finished", error: str | None = None) -> messages.Done:
    """A worker that has written everything."""
    return messages.Done(WorkerEnd(worker, reason, error), 1_000_000_000)


class ScriptedWorker(WorkerHandle):
    """A worker with scripted answers.

    Args:
        worker: Its number.
        after_go: What it says when it is started.
        after: What it says when it is prepared, armed, stopped, interrupted or closed, where not the usual.
    """

    def __init__(
        self,
        worker: int,
        after_go: Sequence[messages.Report | Gone],
        **after: Sequence[messages.Report | Gone],
    ) -> None:
        self.worker = worker
        self.calls: list[str] = []
        self.changes: list[messages.Change] = []
        self.go_order: messages.Go | None = None
        self._queue: queue.SimpleQueue[messages.Report | Gone] = queue.SimpleQueue()
        self._after: dict[str, Sequence[messages.Report | Gone]] = {
            "prepare": [messages.Prepared(DESCRIPTION.to_dict())],
            "arm": [messages.Armed()],
            "go": after_go,
            "stop": [done(worker, "stopped")],
            "interrupt": [done(worker, "interrupted")],
            "close": [Gone("killed by SIGKILL")],
            **after,
        }

    def prepare(self, order: messages.Prepare) -> None:
        """Remember, answer."""
        assert (order.share, order.worker) == (self.worker, self.worker)
        self._called("prepare")

    def arm(self) -> None:
        """Remember, answer."""
        self._called("arm")

    def go(self, order: messages.Go) -> None:
        """Remember, answer."""
        self.go_order = order
        self._called("go")

    def change(self, order: messages.Change) -> None:
        """Remember."""
        self.changes.append(order)

    def stop(self) -> None:
        """Remember, answer."""
        self._called("stop")

    def interrupt(self) -> None:
        """Remember, answer."""
        self._called("interrupt")

    def close(self) -> None:
        """Remember, answer."""
        self._called("close")

    def reports(self) -> Iterator[messages.Report | Gone]:
        """What it says, until it is gone."""
        while True:
            message = self._queue.get()
            yield message
            if isinstance(message, Gone):
                return

    def _called(self, what: str) -> None:
        self.calls.append(what)
        for message in self._after[what]:
            self._queue.put(message)


def healthy(worker: int) -> ScriptedWorker:
    """A worker with three good seconds."""
    return ScriptedWorker(worker, [*(window(second, worker, 10) for second in range(3)), done(worker)])


class Follower(Listener):
    """Remembers its messages, and can act on them."""

    def __init__(self, on_second: Callable[[int], None] = lambda _second: None) -> None:
        self.messages: list[str] = []
        self.seconds: list[tuple[int, int]] = []
        self._on_second = on_second

    def on_message(self, text: str) -> None:
        """Remember."""
        self.messages.append(text)

    def on_window(self, frame: Frame, second: int) -> None:
        """Remember the second and the requests so far, and act."""
        self.seconds.append((second, frame.total.requests))
        self._on_second(second)


def supervise(
    folder: Path,
    handles: Sequence[WorkerHandle],
    follower: Listener,
    *,
    stops: StopRequests | None = None,
    thresholds: Sequence[Threshold] = (Threshold("errors.rate < 1%"),),
    allow_lost_workers: bool = False,
    graceful_stop_ns: int = 0,
    loads: Mapping[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Run a supervisor over these workers; the summary."""
    facts: dict[str, Any] = {
        "run_id": "A",
        "name": "shop",
        "seed": 1,
        "plan_sha256": "ab",
        "workers": len(handles),
        "warm_up_ns": 0,
        "base_urls": {"shop": "http://127.0.0.1:1"},
        "thresholds": [{"expression": each.expression, "scenario": None, "step": None} for each in thresholds],
        "allow_lost_workers": allow_lost_workers,
        "loads": dict(loads or {}),
    }

    assignment = Assignment(
        plan_json="{}",
        workers=len(handles),
        facts=lambda: facts,
        metadata={"loadcore.run_id": "A"},
        folder=RunFolder.create("A", folder),
        rules=[parse(threshold) for threshold in thresholds],
        graceful_stop_ns=graceful_stop_ns,
        needs=lambda connections, **_: Needs(tuple(connections)),
        start_worker=lambda worker: handles[worker],
        shown_plan={"version": 1},
    )
    return Supervisor(assignment, Listeners([follower]), stops or StopRequests()).run()
