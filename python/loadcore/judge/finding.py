"""What a rule says about a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Subject = Literal["client", "script", "target", "other programs", "plan", "results"]
"""Whom a finding is about. `script`: the code of users that are written in Python.
`results`: what the run wrote down, which does not hold everything or does not add up."""

Severity = Literal["invalid", "suspect", "note"]
"""`invalid` decides the exit code (111), `suspect` heads the report of a run that may pass, `note` does neither."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a rule found, with its figure, when it held, and what to do about it.

    Several rules may see one cause; each finding is reported once.
    """

    subject: Subject
    severity: Severity
    rule: str
    """Stable name of the rule."""
    message: str
    """A clause without a full stop: `worker 0 used up to 98 % of its core for 6 s in a row`."""
    advice: str
    """What to do about it."""
    value: float | None = None
    """The figure that was compared with the limit, in the unit that the rule's documentation gives."""
    limit: float | None = None
    scenario: str | None = None
    step: str | None = None
    worker: int | None = None
    """The worker with `value`."""
    workers: tuple[int, ...] = ()
    """Those it was seen in, if in some only."""
    first_s: int | None = None
    last_s: int | None = None

    @property
    def text(self) -> str:
        """The message under the name of its subject, as the verdict tells it."""
        is_limit = self.subject in {"client", "script"} and self.severity == "invalid"
        return f"the {self.subject} was the bottleneck: {self.message}" if is_limit else self.message

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {**vars(self), "workers": list(self.workers)}
