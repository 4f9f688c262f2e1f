"""The engine under Locust's clients in an ordinary process, where Locust is used as a library."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from loadcore.engine import Engine
from loadcore.errors import InternalError
from loadcore.locustfiles.installation import Installation
from loadcore.locustfiles.plan import plan_of
from loadcore.locustfiles.ring_crossing import RingCrossing

NO_FACTS: Final[dict[str, Any]] = {
    "classes": [],
    "host": None,
    "users": None,
    "spawn_rate": None,
    "shape": None,
    "stop_timeout_s": 0.0,
    "sets_host": True,
    "ca_file": None,
}


def start() -> Installation:
    """Start an engine, and put it under the clients."""
    plan = plan_of(Path("locust.py"), NO_FACTS)
    engine = Engine(plan.to_json(), 0, 1)
    crossing = engine.crossing()
    if crossing is None:
        raise InternalError("the plan has no script")
    engine.start(time.monotonic_ns(), time.time_ns() // 1000)
    ring = RingCrossing(crossing, lambda _notice: None, lambda _sentence: None)
    return Installation(ring, engine)
