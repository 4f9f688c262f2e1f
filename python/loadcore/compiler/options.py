"""Settings of a run that belong to none of its scenarios."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of one run. What changes scenarios is `loadcore.compiler.overrides`."""

    once: bool = False
    """One iteration of one user in place of every load: to try a scenario out."""
    seed: int | None = None
    """Seed of all random choices. By default another for every plan."""
    name: str | None = None
    """What the run is called in reports. By default as the scenarios are."""
