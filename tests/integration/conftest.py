"""What the integration tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.counting_target import Target, counting_target

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def target() -> Iterator[Target]:
    """A target of the test's own."""
    with counting_target() as running:
        yield running
