"""How much more than it is asked this machine can drive: cores by CPU time for a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from loadcore.judge.finding import Finding

_FEW: Final = 9.95
"""Below it a decimal tells something."""
_MOST: Final = 1000


@dataclass(frozen=True)
class Headroom:
    """What a machine drives of a plan, and what is asked of it.

    Attributes:
        drives_per_s: Requests a second that its cores can send.
        asked_per_s: Requests a second; None where as many are asked for as can be had.
        cores: Cores that the workers may use.
    """

    drives_per_s: float
    asked_per_s: float | None
    cores: float

    @classmethod
    def of(cls, cpu_ns_per_request: float, cores: float, asked_per_s: float | None) -> Headroom:
        """Of cores, and of what a request costs them."""
        return cls(cores * 1e9 / cpu_ns_per_request, asked_per_s, cores)

    @property
    def times(self) -> float | None:
        """How often what is asked fits into what is driven; None where no rate is asked."""
        return self.drives_per_s / self.asked_per_s if self.asked_per_s else None

    @property
    def is_enough(self) -> bool:
        """Whether the machine drives what is asked."""
        return self.times is None or self.times >= 1

    @property
    def text(self) -> str:
        """The same in a sentence."""
        drives = f"this machine drives {about(self.drives_per_s)} requests/s of this"
        if self.asked_per_s is None or self.times is None:
            return f"{drives}; you ask for as many as the target can answer"
        return f"{drives}; you ask {about(self.asked_per_s)}/s: {told(self.times)} headroom"

    def findings(self) -> list[Finding]:
        """A note where the machine does not drive what is asked."""
        if self.is_enough or self.times is None:
            return []
        return [
            Finding(
                subject="client",
                severity="note",
                rule="headroom",
                message=f"before the run, {self.text}",
                advice="ask for less, use more cores, or spread the load over more machines",
                value=self.times,
                limit=1.0,
            )
        ]

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {
            "drives_per_s": self.drives_per_s,
            "asked_per_s": self.asked_per_s,
            "headroom": self.times,
            "cores": self.cores,
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Headroom:
        """Read what `to_dict` wrote."""
        return cls(document["drives_per_s"], document["asked_per_s"], document["cores"])


def afterwards(used_cores: float, cores: float) -> float | None:
    """How much more of the same a machine could have driven, by what its workers used; None if they used nothing.

    Args:
        used_cores: CPU time of all workers by the time that it took.
        cores: Cores that they may use.
    """
    return cores / used_cores if used_cores > 0 else None


def told(times: float) -> str:
    """A factor in two digits: `0.65 x`, `6.8 x`, `41 x`."""
    if times >= _MOST:
        return f"> {_MOST:,} x"
    if times >= _FEW:
        return f"{times:,.0f} x"
    text = f"{times:.1f}" if times >= 1 else f"{times:.2g}"
    # Nothing is rounded up to a factor that is enough.
    return f"{0.99 if times < 1 and float(text) >= 1 else text} x"


def about(per_s: float) -> str:
    """A rate in three digits: `41,300`, `5.25`."""
    return f"{float(f'{per_s:.3g}'):,.10g}"
