"""The load of a scenario, as a layer of settings changes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from loadcore.errors import UsageError
from loadcore.scenario.load_models import (
    ArrivalRate,
    ArrivalStages,
    Iterations,
    Users,
    UserStages,
    arrival_rate,
    iterations,
    users,
)
from loadcore.wording.units import format_duration

if TYPE_CHECKING:
    from loadcore.compiler.stages import Stage
    from loadcore.scenario.load_models import Load

LOAD: Final = ("users", "rate", "max_users", "duration", "iterations")
"""The settings that make up the load."""

_CLOSED: Final = (Users, UserStages, Iterations)
_MODELS: Final = (*_CLOSED, ArrivalRate, ArrivalStages)


class LoadLayer(Protocol):
    """What a layer of settings says about the load: the fields of `LOAD`; `None` leaves things as they are."""

    @property
    def users(self) -> int | tuple[Stage, ...] | None:
        """A constant number of users, or stages."""

    @property
    def rate(self) -> str | None:
        """Iterations started per time."""

    @property
    def max_users(self) -> int | None:
        """With a rate: how many users there may be."""

    @property
    def duration(self) -> str | None:
        """For how long."""

    @property
    def iterations(self) -> int | None:
        """How many iterations."""

    def written(self, name: str) -> str:
        """A setting's name as it is written where this layer comes from."""


def contradictions(layer: LoadLayer) -> list[UsageError]:
    """What one layer wants that cannot be had together."""
    stages = isinstance(layer.users, tuple)
    users, rate, most, duration, number = map(layer.written, LOAD)
    found = (
        (layer.users is not None and layer.rate is not None, f"{users} and {rate} exclude each other",
         f"{users} is a closed loop, {rate} an open one"),
        (stages and layer.duration is not None, f"{duration} and stages of {users} exclude each other",
         "stages have their own durations"),
        (layer.iterations is not None and (layer.rate is not None or stages),
         f"{number} needs a number of users", f"give {users} a number, or remove {number}"),
        (layer.max_users is not None and (layer.users is not None or layer.iterations is not None),
         f"{most} needs a rate", "it limits the users of an open loop"),
    )  # fmt: skip
    return [UsageError(message, hint=hint) for clash, message, hint in found if clash]


def load_for(load: Load, layer: LoadLayer, name: str) -> Load:
    """The load of the scenario `name`, as a layer wants it: users make it closed, a rate makes it open.

    What is not a load model is left for the compiler to report.

    Raises:
        UsageError: What is wanted cannot be had of this load.
    """
    if not isinstance(load, _MODELS):
        return load
    if layer.iterations is not None:
        return _with_iterations(load, layer.iterations, layer)
    if layer.rate is not None:
        return _with_rate(load, layer.rate, layer, name)
    if isinstance(layer.users, tuple):
        return _stages(layer.users)
    if layer.users is not None:
        return _with_users(load, layer.users, layer, name)
    return _same_model(load, layer, name)


def _with_iterations(load: Load, number: int, layer: LoadLayer) -> Load:
    """A number of iterations: of each user where the scenario says each, of all together otherwise."""
    before = load if isinstance(load, Iterations) else None
    count = layer.users if isinstance(layer.users, int) else None
    count = count or (load.users if isinstance(load, Users | Iterations) else 1)
    longest = layer.duration or (before.max_duration if before else "10m")
    if before and before.total is None:
        return iterations(each=number, users=count, max_duration=longest)
    return iterations(total=number, users=count, max_duration=longest)


def _with_rate(load: Load, rate: str, layer: LoadLayer, name: str) -> Load:
    before = load if isinstance(load, ArrivalRate) else None
    return arrival_rate(
        rate,
        duration=layer.duration or _duration_of(load, layer, name),
        max_users=layer.max_users or (before.max_users if before else None),
        arrivals=before.arrivals if before else "even",
    )


def _with_users(load: Load, count: int, layer: LoadLayer, name: str) -> Load:
    if isinstance(load, Iterations):
        return replace(load, users=count, max_duration=layer.duration or load.max_duration)
    return users(count, duration=layer.duration or _duration_of(load, layer, name))


def _stages(points: tuple[Stage, ...]) -> Load:
    """Straight lines from point to point; the last point is held for its time."""
    ends = [*points[1:], points[-1]]
    lines = [(end.users, format_duration(point.duration_ns)) for point, end in zip(points, ends, strict=True)]
    return UserStages(tuple(lines), points[0].users)


def _same_model(load: Load, layer: LoadLayer, name: str) -> Load:
    """The load with another length or another limit of users."""
    if layer.max_users is not None:
        if isinstance(load, _CLOSED):
            message = f"{layer.written('max_users')} needs a rate"
            raise UsageError(message, hint=f'the load of the scenario "{name}" is a closed loop')
        load = replace(load, max_users=layer.max_users)
    if layer.duration is None:
        return load
    if isinstance(load, Iterations):
        return replace(load, max_duration=layer.duration)
    if isinstance(load, Users | ArrivalRate):
        return replace(load, duration=layer.duration)
    raise UsageError(
        f'{layer.written("duration")} cannot change the load of the scenario "{name}", which has stages',
        hint=f'give other stages: {layer.written("users")} "0:10s,1000:20s"',
    )


def _duration_of(load: Load, layer: LoadLayer, name: str) -> str:
    """How long a load of one length lasts."""
    if isinstance(load, Users | ArrivalRate) and load.duration is not None:
        return load.duration
    message = f'the load of the scenario "{name}" has no duration'
    raise UsageError(message, hint=f'give {layer.written("duration")} "30s" as well, or stages of users')
