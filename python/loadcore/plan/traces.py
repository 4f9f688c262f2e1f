"""Which requests of a plan are traced, and where their traces are shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loadcore.plan.plan import Plan

UNUSED_URL: Final = "--trace-url has no effect: no request is traced (run --trace-sample 1% traces one in a hundred)"
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
PLACE: Final = "{trace_id}"
"""Where the id of a trace belongs in a link."""


def parse_url(text: object) -> str:
    """The URL of a trace, if it is one: `https://tempo.example/trace/{trace_id}`.

    Raises:
        ValueError: It is not a URL, or has no place for the id.
    """
    parts = urlsplit(text) if isinstance(text, str) else urlsplit("")
    if not isinstance(text, str) or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f'"{text}" is not a URL: write it as "https://tempo.example/trace/{PLACE}"')
    if PLACE not in text:
        raise ValueError(f'"{text}" has no {PLACE}: write {PLACE} where the id belongs')
    return text


def link(url: str | None, trace_id: str) -> str:
    """Where a trace is shown; empty if that is not known, or not a URL: a run folder may be another's."""
    try:
        return parse_url(url).replace(PLACE, trace_id)
    except ValueError:
        return ""


def trace_of(headers: Iterable[Sequence[str]]) -> str | None:
    """The id of the trace that a request with these headers belongs to; None if it has none."""
    values = [value for name, value in headers if name.lower() == "traceparent"]
    found = _TRACEPARENT.fullmatch(values[0].strip()) if len(values) == 1 else None
    return found[1] if found else None


def traces(plan: Plan, url: str | None) -> dict[str, Any] | None:
    """What a run knows of its traces; None if it has none."""
    sample = plan.document["http"].get("trace_sample")
    return {"sample": sample, "url": url} if sample else None
