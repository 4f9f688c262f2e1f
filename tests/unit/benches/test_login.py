"""The scenario of a login: checks that failed or were left out spoil a run, whoever made it."""

import json
from pathlib import Path

import pytest

from benches import clients
from benches.login import clients as login
from benches.peers import scripted
from benches.processes import Finished

STEPS = [{"method": "POST", "requests": 10, "errors": 0}, {"method": "GET", "requests": 30, "errors": 0}]


def product(evaluated: int, failed: int) -> Finished:
    """`loadcore run --json` that has made 44 requests, 40 of them in the planned time."""
    summary = {
        "load": {"requests": {"sent_total": 44, "rows_dropped": 0, "not_sent": 1, "interrupted": 1}},
        "steps": STEPS,
        "checks": [{"evaluated": evaluated, "failed": failed}],
    }
    return Finished(json.dumps(summary), "", 0, 1.0, 1.0, 1, 0.5, 0.0)


@pytest.mark.parametrize(("evaluated", "failed", "errors"), [(60, 0, 0), (60, 3, 3), (58, 0, 2)])
def test_checks_of_loadcore_are_counted(evaluated: int, failed: int, errors: int) -> None:
    """Two for each call of the planned time."""
    assert login.Product().count(product(evaluated, failed)) == clients.Count(44, errors)


@pytest.mark.parametrize(("passed", "failed", "errors"), [(60, 0, 0), (57, 3, 3), (58, 0, 2)])
@pytest.mark.parametrize("client", [login.K6(), login.K9()], ids=lambda client: client.name)
def test_checks_of_k6_and_k9_are_counted(
    client: scripted.K6 | scripted.K9,
    passed: int,
    failed: int,
    errors: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two for each call, and their scripts name the server."""
    monkeypatch.setattr(scripted, "find", lambda program: program)
    with client.command(clients.Job("http://127.0.0.1:9", 64, 1.0, path="")) as words:
        assert "http://127.0.0.1:9/token" in Path(words[-1]).read_text(encoding="utf-8")
        checks = {"passes": passed, "fails": failed}
        metrics = {"http_reqs": {"count": 40}, "http_req_failed": {"passes": 0, "fails": 40}, "checks": checks}
        Path(words[words.index("--summary-export") + 1]).write_text(json.dumps({"metrics": metrics}), encoding="utf-8")
        assert client.count(Finished("", "", 0, 1.0, 1.0, 1, 0.5, 0.0)) == clients.Count(40, errors)
