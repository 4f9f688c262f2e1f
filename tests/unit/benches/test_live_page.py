"""What the bench of the live page concludes from its blocks."""

from __future__ import annotations

import random

import pytest

from benches.live_page import Measured, ratios, verdict

ORDER = (False, True, True, False)


def blocks(factor: float, noise: float, rounds: int = 12) -> list[Measured]:
    """Blocks of a page that costs this factor, on a machine as noisy as this, which grows slower all the while."""
    draws = random.Random(3)
    return [
        Measured(number, place, page, 100, (1 + number / 10) * draws.uniform(1, 1 + noise) * (factor if page else 1), 1)
        for number in range(rounds)
        for place, page in enumerate(ORDER)
    ]


@pytest.mark.parametrize(
    ("factor", "noise", "said"),
    [
        (1, 0.05, "within noise"),
        (1.03, 0.02, "costs"),
        (1.3, 0.05, "costs"),
        (1, 2, "undecided"),
        (1.3, 9, "undecided"),
    ],
)
def test_a_cost_is_told_from_noise(factor: float, noise: float, said: str) -> None:
    """What is beyond the noise of equal blocks is a cost, whatever else slows the machine; much noise is undecided."""
    assert verdict(*ratios(blocks(factor, noise), lambda block: block.cpu_us)) == said
