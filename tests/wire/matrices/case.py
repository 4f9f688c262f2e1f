"""How a case of the wire suite is put together."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

STATUS_LINE = "HTTP/1.1 200 OK\r\n"
OK = {"outcome": "ok", "status": 200, "body": "ok", "reusable": True}


def error(outcome: str, *, status: int | None = 200, body: str = "") -> Case:
    """The expectation of a response that fails."""
    return {"outcome": outcome, "status": status, "body": body, "reusable": False}


def unframed(body: str) -> Case:
    """The expectation of a body that nothing ends, on a connection that stays open."""
    return error("timeout_body", body=body)


def case(name: str, source: str, response: str, expectation: Case, **more: object) -> Case:
    """One case of the suite."""
    return {"id": name, "source": source, "response": response, **more, **expectation}
