"""Pauses: think time inside an iteration, pacing between iterations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

from loadcore.scenario.step import Step, declares


@dataclass(frozen=True, slots=True)
class Pause:
    """Lengths of time, drawn each time: constant, uniform or exponential."""

    shortest: str | None = None
    longest: str | None = None
    mean: str | None = None


@dataclass(frozen=True, slots=True)
class Think(Step):
    """A step that pauses."""

    pause: Pause


@overload
def think(shortest: str, longest: str | None = None, /) -> Think: ...
@overload
def think(*, mean: str) -> Think: ...
def think(shortest: str | None = None, longest: str | None = None, /, *, mean: str | None = None) -> Think:
    """Pause, as a person does between two requests.

    think("2s")           always two seconds
    think("1s", "3s")     any length between, equally likely
    think(mean="2s")      exponential, cut at ten times the mean
    """
    declares("think")
    return Think(Pause(shortest, longest, mean))


@overload
def every(shortest: str, longest: str | None = None, /) -> Pause: ...
@overload
def every(*, mean: str) -> Pause: ...
def every(shortest: str | None = None, longest: str | None = None, /, *, mean: str | None = None) -> Pause:
    """Pacing: the least distance between the starts of two iterations of one user.

    An iteration that takes longer is followed at once.

    every("5s")           five seconds from start to start
    every("4s", "6s")     any distance between, equally likely
    every(mean="5s")      exponential, cut at ten times the mean
    """
    return Pause(shortest, longest, mean)
