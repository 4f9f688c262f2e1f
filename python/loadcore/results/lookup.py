"""Totals as thresholds ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from loadcore.results.tally import MAIN, StepTotals, Tally
from loadcore.results.totals import PHASES

if TYPE_CHECKING:
    from loadcore.engine import Histogram
    from loadcore.results.record_of_run import RunStart
    from loadcore.results.totals import Totals
    from loadcore.thresholds import Counter, Time


@dataclass(frozen=True)
class SteadySpan:
    """The measured part of a run: from the end of the warm-up to the planned end, or to the end if that came first."""

    start_ns: int
    end_ns: int

    @classmethod
    def of(cls, start: RunStart, ended_ns: int) -> SteadySpan:
        """Of a run that has ended, or of one that has gone on for so long."""
        planned = start.description.planned_end_ns
        end = ended_ns if planned is None else min(planned, ended_ns)
        return cls(start.warm_up_ns, max(end, start.warm_up_ns))

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_ns - self.start_ns) / 1e9


class Measured:
    """The numbers that thresholds are judged by. Made anew for each judgement.

    Steps of an iteration are looked at in the steady phase. What a user does once, and token calls, come when users
    start, which may be in the warm-up: they are looked at over the whole run.
    """

    def __init__(self, totals: Totals, start: RunStart, ended_ns: int) -> None:
        self._totals = totals
        self._steady = totals.over()
        self._start = start
        self._span = SteadySpan.of(start, ended_ns)
        self._sums: dict[tuple[str | None, str | None], StepTotals | None] = {}

    @property
    def seconds(self) -> float:
        """Length of the steady phase."""
        return self._span.seconds

    def count(self, counter: Counter, scenario: str | None, step: str | None) -> int | None:
        """How many; None where the scope does not exist."""
        match counter:
            case "requests" | "errors":
                total = self._sum(scenario, step)
                return None if total is None else int(getattr(total, counter))
            case "checks" | "checks_failed":
                return self._checks(counter, scenario, step)
            case "users_planned":
                known = [each.users for each in self._start.description.scenarios if scenario in (None, each.name)]
                return sum(known) if known else None
            case "users_lost":
                return _over_scenarios(self._whole, counter, scenario)
            case "iterations_due" | "iterations_dropped":
                return _over_scenarios(self._steady, counter, scenario)

    def quantile_ns(self, time: Time, quantile: float, scenario: str | None, step: str | None) -> float | None:
        """The time that a share of `quantile` requests does not exceed; None without requests."""
        total = self._sum(scenario, step)
        if total is None:
            return None
        histogram: Histogram = getattr(total, time)
        return float(histogram.quantile(quantile)) if histogram.count else None

    def mean_ns(self, time: Time, scenario: str | None, step: str | None) -> float | None:
        """The mean time; None without requests."""
        total = self._sum(scenario, step)
        return None if total is None else mean_ns(total, time)

    @cached_property
    def _whole(self) -> Tally:
        return self._totals.over(*PHASES)

    def _sum(self, scenario: str | None, step: str | None) -> StepTotals | None:
        if (scenario, step) not in self._sums:
            self._sums[scenario, step] = self._summed(scenario, step)
        return self._sums[scenario, step]

    def _summed(self, scenario: str | None, step: str | None) -> StepTotals | None:
        found = [each for each in self._steady.steps.values() if each.section == MAIN and step in (None, each.name)]
        if step is not None:
            found += [each for each in self._whole.steps.values() if each.section != MAIN and each.name == step]
        found = [each for each in found if scenario in (None, each.scenario)]
        if not found:
            return None
        total = StepTotals(scenario or "", step or "all", "", MAIN)
        for each in found:
            total.add(each)
        return total

    def _checks(self, counter: Counter, scenario: str | None, step: str | None) -> int | None:
        found = [
            check
            for check in self._steady.checks.values()
            if scenario in (None, check.scenario) and step in (None, check.step)
        ]
        if not found:
            return None
        return sum(check.failed if counter == "checks_failed" else check.evaluated for check in found)


def mean_ns(total: StepTotals, time: str) -> float | None:
    """The mean of a time of some requests, exact where windows carry its sum; None without requests."""
    histogram: Histogram = getattr(total, time)
    if not histogram.count:
        return None
    exact = {"service": total.service_sum_ns, "response": total.response_sum_ns}.get(time)
    return float(histogram.mean_ns) if exact is None else exact / histogram.count


def _over_scenarios(tally: Tally, counter: str, scenario: str | None) -> int | None:
    found = [each for name, each in tally.scenarios.items() if scenario in (None, name)]
    return sum(getattr(each, counter) for each in found) if found else None
