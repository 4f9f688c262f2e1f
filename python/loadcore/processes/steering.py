"""How a run's load is steered while it lasts: what may be ordered, when it holds, and what has been ordered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadcore.control.wire import RefusedError, Reply, Request
from loadcore.plan.orders import Change, Order, fitting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loadcore.results.run_facts import RunStart

_LEAD_S = 0.1
_LEAD_PER_WORKER_S = 0.001
"""From an order to when it holds: by then every worker has read it."""
_NS = 1_000_000_000
MOST_ORDERS = 1000
"""More are refused: the report lists them."""


@dataclass(slots=True)
class Steered:
    """A scenario as orders have left it."""

    name: str
    place: int
    load: Mapping[str, Any]
    end_ns: int | None
    users: int
    is_paused: bool = False
    level: Change | None = None
    """The last order of users or of a rate; None: as planned."""

    @property
    def fitting(self) -> tuple[str, ...]:
        """The kinds of changes that it takes."""
        return fitting(self.load)

    def to_dict(self) -> dict[str, Any]:
        """As a reply has it."""
        return {
            "name": self.name,
            "kind": self.load.get("kind"),
            "changes": list(self.fitting),
            "paused": self.is_paused,
            "level": None if self.level is None else str(self.level),
        }


class Steering:
    """Turns requests into orders.

    Args:
        start: What was started.
        lead_s: What an order needs to reach all workers, beyond what it takes on this machine.
        require_room: Called with a scenario and its number of users or its rate before that is ordered; raises a
            `LoadcoreError` if the machines of the run do not allow it.
    """

    def __init__(self, start: RunStart, lead_s: float, require_room: Callable[[str, Change], None]) -> None:
        self._lead_ns = int((_LEAD_S + _LEAD_PER_WORKER_S * start.workers + lead_s) * _NS)
        self._require_room = require_room
        self._scenarios = [
            Steered(info.name, place, start.loads.get(info.name, {}), info.planned_end_ns, info.users)
            for place, info in enumerate(start.description.scenarios)
        ]
        self.orders: list[Order] = []
        """All that were given."""

    @property
    def users(self) -> int:
        """The most users at once, as it is now."""
        levels = [None if each.level is None else each.level.users for each in self._scenarios]
        return sum(each.users if level is None else level for each, level in zip(self._scenarios, levels, strict=True))

    @property
    def places(self) -> dict[str, int]:
        """By scenario its place in the plan."""
        return {each.name: each.place for each in self._scenarios}

    def take(self, request: Request, elapsed_ns: int) -> list[Order]:
        """The orders that carry a request out.

        Args:
            request: What is asked for.
            elapsed_ns: Since the run's start.

        Raises:
            RefusedError: It cannot be done; nothing changes.
        """
        change = request.change
        if change is None:
            return []
        chosen = self._chosen(request.scenario, change)
        at_ns = max(0, elapsed_ns) + self._lead_ns
        if self.orders:
            at_ns = max(at_ns, self.orders[-1].at_ns + 1)
        chosen = self._in_time(chosen, at_ns)
        if len(self.orders) + len(chosen) > MOST_ORDERS:
            raise RefusedError(f"a run takes at most {MOST_ORDERS:,} changes")
        if change.kind in {"users", "rate"}:
            for each in chosen:
                self._require_room(each.name, change)
        new = [Order(each.name, at_ns, change) for each in chosen if not _is_so(each, change)]
        for each in chosen:
            _apply(each, change)
        self.orders += new
        return new

    def reply(self, orders: list[Order], request: Request) -> Reply:
        """What to say to whoever asked."""
        scenarios = [each.to_dict() for each in self._scenarios]
        if request.change is None:
            return Reply(text="", scenarios=scenarios)
        if not orders:
            return Reply(text=f"{request.change}: it is so already", scenarios=scenarios)
        return Reply(text=said(orders, self.waiting(orders)), scenarios=scenarios)

    def waiting(self, orders: list[Order]) -> bool:
        """Whether what was ordered waits for the end of a pause."""
        of = {order.scenario for order in orders if order.change.kind in {"users", "rate"}}
        return any(each.is_paused for each in self._scenarios if each.name in of)

    def _chosen(self, name: str | None, change: Change) -> list[Steered]:
        """The scenarios that a request is about."""
        known = self._scenarios
        if name is not None:
            known = [each for each in known if each.name == name]
            if not known:
                names = ", ".join(each.name for each in self._scenarios)
                raise RefusedError(f'the run has no scenario "{name}"', hint=f"its scenarios: {names}")
        if all(not each.fitting for each in known):
            raise RefusedError(
                "Locust decides the load of this run, so it cannot be changed here",
                hint="change it in the locustfile: with a LoadTestShape, or runner.start() in a listener",
            )
        chosen = [each for each in known if change.kind in each.fitting]
        if not chosen:
            message, hint = _unfit(known, change)
            raise RefusedError(message, hint=hint)
        if len(chosen) > 1 and change.kind in {"users", "rate"}:
            names = ", ".join(each.name for each in chosen)
            raise RefusedError(f'"{change}" would change several scenarios: {names}', hint="name one: --scenario NAME")
        return chosen

    def _in_time(self, chosen: list[Steered], at_ns: int) -> list[Steered]:
        """Those of the scenarios that still start iterations then."""
        left = [each for each in chosen if each.end_ns is None or at_ns < each.end_ns]
        if not left:
            raise RefusedError("it is too late: the run starts no more iterations")
        return left


def said(orders: list[Order], waits: bool) -> str:  # noqa: FBT001 - of one sentence
    """Orders of one request in a sentence: `checkout: rate 300/s from 12.3 s on`."""
    names = ", ".join(order.scenario for order in orders)
    when = "once it is resumed" if waits else f"from {orders[0].at_ns / _NS:.1f} s on"
    return f"{names}: {orders[0].change} {when}"


def _unfit(known: list[Steered], change: Change) -> tuple[str, str]:
    names = ", ".join(each.name for each in known)
    if change.kind == "users":
        message = f"{names} starts iterations at a rate, so it has no number of users to change"
        return message, 'change the rate: "rate 300/s"'
    return f"{names} has a number of users, so it has no rate to change", 'change the users: "users 200"'


def _is_so(each: Steered, change: Change) -> bool:
    if change.kind in {"pause", "resume"}:
        return each.is_paused == (change.kind == "pause")
    return each.level == change


def _apply(each: Steered, change: Change) -> None:
    if change.kind in {"pause", "resume"}:
        each.is_paused = change.kind == "pause"
    else:
        each.level = change
