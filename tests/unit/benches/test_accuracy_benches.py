"""Benches of accuracy: their arithmetic, tried against simulation."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benches import back_fill, coordinated_omission, fidelity, memory, pacing
from benches.statistics import quantile


@pytest.mark.parametrize(("freeze", "period"), [(1.0, 5.0), (1.0, 10.0)])
@pytest.mark.parametrize("q", [0.5, 0.95, 0.99, 0.999])
def test_arithmetic_of_a_freezing_server_agrees_with_trying_it(freeze: float, period: float, q: float) -> None:
    """Ten thousand askers at even distances wait as long as the formula says."""
    waits = sorted(max(0.0, freeze - (k * period / 10_000)) for k in range(10_000))
    assert quantile(waits, q) == pytest.approx(coordinated_omission.expected(freeze, period, q), abs=0.002)


def test_percentile_at_the_corner_is_nothing_exactly() -> None:
    """Rounding of binary fractions does not make something of it."""
    assert coordinated_omission.expected(1.0, 10.0, 0.9) == 0.0


def test_percentiles_of_oha_are_read() -> None:
    """By quantile, in seconds."""
    output = json.dumps({"latencyPercentiles": {"p50": 0.0001, "p99": 0.952, "p99.9": 0.996}})
    assert coordinated_omission.read_oha(output) == {0.5: 0.0001, 0.99: 0.952, 0.999: 0.996}


def test_script_of_wrk_is_read() -> None:
    """Its line stands among what wrk prints itself."""
    output = 'Running 1s test\n  10 requests\n{"duration_us":1000,"requests":10,"values":[[0,0],[90,9],[500,1]]}\n'
    told = back_fill.read(output)
    assert told == back_fill.Told(1000, 10, {90: 9, 500: 1})
    assert told.interval_us(2) == 200


@given(st.dictionaries(st.integers(1, 400), st.integers(1, 5), min_size=1), st.integers(5, 50))
def test_back_filling_can_be_taken_back(seen: dict[int, int], interval: int) -> None:
    """Whatever was seen, and whatever the interval."""
    assert back_fill.emptied(back_fill.filled(seen, interval), interval) == seen


def test_back_filling_adds_what_was_left_out() -> None:
    """An answer of 500 with an interval of 100 hides those of 400, 300 and 200."""
    assert back_fill.filled({500: 2, 90: 7}, 100) == {500: 2, 400: 2, 300: 2, 200: 2, 90: 7}


def test_counts_that_were_not_filled_so_are_refused() -> None:
    """It would make something up."""
    with pytest.raises(ValueError, match="not filled with an interval of 100"):
        back_fill.emptied({500: 2, 400: 2, 300: 2}, 100)


def test_quantiles_of_counts() -> None:
    """The least value that a share does not pass, in seconds."""
    assert back_fill.quantiles({100: 90, 1_000_000: 10}, [0.5, 0.9, 0.99]) == {0.5: 1e-4, 0.9: 1e-4, 0.99: 1.0}


def test_gaps_of_poisson_arrivals_are_told_from_even_ones() -> None:
    """The probability is high for the law, and next to nothing for a clock."""
    chance, now, due = random.Random(2), 0.0, []
    for _ in range(3_000):
        now += chance.expovariate(1_000)
        due.append(int(now * 1e9))
    assert pacing.exponential_gaps(due, 1_000) > 0.01
    assert pacing.exponential_gaps([k * 1_000_000 for k in range(3_000)], 1_000) < 1e-6


def test_drift_is_the_difference_between_end_and_beginning() -> None:
    """Every request a microsecond later than the one before: nine tenths of the run apart."""
    assert pacing.drift([1_000 * k for k in range(100)]) == 90_000
    assert pacing.drift([5, 7, 5, 7] * 10) == 0


def test_growth_looks_at_what_follows_the_start() -> None:
    """What a process takes while it starts is not growth; what it takes at the end is."""
    flat = [memory.Sample("worker", float(second), 100 + min(second, 2) * 50) for second in range(10)]
    growing = [memory.Sample("worker", float(second), 100 * second) for second in range(10)]
    assert memory.growth(flat) == 0
    assert memory.growth(growing) == 600


def compared(*, error_us: int, cores: float, verdict: str = "healthy") -> fidelity.Compared:
    """A rate at which the median was wrong by so much, over a way of 50 microseconds."""
    times = (50_000, 2_000_000, 2_050_000 + error_us * 1000, 0, 0, 0)
    return fidelity.Compared(0.5, 1000, *times, cores, verdict, 0, 0.0)


@pytest.mark.parametrize(
    ("error_us", "cores", "verdict", "holds"),
    [
        (30, 0.5, "healthy", True),
        (31, 0.5, "healthy", False),
        (-31, 0.5, "healthy", False),
        (150, 0.9, "healthy", True),
        (201, 0.9, "healthy", False),
        (5_000, 0.9, "client_limited", True),
    ],
)
def test_error_must_be_small_or_said(error_us: int, cores: float, verdict: str, *, holds: bool) -> None:
    """30 microseconds below 70 % of a core, a tenth of the truth above; beyond that only with a warning."""
    assert compared(error_us=error_us, cores=cores, verdict=verdict).holds is holds
