"""Plans for the bare engine: the JSON that `run_plan` reads."""

from __future__ import annotations

from typing import Any

SECOND_NS = 1_000_000_000
USER_AGENT = "loadcore"
"""What the product sends, and so all that is compared with it."""

STATIC = {"kind": "request", "name": "root", "method": "GET", "url": "/"}

TEMPLATED = {
    "kind": "request",
    "name": "item",
    "method": "GET",
    "url": "/json/{id}?user={$user}",
    "headers": [["X-Request", "{$counter}"]],
    "checks": [
        {"name": "found", "claim": {"kind": "status", "ranges": [[200, 200]]}},
        {
            "name": "in stock",
            "claim": {"kind": "json", "path": "$.in_stock", "compare": {"operator": "==", "value": True}},
        },
    ],
    "extracts": [{"variable": "id", "from": {"kind": "json", "path": "$.id"}}],
}
"""A path with two slots, a header with one, two checks, one JSON value taken into the next request's path."""

API = {
    "kind": "request",
    "name": "page",
    "method": "GET",
    "url": "/api",
    "checks": [
        {"name": "found", "claim": {"kind": "status", "ranges": [[200, 200]]}},
        {
            "name": "in stock",
            "claim": {"kind": "json", "path": "$.items[0].in_stock", "compare": {"operator": "==", "value": True}},
        },
    ],
}
"""A page of an API: two checks, one of them of a JSON value."""

FIRST_ITEM = {
    "kind": "request",
    "name": "first item",
    "method": "GET",
    "url": "/json",
    "extracts": [{"variable": "id", "from": {"kind": "json", "path": "$.id"}}],
}
"""Gives a user the `id` that `TEMPLATED` begins with."""

GET_COOKIES = {"kind": "request", "name": "cookies", "method": "GET", "url": "/cookies"}
"""Gives a user two cookies."""

PASSWORD = {
    "name": "login",
    "way": {
        "kind": "oauth2",
        "token_url": "/token",
        "grant": {"grant": "password", "username": {"text": "user"}, "password": {"text": "secret"}},
        "refresh_before_ns": 60 * SECOND_NS,
        "step": "token",
    },
}
"""An OAuth 2.0 token for each user."""


def iterations(count: int, users: int) -> dict[str, Any]:
    """A number of iterations, shared by a number of users."""
    return {
        "kind": "iterations",
        "users": users,
        "iterations": count,
        "scope": "shared",
        "max_duration_ns": 600 * SECOND_NS,
    }


def plan(base_url: str, load: dict[str, Any], step: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a JSON document
    """A plan of one scenario of one step, the static one unless said.

    Args:
        base_url: The target.
        load: How it is loaded.
        step: What an iteration does.
        changes: `auth` (an entry of the plan's list, used by all requests), `on_start` (a step), `http` (fields of the
            plan's HTTP settings), `steps` (in place of `step`).
    """
    scenario: dict[str, Any] = {"name": "bench", "base_url": base_url, "load": load}
    scenario["steps"] = changes.get("steps", [step or STATIC])
    if "on_start" in changes:
        scenario["on_start"] = [changes["on_start"]]
    if "auth" in changes:
        scenario["auth"] = changes["auth"]["name"]
    timeouts = {"connect_ns": 30 * SECOND_NS, "total_ns": 30 * SECOND_NS}
    http = {
        "timeouts": timeouts,
        "max_redirects": 0,
        "cookies": False,
        "user_agent": USER_AGENT,
        **changes.get("http", {}),
    }
    return {
        "version": 1,
        "name": "bench",
        "seed": 1,
        "graceful_stop_ns": SECOND_NS,
        "http": http,
        "auth": [changes["auth"]] if "auth" in changes else [],
        "scenarios": [scenario],
    }
