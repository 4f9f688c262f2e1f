"""What became of trying a plan once: what was sent, what is wrong, what was not tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Untried:
    """A request that was not sent.

    Attributes:
        scenario: The scenario.
        step: The name of the request.
        why: What kept it from being sent, as far as that is known.
    """

    scenario: str
    step: str
    why: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that was made.

    Attributes:
        row: What was recorded of it, see `loadcore.results.schema.REQUESTS`.
        reasons: Why it is not as it should be; empty if it is.
        sample: What went over the wire, as in `samples` of a summary; None if nothing was kept.
    """

    row: dict[str, Any]
    reasons: Sequence[str]
    sample: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of trying a plan.

    Attributes:
        sent: All requests in the order in which they ended.
        findings: What is wrong, each once.
        untried: The requests of the plan that were not made.
        iterations: How many iterations the user made, by scenario.
        interrupted: The exit code, if the user ended it.
    """

    sent: Sequence[Sent]
    findings: Sequence[str]
    untried: Sequence[Untried]
    iterations: dict[str, int]
    interrupted: int | None

    def to_dict(self, *, verbose: bool) -> dict[str, object]:
        """The same as JSON types; with what went over the wire for all requests, or for those that failed."""
        return {
            "iterations": self.iterations,
            "requests": [
                {
                    **{key: sent.row[key] for key in ("scenario", "step", "outcome", "status", "service_ns", "error")},
                    "reasons": list(sent.reasons),
                    "sample": sent.sample if verbose or sent.reasons else None,
                }
                for sent in self.sent
            ],
            "findings": list(self.findings),
            "not_tried": [{"scenario": each.scenario, "step": each.step, "why": each.why} for each in self.untried],
        }
