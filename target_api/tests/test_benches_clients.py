"""What other clients report of the gateway is read right, and is next to the truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from benches.processes import Finished
from loadcore.compiler import Options, compile_run
from loadcore.loader.scenario_file import load
from loadcore_target.benches import client_programs, journeys, known, page, same_server, same_server_page
from loadcore_target.benches.client_programs import TOOLS, Job, Loadcore, Locust, Seen

if TYPE_CHECKING:
    from pathlib import Path

JOB = Job("http://127.0.0.1:9", 50, 2, 8)


def finished(output: str) -> Finished:
    """A client that has printed this."""
    return Finished(output, "it had trouble", 3, 1.0, 1.0, 1, 0.5, 0.0)


def entry(name: str, times: dict[str, int], failures: int = 0) -> dict[str, Any]:
    """A line of Locust's statistics."""
    return {
        "name": name, "num_requests": sum(times.values()), "num_failures": failures, "response_times": times,
        "total_response_time": float(sum(int(ms) * count for ms, count in times.items())),
        "start_time": 100.0, "last_request_timestamp": 110.0,
    }  # fmt: skip


def test_locust_is_read_without_its_logins(tmp_path: Path) -> None:
    """Counts, failures and times of all entries but that of the token calls."""
    lines = [
        entry(journeys.LOGIN, {"900": 50}),
        entry(journeys.PROXIED, {"100": 30, "110": 10}, failures=1),
        entry("GET /items", {"2": 55, "3": 5}),
    ]
    seen = Locust("HttpUser").read(finished(json.dumps(lines)), tmp_path)
    assert seen == Seen(100, 0.99, 10.0, (3000 + 1100 + 110 + 15) / 100, 2.0, 110.0, 100.0)


@pytest.mark.parametrize("tool", TOOLS[2:4], ids=lambda tool: tool.name)
def test_summaries_are_read(tool: client_programs.Tool, tmp_path: Path) -> None:
    """Of k6's summary, which k9-load writes too, what is marked as the API's counts; failures are its passes."""
    metrics = {
        "http_reqs": {"count": 999, "rate": 99.0},
        "http_reqs{kind:api}": {"count": 200, "rate": 20.0},
        "http_req_failed{kind:api}": {"passes": 2, "fails": 198},
        "http_req_duration{kind:api}": {"avg": 40.0, "med": 3.0, "p(95)": 104.0},
        "http_req_duration{name:GET /proxy}": {"avg": 101.0, "med": 100.5, "p(95)": 104.0},
    }
    with pytest.raises(ValueError, match="code 3: it had trouble"):
        tool.read(finished(""), tmp_path)
    (tmp_path / "summary.json").write_text(json.dumps({"metrics": metrics}), encoding="utf-8")
    assert tool.read(finished(""), tmp_path) == Seen(200, 0.99, 20.0, 40.0, 3.0, 104.0, 100.5)


def test_loadcore_is_read(tmp_path: Path) -> None:
    """Its response times of the main steps, which logins are none of."""
    times = {"mean_ns": 40e6, "p50_ns": 3e6, "p95_ns": 104e6}
    summary = {
        "all": {"requests": 200, "error_rate": 0.01, "requests_per_s": 20.0, "response": times},
        "steps": [{"name": journeys.PROXIED, "response": {"p50_ns": 100.5e6}}],
    }
    assert Loadcore().read(finished(json.dumps(summary)), tmp_path) == Seen(200, 0.99, 20.0, 40.0, 3.0, 104.0, 100.5)
    with pytest.raises(ValueError, match="code 3: it had trouble"):
        Loadcore().read(finished(""), tmp_path)


def test_loadcore_s_journey_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scenario that is handed to `loadcore run` is one, with the users that were asked for."""
    for name, value in JOB.variables.items():
        monkeypatch.setenv(name, value)
    file = load(Loadcore().command(JOB, tmp_path)[4])
    plan, _ = compile_run(file.scenarios, Options())
    assert "/proxy/stub/orders" in json.dumps(plan.document)


def test_k9_s_plan_has_the_same_shares() -> None:
    """Four of ten requests go through to the upstream, and every one is followed by the mean pause of the others."""
    plan = json.loads(journeys.k9(*(JOB.target, JOB.users, JOB.ramp_s, JOB.steady_s)))
    weights = plan["options"]["scenarios"]["journey"]["transactions"]
    assert weights["proxied"] / sum(weights.values()) == 0.4
    assert all(plan["flows"][name][1] == {"sleep": "2s"} for name in weights)
    assert len(plan["feeders"]["accounts"]["rows"]) == JOB.users


def test_reported_stands_beside_true() -> None:
    """Each figure has the gateway's own in parentheses, and who was not measured is named."""
    reported, true = Seen(98, 1.0, 9.9, 45.0, 4.0, 110.0, 100.0), Seen(100, 1.0, 10.0, 41.0, 2.0, 103.0, 101.5)
    sight = same_server.Sight("k6", 50, reported, true, 50, 0.2, 10.0, 0.05, 2, 8)
    text = same_server_page.section([sight.row()], "Measured somewhere.")
    assert (
        "| 50 | k6 | 98 (100) | 100.00% | 9.9 (10.0) | 45.0 (41.0) | 4.0 (2.0) | 110 (103) | 100.0 (101.5) "
        "| 0.02 | 2.04 | 0.05 |"
    ) in text
    assert (
        "Left out, because not installed or failing: Locust HttpUser, Locust FastHttpUser, k9-load, loadcore." in text
    )


@pytest.mark.parametrize(("share", "value"), [(0.5, 2.0), (0.95, 4.0), (0.25, 1.0), (0.0, 1.0)])
def test_percentiles_are_of_values_that_occurred(share: float, value: float) -> None:
    """The nearest rank: the smallest value that the share does not exceed."""
    assert same_server.nearest([4.0, 1.0, 3.0, 2.0], share) == value


def test_what_is_not_as_known_is_told() -> None:
    """The page counts the figures that are not what they must be."""
    finding = {"case": "capacity", "figure": "answers per second", "must": "200 ± 5 %", "unit": "/s"}
    right, wrong = {**finding, "found": 200.0, "holds": True}, {**finding, "found": 150.0, "holds": False}
    assert "All of them are what they must be." in page.write({"known": [right]}, {"known": {}})
    text = page.write({"known": [right, wrong]}, {"known": {}})
    assert "1 of them are not what they must be." in text
    assert "| a capacity | answers per second | 200 ± 5 % | 150 /s |" in text
    assert known.CAPACITY == 200
