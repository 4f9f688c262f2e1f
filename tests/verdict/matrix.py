"""All situations, by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.verdict import of_other_studies, of_the_client, of_the_script, of_the_target, without_fault

if TYPE_CHECKING:
    from tests.verdict.situation import Situation

_SCALES = (1.0, 0.7, 1.4)


def situations(seed: int) -> dict[str, Situation]:
    """The matrix as it is at a seed: limits, rates and times differ from one seed to the next."""
    scale = _SCALES[(seed - 1) % len(_SCALES)]
    every = (
        *of_the_client.situations(scale),
        *of_the_target.situations(scale),
        *of_other_studies.situations(scale),
        *of_the_script.situations(),
        *without_fault.situations(),
    )
    return {situation.key: situation for situation in every}
