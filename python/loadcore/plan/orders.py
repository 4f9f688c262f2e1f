"""Orders: changes of a load while it runs, as people write them: `"pause"`, `"users 200"`, `"rate 300/s"`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from loadcore.wording.units import Rate, parse_count, parse_rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_PER_S: Final = 10_000_000
"""A higher rate is more than a worker could even count."""
MOST_USERS: Final = 10_000_000

_OF_CLOSED: Final = ("pause", "resume", "users")
_OF_OPEN: Final = ("pause", "resume", "rate")
_OF_KIND: Final[dict[str, tuple[str, ...]]] = {
    "users": _OF_CLOSED,
    "user_stages": _OF_CLOSED,
    "iterations": _OF_CLOSED,
    "arrival_rate": _OF_OPEN,
    "arrival_stages": _OF_OPEN,
}


@dataclass(frozen=True, slots=True)
class Change:
    """What changes.

    Attributes:
        kind: `pause`, `resume`, `users` or `rate`.
        amount: How many users, or which rate, as it was written; empty for the other two.
    """

    kind: str
    amount: str = ""

    @classmethod
    def parse(cls, text: str) -> Change:
        """Read a change.

        Raises:
            ValueError: It is not one; the message says what to write.
        """
        kind, _, amount = text.strip().partition(" ")
        change = cls(kind, amount.strip())
        if kind in {"pause", "resume"}:
            if change.amount:
                raise ValueError(f'"{kind}" takes no amount, and got "{change.amount}"')
        elif kind == "users":
            if parse_count(change.amount) > MOST_USERS:
                raise ValueError(f"{change.amount} users are too many: the limit is {MOST_USERS:,}")
        elif kind == "rate":
            if parse_rate(change.amount).per_second > MOST_PER_S:
                raise ValueError(f"{change.amount} is too high: the limit is {MOST_PER_S:,}/s")
        else:
            raise ValueError(f'"{kind}" is not a change: use pause, resume, users or rate')
        return change

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.kind} {self.amount}".strip()

    @property
    def users(self) -> int | None:
        """How many users; None if it is not about them."""
        return int(self.amount) if self.kind == "users" else None

    @property
    def rate(self) -> Rate | None:
        """Which rate; None if it is not about one."""
        return parse_rate(self.amount) if self.kind == "rate" else None

    def for_engine(self) -> dict[str, Any]:
        """As the engine reads it."""
        if (rate := self.rate) is not None:
            return {"kind": "rate", "rate": {"count": rate.count, "per_ns": rate.per_ns}}
        return {"kind": self.kind} if self.users is None else {"kind": "users", "users": self.users}


@dataclass(frozen=True, slots=True)
class Order:
    """A change of a scenario's load from a moment on.

    Attributes:
        scenario: Whose load.
        at_ns: From when on, since the run's start.
        change: What changes.
    """

    scenario: str
    at_ns: int
    change: Change

    def to_dict(self) -> dict[str, Any]:
        """As the summary has it."""
        rate = self.change.rate
        return {
            "at_s": self.at_ns / 1e9,
            "scenario": self.scenario,
            "change": str(self.change),
            "users": self.change.users,
            "per_s": None if rate is None else rate.per_second,
        }


def fitting(load: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of changes that a load model of a plan takes; none where loadcore does not decide the load."""
    return _OF_KIND.get(str(load.get("kind")), ())


def effective_digest(digest: str, orders: Sequence[Order]) -> str:
    """SHA-256 of a plan, given its own, as it was carried out: its own as long as nothing was ordered."""
    if not orders:
        return digest
    given = [[order.scenario, order.at_ns, str(order.change)] for order in orders]
    return hashlib.sha256(json.dumps([digest, given]).encode()).hexdigest()
