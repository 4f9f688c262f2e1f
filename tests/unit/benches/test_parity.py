"""Whether nodes do what processes do: what the bench concludes from runs whose times a test has chosen."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from benches.parity import BLOCK, DIFFERS, METRICS, OPEN, SAME, Made, differing, judged
from tests.unit.comparison.runs import summary

if TYPE_CHECKING:
    from collections.abc import Callable


def runs(p50_ms: Callable[[int], float], blocks: int = 10, invalid: int = 0) -> list[Made]:
    """Blocks of runs with these medians by place; the first of them are invalid."""
    return [
        Made(block, place, block >= invalid, {"a": 200, "b": 100}, summary(p50_ms(place)))
        for block in range(blocks)
        for place in range(len(BLOCK))
    ]


def words(made: list[Made]) -> tuple[str, str]:
    """Of median response times: nodes against processes, and the last processes against the first."""
    found = judged(made)
    assert [each.metric for each in found] == [*METRICS, *METRICS]
    return found[0].word, found[len(METRICS)].word


def test_nodes_like_processes() -> None:
    """A scatter of one per cent hides nothing that counts."""
    chance = random.Random(1)
    assert words(runs(lambda _place: chance.gauss(20, 0.2))) == (SAME, SAME)


def test_slower_nodes() -> None:
    """Ten per cent more on nodes are found, and are not the machine's doing."""
    chance = random.Random(1)
    assert words(runs(lambda place: chance.gauss(22 if BLOCK[place] == "nodes" else 20, 0.2))) == (DIFFERS, SAME)


def test_a_machine_that_drifts_within_blocks() -> None:
    """What differs between the first and the last of a block is in the middle of both, and no difference of nodes."""
    chance = random.Random(1)
    assert words(runs(lambda place: chance.gauss(20 + 0.4 * place, 0.05))) == (SAME, DIFFERS)


def test_a_noisy_machine() -> None:
    """Neither the same nor different, and said so."""
    chance = random.Random(1)
    assert words(runs(lambda _place: chance.gauss(20, 5)))[0] == OPEN


@pytest.mark.parametrize(("invalid", "word"), [(5, SAME), (8, OPEN)])
def test_invalid_runs_are_left_out(invalid: int, word: str) -> None:
    """With too few that are valid nothing is decided."""
    assert words(runs(lambda _place: 20.0, invalid=invalid))[0] == word


def test_other_choices_are_counted() -> None:
    """In valid and invalid runs."""
    made = runs(lambda _place: 20.0, blocks=2, invalid=1)
    made[1] = Made(0, 1, is_valid=False, requests={"a": 199, "b": 101}, summary=made[1].summary)
    assert differing(made) == 1
