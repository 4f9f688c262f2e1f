"""Bodies cut into pieces, as they may come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

cuts = st.lists(st.integers(1, 7), max_size=40)


def pieces(body: bytes, lengths: Sequence[int]) -> list[bytes]:
    """A body cut into pieces of these lengths, and the rest."""
    found, at = [], 0
    for length in lengths:
        found.append(body[at : at + length])
        at += length
    return [*(piece for piece in found if piece), body[at:]]
