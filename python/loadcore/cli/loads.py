"""The load of a run: what a scenario says, as the command line or a file changes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loadcore.errors import UsageError
from loadcore.load_models import (
    ArrivalRate,
    ArrivalStages,
    Iterations,
    Users,
    UserStages,
    arrival_rate,
    iterations,
    users,
)
from loadcore.units import format_duration

if TYPE_CHECKING:
    from loadcore.cli.stages import Stage
    from loadcore.load_models import Load

UNSAID = users(1, duration="30s")
"""The load of a scenario that gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants of the load; None leaves it as the scenario says.

    Attributes:
        users: A constant number of users, or stages.
        rate: Iterations started per second.
        max_users: With a rate: how many users there may be.
        duration: For how long.
        iterations: How many iterations.
    """

    users: int | tuple[Stage, ...] | None = None
    rate: str | None = None
    max_users: int | None = None
    duration: str | None = None
    iterations: int | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is wanted."""
        return self == Wish()


def load_for(load: Load, wish: Wish) -> Load:
    """The load with the wish fulfilled. A wish for users makes it closed, one for a rate open.

    Raises:
        UsageError: The wish contradicts itself, or cannot be had of this load.
    """
    _refuse_contradictions(wish)
    if wish.iterations is not None:
        return _with_iterations(load, wish.iterations, wish)
    if wish.rate is not None:
        return _with_rate(load, wish.rate, wish)
    if isinstance(wish.users, tuple):
        return _stages(wish.users)
    if wish.users is not None:
        return _with_users(load, wish.users, wish.duration)
    return _same_model(load, wish)


def _refuse_contradictions(wish: Wish) -> None:
    stages = isinstance(wish.users, tuple)
    for clash, message, hint in (
        (wish.users is not None and wish.rate is not None, "--users and --rate exclude each other",
         "--users is a closed loop, --rate an open one"),
        (stages and wish.duration is not None, "--duration and stages of --users exclude each other",
         "stages have durations of their own"),
        (wish.iterations is not None and (wish.rate is not None or stages),
         "--iterations goes with a number of users only", "give --users 50 --iterations 1000"),
        (wish.max_users is not None and (wish.users is not None or wish.iterations is not None),
         "--max-users goes with a rate only", "it is the limit of users in an open loop"),
    ):  # fmt: skip
        if clash:
            raise UsageError(message, hint=hint)


def _with_iterations(load: Load, number: int, wish: Wish) -> Load:
    """So many iterations: of each user where the scenario says each, of all together otherwise."""
    before = load if isinstance(load, Iterations) else None
    count = wish.users if isinstance(wish.users, int) else None
    count = count or (load.users if isinstance(load, Users | Iterations) else 1)
    longest = wish.duration or (before.max_duration if before else "10m")
    if before and before.total is None:
        return iterations(each=number, users=count, max_duration=longest)
    return iterations(total=number, users=count, max_duration=longest)


def _with_rate(load: Load, rate: str, wish: Wish) -> Load:
    before = load if isinstance(load, ArrivalRate) else None
    return arrival_rate(
        rate,
        duration=wish.duration or _duration_of(load),
        max_users=wish.max_users or (before.max_users if before else None),
        arrivals=before.arrivals if before else "even",
    )


def _with_users(load: Load, count: int, duration: str | None) -> Load:
    if isinstance(load, Iterations):
        return replace(load, users=count, max_duration=duration or load.max_duration)
    return users(count, duration=duration or _duration_of(load))


def _stages(points: tuple[Stage, ...]) -> Load:
    """Straight lines from point to point; the last point is held for its time."""
    ends = [*points[1:], points[-1]]
    lines = [(end.users, format_duration(point.duration_ns)) for point, end in zip(points, ends, strict=True)]
    return UserStages(tuple(lines), points[0].users)


def _same_model(load: Load, wish: Wish) -> Load:
    """The load with another length or another limit of users."""
    if wish.max_users is not None:
        if not isinstance(load, ArrivalRate | ArrivalStages):
            raise UsageError("--max-users goes with a rate only", hint="the scenario's load is a closed loop")
        load = replace(load, max_users=wish.max_users)
    if wish.duration is None:
        return load
    if isinstance(load, Iterations):
        return replace(load, max_duration=wish.duration)
    if isinstance(load, Users | ArrivalRate):
        return replace(load, duration=wish.duration)
    raise UsageError(
        "--duration cannot change a load of stages",
        hint='give other stages: --users "0:10s,1000:20s"',
    )


def _duration_of(load: Load) -> str:
    """How long a load of one length goes on."""
    if isinstance(load, Users | ArrivalRate) and load.duration is not None:
        return load.duration
    raise UsageError("the scenario's load does not say for how long", hint="give --duration 30s, or stages of users")
