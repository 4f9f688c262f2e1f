"""Scenarios: a flow of steps and the load it is put under.

Everything here is a declaration: making one does no work and asks nothing of the world. What is wrong with a
declaration is found when the plan is compiled, everything at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

from loadcore.scenario.place import Place, here
from loadcore.scenario.step import Script, Step, declares

if TYPE_CHECKING:
    from loadcore.scenario.auth import Auth
    from loadcore.scenario.checks import Claim
    from loadcore.scenario.feeders import Feeder
    from loadcore.scenario.http import Http
    from loadcore.scenario.load_models import Load
    from loadcore.scenario.pauses import Pause
    from loadcore.scenario.threshold import Threshold
    from loadcore.scenario.values import Fields
    from loadcore.scripting.user import User

Steps: TypeAlias = "Sequence[Step | Script] | Script"
"""A list of steps, functions of yours among them, or one such function."""


@dataclass(frozen=True, slots=True)
class Group(Step):
    """Steps timed together."""

    name: str
    steps: tuple[Step | Script, ...]
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Choice(Step):
    """One of several lists of steps, by weight."""

    options: tuple[tuple[int, tuple[Step | Script, ...]], ...]
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Repeat(Step):
    """The same steps several times."""

    times: int
    steps: tuple[Step | Script, ...]
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Branch(Step):
    """One list of steps or another, by a variable."""

    claim: Claim
    then: tuple[Step | Script, ...]
    otherwise: tuple[Step | Script, ...]
    place: Place | None = field(default_factory=here, compare=False, repr=False)


def group(name: str, steps: Steps, /) -> Group:
    """Steps whose time together is of interest, think time included, under one name in results.

    group("order", [post("/orders", json={"item": "{item_id}"}), get("/orders/{order_id}")])
    """
    declares("group")
    return Group(name, _listed(steps))


def choice(*options: tuple[int, Steps]) -> Choice:
    """One of several lists of steps, or functions of yours, chosen each time by weight.

    choice((4, [get("/items")]), (1, [post("/orders", json={})]))
    choice((4, [get("/items")]), (1, read_all_pages))
    """
    declares("choice")
    return Choice(tuple((weight, _listed(steps)) for weight, steps in options))


def repeat(times: int, steps: Steps, /) -> Repeat:
    """The same steps several times.

    repeat(3, [get("/items"), think("1s")])
    """
    declares("repeat")
    return Repeat(times, _listed(steps))


def branch(claim: Claim, /, *, then: Steps, otherwise: Steps = ()) -> Branch:
    """One list of steps or another, by a variable of the user.

        branch(variable("role") == "admin", then=[get("/admin")], otherwise=[get("/users/me")])
        branch(variable("next").exists(), then=[get("{next}")])

    Args:
        claim: What is asked of the variable.
        then: Done if it holds.
        otherwise: Done if it does not.
    """
    declares("branch")
    return Branch(claim, _listed(then), _listed(otherwise))


def _listed(steps: Steps) -> tuple[Step | Script, ...]:
    """A copy that cannot change. A function is left as it is; the compiler reports anything else but a list."""
    return tuple(steps) if isinstance(steps, list | tuple) else cast("tuple[Step | Script, ...]", steps)


@dataclass(frozen=True)
class Scenario:
    """A flow of steps and the load it is put under.

    Scenario(
        "browse",
        base_url="http://127.0.0.1:8080",
        load=users(50, duration="60s"),
        steps=[get("/items"), think("1s", "3s")],
    )
    """

    name: str
    """What it is called in results. Unique in its file."""
    _: KW_ONLY
    steps: Steps | type[User]
    """One iteration: a list of steps, an `async def` that takes the user's client, a list that holds both, or a class
    of users with `@task` methods."""
    base_url: str | None = None
    """What relative URLs are joined to: `http://host:port` or `https://…`, with an optional path prefix.
    May be left to `--base-url`."""
    load: Load | None = None
    """How load is offered. By default one user for thirty seconds, or as whoever starts the run says."""
    auth: Auth | None = None
    """How every request authenticates that says nothing else."""
    headers: Fields = field(default_factory=dict)
    """Sent with every request; a request's own header of that name wins. A header that holds what a step of `on_start`
    extracts is sent from then on."""
    feeders: Sequence[Feeder] = ()
    """Where the users' variables come from, a new row of each for every iteration."""
    on_start: Steps = ()
    """Done once by every user before its first iteration. A user whose start fails is lost: it never iterates."""
    on_stop: Steps = ()
    """Done once by every user after its last iteration."""
    pacing: Pause | None = None
    """Least distance between the starts of two iterations of one user: `every("5s")`. Closed models only."""
    start_after: str = "0s"
    """When this scenario starts, counted from the start of the run."""
    thresholds: Sequence[str | Threshold] = ()
    """Claims about this scenario that decide the exit code. A file's own are in its `THRESHOLDS`.

    `errors.rate < 1%` and, where there are checks, `checks.rate > 99%` are judged unless one of these replaces them.
    """
    http: Http | None = None
    """How the run speaks HTTP. One for the whole run: scenarios that give one must agree. So with the next two."""
    warm_up: str | None = None
    """Requests due before this offset stay out of the summary. By default none."""
    graceful_stop: str | None = None
    """How long running iterations may continue after the planned end. By default "30s"."""
    place: Place | None = field(default_factory=here, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Takes copies, so that the declaration cannot change after it was made."""
        for name in ("steps", "feeders", "on_start", "on_stop", "thresholds"):
            object.__setattr__(self, name, _listed(getattr(self, name)))
        if isinstance(self.headers, Mapping):
            object.__setattr__(self, "headers", dict(self.headers))
