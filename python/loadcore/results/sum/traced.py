"""What the summary says of traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loadcore.results.sum.tally import MAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.results.sum.exemplars import Exemplar
    from loadcore.results.sum.tally import StepTotals, Tally

MOST: Final = 20
"""How many a summary lists."""


def section_of(traces: Mapping[str, Any] | None, steady: Tally, whole: Tally) -> dict[str, Any]:
    """What the summary says of traces; nothing of a run that has none."""
    if traces is None:
        return {}
    # What users do once, and token calls, may happen in the warm-up.
    apart = [step for step in whole.steps.values() if step.section != MAIN]
    steps = [*(step for step in steady.steps.values() if step.section == MAIN), *apart]
    pairs = [(exemplar, step) for step in steps for exemplar in step.exemplars]
    pairs.sort(key=lambda pair: (-pair[0].service_ns, pair[0].trace_id))
    return {"traces": {**traces, "slowest": [_entry(exemplar, step) for exemplar, step in pairs[:MOST]]}}


def _entry(exemplar: Exemplar, step: StepTotals) -> dict[str, Any]:
    return {
        "scenario": step.scenario,
        "step": step.name,
        "section": step.section,
        "trace_id": exemplar.trace_id,
        "end_s": exemplar.end_ns / 1e9,
        "service_ns": exemplar.service_ns,
        "response_ns": exemplar.response_ns,
        "status": exemplar.status or None,
        "outcome": exemplar.outcome,
    }
