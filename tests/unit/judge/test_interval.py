"""The interval of a percentile, as a rule on plain numbers."""

from __future__ import annotations

import random
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.judge.interval import LEAST_BATCHES, Spread, interval, spread_of, student


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (19, 2.093), (60, 2.000), (10**9, 1.960)],
)
def test_student_is_that_of_the_tables(freedom: float, expected: float) -> None:
    """Published values, to a thousandth or so."""
    assert student(freedom) == pytest.approx(expected, abs=0.01)


def test_student_between_whole_degrees_lies_between_them() -> None:
    """It falls as the degrees of freedom grow."""
    values = [student(1 + step / 10) for step in range(100)]
    assert values == sorted(values, reverse=True)


def test_independent_requests_have_the_interval_of_order_statistics() -> None:
    """4,000 of them: p99 lies between the ranks 3,947.7 and 3,972.3."""
    found = interval(0.99, 4_000, Spread())
    assert found.low == pytest.approx(0.99 - 1.96 * sqrt(0.99 * 0.01 / 4_000), abs=1e-6)
    assert found.high == pytest.approx(0.99 + 1.96 * sqrt(0.99 * 0.01 / 4_000), abs=1e-6)
    assert found.worth == 4_000


@pytest.mark.parametrize(
    ("quantile", "requests", "open_above"),
    [(0.999, 160, True), (0.99, 380, True), (0.99, 381, False), (0.5, 3, True), (0.5, 4, False), (0.999, 3_837, True)],
)
def test_too_few_requests_leave_the_upper_end_open(quantile: float, requests: int, *, open_above: bool) -> None:
    """And the message has what is needed: 3,838 for p99.9, more than there are."""
    found = interval(quantile, requests, Spread())
    assert (found.high is None) == open_above
    assert (found.needed > requests) == open_above


@given(
    quantile=st.sampled_from([0.05, 0.5, 0.9, 0.95, 0.99, 0.999]),
    requests=st.integers(1, 9_000),
    effect=st.floats(1, 50),
    freedom=st.floats(1, 1_000),
)
def test_an_end_is_open_exactly_where_more_is_needed_than_there_is(
    quantile: float, requests: int, effect: float, freedom: float
) -> None:
    """In the numbers as they are shown, however much the batches differ and however badly that is known."""
    found = interval(quantile, requests, Spread(effect, student(freedom)))
    assert (None in {found.low, found.high}) == (found.worth < found.needed)


def test_few_batches_tell_nothing() -> None:
    """Nine are too few, ten are enough."""
    assert spread_of([100] * (LEAST_BATCHES - 1), [1] * (LEAST_BATCHES - 1)) is None
    assert spread_of([100] * LEAST_BATCHES, [1] * LEAST_BATCHES) is not None


def test_requests_that_are_slow_together_are_worth_few() -> None:
    """Of 30 seconds with 100 requests each, six have all the slow ones: they are worth fewer than there are seconds."""
    above = [100 if second % 5 == 2 else 0 for second in range(30)]
    spread = spread_of([100] * 30, above)
    assert spread is not None
    assert 3_000 / spread.effect < 60


def test_slow_changes_need_wide_batches() -> None:
    """Ten slow seconds in a row say less than ten apart from one another."""
    scattered = [100 if second % 6 == 0 else 0 for second in range(60)]
    together = [100 if second < 10 else 0 for second in range(60)]
    apart, block = spread_of([100] * 60, scattered), spread_of([100] * 60, together)
    assert apart is not None
    assert block is not None
    assert block.width > 2 * apart.width


def test_independent_requests_are_worth_nearly_what_they_are() -> None:
    """Of 300 seeded runs, the mean worth is 80 % or more, and no interval is narrower than the binomial one."""
    draws = random.Random(20261128)
    effects = []
    for _ in range(300):
        above = [sum(draws.random() < 0.05 for _ in range(40)) for _ in range(30)]
        spread = spread_of([40] * 30, above)
        assert spread is not None
        assert spread.effect >= 1
        effects.append(1 / spread.effect)
    assert sum(effects) / len(effects) >= 0.8


def test_seconds_without_answers_count_as_time() -> None:
    """A stall of which all answers come in the second after it is one slow batch beside the empty ones."""
    requests = [100] * 10 + [0, 0, 300] + [100] * 10
    above = [0] * 10 + [0, 0, 250] + [0] * 10
    spread = spread_of(requests, above)
    assert spread is not None
    assert spread.effect > 100


@pytest.mark.parametrize("above", [[0] * 20, [50] * 20])
def test_shares_of_nothing_and_of_all_do_not_divide_by_zero(above: list[int]) -> None:
    """There is no variance to compare with."""
    assert spread_of([50] * 20, above) == Spread()
