"""A run in a notebook, and in a test that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadcore.report.notebook import Shown
from loadcore.results.open.run import Run
from tests.unit.report.example import failed_run


def run_with(*codes: int) -> Run:
    """A run that ends with these exit codes."""
    summary = failed_run()
    status = {0: "pass", 99: "fail", 111: "invalid"}[codes[0]]
    summary["verdict"] |= {"status": status, "exit_codes": [*codes], "reasons": ["because"] if codes[0] else []}
    return Run(Path("runs/one"), summary, "finished")


def test_a_run_that_passed_is_given_back() -> None:
    """So that calls can be chained."""
    run = run_with(0)
    assert run.assert_passed() is run


def test_a_run_that_did_not_pass_says_why_and_where_it_is() -> None:
    """First the reason, then the report, then the folder."""
    with pytest.raises(AssertionError, match=r"(?s)^FAIL: because\n\n checkout.*THRESHOLDS.*STEP.*runs/one$"):
        run_with(99).assert_passed(allow_invalid=True)


def test_a_busy_machine_may_be_allowed() -> None:
    """But a threshold that is crossed besides is not."""
    assert run_with(111).assert_passed(allow_invalid=True)
    with pytest.raises(AssertionError, match="INVALID"):
        run_with(111).assert_passed()
    with pytest.raises(AssertionError, match="INVALID"):
        run_with(111, 99).assert_passed(allow_invalid=True)


def test_a_notebook_shows_verdict_thresholds_and_steps() -> None:
    """Names are escaped."""
    summary = failed_run()
    summary["steps"][0]["name"] = "<script>"
    told = Run(Path("x"), summary, "finished")._repr_html_()
    assert "checkout.py: FAIL" in told
    assert "errors.rate &lt; 1%" in told
    assert "&lt;script&gt;" in told
    assert "<script" not in told
    assert told.count("<tr>") == told.count("</tr>") == 10


def test_a_page_in_a_cell_is_escaped_and_saved(tmp_path: Path) -> None:
    """Its quotes do not end the attribute that holds it."""
    shown = Shown('<p class="a">&amp;</p>')
    assert 'srcdoc="&lt;p class=&quot;a&quot;&gt;&amp;amp;&lt;/p&gt;"' in shown._repr_html_()
    shown.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == shown.page
