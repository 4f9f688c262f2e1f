"""Things listed in a sentence."""

from __future__ import annotations

import pytest

from loadcore.wording.lists import listed


@pytest.mark.parametrize(
    ("parts", "text"),
    [([], ""), (["p50"], "p50"), (["p50", "p95"], "p50 and p95"), (["p50", "p95", "p99"], "p50, p95 and p99")],
)
def test_parts_are_listed(parts: list[str], text: str) -> None:
    """As one writes them."""
    assert listed(parts) == text
