"""Which requests of a plan are traced, and where their traces are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from loadcore.plan.plan import Plan

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


def traces(plan: Plan, url: str | None) -> dict[str, Any] | None:
    """What a run knows of its traces; None if it has none."""
    sample = plan.document["http"].get("trace_sample")
    return {"sample": sample, "url": url} if sample else None
