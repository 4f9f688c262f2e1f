"""Quantities with units."""

from __future__ import annotations

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.wording.units import (
    Rate,
    format_duration,
    parse_count,
    parse_duration,
    parse_percent,
    parse_rate,
    parse_size,
)

PARSERS = (parse_duration, parse_rate, parse_size, parse_percent)


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_formatted_duration_is_read_as_the_same(ns: int) -> None:
    """Formatting and parsing are inverse for every duration that the engine can hold."""
    assert parse_duration(format_duration(ns)) == ns


@given(st.integers(min_value=1, max_value=10**9), st.sampled_from(["/s", "/min", "/h"]))
def test_a_whole_rate_keeps_its_number(count: int, period: str) -> None:
    """The number of a rate without decimals is its count, over the period that was written."""
    lengths = {"/s": 10**9, "/min": 60 * 10**9, "/h": 3600 * 10**9}
    assert parse_rate(f"{count}{period}") == Rate(count, lengths[period])


@given(st.integers(min_value=0, max_value=10**6), st.integers(min_value=0, max_value=999))
def test_a_rate_with_decimals_is_exact(whole: int, thousandths: int) -> None:
    """A rate is a ratio of whole numbers, so that schedules made of it do not drift."""
    rate = parse_rate(f"{whole}.{thousandths:03}/s")
    assert Fraction(rate.count, rate.per_ns) == Fraction(whole * 1000 + thousandths, 1000) / 10**9


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes a parser fail in any way but the one that callers handle."""
    for parser in PARSERS:
        with contextlib.suppress(ValueError):
            assert parser(text) is not None


@given(st.one_of(st.integers(min_value=0), st.floats(min_value=0, allow_infinity=False)))
def test_a_bare_number_is_told_its_unit(number: float) -> None:
    """A number without a unit is refused, as a number and as a string, by a message that shows it with one."""
    for parser in PARSERS:
        with pytest.raises(ValueError, match="has no unit: write"):
            parser(number)
    with pytest.raises(ValueError, match=f'has no unit: write "{int(number)}s"'):
        parse_duration(f" {int(number)} ")


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("30s", 30_000_000_000),
        ("1m30s", 90_000_000_000),
        ("250ms", 250_000_000),
        ("1.5s", 1_500_000_000),
        ("1h2m3s4ms5us6ns", 3_723_004_005_006),
        ("0s", 0),
    ],
)
def test_durations(text: str, ns: int) -> None:
    """Durations as people write them."""
    assert parse_duration(text) == ns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a duration"),
        ("s", "is not a duration"),
        ("-1s", "is not a duration"),
        ("1 s", "is not a duration"),
        ("1m 30s", "is not a duration"),
        ("1e3s", '"e" in "1e3s" is not a unit of time'),
        ("1d", '"d" in "1d" is not a unit of time'),
        ("5u", "use h, m, s, ms, µs "),
        ("1min", '"min" in "1min" is not a unit of time'),
        ("30s1m", "does not list units from long to short"),
        ("1s1s", "does not list units from long to short"),
        ("0.5ns", "is not a whole number of nanoseconds"),
        ("10000000h", "is too large"),
    ],
)
def test_durations_that_are_none(text: str, message: str) -> None:
    """What is not a duration is refused with a reason."""
    with pytest.raises(ValueError, match=message):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("400/s", Rate(400, 10**9)),
        ("10/min", Rate(10, 60 * 10**9)),
        ("0.5/s", Rate(1, 2 * 10**9)),
        ("0/s", Rate(0, 10**9)),
    ],
)
def test_rates(text: str, rate: Rate) -> None:
    """Rates as people write them."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["400", "400/", "/s", "400/d", "400 / s", "-1/s", "400/sec", "0." + "0" * 30 + "1/s"])
def test_rates_that_are_none(text: str) -> None:
    """What is not a rate, or one too fine to be held, is refused."""
    with pytest.raises(ValueError, match=r"is no|has no unit|too many digits"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "size"), [("512B", 512), ("10kB", 10_000), ("1.5kB", 1500), ("64KiB", 65_536), ("1GiB", 1 << 30)]
)
def test_sizes(text: str, size: int) -> None:
    """Sizes count by 1000 or, with an i, by 1024."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["10KB", "10mb", "0.5B", "kB", "-1B", "9999999999GiB"])
def test_sizes_that_are_none(text: str) -> None:
    """What is not a size is refused: `KB` and `mb` might mean either of two."""
    with pytest.raises(ValueError, match=r"is no|too large"):
        parse_size(text)


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("99.9%", 0.999), ("0%", 0.0), ("100%", 1.0)])
def test_percentages(text: str, share: float) -> None:
    """A percentage is a share of one."""
    assert parse_percent(text) == share


def test_percentages_over_all_are_refused() -> None:
    """A share of more than everything is a mistake."""
    with pytest.raises(ValueError, match=r'"101%" is more than 100%'):
        parse_percent("101%")


def test_counts_have_no_unit() -> None:
    """A count is a whole number and nothing else."""
    assert parse_count(" 20 ") == 20
    for text in ("20s", "-1", "1.5", ""):
        with pytest.raises(ValueError, match="is not a count"):
            parse_count(text)


@pytest.mark.parametrize("value", [None, True, b"30s", ["30s"]])
def test_other_things_are_no_quantities(value: object) -> None:
    """What is not a string is refused by type, booleans too."""
    for parser in PARSERS:
        with pytest.raises(ValueError, match="is not a quantity: write a string with a unit"):
            parser(value)


@pytest.mark.parametrize("written", ["5us", "5µs", "5\N{GREEK SMALL LETTER MU}s"])
def test_microseconds_are_read_as_reports_print_them(written: str) -> None:
    """Also with either of the two letters that look like it."""
    assert parse_duration(written) == 5_000
