"""The tests of whole runs: what they find, and how often they cry wolf."""

from __future__ import annotations

import math
import random
from statistics import fmean

import pytest

from loadcore.judge.comparing.change import Metric, Word, described, judged
from loadcore.judge.comparing.permutation import adjusted, attainable, p_value
from loadcore.judge.comparing.power import detectable
from loadcore.judge.comparing.shift import bounds, shift

TIME = Metric("response.p50", "ns", 0.05)
RATE = Metric("throughput", "per_s", 0.05, more_is_better=True)
ERRORS = Metric("errors.rate", "ratio", 0.01, is_relative=False)


@pytest.mark.parametrize(
    ("before", "after", "p"),
    [
        ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], 2 / 252),
        ([1, 2, 3, 4, 6], [5, 7, 8, 9, 10], 4 / 252),
        ([3.1, 2.4, 5.6, 4.4, 3.9], [4.2, 3.3, 5.1, 6.0, 2.9], 0.6190476190476191),
        ([1.2, 1.9, 2.2, 3.1, 2.7, 1.4], [2.9, 3.4, 2.1, 4.1, 3.8], 0.03896103896103896),
        ([5, 5, 5, 5, 5], [5, 5, 5, 5, 5], 1.0),
    ],
)
def test_p_is_that_of_scipy(before: list[float], after: list[float], p: float) -> None:
    """The exact p of `scipy.stats.permutation_test` with the difference of means."""
    assert p_value(before, after) == pytest.approx(p, abs=1e-12)


def test_many_runs_are_drawn_and_not_counted() -> None:
    """With 15 runs a side there are 155 million labellings: a part of them says nearly the same."""
    draws = random.Random(1)
    before = [draws.gauss(0, 1) for _ in range(15)]
    assert p_value(before, [value + 3 for value in before]) < 0.001
    assert p_value(before, [*reversed(before)]) == 1.0


def test_holm_multiplies_by_the_tests_that_are_left() -> None:
    """The least p by all tests, the next by one fewer, and none below the one before it."""
    assert adjusted([0.03, 0.01, 0.5]) == [0.06, 0.03, 0.5]
    assert adjusted([0.01, 0.011]) == [0.02, 0.02]
    assert adjusted([]) == []


def test_what_p_can_be() -> None:
    """Five and five runs reach 2/252 and its multiples; three and three nothing below 0.1."""
    assert attainable((5, 5), 0.05 / 4) == pytest.approx(2 / 252)
    assert attainable((5, 5), 0.05 / 3) == pytest.approx(4 / 252)
    assert attainable((3, 3), 0.05) == 0


def test_the_shift_is_the_median_of_differences_and_lies_within_its_bounds() -> None:
    """The ends are those that the rank-sum test gives: of 5 and 5 the third least and the third largest difference."""
    before, after = [1.0, 2.0, 4.0, 7.0, 11.0], [21.0, 22.5, 24.1, 27.3, 31.7]
    differences = sorted(late - early for early in before for late in after)
    assert shift(before, after) == differences[12]
    assert bounds(before, after, 0.95) == (differences[2], differences[-3])
    assert bounds([1.0], [2.0], 0.95) is None


def test_bounds_hold_the_true_shift() -> None:
    """In 95 of 100 samples at the least, whatever the distribution: here a lopsided one."""
    draws = random.Random(7)
    held = 0
    for _ in range(400):
        before = [draws.expovariate(1) for _ in range(6)]
        after = [draws.expovariate(1) + 0.7 for _ in range(5)]
        low, high = bounds(before, after, 0.95) or (0, 0)
        held += low <= 0.7 <= high
    assert held >= 375


def _noisy(draws: random.Random, factor: float = 1.0, noise: float = 0.1) -> list[float]:
    return [10e6 * factor * math.exp(draws.gauss(0, noise)) for _ in range(5)]


def _rates(draws: random.Random) -> list[float]:
    return [150 + draws.gauss(0, 0.5) for _ in range(5)]


def _alarms(pairs: int, factor: float, noise: float) -> dict[Word, int]:
    """How often each word is given to pairs of five runs whose times differ by this factor."""
    draws = random.Random(f"{factor} {noise}")
    said = dict.fromkeys(Word, 0)
    for _ in range(pairs):
        changes = judged(
            [
                (TIME, _noisy(draws, noise=noise), _noisy(draws, factor, noise)),
                (
                    Metric("response.p99", "ns", 0.1),
                    _noisy(draws, noise=3 * noise),
                    _noisy(draws, factor, 3 * noise),
                ),
                (ERRORS, [0.0] * 5, [0.0] * 5),
                (RATE, _rates(draws), _rates(draws)),
            ]
        )
        words = {change.word for change in changes}
        said[next((word for word in (Word.SLOWER, Word.FASTER) if word in words), Word.NO_EVIDENCE)] += 1
    return said


@pytest.mark.parametrize("noise", [0.05, 0.2])
def test_equal_runs_seldom_raise_an_alarm(noise: float) -> None:
    """Of 24 comparisons of 5 with 5 equal runs at most 3 call them different, over all metrics: here of 240, 24."""
    said = _alarms(240, 1.0, noise)
    assert said[Word.SLOWER] + said[Word.FASTER] <= 24


def test_half_as_slow_again_is_found() -> None:
    """A median that is 50 % up is found in nine of ten comparisons of 5 with 5 runs that scatter by 10 %."""
    said = _alarms(100, 1.5, 0.1)
    assert said[Word.SLOWER] >= 90
    assert said[Word.FASTER] == 0


def test_a_small_change_is_not_called_one() -> None:
    """Certain as it is, 3 % are below what counts."""
    (change,) = judged([(TIME, [100, 100.1, 100.2, 100.3, 100.4], [103, 103.1, 103.2, 103.3, 103.4])])
    assert change.word is Word.NO_EVIDENCE
    assert change.is_conclusive


def test_directions() -> None:
    """More time and more errors are slower, and so is less throughput."""
    low, high = [100.0, 101, 102, 103, 104], [200.0, 201, 202, 203, 204]
    words = [change.word for change in judged([(TIME, low, high), (RATE, low, high), (RATE, high, low)])]
    assert words == [Word.SLOWER, Word.FASTER, Word.SLOWER]
    (errors,) = judged([(ERRORS, [0.0, 0, 0, 0, 0.001], [0.04, 0.05, 0.04, 0.05, 0.06])])
    assert (errors.word, round(errors.change, 3)) == (Word.SLOWER, 0.05)


def test_what_cannot_have_changed_is_not_tested() -> None:
    """Without errors and with one rate there are two tests, not four: then 4/252 is enough."""
    nearly = [1.0, 2, 3, 4, 6], [5.0, 7, 8, 9, 10]
    still = [(ERRORS, [0.0] * 5, [0.0] * 5), (RATE, [150.0] * 5, [150.1] * 5)]
    changes = judged([(TIME, *nearly), (Metric("response.p99", "ns", 0.1), *nearly), *still])
    assert [change.p for change in changes] == [pytest.approx(8 / 252)] * 2 + [None, None]
    assert changes[0].word is Word.SLOWER


def test_few_runs_give_a_change_and_no_word() -> None:
    """With four runs a side nothing is tested, and no interval is given."""
    (change,) = judged([(TIME, [1.0, 2, 3, 4], [10.0, 20, 30, 40])])
    assert (change.p, change.low, change.word, change.is_conclusive) == (None, None, Word.NO_EVIDENCE, False)


def test_the_detectable_change_is_found_in_four_of_five() -> None:
    """Runs that differ by it, and scatter as those that it was computed from, are called different that often."""
    draws = random.Random(11)
    sizes = [
        detectable([draws.gauss(0, 0.1) for _ in range(5)], [draws.gauss(0, 0.1) for _ in range(5)], 0.05)
        for _ in range(60)
    ]
    typical = fmean(sizes)
    found = sum(
        p_value([draws.gauss(0, 0.1) for _ in range(5)], [draws.gauss(typical, 0.1) for _ in range(5)]) < 0.05
        for _ in range(300)
    )
    assert 200 <= found <= 275
    assert detectable([1, 2, 3], [1, 2, 3], 0.05) == math.inf


def test_a_shown_metric_is_not_judged() -> None:
    """It has an interval, and no p."""
    change = described(TIME, [1.0, 2, 3, 4, 5], [11.0, 12, 13, 14, 15])
    assert change.p is None
    assert change.low is not None
    assert change.word is Word.NO_EVIDENCE
