"""A worker process: one share of a plan, from orders on standard input to reports on standard output.

It outlives its supervisor by three seconds at most: the end of standard input means that the supervisor is gone. It
ignores Ctrl-C, which is the supervisor's to judge. Whatever happens to the disk or the pipe, rows and windows are
given up, never the load.

The first request waits for what is imported at the top, which `tests/e2e/test_imports.py` lists. The rest is imported
where it is needed.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from loadcore.engine import Ended, Engine, Rows, Sampled, Windows
from loadcore.machine.file_limit import raise_file_limit
from loadcore.processes import messages
from loadcore.processes.orders import Orders
from loadcore.processes.reports import Reports
from loadcore.processes.row_log import RowLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.results.run_facts import WorkerEnd

_EVENT_TIMEOUT_MS = 200


def main(supervised: Callable[[], None], lifeline: int) -> int:
    """Run one share. Gives the exit code: 0 when everything was written.

    Args:
        supervised: Called once this worker sees by itself that its supervisor is gone.
        lifeline: A pipe whose other end the supervisor alone holds.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders = Orders(os.dup(0))
    supervised()
    signal.signal(signal.SIGTERM, lambda _number, _frame: orders.stop())
    # Reports have the pipe for themselves: what anything else prints goes to the log.
    reports = Reports(os.dup(1), orders)
    os.dup2(2, 1)
    try:
        return _run(orders, reports, lifeline)
    except Exception as problem:  # noqa: BLE001 - told to the supervisor, whatever it was
        reports.send(_trouble(problem))
    return 1


def _trouble(problem: Exception) -> messages.Trouble:
    """The problem as the supervisor gets it. A bug of loadcore is in the log as well."""
    import traceback  # noqa: PLC0415
    from dataclasses import asdict  # noqa: PLC0415

    from loadcore.errors import PlanError, ScenarioRaised  # noqa: PLC0415
    from loadcore.wording.refusals import refusal  # noqa: PLC0415

    if isinstance(problem, PlanError):
        return messages.Trouble("the plan is not valid", [asdict(each) for each in problem.problems])
    if isinstance(problem, ScenarioRaised):
        return messages.Trouble(problem.message, frames=problem.frames, hint=problem.hint)
    refused = refusal(problem, "a worker cannot continue")
    if refused is not None:
        return messages.Trouble(str(refused), [asdict(each) for each in refused.problems])
    traceback.print_exception(problem)
    return messages.Trouble(f"{type(problem).__name__}: {problem}")


def _run(orders: Orders, reports: Reports, lifeline: int) -> int:
    prepare = orders.next()
    if prepare is None:
        return 1
    if not isinstance(prepare, messages.Prepare):
        from loadcore.errors import InternalError  # noqa: PLC0415

        raise InternalError(f"{type(prepare).__name__} before Prepare")
    raise_file_limit()
    code, program, facts = None, None, {}
    if prepare.program is not None:
        from loadcore.processes.user_code import UserCode  # noqa: PLC0415 - few runs have any

        code = UserCode(reports, prepare.worker, lifeline)
        program = code.prepare(prepare.program, prepare.share, prepare.shares)
        facts = {"program": program.facts}
    engine = Engine(prepare.plan, prepare.share, prepare.shares)
    reports.send(messages.Prepared(engine.describe().to_dict() | facts))
    if orders.next() is None:
        return 1
    log = RowLog(engine, prepare, reports)
    reports.send(messages.Armed())
    go = orders.next()
    if not isinstance(go, messages.Go):
        return 1
    orders.attach(engine)
    if code is not None and program is not None:
        return code.run(program, engine, log, go)
    engine.start(go.start_at_ns, go.wall_start_us, go.begins_ns)
    end = _drive(engine, log, reports)
    reports.send(messages.Done(end, time.monotonic_ns() - go.start_at_ns))
    return 0


def _drive(engine: Engine, log: RowLog, reports: Reports) -> WorkerEnd:
    """Hand on what the engine gives until it has ended."""
    while True:
        event = engine.next_event(_EVENT_TIMEOUT_MS)
        match event:
            case None:
                reports.heartbeat()
            case Rows(batch):
                log.write(batch)
            case Windows(batch):
                reports.send(messages.WindowBatch(batch.to_stream()))
            case Sampled(sample):
                reports.send(messages.Sampled(sample))
            case Ended():
                return log.close(event)
