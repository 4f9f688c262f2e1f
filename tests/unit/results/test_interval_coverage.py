"""Intervals hold the true percentile as often as they promise, by way of a run's files and its summary.

`make intervals` does the same with 200 runs of three lengths.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.results.sum.batches import MISSING, QUANTILES, TOO_SHORT
from tests.unit.results.simulated import LAWS, Requests, coverage, summed, truth

if TYPE_CHECKING:
    from pathlib import Path

RUNS = 20


@pytest.mark.parametrize("law", LAWS)
def test_nine_of_ten_intervals_at_least_hold_the_true_percentile(law: str) -> None:
    """Of seeded runs of 30 s, at 95 % nominally: independent requests, correlated ones, stalls."""
    for name, seen in coverage(law, 30, RUNS).items():
        assert seen.held >= 0.9 * RUNS, name
    assert coverage(law, 30, 1)["p50"].closed == 1


def test_without_the_design_effect_they_would_not() -> None:
    """The binomial interval alone misses the true median of correlated requests in most runs."""
    true_ns, held = truth("autocorrelated")["p50"] / 1e9, 0
    for run in range(RUNS):
        times = sorted(time for _, time in LAWS["autocorrelated"](random.Random(f"plain {run}"), 30))
        reach = 1.96 * math.sqrt(0.25 / len(times))
        held += times[int((0.5 - reach) * len(times))] <= true_ns <= times[math.ceil((0.5 + reach) * len(times))]
    assert held < RUNS / 2


def _exponential(seconds: float, seed: int = 1) -> Requests:
    return LAWS["independent"](random.Random(seed), seconds)


def test_a_short_run_is_cut_into_tenths_of_seconds(tmp_path: Path) -> None:
    """By its rows, because it has too few seconds."""
    found = summed(tmp_path, _exponential(3), 3)
    for time in ("service", "response", "ttfb"):
        intervals = found["steps"][0][time]["intervals"]
        assert intervals["missing"] is None
        assert intervals["n"] == found["all"]["requests"]
        assert intervals["p50"]["low_ns"] < found["steps"][0][time]["p50_ns"] < intervals["p50"]["high_ns"]


def test_a_run_of_half_a_second_is_too_short(tmp_path: Path) -> None:
    """And says what it takes."""
    intervals = summed(tmp_path, _exponential(0.5), 1)["all"]["response"]["intervals"]
    assert intervals["missing"] == TOO_SHORT
    assert all(intervals[name] is None for name in QUANTILES)


def test_p999_of_few_requests_has_no_upper_end(tmp_path: Path) -> None:
    """160 requests say that it is not below some value, and that 3,838 would do for the other end."""
    intervals = summed(tmp_path, _exponential(2)[:160], 2)["all"]["response"]["intervals"]
    assert intervals["n"] == 160
    assert intervals["p999"]["high_ns"] is None
    assert intervals["p999"]["low_ns"] is not None
    assert intervals["p999"]["needs"] == 3_838 > intervals["p999"]["n_eff"]


def test_rows_that_are_missing_give_no_interval(tmp_path: Path) -> None:
    """A tenth of them is gone: whatever was in it, batches made of the others say something else."""
    requests = _exponential(5)
    found = summed(tmp_path, requests, 5, rows=requests[: len(requests) * 9 // 10])
    assert found["all"]["response"]["intervals"]["missing"] == MISSING


def test_without_requests_there_are_no_intervals(tmp_path: Path) -> None:
    """Neither of the run nor of a step that was never reached."""
    found = summed(tmp_path, _exponential(30), 30)
    assert [step["response"]["intervals"] is None for step in found["steps"]] == [False, True, True]


def test_a_long_run_has_few_batches(tmp_path: Path) -> None:
    """Its intervals are those of whole minutes or so: an hour and a half of one request a second."""
    draws = random.Random(5)
    found = summed(tmp_path, [(second, draws.expovariate(100)) for second in range(5_000)], 5_000)
    intervals = found["all"]["response"]["intervals"]
    assert intervals["n"] == 5_000
    assert 3_000 < intervals["p50"]["n_eff"] <= 5_000
    assert intervals["p99"]["low_ns"] < found["all"]["response"]["p99_ns"] < intervals["p99"]["high_ns"]


def _judged(tmp_path: Path, expression: str, requests: Requests, seconds: int, **scope: str | None) -> dict[str, Any]:
    thresholds = [{"expression": expression, "scenario": None, "step": None} | scope]
    judged = summed(tmp_path, requests, seconds, thresholds=thresholds)["thresholds"]
    (only,) = judged
    return dict(only)


@pytest.mark.parametrize("seconds", [3, 30])
@pytest.mark.parametrize(
    ("expression", "scope"),
    [
        ("response.p95 < 1s", {}),
        ("shop/*: response.p97 < 1s", {"scenario": "shop"}),
        ("GET /items: service.p90 < 1s", {"scenario": "shop", "step": "GET /items"}),
    ],
)
def test_thresholds_on_percentiles_have_intervals(
    tmp_path: Path, seconds: int, expression: str, scope: dict[str, str]
) -> None:
    """Whichever percentile and steps they are about."""
    judged = _judged(tmp_path, expression, _exponential(seconds), seconds, **scope)
    assert judged["interval"]["low_ns"] < judged["value"] < judged["interval"]["high_ns"]


def test_a_threshold_on_p999_of_few_requests_says_so(tmp_path: Path) -> None:
    """160 requests do not say what the slowest of a thousand takes; other thresholds have no interval at all."""
    judged = _judged(tmp_path, "response.p99.9 < 1s", _exponential(2)[:160], 2)
    assert judged["interval"]["high_ns"] is None
    assert judged["interval"]["needs"] == 3_838
    assert "interval" not in _judged(tmp_path, "errors.rate < 1%", _exponential(2), 2)
    assert _judged(tmp_path, "response.p95 < 1s", _exponential(0.5), 1)["interval"] is None
