"""Lengths of pauses, drawn as the step `think` draws them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from loadcore.scripting.duration import length_ns

if TYPE_CHECKING:
    from random import Random

_MOST_MEANS: Final = 10.0


def pause_ns(shortest: str | None, longest: str | None, mean: str | None, random: Random) -> int:
    """The length of a pause: constant, uniform or exponential.

    Raises:
        TypeError: It takes one length, two lengths, or a mean.
        ValueError: A string is not a duration.
    """
    if mean is not None and shortest is None:
        return int(_length(mean) * min(random.expovariate(1.0), _MOST_MEANS))
    if shortest is None or mean is not None:
        raise TypeError('c.think takes one length, two lengths, or a mean: write c.think("1s", "3s")')
    least = _length(shortest)
    if longest is None:
        return least
    most = _length(longest)
    if most < least:
        raise ValueError(f"c.think goes from {shortest} down to {longest}: write the shorter length first")
    return random.randint(least, most)


_length = lru_cache(256)(length_ns)
