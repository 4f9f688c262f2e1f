"""Totals as thresholds ask for them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from loadcore.judge import keeping_up
from loadcore.judge.keeping_up import Asked
from loadcore.results.schema import PHASES, STEADY
from loadcore.results.sum.spans import SteadySpan
from loadcore.results.sum.tally import MAIN, StepTotals, Tally

if TYPE_CHECKING:
    from collections.abc import Collection

    from loadcore.engine import Histogram
    from loadcore.judge.thresholds.rule import Counter, Time
    from loadcore.results.run_facts import RunStart
    from loadcore.results.sum.tally import CheckTotals
    from loadcore.results.sum.totals import Totals


class Measured:
    """The numbers that thresholds are judged by. Made again for each judgement.

    Steps of an iteration are looked at in the steady phase. What a user does once, and token calls, come when users
    start, which may be in the warm-up: they are looked at over the whole run.
    """

    def __init__(
        self,
        totals: Totals,
        start: RunStart,
        ended_ns: int,
        *,
        as_planned: bool = False,
        sections: tuple[str, ...] = (MAIN,),
    ) -> None:
        self._totals = totals
        self._steady = totals.over()
        self._start = start
        self._ended_ns = ended_ns
        self._as_planned = as_planned
        self._sums: dict[tuple[str | None, str | None], StepTotals | None] = {}
        self._sections = sections

    def with_own_rows(self) -> Measured:
        """The same, with what user code timed by itself."""
        return Measured(self._totals, self._start, self._ended_ns, as_planned=self._as_planned, sections=(MAIN, "user"))

    def seconds_of(self, scenario: str | None, step: str | None) -> float:
        """Length of the steady phase of the scenarios in that scope."""
        found = {each.scenario for each in self._start.description.steps if step == each.name}
        names = found if scenario is None else {scenario}
        return self.span(names).seconds

    def span(self, scenarios: Collection[str] = ()) -> SteadySpan:
        """The measured part of some scenarios; of all if none is named."""
        return SteadySpan.of(
            self._start,
            self._ended_ns,
            as_planned=self._as_planned,
            scenarios=scenarios,
            last_iterations=self._totals.last_iterations(),
            of_code=self._totals.steady_of_code(),
        )

    def asked(self, scenario: str) -> Asked:
        """What was asked of the target of a scenario and what it answered, within its measured part."""
        span, total = self.span([scenario]), self._sum(scenario, None)
        quickest = self._totals.quickest.get(scenario)
        (info,) = [each for each in self._start.description.scenarios if each.name == scenario]
        iterations = self._steady.scenarios.get(scenario)
        return Asked(
            scenario=scenario,
            start_ns=span.start_ns,
            end_ns=span.end_ns,
            by_second=self._totals.asked.get(scenario, {}),
            answered=total.answered if total else 0,
            failed=total.failed if total else 0,
            dropped=iterations.iterations_dropped if iterations else 0,
            quick_ns=(quickest.quick_ns if quickest else None) or 0.0,
            users=info.users,
            response_p50_ns=self.quantile_ns("response", 0.5, scenario, None),
        )

    def answered_ratio(self, scenario: str | None) -> float | None:
        """What was answered, of what was asked in time, by the scenario of an open model that answered least."""
        names = [
            each.name
            for each in self._start.description.scenarios
            if scenario in (None, each.name) and (each.model == "open" or scenario is not None)
        ]
        ratios = [keeping_up.answered_ratio(self.asked(name)) for name in names]
        return min((ratio for ratio in ratios if ratio is not None), default=None)

    def count(self, counter: Counter, scenario: str | None, step: str | None) -> int | None:
        """How many; None where the scope does not exist."""
        match counter:
            case "requests" | "answered" | "errors" | "judged":
                total = self._sum(scenario, step)
                if total is None:
                    return None
                return total.requests - total.interrupted if counter == "requests" else int(getattr(total, counter))
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
        sections = self._sections
        found = [each for each in self._steady.steps.values() if each.section in sections and step in (None, each.name)]
        if step is not None:
            found += [each for each in self._whole.steps.values() if each.section not in sections and each.name == step]
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
            for check in checks_of(self._start, self._steady, self._whole)
            if scenario in (None, check.scenario) and step in (None, check.step)
        ]
        if not found:
            return None
        return sum(check.failed if counter == "checks_failed" else check.evaluated for check in found)


class MeasuredSecond(Measured):
    """The same numbers of one second of a run. Steps of an iteration have some in the steady phase only."""

    def __init__(self, totals: Totals, start: RunStart, second: int) -> None:
        super().__init__(totals, start, (second + 1) * 1_000_000_000)
        self._second = second
        if totals.phase_of(second) == STEADY:
            self._steady = totals.recent(1, second, STEADY)
        else:
            self._steady = Tally()

    def seconds_of(self, scenario: str | None, step: str | None) -> float:  # noqa: ARG002 - of whichever it is
        """One."""
        return 1.0

    @cached_property
    def _whole(self) -> Tally:
        return self._totals.recent(1, self._second)


class MeasuredStretch(Measured):
    """The same numbers of a stretch of a run that has been read from its files.

    Args:
        steady: What is of the steady phase.
        whole: All of the stretch.
        start: What was started.
        seconds: How long the stretch is.
        main: What all steps of iterations come to in the steady phase, where that is known already.
    """

    def __init__(
        self, steady: Tally, whole: Tally, start: RunStart, seconds: float, main: StepTotals | None = None
    ) -> None:
        self._steady = steady
        self._all = whole
        self._start = start
        self._seconds = seconds
        self._sections = (MAIN,)
        self._sums = {} if main is None else {(None, None): main}

    def seconds_of(self, scenario: str | None, step: str | None) -> float:  # noqa: ARG002 - of whichever it is
        """Of the stretch."""
        return self._seconds

    def answered_ratio(self, scenario: str | None) -> float | None:  # noqa: ARG002 - of whichever it is
        """Unknown: what is asked in one stretch is answered in the next."""
        return None

    @cached_property
    def _whole(self) -> Tally:
        return self._all


def checks_of(start: RunStart, steady: Tally, whole: Tally) -> list[CheckTotals]:
    """The checks of a run, those of the users' start over the whole of it, like their requests; others when steady."""
    main = {(each.scenario, each.name) for each in start.description.steps if each.section == MAIN}
    apart = [check for check in whole.checks.values() if (check.scenario, check.step) not in main]
    return [*apart, *(check for check in steady.checks.values() if (check.scenario, check.step) in main)]


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
