"""Tests that import Locust, which changes the whole process: they run in one of their own, see `test_inside.py`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if os.environ.get("LOADCORE_INSIDE") != "1":
    collect_ignore_glob = ["*"]
else:
    import locust  # noqa: F401 - before anything that it changes
    from locust.env import Environment

    from loadcore.locustfiles.installation import Installation
    from loadcore.locustfiles.request_event import RequestEvent
    from tests.locustfiles.double import DoubleCrossing

    if TYPE_CHECKING:
        from collections.abc import Iterator
        from typing import Any

    @pytest.fixture
    def crossing() -> Iterator[DoubleCrossing]:
        """What takes the engine's place, with Locust's clients over it."""
        double = DoubleCrossing()
        installation = Installation(double)
        yield double
        installation.close()
        double.close()

    @pytest.fixture
    def environment(crossing: DoubleCrossing) -> Iterator[Any]:
        """Locust's environment with a runner of its own."""
        assert crossing.wishes == []
        made = Environment(host="http://shop.test")
        assert isinstance(made.events.request, RequestEvent)
        runner = made.create_local_runner()
        yield made
        runner.quit()
