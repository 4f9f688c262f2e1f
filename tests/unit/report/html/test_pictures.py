"""Pages in a browser: nothing overlaps, is cut off or hard to read, in the light, in the dark and on paper."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.report.html.history import History
from loadcore.report.html.page import live_page_of, render
from loadcore.results.open import opening
from loadcore.results.open.run import Run
from loadcore.results.run_folder import RunFolder
from tests.unit.report.html import chromium
from tests.unit.report.html.runs import RUNS, TEMPO, Made

if TYPE_CHECKING:
    from pathlib import Path

SEEN = ("one_second", "ten_steps", "idle", "nodes", "hostile")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a run that broke."""
    return render(RUNS["broken"].run(tmp_path_factory.mktemp("run") / "run"))


@pytest.fixture(scope="module")
def found(page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a look at it finds."""
    return chromium.looked_at(page, tmp_path_factory.mktemp("looked"), with_axe=chromium.AXE.exists())


def test_a_page_can_be_read(found: dict[str, Any]) -> None:
    """In both schemes no text overlaps, none is cut off, all has contrast, every chart is drawn, no script fails."""
    assert found["faults"] == []


@pytest.mark.parametrize("name", SEEN)
def test_pages_of_other_runs_can_be_read(name: str, tmp_path: Path) -> None:
    """The same of a second, of ten steps, of a run without a response, of nodes, of names that are code."""
    assert chromium.looked_at(render(RUNS[name].run(tmp_path / "run")), tmp_path)["faults"] == []


@pytest.mark.parametrize(("name", "width"), [("killed", 1280), ("running", 1280), ("running", 390)])
def test_the_live_page_can_be_read(name: str, width: int, tmp_path: Path) -> None:
    """The same of the page that `ui` serves: of a run that was killed, and of one in progress, wide and narrow."""
    history = History.of(RUNS["killed"].run(tmp_path / "run")) if name == "killed" else in_progress(tmp_path / "run")
    page = live_page_of(history).replace(">Connecting<", ">The page's server has ended<")
    assert (">STILL RUNNING<" in page) == (name == "running")
    page = page.replace("<head>", f"<head><script>{(chromium.LIVE / 'source.js').read_text()}</script>")
    assert chromium.looked_at(page, tmp_path, width=width)["faults"] == []


def in_progress(path: Path) -> History:
    """A run that has begun to break, as it is shown while it lasts."""
    made = Made(seconds=30, rate=120, ramp=True, capacity=70, model="open", sealed=False, trace_url=TEMPO)
    folder = RunFolder(made.folder(path))
    return History.of(Run(path, opening.rebuild(folder, opening.read_start(folder), "running"), "running"))


@pytest.mark.parametrize("width", [360, 390, 500, 768])
def test_a_page_can_be_read_on_a_narrow_screen(page: str, width: int, tmp_path: Path) -> None:
    """The same of phones and tablets, where there is room for one column."""
    assert chromium.looked_at(page, tmp_path, width=width)["faults"] == []


def test_charts_have_tables_keys_and_words(found: dict[str, Any]) -> None:
    """Each chart has a table of the same numbers, arrow keys read a value, and a heading sorts a table."""
    keys = {"knee", "rate", "response", "service", "heat", "lag", "spectrum", "errors", "connections", "engine"}
    assert keys <= found["twins"].keys()
    for key, rows in found["twins"].items():
        assert len(rows) > 10, key
        assert len({len(row) for row in rows}) == 1, key
    assert found["twins"]["response"][0] == ["Time", "p50", "p95", "p99", "slowest"]
    assert [row[0] for row in found["twins"]["response"][1:4]] == ["0:00", "0:01", "0:02"]
    assert re.match(r"0:39: p50 .*ms, p95 .*, p99 .*, slowest ", found["spoken"])
    assert found["sorted"][0] == "descending"
    assert found["sorted"][-1] == "All steps"


def test_rules_for_accessibility_hold(found: dict[str, Any]) -> None:
    """axe-core finds nothing, in both schemes."""
    if not chromium.AXE.exists():
        pytest.skip("axe-core is not installed: npm install --no-save --prefix .venv/axe axe-core")
    assert found["violations"] == []


def test_the_looking_finds_what_is_wrong(tmp_path: Path) -> None:
    """Text over text, pale text, text that leaves the page and a script that fails would be seen."""
    page = render(RUNS["one_second"].run(tmp_path / "run"))
    wrong = "#again{margin-top:-6rem}.facts dt{color:#bbbbbb !important}h1{white-space:nowrap;text-indent:90rem}"
    page = page.replace("</head>", f"<style>{wrong}</style><script>nothing.at.all()</script></head>")
    faults = " ".join(chromium.looked_at(page, tmp_path)["faults"])
    assert "overlaps" in faults
    assert "has a contrast of" in faults
    assert "leaves the page" in faults
    assert "nothing is not defined" in faults


@pytest.mark.parametrize("dark", [False, True])
def test_the_policy_of_a_page_lets_it_draw(dark: bool, page: str, tmp_path: Path) -> None:
    """As it is sent, with no script let in from outside, it becomes a picture: light or dark, with charts in it."""
    chromium.picture(page, tmp_path / "page.png", tmp_path, dark=dark)
    assert (tmp_path / "page.png").stat().st_size > 60_000


def test_a_page_prints(page: str, tmp_path: Path) -> None:
    """On a few sheets, with every chart."""
    source = tmp_path / "page.html"
    source.write_text(page, encoding="utf-8")
    chromium.run(source, f"--print-to-pdf={tmp_path / 'page.pdf'}", "--virtual-time-budget=5000", folder=tmp_path)
    pages = len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "page.pdf").read_bytes()))
    assert 3 <= pages <= 12


_ON_PAPER = """<script>addEventListener("load", () => setTimeout(() => {
document.documentElement.classList.add("printing");
dispatchEvent(new Event("beforeprint"));
setTimeout(() => {
  const widths = plot => [plot.clientWidth, plot.querySelector(".uplot").offsetWidth];
  const plots = [...document.querySelectorAll(".plot")].map(widths);
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify({ wide: document.documentElement.scrollWidth, plots });
  document.body.replaceChildren(found);
}, 500); }, 1500));</script></body>"""
_A4_PX = 718


@pytest.mark.parametrize("name", ["broken", "ten_steps", "nodes", "hostile"])
def test_a_page_fits_on_paper(name: str, tmp_path: Path) -> None:
    """Nothing is wider than a sheet, or browsers would shrink all of it; charts are as wide as their frames."""
    page = render(RUNS[name].run(tmp_path / "run")).replace("@media print", "@media all")
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    source = tmp_path / "page.html"
    source.write_text(page.replace("</body>", _ON_PAPER), encoding="utf-8")
    # Nothing wakes a browser without a screen that waits for real time: it is given virtual time.
    options = [f"--window-size={_A4_PX},1000", "--virtual-time-budget=8000"]
    found = re.search(r'<pre id="found">(.*?)</pre>', chromium.run(source, "--dump-dom", *options, folder=tmp_path))
    assert found
    measured = json.loads(found[1])
    assert measured["wide"] <= _A4_PX
    assert measured["plots"]
    assert all(frame == plot > 0.85 * _A4_PX for frame, plot in measured["plots"]), measured["plots"]
