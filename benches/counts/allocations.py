"""Allocations per request, by a counting allocator in the engine's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benches import engine
from benches.counts.cases import COOKIES, NO_COOKIES, OAUTH2, STATIC, TEMPLATED, Case
from benches.counts.gates import Gate, per_request

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT, LONG = 10_000, 110_000
CONNECTIONS = 64
CASES = (STATIC, TEMPLATED, OAUTH2, NO_COOKIES, COOKIES)


def count(case: Case, base_url: str, requests: int) -> int:
    """Allocations of one whole run."""
    report = engine.run(case.plan(base_url, requests, CONNECTIONS))
    return report.demand(case.requests(requests, CONNECTIONS)).allocations


def gates(base_url: str) -> Iterator[Gate]:
    """The gates on allocations."""
    for case in CASES:
        short, long = (count(case, base_url, requests) for requests in (SHORT, LONG))
        yield Gate(f"allocations per request, {case.name}", per_request(long, short, LONG - SHORT), 0.0, digits=2)
