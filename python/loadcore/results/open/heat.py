"""Response times in buckets that are equally wide on a logarithmic scale: what a heatmap is made of."""

from __future__ import annotations

from collections import Counter
from functools import cache
from math import floor, log10
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loadcore.engine import Histogram

PER_DECADE: Final = 12
"""Buckets between a time and ten times that."""
_UNIT_NS: Final = 1_000


def heat_of(histogram: Histogram) -> Counter[int]:
    """Counts by bucket. Bucket 0 begins at a microsecond, and takes what is below it as well."""
    counts: Counter[int] = Counter()
    for value_ns, count in histogram.buckets():
        counts[bucket_of(value_ns)] += count
    return counts


@cache
def bucket_of(nanoseconds: int) -> int:
    """The bucket of a time. Histograms have some twenty thousand different ones."""
    return max(0, floor(PER_DECADE * log10(max(nanoseconds, 1) / _UNIT_NS) + 1e-9))


def edge_ns(bucket: int) -> float:
    """Where a bucket begins."""
    return float(_UNIT_NS * 10 ** (bucket / PER_DECADE))
