"""The statistics that benches tell their figures by."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benches import statistics

VALUES = st.lists(st.floats(0.1, 100), min_size=1, max_size=30)


@settings(deadline=None)
@given(VALUES)
def test_interval_holds_the_median_and_lies_within_the_values(values: list[float]) -> None:
    """Whatever was measured, low <= median <= high, and none is beyond what was measured."""
    found = statistics.estimate(values)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)


def test_interval_covers_the_true_median_about_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100 intervals over 15 draws, far more than nine in ten hold the median that the draws came from."""
    monkeypatch.setattr(statistics, "RESAMPLES", 400)
    chance = random.Random(7)
    held = 0
    for _ in range(100):
        found = statistics.estimate([chance.lognormvariate(0, 0.3) for _ in range(15)])
        held += found.low <= 1.0 <= found.high
    assert 90 <= held <= 100


def test_estimate_is_the_same_every_time() -> None:
    """A page made again from the same runs says the same."""
    values = [0.76, 0.79, 0.81, 0.74, 0.9]
    assert statistics.estimate(values) == statistics.estimate(values)


def test_estimate_reads_as_in_tables() -> None:
    """Median first, then the interval."""
    assert statistics.Estimate(0.786, 0.731, 0.844).text() == "0.79 [0.73-0.84]"


@pytest.mark.parametrize(("q", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100)])
def test_quantile_is_the_least_value_that_enough_do_not_pass(q: float, expected: int) -> None:
    """Of 1 to 100, the 99 % quantile is 99."""
    assert statistics.quantile(range(1, 101), q) == expected


def test_exponential_gaps_pass_and_even_gaps_fail() -> None:
    """The test tells a Poisson process from a clock, and from one of another rate."""
    chance = random.Random(3)
    gaps = [chance.expovariate(1000) for _ in range(2000)]

    def exponential(value: float) -> float:
        return 1 - math.exp(-1000 * value)

    assert statistics.kolmogorov_smirnov(gaps, exponential)[1] > 0.01
    assert statistics.kolmogorov_smirnov([0.001] * 2000, exponential)[1] < 1e-6
    assert statistics.kolmogorov_smirnov([1.1 * gap for gap in gaps], exponential)[1] < 0.01


def test_distance_is_the_greatest_between_the_steps_and_the_curve() -> None:
    """Two values at the quarters of an even distribution are a quarter away from it."""
    assert statistics.kolmogorov_smirnov([0.25, 0.75], lambda value: value)[0] == pytest.approx(0.25)


@given(st.floats(0, 1e3), st.floats(1e-6, 1e-3), st.integers(1, 10**5), st.integers(1, 10**5))
def test_two_lengths_give_what_the_start_costs(start: float, each: float, short: int, more: int) -> None:
    """If a run costs its start and as much for each request, two lengths give the start back."""
    long = short + more
    found = statistics.start_up((short, start + short * each), (long, start + long * each))
    assert found == pytest.approx(start, rel=1e-6, abs=1e-6 * (long * each))


def test_ratio_of_noisy_pairs_is_found_where_single_runs_would_not_show_it() -> None:
    """A machine that is up to twice as slow in some rounds changes both of a pair, and not their ratio."""
    chance = random.Random(5)
    slow = [chance.uniform(1, 2) for _ in range(15)]
    ratio = statistics.estimate([0.8 * factor / factor for factor in slow])
    assert ratio.low == pytest.approx(0.8)
    assert max(b - a for a, b in pairwise(sorted(slow))) > 0
