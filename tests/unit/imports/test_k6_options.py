"""Options of k6 become load models and thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadcore.imports.documents import ImportFailed
from loadcore.imports.kinds import Kind, import_text
from tests.unit.imports.imported import imported

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import http from "k6/http";  // https://k6.io
const BASE = __ENV.BASE || 'http://127.0.0.1:8080/api';
const PEAK = 50;
export const options = {
  scenarios: {
    browse: { executor: "ramping-vus", startVUs: 0, stages: [
      { duration: "30s", target: PEAK * 2 }, { duration: '1m', target: 0 },
    ], },
    buy: {
      executor: 'constant-arrival-rate', rate: 30, timeUnit: "1m", duration: "2m", preAllocatedVUs: 5, maxVUs: 20,
      startTime: '10s', exec: 'buy', env: { A: "b" },
    },
    custom: { executor: "externally-controlled", vus: 1 },
  },
  thresholds: {
    http_req_duration: ["p(95)<500", "avg < 200",
      { threshold: 'p(99.9)<1500', abortOnFail: true, delayAbortEval: '5s' }],
    'http_req_duration{scenario:buy}': ['max<3000'],
    "http_req_duration{name:x}": ["p(95)<1"],
    http_req_failed: ['rate<0.01'], checks: ["rate>0.95"], http_reqs: ["count>=10"],
    my_trend: ["p(95)<500"],
  },
  summaryTrendStats: ["avg"],
};
export default function () { http.get(`${BASE}/items`); http.post(BASE + "/x"); }
"""


def test_scenarios_and_thresholds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scenario has its load, thresholds are in loadcore's words, and what has no equal is a comment."""
    source = imported(Kind.K6_OPTIONS, SCRIPT, tmp_path, monkeypatch).source
    for line in (
        '    "service.p95 < 500ms",',
        '    "service.mean < 200ms",',
        '    Threshold("service.p99.9 < 1500ms", abort_after="5s"),',
        '    "buy/*: service.max < 3000ms",',
        '    "errors.rate < 1%",',
        '    "checks.rate > 95%",',
        '    "requests.count >= 10",',
        "# left out: the threshold http_req_duration{name:x}: p(95)<1",
        "# left out: the threshold my_trend: p(95)<500",
        "# left out: the option summaryTrendStats",
        '    load=user_stages((100, "30s"), (0, "1m"), start=0),',
        '    load=arrival_rate("30/min", duration="2m", max_users=20),',
        '    start_after="10s",',
        '    base_url="http://127.0.0.1:8080",',
        "# left out: the option env of a scenario",
        "# left out: the executor externally-controlled",
        "        # not converted: the function buy of the script; write its requests here",
    ):
        assert line in source.splitlines()


@pytest.mark.parametrize(
    ("options", "load"),
    [
        ("{ vus: 10, duration: '30s' }", 'users(10, duration="30s")'),
        ("{ vus: 10, iterations: 100 }", 'iterations(total=100, users=10, max_duration="10m")'),
        ("{ stages: [{duration: '1m30s', target: 5}] }", 'user_stages((5, "1m30s"), start=1)'),
        ("{ vus: Number(__ENV.VUS || 7), duration: __ENV.D || '5s' }", 'users(7, duration="5s")'),
        ("{ vus: parse(1), duration: '5s', }", 'users(1, duration="5s")'),
        (
            "{ scenarios: { a: { executor: 'per-vu-iterations', vus: 2, iterations: 3, maxDuration: '1m' } } }",
            'iterations(each=3, users=2, max_duration="1m")',
        ),
        (
            """{ scenarios: { a: { executor: 'ramping-arrival-rate', startRate: 1, timeUnit: '10s', maxVUs: 9,
            stages: [{ target: 100, duration: 60_000 }] } } }""",
            'arrival_stages(("10/s", "1m"), start="0.1/s", max_users=9)',
        ),
    ],
)
def test_loads(options: str, load: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each executor has its load model."""
    result = imported(Kind.K6_OPTIONS, f"export let options = {options};", tmp_path, monkeypatch)
    assert "".join(f"load={load},".split()) in "".join(result.source.split()).replace(",)", ")")


def test_a_value_that_is_computed_is_a_guess(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the script computes is not run; the scenario says so."""
    script = "export const options = { vus: f(), duration: '1s' }"
    source = imported(Kind.K6_OPTIONS, script, tmp_path, monkeypatch).source
    assert "# not written out in the script, so a guess: vus" in source


def test_a_config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON, as k6 takes it for its configuration, is read too."""
    assert "users(3," in imported(Kind.K6_OPTIONS, {"vus": 3, "duration": "1s"}, tmp_path, monkeypatch).source


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("export default function () {}", "exports no options"),
        ("\nexport const options = { vus: [1, ", "2: the options end within a bracket"),
        ("export const options = make();", "not written out as an object"),
        ("export const options = " + "[" * 5000, "end within a bracket"),
    ],
)
def test_bad_input(script: str, message: str) -> None:
    """The error says what is wrong and where."""
    with pytest.raises(ImportFailed, match=message):
        import_text(Kind.K6_OPTIONS, script, "load.js")


@pytest.mark.parametrize("metric", ["http_req_duration", "http_req_waiting", "http_req_failed", "checks", "http_reqs"])
def test_thresholds_are_in_words_that_loadcore_knows(
    metric: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever k6 takes is one of loadcore's, or left out and told: none stops the scenario."""
    statistics = (
        "p(0)",
        "p(50)",
        "p(99.99)",
        "p(100)",
        "p(100.0)",
        "p(101)",
        "avg",
        "med",
        "min",
        "max",
        "rate",
        "count",
    )
    claims = [f"{each}{operator}1" for each in statistics for operator in ("<", "<=", ">", ">=", "==", "===")]
    script = f"export const options = {{ vus: 1, duration: '1s', thresholds: {{ {metric}: {claims!r} }} }};"
    result = imported(Kind.K6_OPTIONS, script, tmp_path, monkeypatch)
    assert result.report.taken + result.report.left_out["thresholds without an equal"] >= len(claims)
    assert result.report.left_out["thresholds without an equal"] >= 6
    if metric == "http_req_duration":
        assert "service.max < 1ms" in result.source
        assert "service.min < 1ms" in result.source
