"""Rates are what the target served, by its own log, whatever was asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

import loadcore
from loadcore import Scenario, arrival_rate, arrival_stages, get, iterations, think, users
from tests.accuracy.logging_server import Pace, logging_server

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
    if len(spans) == 1:
        ((begin_s, length_s),) = spans
        served = log.answered(began + begin_s, began + begin_s + length_s)
        # Where the span begins and ends is known to the client's and the server's wall clock, which take their time.
        assert summary["all"]["answered"] == pytest.approx(served, rel=0.01, abs=3)
        assert summary["all"]["requests_per_s"] == pytest.approx(summary["all"]["answered"] / length_s)
    else:
        assert summary["load"]["requests"]["recorded"] == len(log.answered_at)
    for scenario in summary["load"]["scenarios"]:
        rates = scenario["rates"]
        steps = [step for step in summary["steps"] if step["scenario"] == scenario["name"]]
        assert rates["answered_per_s"] == pytest.approx(sum(step["requests_per_s"] for step in steps))
    answered = [entry["state"] for entry in summary["thresholds"] if "answered" in entry["expression"]]
    assert answered == ["pass" if law.keeps_up else "fail"] * sum(
        each["model"] == "open" for each in summary["load"]["scenarios"]
    )


def test_a_target_that_serves_a_tenth_has_a_tenth_of_the_rate(tmp_path: Path) -> None:
    """Asked 100/s, it serves 10/s: the threshold on the rate is crossed, and the backlog told."""
    with logging_server(Pace(1, 0.1)) as log:
        load = arrival_rate("100/s", duration="3s", max_users=500)
        scenario = Scenario("s", base_url=log.url, load=load, steps=[get("/")], thresholds=["throughput > 90/s"])
        run = loadcore.run(scenario, workers=1, out=tmp_path / "run", graceful_stop="200ms")
    states = {entry["expression"]: entry["state"] for entry in run.summary["thresholds"]}
    assert states == {"throughput > 90/s": "fail", "errors.rate < 1%": "pass", "answered >= 99% of asked": "fail"}
    assert run.exit_code == 99
    assert run.summary["all"]["requests_per_s"] == pytest.approx(10, rel=0.1)
    (told,) = [finding for finding in run.findings if finding["rule"] == "backlog"]
    assert told["message"].startswith("s: asked 100/s, answered ")
    assert "did not keep up" in told["message"]
