"""A figure that must not pass its limit.

A limit is just above today's figure: it may only come down.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gate:
    """One figure per request and the most it may be."""

    what: str
    figure: float
    limit: float
    digits: int = 3
    beside: float | None = None
    """The same with nginx as the server, which has no limit."""

    @property
    def holds(self) -> bool:
        """Whether the figure, as it is printed, is within the limit."""
        return round(self.figure, self.digits) <= self.limit

    def row(self) -> list[str]:
        """The gate as a row of a table."""
        kept = "" if self.holds else ", **not kept**"
        beside = "" if self.beside is None else f"{self.beside:,.{self.digits}f}"
        return [self.what, f"{self.figure:,.{self.digits}f}", f"{self.limit:,.{self.digits}f}{kept}", beside]

    def line(self) -> str:
        """The gate in words."""
        state = "ok  " if self.holds else "FAIL"
        beside = "" if self.beside is None else f"; {self.beside:.{self.digits}f} with nginx"
        figure, limit = (f"{each:.{self.digits}f}" for each in (self.figure, self.limit))
        return f"{state} {self.what}: {figure} (limit {limit}){beside}"


def per_request(long: float, short: float, requests: int) -> float:
    """What one request costs: two lengths differ by this number of requests, and start and end cancel out."""
    # A run that happened to need less than the shorter one costs nothing, rather than less.
    return max(0.0, (long - short) / requests)
