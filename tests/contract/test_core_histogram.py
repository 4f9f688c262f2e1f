"""Histograms are read by other libraries' rules, and merge without loss."""

from __future__ import annotations

import math
import struct
import zlib
from collections import Counter

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore import _core  # noqa: TID251 - the module under test

LONGEST_US = 3_600_000_000


def index(value_us: int) -> int:
    """Where HDR histograms with three digits count a value: by their published layout, written independently."""
    power = max(value_us.bit_length() - 11, 0)
    return power * 1024 + (value_us >> power)


def varint(number: int) -> bytes:
    """A zig-zag number in the LEB128 form of HDR's V2 encoding."""
    rest, out = (number << 1) ^ (number >> 63), bytearray()
    while rest > 0x7F and len(out) < 8:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


def encoded(values_us: list[int]) -> bytes:
    """The V2 compressed encoding of these values."""
    counts = Counter(map(index, values_us))
    payload, at = b"", 0
    for place in sorted(counts):
        gap = place - at
        payload += varint(-gap) if gap > 1 else varint(0) * gap
        payload += varint(counts[place])
        at = place + 1
    head = struct.pack(">iiiiqqd", 0x1C849303 | 0x10, len(payload), 0, 3, 1, LONGEST_US, 1.0)
    body = zlib.compress(head + payload)
    return struct.pack(">ii", 0x1C849304 | 0x10, len(body)) + body


durations = st.lists(st.integers(0, 31).flatmap(lambda bits: st.integers(1, min(2 << bits, LONGEST_US))), min_size=1)


@given(durations)
def test_an_encoding_written_by_the_book_is_read(values_us: list[int]) -> None:
    """What an encoder that shares no code with ours writes is read with every value in its place."""
    histogram = _core.Histogram.decode(encoded(values_us))
    assert histogram.count == len(values_us)
    counted = Counter({index(upper_ns // 1000): count for upper_ns, count in histogram.buckets()})
    assert counted == Counter(map(index, values_us))


@given(durations)
def test_quantiles_are_those_of_sorting(values_us: list[int]) -> None:
    """Each quantile is the sorted list's, to 0.1 %."""
    histogram = _core.Histogram.decode(encoded(values_us))
    ordered = sorted(values_us)
    for q in (0.0, 0.1, 0.5, 0.9, 0.99, 1.0):
        exact = ordered[max(math.ceil(q * len(ordered)), 1) - 1] * 1000
        assert histogram.quantile(q) == pytest.approx(exact, rel=0.001)
    assert histogram.min_ns == pytest.approx(ordered[0] * 1000, rel=0.001)
    assert histogram.max_ns == pytest.approx(ordered[-1] * 1000, rel=0.001)
    assert histogram.mean_ns == pytest.approx(sum(ordered) * 1000 / len(ordered), rel=0.001)


@given(durations, durations)
def test_a_merge_is_the_whole(left_us: list[int], right_us: list[int]) -> None:
    """Adding histograms, and adding their encodings, gives the histogram of all values."""
    whole = _core.Histogram.decode(encoded(left_us + right_us))
    merged, read = _core.Histogram(), _core.Histogram()
    for part in (encoded(left_us), encoded(right_us)):
        merged.add(_core.Histogram.decode(part))
        read.add_encoded(part)
    assert merged.encode() == read.encode() == whole.encode()


def test_a_histogram_may_be_added_to_itself() -> None:
    """That doubles it, and does not wait for itself for ever."""
    histogram = _core.Histogram.decode(encoded([5, 7]))
    histogram.add(histogram)
    assert histogram.count == 4


def test_an_empty_histogram_answers_zero() -> None:
    """Having no durations is not an error: every answer is 0."""
    empty = _core.Histogram.decode(_core.Histogram().encode())
    assert [empty.count, empty.quantile(0.99), empty.min_ns, empty.max_ns, empty.mean_ns] == [0] * 5
    assert empty.buckets() == []


def test_it_takes_the_memory_that_its_durations_need() -> None:
    """A run has dozens for each of its hundreds of steps: one that counts milliseconds is small, merged or not."""
    short = _core.Histogram.decode(encoded([500, 1_000, 1_500]))
    before = psutil.Process().memory_info().rss
    many = [_core.Histogram() for _ in range(4_000)]
    for each in many:
        each.add(short)
    assert psutil.Process().memory_info().rss - before < 4_000 * 32_000
