"""What a worker runs of a plan with scripts: its users, on an event loop of their own."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Protocol

from loadcore.loader.user_code import place_of, user_code
from loadcore.scenario.step import Declaring
from loadcore.scripting.client import Driver
from loadcore.scripting.collector import Collector
from loadcore.scripting.event_loop import EventLoop
from loadcore.scripting.failures import IterationFailed
from loadcore.scripting.iteration import end_turn, raised_of, strayed
from loadcore.scripting.loop import Loop
from loadcore.scripting.per_worker import close_all, open_all
from loadcore.scripting.response import Response
from loadcore.scripting.travel import find
from loadcore.scripting.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from loadcore.engine import Crossing, ScriptUser, Turn
    from loadcore.scenario.step import Script
    from loadcore.scripting.iteration import Raised

_MOST_FAILURES = 3
_MOST_UNAWAITED = 20


class Control(Protocol):
    """The way to the supervisor: see `loadcore.processes.user_code`."""

    so_far: Callable[[], dict[str, Any]]
    """What the program would give if it ended now."""

    def raised(self, kind: str, place: str, traceback: str, *, at_fault: bool = False) -> None:
        """An exception of user code."""
        ...

    def say(self, sentence: str) -> None:
        """Something worth knowing."""
        ...

    def abort(self, reason: str) -> None:
        """The end of the run."""
        ...


def prepare(arguments: Mapping[str, Any], share: int, shares: int) -> Users:
    """Find the functions that users run, and make what users share.

    Args:
        arguments: `scripts` and `seed` of the plan, and `scenarios`: the name of each, and whether it has a script.
        share: Which worker this is.
        shares: Of how many.
    """
    _ = share, shares
    scripts = [find(script) for script in arguments["scripts"]]
    users = Users(scripts, arguments["scenarios"], arguments["seed"])
    with user_code():
        users.open()
    return users


class Users:
    """The users of a worker.

    Args:
        scripts: What they run, as the plan numbers it.
        scenarios: The name of each scenario, and whether a script is in it.
        seed: Of the run.
    """

    def __init__(self, scripts: list[Script], scenarios: list[tuple[str, bool]], seed: int) -> None:
        self.facts: dict[str, Any] = {}
        self._failures: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._unawaited: set[str] = set()
        self._scripts = scripts
        self._names = {number: name for number, (name, is_scripted) in enumerate(scenarios) if is_scripted}
        self._seed = seed
        self._loop = EventLoop()

    def open(self) -> None:
        """Make what they share: the load begins when all workers have."""
        self._loop.run(open_all())

    def run(self, crossing: Crossing, control: Control) -> dict[str, Any] | None:
        """Run them until the engine takes nothing more."""
        watchdog, collector = Watchdog(control.say), Collector()
        collector.start()
        control.so_far = lambda: self._so_far(watchdog, collector)
        self._loop.stray = lambda error: _report(strayed(error), control)
        try:
            self._loop.run(self._run(crossing, control, watchdog))
        finally:
            self._loop.close()
        return self._document(watchdog, collector)

    def _document(self, watchdog: Watchdog, collector: Collector) -> dict[str, Any]:
        failed = {scenario: [*said.values()] for scenario, said in self._failures.items()}
        return {
            "blocked": [*watchdog.blocked.values()],
            "collections": collector.stop(),
            "failed": failed,
            "unawaited": sorted(self._unawaited),
        }

    def _so_far(self, watchdog: Watchdog, collector: Collector) -> dict[str, Any]:
        """Of code that does not end, with the line that it is at."""
        at = watchdog.at()
        return {**self._document(watchdog, collector), "endless": at or ""}

    async def _run(self, crossing: Crossing, control: Control, watchdog: Watchdog) -> None:
        # A declaration that is made from now on would do nothing.
        Declaring.is_over = True
        try:
            watchdog.start()
            run = Run(crossing, control)
            make = lambda user: self._user(user, run, control)  # noqa: E731
            await Loop(crossing, frozenset(self._names), make, control.say).run(Response)
        finally:
            watchdog.stop()
            await _close(control)

    def _user(self, user: ScriptUser, run: Run, control: Control) -> Life:
        driver = Driver(user, run, scenario=self._names[user.scenario], seed=self._seed)
        return Life(driver, self._scripts, control, self._failures[self._names[user.scenario]], self._unawaited)


class Life:
    """What a user does with its turns: see `loadcore.scripting.loop`.

    Args:
        driver: Of the user.
        scripts: What it runs, as the plan numbers it.
        control: The way to the supervisor.
        failures: Gets the first sentences of its scenario's iterations that failed and raised nothing.
        unawaited: Gets the names of requests that were made and never awaited.
    """

    def __init__(
        self,
        driver: Driver,
        scripts: Sequence[Script],
        control: Control,
        failures: dict[str, str],
        unawaited: set[str],
    ) -> None:
        self._driver, self._scripts, self._control = driver, scripts, control
        self._failures, self._unawaited = failures, unawaited

    def begin(self, turn: Turn) -> Awaitable[object]:
        """Begin a turn: gives the user's code, to be awaited."""
        self._driver.begin(turn)
        return self._scripts[turn.script](self._driver.client)

    def end(self, error: BaseException | None, *, is_cut: bool = False) -> str:
        """End a turn, by what the user's code raised, and whether it was cut short: says how."""
        ended = end_turn(self._driver, error, is_cut=is_cut)
        if isinstance(error, IterationFailed) and len(self._failures) < _MOST_FAILURES:
            place = place_of(error)
            self._failures.setdefault(str(error), f"{place}: {error}" if place else str(error))
        if ended.raised is not None:
            _report(ended.raised, self._control, at_fault=ended.at_fault)
            return "broken"
        for name in ended.unsent:
            if name not in self._unawaited and len(self._unawaited) < _MOST_UNAWAITED:
                self._unawaited.add(name)
                self._control.say(f"a request of {name} was made and never awaited: write await before it")
        return ended.how


class Run:
    """What users need of the run.

    Args:
        crossing: The engine's side.
        control: The way to the supervisor.
    """

    def __init__(self, crossing: Crossing, control: Control) -> None:
        self.now_ns = crossing.now_ns
        self.abort = control.abort


async def _close(control: Control) -> None:
    """Close what users share. What raises is an exception of the users' code: the run is over."""
    try:
        await close_all()
    except BaseExceptionGroup as errors:
        for error in errors.exceptions:
            _report(raised_of(error), control)


def _report(raised: Raised | None, control: Control, *, at_fault: bool = False) -> None:
    if raised is not None:
        traceback = "\n".join([*raised.frames, raised.message])
        control.raised(raised.kind, raised.at or "", traceback, at_fault=at_fault)
