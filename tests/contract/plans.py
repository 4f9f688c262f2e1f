"""Small plans, as the compiler would write them."""

from __future__ import annotations

import json
from typing import Any

SECOND = 1_000_000_000


def plan(base_url: str = "http://127.0.0.1:9", steps: list[dict[str, Any]] | None = None, **changes: Any) -> str:
    """A plan with one scenario of two users for half a second; `changes` replace fields of the scenario."""
    steps = steps or [{"kind": "request", "name": "home", "method": "GET", "url": "/"}]
    load = {"kind": "users", "users": 2, "duration_ns": SECOND // 2}
    scenario = {"name": "shop", "base_url": base_url, "load": load, "steps": steps, **changes}
    http = {"timeouts": {"connect_ns": SECOND, "total_ns": SECOND}, "max_redirects": 0, "cookies": False}
    run = {"version": 1, "name": "shop", "seed": 1, "graceful_stop_ns": SECOND}
    return json.dumps({**run, "http": http, "scenarios": [scenario]})
