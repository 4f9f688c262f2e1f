"""Numbers as reports print them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.report import numbers
from loadcore.report.glyphs import ASCII

HOUR_NS = 3_600_000_000_000


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (None, "-"),
        (0, "<1µs"),
        (999, "<1µs"),
        (1_000, "1µs"),
        (412_400, "412µs"),
        (999_499, "999µs"),
        (999_600, "1.00ms"),
        (8_123_456, "8.12ms"),
        (9_996_000, "10.0ms"),
        (61_300_000, "61.3ms"),
        (388_000_000, "388ms"),
        (999_700_000, "1.00s"),
        (1_130_000_000, "1.13s"),
        (12_500_000_000, "12.5s"),
        (59_960_000_000, "1m00s"),
        (68_000_000_000, "1m08s"),
        (HOUR_NS, "1h00m"),
    ],
)
def test_durations_have_three_digits_and_a_unit(nanoseconds: int | None, expected: str) -> None:
    """Every size of duration is written with at most three significant digits in the unit that suits it."""
    assert expected == numbers.duration(nanoseconds)


@given(st.integers(min_value=1, max_value=24 * HOUR_NS))
def test_a_duration_never_reads_as_zero(nanoseconds: int) -> None:
    """Whatever is not zero does not look like zero, and always has a unit."""
    text = numbers.duration(nanoseconds)
    assert re.search(r"[1-9]", text)
    assert re.search(r"(s|m)$", text)


@given(st.integers(min_value=1_000, max_value=59_000_000_000))
def test_a_duration_reads_back_to_within_half_a_percent(nanoseconds: int) -> None:
    """Under a minute the text stands for the number to within its third digit, or half of the last microsecond."""
    text = numbers.duration(nanoseconds, ASCII)
    match = re.fullmatch(r"([\d.]+)(us|ms|s)", text)
    assert match is not None
    value = float(match[1]) * {"us": 1e3, "ms": 1e6, "s": 1e9}[match[2]]
    assert value == pytest.approx(nanoseconds, rel=0.00501, abs=500)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (None, "-"),
        (0, "0%"),
        (0.0, "0%"),
        (0.000_001, "<0.1%"),
        (0.000_5, "0.1%"),
        (0.039, "3.9%"),
        (0.999, "99.9%"),
        (0.999_9, ">99.9%"),
        (1, "100%"),
        (1.7, "170.0%"),
    ],
)
def test_only_exact_ratios_are_nothing_or_everything(ratio: float | None, expected: str) -> None:
    """0 % and 100 % are kept for exactly nothing and exactly everything."""
    assert expected == numbers.percent(ratio)


@given(st.floats(min_value=1e-12, max_value=1 - 1e-12))
def test_a_part_never_reads_as_nothing_or_everything(ratio: float) -> None:
    """No rounding turns a single failure into 0 %, or a single success into 100 %."""
    assert numbers.percent(ratio) not in {"0%", "0.0%", "100%", "100.0%"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (0, "0"),
        (0.001, "<0.01"),
        (0.5, "0.50"),
        (9.996, "10.0"),
        (42.75, "42.8"),
        (99.96, "100"),
        (4269, "4,269"),
    ],
)
def test_rates_have_three_digits(value: float | None, expected: str) -> None:
    """A rate below a hundred keeps three digits, above it is a whole number."""
    assert expected == numbers.rate(value, ASCII)


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_three_digits_without_an_exponent(value: float) -> None:
    """Whatever its size, a number reads back to within half a per cent, and has digits and a point alone."""
    text = numbers.significant(value)
    assert re.fullmatch(r"[0-9]+([.][0-9]*[1-9])?", text)
    assert float(text) == pytest.approx(value, rel=0.005)


def test_counts_are_grouped() -> None:
    """Thousands are set apart by a thin space, or by a comma where there is none."""
    assert numbers.count(512_331) == "512\N{THIN SPACE}331"
    assert numbers.count(512_331, ASCII) == "512,331"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0s"), (0.0012, "1.20ms"), (0.42, "0.4s"), (10, "10s"), (59.6, "1m00s"), (68, "1m08s"), (3725, "1h02m")],
)
def test_spans_are_read_to_the_second(seconds: float, expected: str) -> None:
    """How long a run took is written with the units people use for it."""
    assert expected == numbers.span(seconds)


@pytest.mark.parametrize(("seconds", "expected"), [(0, "0:00"), (41.9, "0:41"), (120, "2:00"), (3725, "1:02:05")])
def test_the_clock_counts_minutes_and_hours(seconds: float, expected: str) -> None:
    """A place in the run is written like a clock."""
    assert expected == numbers.clock(seconds)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (9_130_000, "9.1 MB"),
        (999_960_000, "1.0 GB"),
        (2e15, "2000.0 TB"),
    ],
)
def test_sizes_have_a_unit(octets: float | None, expected: str) -> None:
    """Bytes are written in the unit that keeps the number short."""
    assert expected == numbers.size(octets)


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (47_200_000, 44_200_000, 50_200_000, ("47.2ms", "[44.2-50.2]")),
        (47_200_000, 47_190_000, 47_210_000, ("47.2ms", "[47.2-47.2]")),
        (47_200_000, 20_300_000, 80_400_000, ("47ms", "[20-80]")),
        (472_000_000, 213_000_000, 798_000_000, ("470ms", "[210-800]")),
        (990_000_000, 940_000_000, 1_210_000_000, ("990ms", "[940-1210]")),
        (1_130_000_000, 990_000_000, 1_300_000_000, ("1.13s", "[0.99-1.30]")),
        (412_000, 400_000, 430_000, ("412µs", "[400-430]")),
        (47_200_000, 44_200_000, None, ("47.2ms", "[>44.2]")),
        (47_200_000, None, None, ("47.2ms", "")),
        (68_000_000_000, 61_000_000_000, 75_000_000_000, ("1m08s", "[61-75]")),
        (999, 900, 1_100, ("<1µs", "")),
        (999_600, 999_600, 999_600, ("1.00ms", "[1.00-1.00]")),
    ],
)
def test_an_interval_has_the_unit_of_its_time_and_the_digits_that_it_supports(
    value: int, low: int | None, high: int | None, expected: tuple[str, str]
) -> None:
    """A tenth of its width is the least that is shown, and three digits the most."""
    assert numbers.between(value, low, high) == expected


@given(st.integers(1_000, 59_000_000_000), st.integers(0, 900), st.integers(0, 3_000))
def test_a_narrow_interval_leaves_the_time_as_it_is(value: int, below: int, above: int) -> None:
    """What is shown of the time never lies further from it than the interval is wide, or than three digits are."""
    low, high = value - value * below // 1_000, value + value * above // 1_000
    told, _ = numbers.between(value, low, high, ASCII)
    match = re.fullmatch(r"([\d.]+)(us|ms|s)", told)
    assert match is not None
    read = float(match[1]) * {"us": 1e3, "ms": 1e6, "s": 1e9}[match[2]]
    assert abs(read - value) <= max(0.00501 * value, 0.1 * (high - low), 501)
