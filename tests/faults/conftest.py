"""What the fault tests share."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long scenarios are run when somebody asks for marks: `make chaos` does."""
    if config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("slow") and "tests/faults" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="long: run by `make chaos`"))
