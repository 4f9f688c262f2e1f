"""What a live view shows before the first second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """What is known before the first second.

    Attributes:
        name: What the run is called.
        target: The base URL, or several with commas.
        planned_s: When the last scenario is planned to end; None if it is not known.
    """

    name: str
    target: str
    planned_s: float | None = None
