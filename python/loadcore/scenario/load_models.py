"""Load models: how a scenario's load is offered.

Closed models (`users`, `user_stages`, `iterations`) keep users looping: a slow target gets fewer requests.
Open models (`arrival_rate`, `arrival_stages`) start iterations when they are due, whatever the target does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, overload

Arrivals: TypeAlias = Literal["even", "poisson"]


@dataclass(frozen=True, slots=True)
class Users:
    """Closed: a constant number of users."""

    users: int
    duration: str | None
    """None: whoever starts the run says for how long."""


@dataclass(frozen=True, slots=True)
class UserStages:
    """Closed: the number of users follows straight lines."""

    stages: tuple[tuple[int, str], ...]
    start: int


@dataclass(frozen=True, slots=True)
class ArrivalRate:
    """Open: iterations are started at a constant rate."""

    rate: str
    duration: str | None
    """None: whoever starts the run says for how long."""
    max_users: int | None
    arrivals: Arrivals


@dataclass(frozen=True, slots=True)
class ArrivalStages:
    """Open: the rate follows straight lines."""

    stages: tuple[tuple[str, str], ...]
    start: str
    max_users: int | None
    arrivals: Arrivals


@dataclass(frozen=True, slots=True)
class Iterations:
    """Closed: a fixed number of iterations, of each user or of all together."""

    users: int
    each: int | None
    total: int | None
    max_duration: str


Load: TypeAlias = Users | UserStages | ArrivalRate | ArrivalStages | Iterations

DEFAULT_LOAD: Final = Users(1, "30s")
"""The load of a scenario that gives none."""


def users(users: int, /, *, duration: str | None = None) -> Users:
    """A constant number of users, all from the start, who iterate for `duration`.

        users(50, duration="60s")

    Args:
        users: How many.
        duration: For how long. Without it the duration must be given when the run is started.
    """
    return Users(users, duration)


def user_stages(*stages: tuple[int, str], start: int = 0) -> UserStages:
    """A number of users that follows straight lines, each to a number of users over a time. A time of "0s" is a jump.

    user_stages((1000, "30s"), (1000, "2m"), (0, "10s"))     ramp up, hold, ramp down
    """
    return UserStages(stages, start)


def arrival_rate(
    rate: str, /, *, duration: str | None = None, max_users: int | None = None, arrivals: Arrivals = "even"
) -> ArrivalRate:
    """Iterations started at a constant rate for `duration`.

        arrival_rate("400/s", duration="60s")
        arrival_rate("400/s", duration="60s", arrivals="poisson")     as independent clients come

    Args:
        rate: Iterations started per time.
        duration: For how long. Without it the duration must be given when the run is started.
        max_users: An arrival that finds this many users busy is dropped and counted.
            By default as many as arrive in ten seconds, at least 10 and at most 10,000.
        arrivals: Spread evenly, or with exponential gaps.
    """
    return ArrivalRate(rate, duration, max_users, arrivals)


def arrival_stages(
    *stages: tuple[str, str], start: str = "0/s", max_users: int | None = None, arrivals: Arrivals = "even"
) -> ArrivalStages:
    """An arrival rate that follows straight lines, each to a rate over a time. A time of "0s" is a jump.

        arrival_stages(("400/s", "30s"), ("400/s", "2m"))

    Args:
        stages: The lines, one after another.
        start: The rate at the start.
        max_users: As of `arrival_rate`, for the highest rate.
        arrivals: As of `arrival_rate`.
    """
    return ArrivalStages(stages, start, max_users, arrivals)


@overload
def iterations(*, total: int, users: int = 1, max_duration: str = "10m") -> Iterations: ...
@overload
def iterations(*, each: int, users: int = 1, max_duration: str = "10m") -> Iterations: ...
def iterations(
    *, total: int | None = None, each: int | None = None, users: int = 1, max_duration: str = "10m"
) -> Iterations:
    """A fixed number of iterations.

        iterations(total=1000, users=50)     who is free takes the next
        iterations(each=20, users=50)        every user makes 20

    Args:
        total: How many all users make together.
        each: How many every user makes.
        users: How many users there are.
        max_duration: Iterations not started by then are not started.
    """
    return Iterations(users, each, total, max_duration)


def usual_max_users(per_second: float) -> int:
    """The default number of users of an open model: as many as arrive in ten seconds, within bounds."""
    return min(max(math.ceil(per_second * _SECONDS_OF_ARRIVALS), _FEWEST_MAX_USERS), _MOST_MAX_USERS)


_SECONDS_OF_ARRIVALS = 10
_FEWEST_MAX_USERS = 10
_MOST_MAX_USERS = 10_000
