"""The measured part of a run: what rates are per."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from loadcore.engine import ScenarioInfo
    from loadcore.results.run_facts import RunStart


@dataclass(frozen=True)
class SteadySpan:
    """The measured part of a run, or of some scenarios of it.

    A scenario is measured from the end of the warm-up, or from its own beginning if that is later, to its planned end.
    A run that was ended before, or is still running, was measured until then; one whose number of iterations is given
    ends with the last of them; one whose code winds up, when that began. Of several scenarios it goes from the first
    beginning to the last end.
    """

    start_ns: int
    end_ns: int

    @classmethod
    def of(
        cls,
        start: RunStart,
        ended_ns: int,
        *,
        as_planned: bool = False,
        scenarios: Collection[str] = (),
        last_iterations: Mapping[str, int] | None = None,
        of_code: tuple[int | None, int | None] = (None, None),
    ) -> SteadySpan:
        """Of a run that has ended, or has been running for this time.

        Args:
            start: What was started.
            ended_ns: The end, or the present.
            as_planned: Whether the run lasted as long as its plan says.
            scenarios: Those it is about; all if none is named.
            last_iterations: When the last iteration of a scenario ended, where that is known.
            of_code: When user code ended the warm-up and began the ramp-down, where it says so.
        """
        about = [each for each in start.description.scenarios if not scenarios or each.name in scenarios]
        known = last_iterations or {}
        warm_up_ns, ramp_down_ns = (ended_ns if each is None else each for each in of_code)
        if start.warm_up_ns is not None:
            warm_up_ns = start.warm_up_ns
        ended_ns = min(ended_ns, ramp_down_ns)
        begin = max(warm_up_ns, min((each.planned_start_ns for each in about), default=0))
        ends = [_end_of(each, known.get(each.name, ended_ns), ended_ns, as_planned=as_planned) for each in about]
        return cls(begin, max([begin, *ends]))

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_ns - self.start_ns) / 1e9


def _end_of(scenario: ScenarioInfo, last_iteration_ns: int, ended_ns: int, *, as_planned: bool) -> int:
    if scenario.planned_end_ns is None:
        return ended_ns
    if scenario.model == "closed" and scenario.planned_iterations is not None:
        # The planned end is but the latest one.
        return min(scenario.planned_end_ns, last_iteration_ns, ended_ns)
    return scenario.planned_end_ns if as_planned else min(scenario.planned_end_ns, ended_ns)
