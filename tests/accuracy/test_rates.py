"""Rates are what the target served, by its own log, whatever was asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

import loadcore
from loadcore import Scenario, arrival_rate, arrival_stages, get, iterations, think, users
from loadcore.judge.keeping_up import SPARE
from tests.accuracy.logging_server import Log, Pace, logging_server

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Law:
    """A load on a target of some pace."""

    name: str
    pace: Pace
    loads: dict[str, Any]
    """The load of each scenario."""
    more: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Other arguments of scenarios."""
    warm_up: str | None = None
    steps: tuple[Any, ...] = (get("/"),)
    keeps_up: bool = True


LAWS = [
    Law("quick", Pace(takes_s=0.005), {"a": arrival_rate("200/s", duration="2s")}),
    Law("slow", Pace(takes_s=0.3), {"a": arrival_rate("100/s", duration="2s")}),
    Law("serial", Pace(1, 0.03), {"a": arrival_rate("100/s", duration="2s", max_users=500)}, keeps_up=False),
    Law("pool", Pace(10, 0.1), {"a": arrival_rate("150/s", duration="3s", max_users=500)}, keeps_up=False),
    Law("few users", Pace(takes_s=0.2), {"a": arrival_rate("100/s", duration="2s", max_users=5)}, keeps_up=False),
    Law(
        "stall",
        Pace(stall=lambda at: max(0.0, 0.6 - at) if at < 0.6 else 0.0),
        {"a": arrival_rate("200/s", duration="2s", max_users=500)},
    ),
    Law(
        "begins later",
        Pace(takes_s=0.01),
        {"a": arrival_rate("100/s", duration="2s")},
        {"a": {"start_after": "1s"}},
    ),
    Law("ends early", Pace(4, 0.02), {"a": iterations(total=137, users=4)}),
    Law(
        "several",
        Pace(takes_s=0.02),
        {"a": arrival_rate("80/s", duration="1500ms"), "b": users(5, duration="2s")},
        {"a": {"start_after": "300ms"}},
        steps=(get("/"), think("30ms")),
    ),
    Law("warm-up", Pace(takes_s=0.01), {"a": arrival_rate("150/s", duration="2s")}, warm_up="1s"),
    Law(
        "backlog from the warm-up",
        Pace(5, 0.05),
        {"a": arrival_rate("150/s", duration="2700ms", max_users=500)},
        warm_up="700ms",
        keeps_up=False,
    ),
    Law("ramp", Pace(takes_s=0.02), {"a": arrival_stages(("200/s", "1s"), ("200/s", "1s"))}),
    Law("closed", Pace(10, 0.1), {"a": users(20, duration="2s")}),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_rates_are_those_of_the_target_s_log(law: Law, tmp_path: Path) -> None:
    """Answers per second of each scenario's own measured part are those that the target logged, to one percent."""
    with logging_server(law.pace) as log:
        scenarios = [
            Scenario(name, base_url=log.url, load=load, steps=law.steps, **law.more.get(name, {}))
            for name, load in law.loads.items()
        ]
        run = loadcore.run(scenarios, workers=1, out=tmp_path / "run", warm_up=law.warm_up)
    summary = run.summary
    began = datetime.fromisoformat(summary["started_at"]).timestamp()
    spans = [(each["steady_from_s"], each["steady_s"]) for each in summary["load"]["scenarios"]]
    rows = [row for row in run.requests.to_pylist() if row["outcome"] == "ok"]
    if len(spans) == 1:
        ((begin_s, length_s),) = spans
        begin, end = began + begin_s, began + begin_s + length_s
        early, late = heard_after(log, [began + _ended_s(row) for row in rows])
        answered = summary["all"]["answered"]
        assert log.answered(begin - early, end - late) <= answered <= log.answered(begin - late, end - early)
        assert summary["all"]["requests_per_s"] == pytest.approx(answered / length_s)
    else:
        assert summary["load"]["requests"]["recorded"] == len(log.answered_at)
    for scenario in summary["load"]["scenarios"]:
        rates = scenario["rates"]
        steps = [step for step in summary["steps"] if step["scenario"] == scenario["name"]]
        assert rates["answered_per_s"] == pytest.approx(sum(step["requests_per_s"] for step in steps))
    states = [entry["state"] for entry in summary["thresholds"] if "answered" in entry["expression"]]
    assert len(states) == sum(each["model"] == "open" for each in summary["load"]["scenarios"])
    if law.keeps_up and "fail" in states:
        # Only a machine that stood still at the end makes this true of such a target: then answers came after it.
        quickest_s = min(row["response_ns"] for row in rows) / 1e9
        ends_s = max(begin_s + length_s for begin_s, length_s in spans)
        came_late = [row for row in rows if row["offset_ns"] / 1e9 + quickest_s < ends_s <= _ended_s(row)]
        assert len(came_late) > SPARE
    else:
        assert set(states) <= {"pass" if law.keeps_up else "fail"}


def heard_after(log: Log, ends: list[float]) -> tuple[float, float]:
    """How much later than the target's stamps the client's are, at the least and at the most: as late as this machine.

    The least is what two clocks of one machine differ by.
    """
    later = [end - stamp for end, stamp in zip(sorted(ends), sorted(log.answered_at), strict=True)]
    assert -0.01 < min(later) < 0.1
    return min(later), max(later)


def _ended_s(row: dict[str, Any]) -> float:
    return float(row["offset_ns"] + row["response_ns"]) / 1e9


def test_a_target_that_serves_a_tenth_has_a_tenth_of_the_rate(tmp_path: Path) -> None:
    """Asked 100/s, it serves 10/s: the threshold on the rate is crossed, and the backlog told."""
    with logging_server(Pace(1, 0.1)) as log:
        load = arrival_rate("100/s", duration="3s", max_users=500)
        scenario = Scenario("s", base_url=log.url, load=load, steps=[get("/")], thresholds=["throughput > 90/s"])
        run = loadcore.run(scenario, workers=1, out=tmp_path / "run", graceful_stop="200ms")
    states = {entry["expression"]: entry["state"] for entry in run.summary["thresholds"]}
    assert states == {"throughput > 90/s": "fail", "errors.rate < 1%": "pass", "answered >= 99% of asked": "fail"}
    assert run.exit_code == 99
    # Never more than its pace makes possible; less where the machine held the target up, by its own log.
    began = datetime.fromisoformat(run.summary["started_at"]).timestamp()
    assert log.answered(began, began + 2) / 3 <= run.summary["all"]["requests_per_s"] <= 31 / 3
    (told,) = [finding for finding in run.findings if finding["rule"] == "backlog"]
    assert told["message"].startswith("s: asked 100/s, answered ")
    assert "did not keep up" in told["message"]
