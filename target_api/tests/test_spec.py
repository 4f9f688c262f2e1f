"""Written quantities and the distributions behind them."""

import random
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore_target.spec import parse_distribution, parse_duration, parse_rate, parse_share
from loadcore_target.tests.running import REPOSITORY


@pytest.mark.parametrize(
    ("text", "seconds"), [("20ms", 0.02), ("1.5s", 1.5), ("2m", 120), ("250us", 0.00025), ("1h", 3600)]
)
def test_durations(text: str, seconds: float) -> None:
    """Each unit means what it says."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["20", "", "ms", "-5ms", "5 parsecs", "1e3s"])
def test_a_duration_needs_a_unit(text: str) -> None:
    """A bare number, and anything else, is refused with the way to write it."""
    with pytest.raises(ValueError, match="write it with a unit"):
        parse_duration(text)


def test_shares_and_rates() -> None:
    """Percent and fraction, per second and per minute."""
    assert parse_share("1%") == parse_share("0.01") == 0.01
    assert parse_rate("500/s") == 500
    assert parse_rate("30/m") == 0.5


@pytest.mark.parametrize("text", ["101%", "-1%", "2", "x%", "nan"])
def test_a_share_is_between_none_and_all(text: str) -> None:
    """A string that is not a share is refused."""
    with pytest.raises(ValueError, match="not a share"):
        parse_share(text)


@pytest.mark.parametrize("text", ["500", "0/s", "-1/s", "5/h", "inf/s"])
def test_a_rate_needs_a_unit(text: str) -> None:
    """A string that is not a rate is refused."""
    with pytest.raises(ValueError, match="not a rate"):
        parse_rate(text)


@pytest.mark.parametrize(
    "text",
    [
        "gamma(1ms,2)",
        "uniform(1ms)",
        "uniform(3ms,1ms)",
        "lognormal(20ms,0)",
        "lognormal(20,1)",
        "pareto(1ms,x)",
        "x()",
    ],
)
def test_distributions_that_cannot_be(text: str) -> None:
    """An unknown name, a missing or impossible argument is refused."""
    with pytest.raises(ValueError, match=r".+"):
        parse_distribution(text)


@given(st.integers(), st.sampled_from(["20ms", "uniform(10ms,30ms)", "lognormal(20ms,0.3)", "pareto(10ms,2.5)"]))
def test_draws_are_seeded_and_positive(seed: int, text: str) -> None:
    """The same seed draws the same values, and no value is below zero."""
    first, second = random.Random(seed), random.Random(seed)
    distribution = parse_distribution(text)
    values = [distribution.draw(first) for _ in range(20)]

    assert values == [distribution.draw(second) for _ in range(20)]
    assert min(values) >= 0


def test_distributions_have_the_written_middle() -> None:
    """The median of a lognormal, the mean of a uniform and the rare share of a bimodal are the written ones."""
    generator = random.Random(1)

    def draws(text: str) -> list[float]:
        distribution = parse_distribution(text)
        return [distribution.draw(generator) for _ in range(20_000)]

    assert statistics.median(draws("lognormal(20ms,0.5)")) == pytest.approx(0.020, rel=0.03)
    assert statistics.mean(draws("uniform(10ms,30ms)")) == pytest.approx(0.020, rel=0.03)
    assert statistics.mean(value > 0.1 for value in draws("bimodal(10ms,500ms,5%)")) == pytest.approx(0.05, rel=0.2)


def test_no_request_response_wrapping_middleware() -> None:
    """Only pure ASGI middleware: the convenient base class more than doubles the cost of a small request."""
    base = "BaseHTTP" + "Middleware"
    decorator = "@app." + "middleware"
    package = REPOSITORY / "target_api"
    sources = [file for file in Path(package).rglob("*.py") if "tests" not in file.parts]

    assert len(sources) > 30
    assert [file for file in sources if base in file.read_text() or decorator in file.read_text()] == []
