"""Which node has which workers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def deal(cores: Sequence[float], asked: int | None, most: int) -> list[int]:
    """How many workers each node gets.

    One for each core, so that a larger machine has a larger share of the load; or as many on each as were asked for. If
    there are fewer users than that, every node keeps its proportion as far as whole workers go.

    Args:
        cores: The cores of each node.
        asked: How many workers each node is to have.
        most: How many workers there can be.

    Returns:
        One number for each node; 0 where it has no part.
    """
    wanted = [asked or max(1, math.floor(each)) for each in cores]
    total = sum(wanted)
    if total <= most:
        return wanted
    exact = [each * most / total for each in wanted]
    dealt = [math.floor(each) for each in exact]
    rest = sorted(range(len(cores)), key=lambda node: (dealt[node] - exact[node], node))
    for node in rest[: most - sum(dealt)]:
        dealt[node] += 1
    return dealt


def numbered(counts: Sequence[int]) -> list[list[int]]:
    """The numbers of the workers of each node: neighbours are on one node."""
    numbers = iter(range(sum(counts)))
    return [[next(numbers) for _ in range(count)] for count in counts]
