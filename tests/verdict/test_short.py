"""A few situations of the matrix with real servers: those that are cheap, and the same on a busy machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.verdict import running, table
from tests.verdict.matrix import situations
from tests.verdict.scoring import score

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("key", ["a-closed", "e-stopped", "i-open", "k-closed", "l-open", "few-closed"])
def test_the_conclusion_is_true(key: str, tmp_path: Path) -> None:
    """Exit code, cause and blame are those that the server's own log says are right."""
    situation = situations(1)[key]
    if reason := running.why_not(situation):
        pytest.skip(reason)
    observed = running.run(situation, 1, tmp_path / key)
    found = score(situation, observed)
    # What is off by 10.0 % is called either; `make verdict` tells it.
    named = found.is_named and not found.false_blames
    assert found.is_right or (found.is_at_the_edge and named), (
        table.line(table.Row(situation, 1, observed, found)) + "\n" + observed.text
    )
