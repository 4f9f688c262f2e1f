"""A figure that must not pass its limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gate:
    """One figure per request and the most it may be."""

    what: str
    figure: float
    limit: float
    digits: int = 3

    @property
    def holds(self) -> bool:
        """Whether the figure, as it is printed, is within the limit."""
        return round(self.figure, self.digits) <= self.limit

    def line(self) -> str:
        """The gate in words."""
        state = "ok  " if self.holds else "FAIL"
        return f"{state} {self.what}: {self.figure:.{self.digits}f} (limit {self.limit:.{self.digits}f})"


def per_request(long: float, short: float, requests: int) -> float:
    """What one request costs: two lengths differ by so many requests, and start and end cancel out."""
    return (long - short) / requests
