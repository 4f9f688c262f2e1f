"""The live page becomes what a newly made page would be, and keeps what a reader has open."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from loadcore.report.html.history import History
from loadcore.report.html.page import live_page_of, state_of
from tests.unit.report.html import chromium
from tests.unit.report.html.runs import Made

HERE = Path(__file__).parent


def test_a_state_that_comes_changes_the_page_and_nothing_else(tmp_path: Path) -> None:
    """After a minute of a run that breaks, a page from its tenth second is as one that was made now."""
    early = History.of(Made(seconds=10, sealed=False).run(tmp_path / "early"))
    late = Made(seconds=40, rate=120, ramp=True, capacity=70, steps=("GET /items", "POST /orders")).run(
        tmp_path / "late"
    )
    state = json.dumps(state_of(History.of(late)))
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", live_page_of(early))
    given = f"const STATE = {json.dumps(state)};".replace("<", "\\u003c")
    before = (chromium.HERE / "record.js").read_text() + (HERE / "source.js").read_text() + given
    page = page.replace("<head>", f"<head><script>{before}</script>")
    file = tmp_path / "page.html"
    after = (HERE / "become.js").read_text()
    file.write_text(page.replace("</body>", f"<script>{after}</script></body>"), encoding="utf-8")
    dumped = chromium.run(file, "--dump-dom", "--window-size=1280,2000", "--virtual-time-budget=20000", folder=tmp_path)
    found = re.search(r'<pre id="looked">(.*?)</pre>', dumped, re.DOTALL)
    assert found, dumped[-1000:]
    result = json.loads(html.unescape(found[1]))

    assert result["faults"] == []
    assert result["now"] == result["fresh"]
    assert result["cells"]
    assert result["order"] == result["sorted"]
    assert (result["open"], result["rows"], result["focus"]) == (True, 40, "plot")
    assert result["plots"] == result["figures"]
    assert result["title"] == "shop.py: FAIL"
    assert (result["state"], result["closed"]) == ("The run has ended", True)
