"""How far a target falls behind what an open model asks for."""

from __future__ import annotations

import pytest

from loadcore.judge.target.facts import Facts, Second


@pytest.mark.parametrize(
    ("due", "ended", "expected"),
    [
        ([20, 20, 20, 20], [14, 20, 20, 20], 0.0),
        ([1, 1, 1, 1], [0, 1, 0, 1], 0.0),
        ([300] * 6, [200] * 6, 0.3),
        ([100] * 8, [90] * 4 + [100] * 4, 0.0),
        ([0] * 4, [50] * 4, 0.0),
        ([], [], 0.0),
    ],
)
def test_what_less_ended(due: list[int], ended: list[int], expected: float) -> None:
    """Not what is on its way, not chance, not what was made up for; of open models only."""
    pairs = enumerate(zip(due, ended, strict=True))
    seconds = [Second(second=number, due=asked, ended=done) for number, (asked, done) in pairs]

    assert Facts(seconds=seconds).short == pytest.approx(expected, abs=0.01)
