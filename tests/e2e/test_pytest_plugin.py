"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest

from loadcore.errors import UsageError
from loadcore.testing import serve
from tests.e2e.command import environment

if TYPE_CHECKING:
    from pathlib import Path

_TESTS = """
import pytest
from loadcore import Scenario, get, users

calls = []

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
            calls.append("startup")
        await send({"type": "lifespan.shutdown.complete"})
        return
    import asyncio
    await asyncio.sleep(0.1)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})

def shop(base_url):
    return Scenario("shop", base_url=base_url, load=users(1, duration="300ms"), steps=[get("/slow")])

@pytest.mark.loadcore(workers=1, allow_invalid=True)
def test_it_passes(loadcore, loadcore_target):
    run = loadcore.run(shop(loadcore_target(app)), thresholds=["errors.rate < 1%"])
    assert run.summary["all"]["requests"] >= 1 and calls == ["startup"]

@pytest.mark.loadcore(workers=1, thresholds=["response.p50 < 1us"], allow_invalid=True)
def test_it_is_too_slow(loadcore, loadcore_target):
    loadcore.run(shop(loadcore_target(app)))

@pytest.mark.loadcore(5)
def test_the_marker_is_wrong(loadcore):
    pass
"""
_IMPORTED = """
import sys, pytest
before = set(sys.modules)
import loadcore.pytest_plugin
print(sorted(set(sys.modules) - before))
"""


def _pytest(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A pytest that has the plugin, installed or not."""
    installed = any(each.name == "loadcore" for each in entry_points(group="pytest11"))
    own = [] if installed else ["-p", "loadcore.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", *own, "-p", "no:cacheprovider", "--strict-markers", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=100, check=False)


def test_a_crossed_threshold_fails_a_test_with_the_report(tmp_path: Path) -> None:
    """The application is served and started, runs are judged, each has a page, and a wrong marker is an error."""
    (tmp_path / "test_load.py").write_text(_TESTS)
    done = _pytest(tmp_path, "-q", "--loadcore-report", "pages")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed, 1 error" in done.stdout
    assert re.search("AssertionError: (FAIL|INVALID): .*1 of 2 thresholds crossed: response.p50 < 1us", done.stdout)
    assert "✗ response.p50 < 1us" in done.stdout
    assert "arguments of the marker loadcore have names" in done.stdout
    assert "pytest_plugin.py" not in done.stdout
    assert sorted(each.name for each in (tmp_path / "pages").iterdir()) == [
        "test_it_is_too_slow-1.html",
        "test_it_passes-1.html",
    ]


def test_the_plugin_imports_nothing() -> None:
    """Every pytest of every project that has loadcore installed waits for it."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "['loadcore', 'loadcore.pytest_plugin']"


@pytest.mark.parametrize(
    ("app", "told"),
    [
        (3, "expected an ASGI application, got 3"),
        (lambda environ, start_response: [environ, start_response], "got one of WSGI"),
    ],
)
def test_what_is_not_an_application_of_asgi_is_refused(app: object, told: str) -> None:
    """Served, it would answer every request with an error."""
    with pytest.raises(UsageError, match=told) as raised, serve(app):
        raise AssertionError
    assert raised.value.hint
