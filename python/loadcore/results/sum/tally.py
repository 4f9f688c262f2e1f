"""Sums of windows: the results of the steps, checks, groups and scenarios in some stretch of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loadcore.engine import Histogram
from loadcore.results.sum.exemplars import Exemplar, slowest
from loadcore.wording.outcomes import ANSWERED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Row = dict[str, Any]
"""A row of `windows.arrow` as Python values."""

MAIN = "main"
"""The section that headline numbers come from; the others are `start` (once a user) and `auth` (token calls)."""

StepKey = tuple[str, str, str]
"""Scenario, section and name of a step."""


@dataclass(slots=True)
class StepTotals:
    """What came of the requests of a step, or of several, in a phase.

    Most of it is of the requests that were due in the phase, however late they ended. `asked`, `started`, `answered`
    and `failed` say what happened in the phase, whenever the requests were due: they are what rates are made of.

    Requests that were never sent are in no histogram, nor are those that the end of the run cut off.
    """

    scenario: str
    name: str
    method: str
    section: str
    requests: int = 0
    """All of them, as rows: what was sent, and what could not be."""
    errors: int = 0
    hops: int = 0
    """Redirects that were followed."""
    repeats: int = 0
    """Answers of 401 after which the request was sent again with a new token."""
    not_sent: int = 0
    """Requests that were never sent: no connection, no token, no descriptor."""
    asked: int = 0
    """Requests that were due then."""
    started: int = 0
    """Requests that were sent then, the first time."""
    answered: int = 0
    """Requests that ended then with a whole response, whatever its status."""
    failed: int = 0
    """Requests that ended then without one."""
    attempts: int = 0
    """How often requests were sent, retries included: what the target should have got."""
    outcomes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    error_statuses: Counter[int] = field(default_factory=Counter)
    """Of the requests whose status was the error."""
    service: Histogram = field(default_factory=Histogram)
    """Send to last byte."""
    response: Histogram = field(default_factory=Histogram)
    """Due to last byte."""
    response_without_lag: Histogram = field(default_factory=Histogram)
    """The same of the same requests, less the client's own delay."""
    ttfb: Histogram = field(default_factory=Histogram)
    """Send to first byte."""
    service_sum_ns: int = 0
    response_sum_ns: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    connections: int = 0
    """Connections opened."""
    surplus_bytes: int = 0
    """Bytes that came after the end of a response."""
    interim: int = 0
    """Interim (1xx) responses."""
    exemplars: list[Exemplar] = field(default_factory=list)
    """The slowest requests that have a trace, the slowest first."""

    @property
    def interrupted(self) -> int:
        """Requests that the end of the run cut off: neither success nor error."""
        return self.outcomes["interrupted"]

    @property
    def judged(self) -> int:
        """What errors are of: requests that ended their step. Followed redirects, repeats and cut-off ones do not."""
        return self.requests - self.hops - self.repeats - self.interrupted

    @property
    def unanswered(self) -> int:
        """Requests without a complete response, but for those that the end of the run cut off."""
        return self.requests - sum(self.outcomes[each] for each in ANSWERED) - self.interrupted

    @property
    def error_rate(self) -> float | None:
        """Errors, of the requests that are judged; None without any."""
        return self.errors / self.judged if self.judged else None

    def add_row(self, row: Row) -> None:
        """Add a window."""
        self.add_counts(row)
        for name in _STEP_HISTOGRAMS:
            if row[name] is not None:
                getattr(self, name).add_encoded(row[name])
        if row["response"] is not None:
            self.response_without_lag.add_differing(row["response"], row["delay_added"], row["delay_taken"])

    def add_counts(self, row: Row) -> None:
        """Add what a window counts, and not its times."""
        for name in _STEP_SUMS:
            setattr(self, name, getattr(self, name) + (row[name] or 0))
        self.requests += row["count"] or 0
        for entry in row["outcomes"] or ():
            self.outcomes[entry["name"]] += entry["count"]
        for entry in row["statuses"] or ():
            self.statuses[entry["status"]] += entry["count"]
        for entry in row["error_statuses"] or ():
            self.error_statuses[entry["status"]] += entry["count"]
        # Files of earlier versions do not have it.
        if found := row.get("exemplars"):
            self.exemplars = slowest([*self.exemplars, *map(Exemplar.of, found)])

    def add(self, other: StepTotals) -> None:
        """Add the results of other requests."""
        self.requests += other.requests
        for name in _STEP_SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.outcomes.update(other.outcomes)
        self.statuses.update(other.statuses)
        self.error_statuses.update(other.error_statuses)
        if other.exemplars:
            self.exemplars = slowest([*self.exemplars, *other.exemplars])
        for name in (*_STEP_HISTOGRAMS, "response_without_lag"):
            getattr(self, name).add(getattr(other, name))


_STEP_SUMS = (
    "errors",
    "hops",
    "repeats",
    "not_sent",
    "asked",
    "started",
    "answered",
    "failed",
    "attempts",
    "service_sum_ns",
    "response_sum_ns",
    "bytes_sent",
    "bytes_received",
    "connections",
    "surplus_bytes",
    "interim",
)
_STEP_HISTOGRAMS = ("service", "response", "ttfb")


@dataclass(slots=True)
class CheckTotals:
    """How often a check was made and did not hold."""

    scenario: str
    step: str
    name: str
    evaluated: int = 0
    failed: int = 0


@dataclass(slots=True)
class GroupTotals:
    """How often a group ended and how long it took."""

    scenario: str
    name: str
    ended: int = 0
    failed: int = 0
    duration: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class ScenarioTotals:
    """What came of the iterations of a scenario."""

    name: str
    iterations_due: int = 0
    iterations_started: int = 0
    iterations_completed: int = 0
    iterations_failed: int = 0
    iterations_dropped: int = 0
    """Arrivals that found no free user."""
    iterations_interrupted: int = 0
    users_lost: int = 0
    """Users whose start failed: they never iterate."""
    idle_steps: int = 0
    """Steps that users went through in loops that sent nothing."""

    def sums(self) -> dict[str, int]:
        """Every sum by its name."""
        return {name: getattr(self, name) for name in _SCENARIO_SUMS}


_SCENARIO_SUMS = tuple(name for name in ScenarioTotals.__dataclass_fields__ if name != "name")


class Tally:
    """Adds rows of windows up, by what they are about."""

    def __init__(self) -> None:
        self.steps: dict[StepKey, StepTotals] = {}
        self.checks: dict[tuple[str, str, str], CheckTotals] = {}
        self.groups: dict[tuple[str, str], GroupTotals] = {}
        self.scenarios: dict[str, ScenarioTotals] = {}

    def add_row(self, row: Row) -> None:
        """Add one row; rows about workers belong to the client's health and are left alone."""
        kind, key = row["kind"], (row["scenario"] or "", row["name"] or "")
        if kind == "step":
            self._step(row).add_row(row)
        elif kind == "check":
            self._add_check(row)
        elif kind == "group":
            self._add_group(key, row)
        elif kind == "scenario":
            self._add_scenario(key[0], row)

    def add(self, others: Iterable[Tally]) -> Tally:
        """Add other tallies to this one, and return it."""
        for other in others:
            for step_key, step in other.steps.items():
                own = self.steps.get(step_key)
                if own is None:
                    own = self.steps[step_key] = StepTotals(step.scenario, step.name, step.method, step.section)
                own.add(step)
            for check_key, check in other.checks.items():
                mine = self.checks.setdefault(check_key, CheckTotals(*check_key))
                mine.evaluated += check.evaluated
                mine.failed += check.failed
            for key, group in other.groups.items():
                ours = self.groups.setdefault(key, GroupTotals(*key))
                ours.ended += group.ended
                ours.failed += group.failed
                ours.duration.add(group.duration)
            for name, scenario in other.scenarios.items():
                _add_fields(self.scenarios.setdefault(name, ScenarioTotals(name)), scenario.sums())
        return self

    def all_steps(self, *sections: str, scenario: str | None = None) -> StepTotals:
        """All steps of some sections added up; of the main section if none is named."""
        wanted = sections or (MAIN,)
        total = StepTotals(scenario or "", "all", "", "+".join(wanted))
        for step in self.steps.values():
            if step.section in wanted and scenario in (None, step.scenario):
                total.add(step)
        return total

    def _step(self, row: Row) -> StepTotals:
        scenario, section, name = row["scenario"] or "", row["section"] or MAIN, row["name"] or ""
        step = self.steps.get((scenario, section, name))
        if step is None:
            step = self.steps[scenario, section, name] = StepTotals(scenario, name, row["method"] or "", section)
        return step

    def _add_check(self, row: Row) -> None:
        key = (row["scenario"] or "", row["step"] or "", row["name"] or "")
        check = self.checks.setdefault(key, CheckTotals(*key))
        check.evaluated += row["count"] or 0
        check.failed += row["errors"] or 0

    def _add_group(self, key: tuple[str, str], row: Row) -> None:
        group = self.groups.setdefault(key, GroupTotals(*key))
        group.ended += row["count"] or 0
        group.failed += row["errors"] or 0
        if row["response"] is not None:
            group.duration.add_encoded(row["response"])

    def _add_scenario(self, name: str, row: Row) -> None:
        _add_fields(self.scenarios.setdefault(name, ScenarioTotals(name)), row)


def _add_fields(totals: ScenarioTotals, values: Mapping[str, int | None]) -> None:
    for name in _SCENARIO_SUMS:
        setattr(totals, name, getattr(totals, name) + (values[name] or 0))
