"""A node of a run, as its driver keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loadcore.cluster.clocks import Offset

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Node:
    """What the driver knows of it."""

    number: int
    address: str
    name: str
    workers: list[int]
    facts: Mapping[str, Any]
    offset: Offset = field(default_factory=lambda: Offset(0, 0))
    heard: float = 0.0
    is_late: bool = False
    lost: str | None = None
    sequence: int = 0
    lease_until_s: float = 0.0
    """Until when its lease lasts at the most, on this machine's clock."""
    left: set[int] = field(default_factory=set)
    """Its workers that have not ended."""
