"""What the integration tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.counting_target import Target, counting_target
from tests.unit.cluster.nodes import FaultyLink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def target() -> Iterator[Target]:
    """A target of the test's own."""
    with counting_target() as running:
        yield running


@pytest.fixture
def link(tmp_path: Path) -> Iterator[FaultyLink]:
    """Two nodes."""
    found = FaultyLink(tmp_path / "nodes", "a", "b")
    for node in ("a", "b"):
        found.answers[node, "facts"] = found.agents[node].do_facts() | {"machine": node}
    yield found
    found.close()
