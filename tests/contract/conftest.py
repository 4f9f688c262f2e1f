"""What several contracts need: an engine that runs a script, and something to send to."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.engine import Engine
from loadcore.locustfiles.plan import plan_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.engine import Crossing

FACTS: dict[str, Any] = {
    "classes": [],
    "host": None,
    "stop_timeout_s": 0.0,
    "sets_host": True,
    "ca_file": None,
}


@pytest.fixture
def crossing() -> Iterator[Crossing]:
    """The crossing of an engine that runs a script."""
    engine = Engine(plan_of(Path("locust.py"), FACTS).to_json(), 0, 1)
    crossing = engine.crossing()
    assert crossing is not None
    engine.start(time.monotonic_ns(), time.time_ns() // 1_000)
    yield crossing
    crossing.finish(0)
    crossing.flush()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A socket that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        yield listening
