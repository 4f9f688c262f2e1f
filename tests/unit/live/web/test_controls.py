"""The controls of the live page, as the run that they ask lets them be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.report.html.history import History
from loadcore.report.html.page import live_page_of
from tests.unit.report.html import chromium
from tests.unit.report.html.runs import RUNS

if TYPE_CHECKING:
    from pathlib import Path


def scenario(name: str, *changes: str, level: str | None = None, paused: bool = False) -> dict[str, Any]:
    """A scenario as a run describes it."""
    return {"name": name, "kind": "users", "changes": changes, "paused": paused, "level": level}


CLOSED = scenario("shop", "pause", "resume", "users", level="users 20")
OPEN = scenario("a-scenario-with-quite-a-long-name", "pause", "resume", "rate", paused=True)


@pytest.mark.parametrize(
    ("scenarios", "expected"),
    [
        ([CLOSED], {"names": ["Pause", "Users", "Set users"], "disabled": False, "because": "Now: users 20"}),
        (
            [OPEN, CLOSED],
            {
                "names": ["Scenario", f"Resume of {OPEN['name']}", "Rate", f"Set rate of {OPEN['name']}"],
                "disabled": False,
                "because": "Paused",
            },
        ),
        (
            [scenario("file")],
            {
                "names": ["Pause", "Users", "Set users"],
                "disabled": True,
                "because": "Locust decides the load of this run, so it cannot be changed here",
            },
        ),
    ],
    ids=["one", "several", "locust"],
)
@pytest.mark.parametrize("width", [1280, 500])
def test_controls_can_be_read_and_are_named(
    width: int, scenarios: list[dict[str, Any]], expected: dict[str, Any], tmp_path: Path
) -> None:
    """In the light and the dark, wide and narrow; each has a name, and what is disabled is described by the reason."""
    page = live_page_of(History.of(RUNS["one_second"].run(tmp_path / "run")))
    given = f"const SAID = {json.dumps({'text': '', 'scenarios': scenarios})}, EXPECTED = {json.dumps(expected)};"
    scripts = given + "".join((chromium.LIVE / name).read_text() for name in ("source.js", "controls.js"))
    page = page.replace("<head>", f"<head><script>{scripts}</script>")
    found = chromium.looked_at(page, tmp_path, width=width, with_axe=chromium.AXE.exists())
    assert found["faults"] == []
    assert found.get("violations", []) == []


def test_a_page_that_is_opened_after_the_run_says_why_nothing_can_be_changed(tmp_path: Path) -> None:
    """In words of the page: its reader knows of no socket of the run."""
    page = live_page_of(History.of(RUNS["one_second"].run(tmp_path / "run")))
    page = page.replace(">Connecting<", ">The run has ended<")
    said = {"error": "the run in /runs/it does not take orders", "hint": "its socket"}
    because = "The run has ended: its load cannot be changed"
    expected = {"names": ["Pause", "Users", "Set users"], "disabled": True, "because": because}
    given = f"const SAID = {json.dumps(said)}, EXPECTED = {json.dumps(expected)};"
    scripts = given + "".join((chromium.LIVE / name).read_text() for name in ("source.js", "controls.js"))
    found = chromium.looked_at(page.replace("<head>", f"<head><script>{scripts}</script>"), tmp_path)
    assert found["faults"] == []
