"""A threshold, as a scenario declares it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Threshold:
    """A claim about the whole run, as declared. A plain text is one that does not abort.

    Threshold("errors.rate < 50%", abort_after="10s")     ends the run after failing for ten seconds in a row
    """

    expression: str
    """`[scope:] metric operator limit`, as in the module's grammar."""
    abort_after: str | None = None
    """End the run after failing in every second of this time. By default it is judged at the end only."""
