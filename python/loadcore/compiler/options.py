"""What whoever starts a run may change about what the scenarios say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from loadcore.load_models import ArrivalRate, Iterations, Users, iterations

if TYPE_CHECKING:
    from loadcore.compiler.problems import Problems
    from loadcore.load_models import Load
    from loadcore.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Options:
    """Overrides and settings of one run. `None` leaves things as the scenarios say.

    An override goes to every scenario; one that does not fit a scenario's load model is refused.
    """

    users: int | None = None
    """Number of users: of `users` and `iterations`."""
    rate: str | None = None
    """Arrival rate: of `arrival_rate`."""
    duration: str | None = None
    """Length: of `users` and `arrival_rate`."""
    iterations: int | None = None
    """Number of iterations, of each user or of all as the scenario says: of `iterations`."""
    once: bool = False
    """One iteration of one user in place of every load: to try a scenario out."""
    base_url: str | None = None
    """The target of every scenario."""
    warm_up: str | None = None
    """Requests due before this offset stay out of the summary."""
    graceful_stop: str | None = None
    """How long running iterations may go on after the planned end."""
    seed: int | None = None
    """Where every random choice comes from. By default another for every plan."""
    name: str | None = None
    """What the run is called in reports. By default as the scenarios are."""
    upstream_header: str | None = None
    """A response header that tells an upstream's time: see `Http`."""


_FITS: Final = {
    "users": "users and iterations",
    "rate": "arrival_rate",
    "duration": "users and arrival_rate",
    "iterations": "iterations",
}
_WRITTEN: Final = {
    "Users": "users",
    "UserStages": "user_stages",
    "ArrivalRate": "arrival_rate",
    "ArrivalStages": "arrival_stages",
    "Iterations": "iterations",
}


def override_load(scenario: Scenario, options: Options, problems: Problems) -> Load:
    """The scenario's load as the options change it."""
    if options.once:
        return iterations(total=1)
    load = scenario.load
    for name in _FITS:
        value = getattr(options, name)
        if value is None:
            continue
        changed = _override(load, name, value)
        if changed is None:
            model = _WRITTEN.get(type(load).__name__, type(load).__name__)
            message = f'the scenario "{scenario.name}" has the load model {model}, in which {name} cannot be overridden'
            problems.add(scenario.place, message, f"{name} can be overridden in {_FITS[name]}")
        else:
            load = changed
    return load


def _override(load: Load, name: str, value: int | str) -> Load | None:
    """The load with one thing changed; `None` if it has no such thing."""
    match name, load:
        case ("users" | "duration", Users()) | ("rate" | "duration", ArrivalRate()) | ("users", Iterations()):
            return replace(load, **{name: value})  # type: ignore[arg-type]
        case ("iterations", Iterations()):
            return replace(load, **{"each" if load.total is None else "total": value})  # type: ignore[arg-type]
        case _:
            return None
