"""The clients of a run on several nodes, each judged by what was found of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loadcore.judge.finding import Finding

_WORST = {"invalid": "client_limited", "suspect": "suspect", "note": "healthy"}


def of_node(name: str, findings: Iterable[Finding]) -> list[Finding]:
    """What the rules found of one node, with its name."""
    return [
        replace(found, message=f"node {name}: {found.message}", advice=f"{found.advice}, or leave the node out")
        if found.severity != "note"
        else replace(found, message=f"node {name}: {found.message}")
        for found in findings
    ]


def worst_of(findings: Sequence[Finding]) -> str:
    """How a client did, by the worst of what was found."""
    found = {finding.severity for finding in findings}
    return next((word for severity, word in _WORST.items() if severity in found), "healthy")
