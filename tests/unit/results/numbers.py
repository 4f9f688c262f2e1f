"""Runs made of numbers, without an engine."""

from __future__ import annotations

from loadcore.engine import CheckInfo, Description, GroupInfo, ScenarioInfo, StepInfo
from loadcore.results.run_facts import RunStart

DESCRIPTION = Description(
    steps=(
        StepInfo("shop", "GET /items", "GET", "main"),
        StepInfo("shop", "POST /orders", "POST", "main"),
        StepInfo("shop", "token", "POST", "auth"),
    ),
    checks=(CheckInfo("shop", "GET /items", "has items"), CheckInfo("shop", "POST /orders", "has items")),
    groups=(GroupInfo("shop", "checkout"),),
    scenarios=(ScenarioInfo("shop", "closed", 10_000_000_000, None, 5),),
    connections=5,
)

START = RunStart(
    run_id="01JD9K3V7Q0000000000000000",
    name="shop",
    started_at="2026-11-24T06:00:00.000000+00:00",
    wall_start_us=1_795_500_000_000_000,
    seed=7,
    plan_sha256="ab" * 32,
    workers=2,
    warm_up_ns=2_000_000_000,
    description=DESCRIPTION,
    base_urls={"shop": "http://127.0.0.1:8080"},
    thresholds=[{"expression": "errors.rate < 1%", "scenario": None, "step": None}],
    machine={"cores": 2},
)
