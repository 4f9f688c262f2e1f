"""One user in this process, with no run around it: to step through its code, or to try a request.

Its requests are sent by the same engine, so they authenticate, redirect and time out as in a run.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from loadcore.compiler import Options, compile_run
from loadcore.engine import Ended, Engine, Sampled
from loadcore.errors import RunError, UsageError
from loadcore.plan.plan import Plan
from loadcore.results.samples import Sample
from loadcore.scenario.feeders import rows_feeder
from loadcore.scenario.load_models import iterations as number_of_iterations
from loadcore.scenario.scenario import Scenario
from loadcore.scenario.step import Declaring
from loadcore.scripting import per_worker
from loadcore.scripting.client import Client, Driver, RunAborted
from loadcore.scripting.failures import IterationFailed
from loadcore.scripting.loop import Loop
from loadcore.scripting.response import Response
from loadcore.scripting.travel import find, staying

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from loadcore.engine import Crossing, ScriptUser, Turn
    from loadcore.plan.document import PlanDocument
    from loadcore.scenario.step import Script
    from loadcore.scripting.loop import Life

_AN_HOUR_NS: Final = 3_600_000_000_000
_EVENT_TIMEOUT_MS: Final = 50


def debug(scenario: Scenario, iterations: int, given: Mapping[str, Any]) -> None:
    """Run one user to its end. Arguments and errors as of `loadcore.api.debug`."""
    if asyncio._get_running_loop() is not None:  # noqa: SLF001 - what asyncio.run asks; the public way raises
        raise UsageError(
            "loadcore.debug() runs an event loop of its own, and one runs already, as in a notebook",
            hint="write async with Client(shop) as c: await shopper(c)",
        )
    with staying():
        plan = _plan_of(scenario, iterations, given)
        scripts = [find(script) for script in plan.document.get("scripts", ())]
    Declaring.is_over = True
    try:
        asyncio.run(_debug(plan, scripts))
    finally:
        Declaring.is_over = False


async def _debug(plan: Plan, scripts: list[Script]) -> None:
    stopped: list[BaseException] = []

    def user(port: ScriptUser, run: _Run) -> Life:
        return _Debugged(Driver(port, run, scenario=plan.name, seed=plan.seed), run, scripts, stopped)

    try:
        await _Engine(plan, print).run(user)
    finally:
        await per_worker.close_all()
    if stopped:
        raise stopped[0]


class _Debugged:
    """What a user does with its turns until it raises: `stopped` takes that."""

    def __init__(self, driver: Driver, run: _Run, scripts: list[Script], stopped: list[BaseException]) -> None:
        self._driver, self._run, self._scripts, self._stopped = driver, run, scripts, stopped

    def begin(self, turn: Turn) -> Awaitable[object]:
        self._driver.begin(turn)
        return self._scripts[turn.script](self._driver.client)

    def end(self, error: BaseException | None, *, is_cut: bool = False) -> str:
        if error is None:
            error = _unfit(self._driver)
        match error:
            case None:
                return "complete"
            case IterationFailed():
                self._run.tell(f"the iteration failed: {error}")
                return "failed"
            case RunAborted():
                return "interrupted"
            case asyncio.CancelledError() if is_cut:
                return "interrupted"
        # Raised once the engine has ended.
        self._stopped.append(error)
        self._run.interrupt()
        return "failed"


def _unfit(driver: Driver) -> TypeError | None:
    """End a turn of a user. What is wrong with the variables that it has set, if anything is."""
    try:
        driver.end()
    except TypeError as error:
        return error
    return None


class _Open:
    """How many clients of this process are open: the last one closes what they share."""

    clients = 0


class _Alone:
    """What a user does with its turns whose iteration is what is done outside, until that has `left`.

    What its turns raise is raised where the client is opened, or goes into `wrong`.
    """

    def __init__(
        self,
        driver: Driver,
        scripts: list[Script],
        ready: asyncio.Future[None],
        left: asyncio.Event,
        wrong: list[BaseException],
    ) -> None:
        self._driver, self._scripts, self._ready, self._left, self._wrong = driver, scripts, ready, left, wrong

    async def begin(self, turn: Turn) -> None:
        self._driver.begin(turn)
        script = self._scripts[turn.script]
        await script(self._driver.client)
        if script is _held:
            self._ready.set_result(None)
            await self._left.wait()

    def end(self, error: BaseException | None, *, is_cut: bool = False) -> str:
        if error is None:
            error = _unfit(self._driver)
        if error is None:
            return "complete"
        if not self._ready.done():
            self._ready.set_exception(error)
        elif not is_cut:
            self._wrong.append(error)
        return "failed"


@asynccontextmanager
async def alone(client: Client, scenario: Scenario | None, given: Mapping[str, Any]) -> AsyncIterator[None]:
    """Open the client of a user that makes one iteration: what is done meanwhile."""
    declared = replace(scenario or Scenario("client", steps=_held), steps=_held)
    with staying():
        plan = _plan_of(declared, 1, given)
        scripts = [find(script) for script in plan.document["scripts"]]
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = asyncio.Event()
    wrong: list[BaseException] = []

    def user(port: ScriptUser, run: _Run) -> Life:
        driver = Driver(port, run, scenario=plan.name, seed=plan.seed, client=client)
        return _Alone(driver, scripts, ready, left, wrong)

    running = asyncio.ensure_future(_Engine(plan, lambda _: None).run(user))
    _Open.clients += 1
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            raise RunError("the user's start failed: a request of on_start, or its login, had no response")
        await ready
        yield
    finally:
        left.set()
        _Open.clients -= 1
        try:
            await running
        finally:
            if not _Open.clients:
                await per_worker.close_all()
    if wrong:
        raise wrong[0]


async def _held(_: Client) -> None:
    """The iteration of a user that is driven from outside."""


def _plan_of(scenario: Scenario, iterations: int, given: Mapping[str, Any]) -> Plan:
    changes = {name: value for name, value in given.items() if value is not None}
    row = changes.pop("row", None)
    if row is not None:
        changes["feeders"] = [rows_feeder([row])]
    load = number_of_iterations(each=iterations, max_duration="24h")
    one = replace(scenario, load=load, pacing=None, start_after="0s", warm_up=None, thresholds=(), **changes)
    plan, _ = compile_run([one], Options())
    document: PlanDocument = {**plan.document, "samples": "everything"}
    if _is_debugged():
        document["http"] = {**plan.document["http"], "timeouts": {"connect_ns": _AN_HOUR_NS, "total_ns": _AN_HOUR_NS}}
    return Plan(document)


def _is_debugged() -> bool:
    monitoring = getattr(sys, "monitoring", None)
    by_events = monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None
    return by_events or sys.gettrace() is not None


class _Run:
    """What users need of a run."""

    def __init__(self, engine: Engine, crossing: Crossing, tell: Callable[[str], None]) -> None:
        self.now_ns = crossing.now_ns
        self.interrupt = engine.interrupt
        self.tell = tell

    def abort(self, reason: str) -> None:
        """End it."""
        self.tell(f"aborted: {reason}")
        self.interrupt()


class _Engine:
    """An engine whose users run on the running loop."""

    def __init__(self, plan: Plan, tell: Callable[[str], None]) -> None:
        self._engine = Engine(plan.to_json(), 0, 1)
        self._tell = tell

    async def run(self, user: Callable[[ScriptUser, _Run], Life]) -> None:
        """Run to the end of the only user."""
        crossing = self._engine.crossing()
        reader = threading.Thread(target=self._read, name="debug", daemon=True)
        self._engine.start(time.monotonic_ns(), time.time_ns() // 1_000)
        reader.start()
        if crossing is not None:
            run = _Run(self._engine, crossing, self._tell)
            await Loop(crossing, frozenset({0}), lambda port: user(port, run), self._tell).run(Response)
        await asyncio.to_thread(reader.join)

    def _read(self) -> None:
        """Take what the engine tells: requests are shown, rows and windows are not kept."""
        while True:
            event = self._engine.next_event(_EVENT_TIMEOUT_MS)
            if isinstance(event, Sampled):
                self._tell(_line(Sample.from_dict(event.sample)))
            if isinstance(event, Ended):
                if event.error:
                    self._tell(event.error)
                return


def _line(sample: Sample) -> str:
    """A request on one line: its step, its status or outcome, and what is wrong with it."""
    status = sample.response.status if sample.response is not None and sample.response.status else sample.what
    size = f" {sample.response.body_bytes:,} B" if sample.response is not None else ""
    return f"{sample.step} → {status}{size}" + (f": {sample.reason}" if sample.kind != "none" else "")
