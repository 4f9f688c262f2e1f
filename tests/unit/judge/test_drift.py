"""Drift, as a rule on the medians of seconds."""

from __future__ import annotations

import random

import pytest

from loadcore.judge.drift import LEAST_SECONDS, findings, slope, statistic

MS = 1_000_000


def steady(seconds: int, seed: int, memory: float = 0.0) -> list[float]:
    """Medians about 12 ms; `memory`: how much of a second's deviation the next one keeps."""
    draws, level, medians = random.Random(f"steady {seed}"), 0.0, []
    for _ in range(seconds):
        level = memory * level + draws.gauss(0, 0.1 * (1 - memory**2) ** 0.5)
        medians.append(12 * MS * (1 + level))
    return medians


@pytest.mark.parametrize(("memory", "seconds"), [(0.0, 14), (0.0, 60), (0.5, 60), (0.8, 120)])
def test_steady_runs_are_seldom_called_drifting(memory: float, seconds: int) -> None:
    """Of 400 at most 8, which is 2 %, whether or not the seconds are alike."""
    assert sum(bool(findings(steady(seconds, seed, memory))) for seed in range(400)) <= 8


def test_a_rise_is_told_with_both_medians() -> None:
    """From 12 to 19 ms in a minute. It is a note: it fails nothing."""
    medians = [each * (1 + 0.9 * second / 60) for second, each in enumerate(steady(60, 1))]
    (found,) = findings(medians)
    assert (found.rule, found.severity) == ("drift", "note")
    assert found.message.startswith("p50 rose from 1")
    assert found.message.endswith("over the steady phase: not a steady state")
    assert found.value == pytest.approx(0.36, abs=0.1)


def test_a_fall_is_told_as_one() -> None:
    """A target that warms up while it is measured."""
    medians = [each * (1.6 if second < 20 else 1) for second, each in enumerate(steady(60, 2))]
    (found,) = findings(medians)
    assert found.message.startswith("p50 fell from ")


def test_what_is_too_small_or_too_short_or_no_trend_is_not_told() -> None:
    """A change of 2 %, thirteen seconds, all seconds the same, one bad second."""
    assert findings([each * (1 + 0.02 * second / 60) for second, each in enumerate(steady(60, 3))]) == []
    assert findings([float(second) for second in range(10, 9 + LEAST_SECONDS)]) == []
    assert findings([float(second) for second in range(10, 14 + LEAST_SECONDS)]) != []
    assert findings([5.0] * 60) == []
    assert findings([*[5.0] * 59, 500.0]) == []
    assert findings([]) == []


def test_the_statistic_is_that_of_mann_and_whitney() -> None:
    """Ranks 1 to 8 against 9 to 16: U = 64, 32 above its mean, in errors of sqrt(8 * 8 * 17 / 12); likeness apart."""
    first, second = [3, 7, 1, 5, 8, 2, 6, 4], [11, 15, 9, 13, 16, 10, 14, 12]
    assert statistic(first, second) == pytest.approx(32 / (64 * 17 / 12) ** 0.5, abs=0.001)
    assert statistic(second, first) == pytest.approx(-statistic(first, second))
    assert statistic([1, 1, 2], [1, 2, 2]) == pytest.approx(1.5 / (9 / 12 * (7 - 48 / 30)) ** 0.5, abs=0.001)


def test_the_slope_has_the_sign_of_the_trend() -> None:
    """Up, down, and level."""
    assert slope([1, 2, 3]) > 0 > slope([3, 2, 1])
    assert slope([1, 5, 1]) == 0
