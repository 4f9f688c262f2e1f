"""Benches of accuracy: their arithmetic, tried against simulation."""

import random

import pytest

from benches import coordinated_omission, fidelity, memory, pacing
from benches.statistics import quantile

LATENCIES = """\
  Latency Distribution
     50%  120.00us
     75%    1.25ms
     90%  130.43ms
     99%    1.02s
"""


@pytest.mark.parametrize(("freeze", "period"), [(1.0, 5.0), (1.0, 10.0)])
@pytest.mark.parametrize("q", [0.5, 0.95, 0.99, 0.999])
def test_arithmetic_of_a_freezing_server_agrees_with_trying_it(freeze: float, period: float, q: float) -> None:
    """Ten thousand askers at even distances wait as long as the formula says."""
    waits = sorted(max(0.0, freeze - (k * period / 10_000)) for k in range(10_000))
    assert quantile(waits, q) == pytest.approx(coordinated_omission.expected(freeze, period, q), abs=0.002)


def test_percentile_at_the_corner_is_nothing_exactly() -> None:
    """Rounding of binary fractions does not make something of it."""
    assert coordinated_omission.expected(1.0, 10.0, 0.9) == 0.0


def test_latencies_of_wrk_are_read_in_all_units() -> None:
    """Microseconds, milliseconds and seconds become seconds."""
    found = coordinated_omission.read_latencies(LATENCIES)
    assert found == {0.5: pytest.approx(120e-6), 0.75: 1.25e-3, 0.9: pytest.approx(0.13043), 0.99: 1.02}


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
    """What a process takes while it starts is no growth; what it takes at the end is."""
    flat = [memory.Sample("worker", float(second), 100 + min(second, 2) * 50) for second in range(10)]
    growing = [memory.Sample("worker", float(second), 100 * second) for second in range(10)]
    assert memory.growth(flat) == 0
    assert memory.growth(growing) == 600


def compared(*, error_us: int, cores: float, verdict: str = "healthy") -> fidelity.Compared:
    """A rate at which the median was wrong by so much."""
    times = (2_000_000, 2_000_000 + error_us * 1000, 0, 0, 0)
    return fidelity.Compared(0.5, 1000, *times, cores, verdict, 0, 0.0)


@pytest.mark.parametrize(
    ("error_us", "cores", "verdict", "holds"),
    [
        (30, 0.5, "healthy", True),
        (31, 0.5, "healthy", False),
        (150, 0.9, "healthy", True),
        (201, 0.9, "healthy", False),
        (5_000, 0.9, "client_limited", True),
    ],
)
def test_error_must_be_small_or_said(error_us: int, cores: float, verdict: str, *, holds: bool) -> None:
    """30 microseconds below 70 % of a core, a tenth of the truth above; beyond that only with a warning."""
    assert compared(error_us=error_us, cores=cores, verdict=verdict).holds is holds
