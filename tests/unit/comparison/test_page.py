"""The page of a comparison: its colours, and how it fits a window."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from loadcore.comparison import html
from loadcore.comparison.compare import compare
from loadcore.comparison.metrics import named
from loadcore.comparison.sides import side_of
from tests.unit.comparison.runs import made, several, summary
from tests.unit.report.html import chromium

if TYPE_CHECKING:
    from pathlib import Path

_LOOK = """<script>
const wide = [...document.querySelectorAll("body *")].filter(
  each => !each.closest(".wide") && each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML);
const found = document.createElement("pre");
found.id = "found";
found.textContent = JSON.stringify({ wide, width: document.documentElement.scrollWidth - innerWidth });
document.body.replaceChildren(found);
</script></body>"""

_RULES = """<script>
document.querySelectorAll("details").forEach(each => each.open = true);
axe.run().then(({ violations }) => {
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify(violations.map(each => [each.id, each.nodes.map(node => node.html)]));
  document.body.replaceChildren(found);
});
</script></body>"""


def _light(colour: str) -> float:
    """The relative luminance of a colour, as WCAG has it."""
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    shares = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_contrast(scheme: int) -> None:
    """Text of 4.5 and more with the paper, dots of 3, in both schemes."""
    source = files("loadcore.comparison").joinpath("page.html").read_text("utf-8")
    pairs = re.findall(r"--(\w+): light-dark\((#\w+), (#\w+)\)", source)
    colours = {name: _light((one, other)[scheme]) for name, one, other in pairs}
    assert {"ink", "soft", "paper", "a", "b", "bad", "good"} <= colours.keys()
    for name, least in (("ink", 4.5), ("soft", 4.5), ("bad", 4.5), ("good", 4.5), ("a", 3), ("b", 3)):
        low, high = sorted((colours[name], colours["paper"]))
        assert (high + 0.05) / (low + 0.05) >= least, name


@pytest.mark.parametrize("width", [1280, 500, 390, 360])
def test_the_page_fits_its_window(width: int, tmp_path: Path) -> None:
    """Only tables scroll, each by itself, however long a label is."""
    before = several(tmp_path / "a", [10, 10.3, 9.9, 10.2, 10.1])
    after = several(tmp_path / "b", [15.0, 15.4, 16.1, 15.2, 15.7], errors=0.03)
    page = html.render(compare(side_of(before), side_of(after, "b" * 200), named(())))
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", _LOOK))
    found = chromium.said(file, "found", width, 900, "--virtual-time-budget=5000", folder=tmp_path)
    assert found == {"wide": [], "width": 0}


def _page(folder: Path) -> str:
    before = several(folder / "a", [10, 10.3, 9.9, 10.2, 10.1])
    after = several(folder / "b", [15.0, 15.4, 16.1, 15.2, 15.7], errors=0.03)
    return html.render(compare(side_of(before), side_of(after), named(())))


@pytest.mark.parametrize(("light", "width"), [(False, 390), (True, 1280)], ids=["dark and narrow", "light"])
def test_rules_for_accessibility_hold(light: bool, width: int, tmp_path: Path) -> None:
    """axe-core finds nothing, with every table of values open."""
    if not chromium.AXE.exists():
        pytest.skip("axe-core is not installed: npm install --no-save --prefix .venv/axe axe-core")
    file = tmp_path / "page.html"
    file.write_text(_page(tmp_path).replace("</body>", f"<script>{chromium.AXE.read_text()}</script>{_RULES}"))
    scheme = f"--blink-settings=preferredColorScheme={int(light)}"
    assert chromium.said(file, "found", width, 900, scheme, "--virtual-time-budget=20000", folder=tmp_path) == []


def test_dots_have_a_scale(tmp_path: Path) -> None:
    """The ends of each metric's lines are labelled with its least and its greatest value."""
    page = _page(tmp_path)
    ends = re.findall(r'<text class="(?:start|end)"[^>]*>([^<]+)</text>', page)
    assert ends[:2] == ["9.90ms", "16.1ms"]
    assert len(ends) == 2 * page.count("<svg ")


def test_it_says_how_many_runs_each_side_has(tmp_path: Path) -> None:
    """One run is not "1 runs"; those that are left out are counted where the others are."""
    invalid = summary(10)
    invalid["verdict"] |= {"status": "invalid", "reasons": ["the client was the bottleneck"]}
    one, left_out = made(tmp_path / "one", summary(10)), made(tmp_path / "invalid", invalid)
    before, after = side_of([one, left_out]), side_of(made(tmp_path / "other", summary(9)))
    page = html.render(compare(before, after, named(())))
    assert re.findall(r"<dd>.* · (.*)</dd>", page) == ["1 run, 1 left out", "1 run"]
