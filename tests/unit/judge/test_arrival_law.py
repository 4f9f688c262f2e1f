"""The law of arrivals, as a rule on gaps."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from loadcore.judge import arrival_law
from loadcore.judge.arrival_law import LEAST_GAPS, LIMIT, MOST_GAPS, findings, statistic

MS = 1_000_000


def exponential(count: int, seed: int) -> list[float]:
    """Gaps of 5 ms in the mean."""
    draws = random.Random(f"gaps {seed}")
    return [draws.expovariate(1 / (5 * MS)) for _ in range(count)]


def test_the_statistic_has_the_published_quantiles() -> None:
    """Of 600 seeded samples, 5 % lie above 1.341 and 1 % above 1.957 (Stephens), give or take chance."""
    found = [statistic(exponential(300, seed)) for seed in range(600)]
    assert 0.03 <= sum(each > 1.341 for each in found) / len(found) <= 0.07
    assert sum(each > arrival_law.CRITICAL for each in found) / len(found) <= 0.02


def test_the_statistic_is_that_of_its_formula() -> None:
    """Three gaps by hand: 1, 2 and 3 of mean 2."""
    assert statistic([3, 1, 2]) == pytest.approx(0.52373 * (1 + 0.6 / 3), abs=0.0001)


def test_poisson_arrivals_are_never_called_anything_else() -> None:
    """300 healthy runs of 2,000 gaps, each send up to 0.2 ms late: no false alarm."""
    for seed in range(300):
        draws = random.Random(seed)
        gaps = [max(0.0, gap + draws.uniform(-0.1 * MS, 0.1 * MS)) for gap in exponential(MOST_GAPS, seed)]
        assert findings("s", gaps) == []


def _even(count: int) -> list[float]:
    return [5.0 * MS] * count


def _in_turns(count: int) -> list[float]:
    """Sent in turns of 20 ms, as by a client whose loop is held up."""
    at, sent = 0.0, []
    for gap in exponential(count + 1, 1):
        at += gap
        sent.append(20 * MS * (at // (20 * MS) + 1))
    return [later - sooner for sooner, later in pairwise(sent)]


def _stopped(count: int) -> list[float]:
    """A tenth of the arrivals come at once, after a stop."""
    gaps = exponential(count, 2)
    return [*gaps[: count * 9 // 10], 5.0 * MS * count / 10, *[1_000.0] * (count // 10)]


@pytest.mark.parametrize("gaps", [_even(500), _in_turns(1_000), _stopped(1_000)], ids=["even", "in turns", "stopped"])
def test_arrivals_that_follow_another_law_are_found(gaps: list[float]) -> None:
    """With the figure, about the client; nothing is decided by it."""
    (found,) = findings("shop", gaps)
    assert (found.subject, found.severity, found.rule, found.scenario) == ("client", "suspect", "arrival_law", "shop")
    assert found.value is not None
    assert found.value > LIMIT == found.limit
    assert found.message.startswith("shop: arrivals did not follow the plan's distribution")


def test_few_gaps_say_nothing_and_many_are_not_all_looked_at() -> None:
    """Of enough of them any clock looks wrong."""
    assert findings("s", _even(LEAST_GAPS - 1)) == []
    assert findings("s", [*exponential(MOST_GAPS, 3), *_even(50_000)]) == []
