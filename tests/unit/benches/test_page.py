"""The figures in the README, and as HTML."""

import pytest

from benches import page, results
from benches.cpu_per_request import Run


def test_figures_replace_those_before() -> None:
    """What stands around them stays, and putting twice is putting once."""
    document = "above\n<here>\nold\n</here>\nbelow\n"
    once = page.put(document, "new", "<here>", "</here>")
    assert once == "above\n<here>\n\nnew\n\n</here>\nbelow\n"
    assert page.put(once, "new", "<here>", "</here>") == once


def test_document_without_a_place_is_refused() -> None:
    """Figures are not appended to just any file."""
    with pytest.raises(ValueError, match="no <here> and </here>"):
        page.put("above\n", "new", "<here>", "</here>")


def test_tables_become_html_and_text_is_escaped() -> None:
    """What a table holds is text, whatever it looks like."""
    table = results.Table(["client", "ratio"], [["a<b>", "0.79 [0.73-0.84]"]])
    text = page.in_html(f"## Title\n\nIt is **so**.\n\n{table.markdown()}\n")
    assert "<h2>Title</h2>" in text
    assert "<p>It is <b>so</b>.</p>" in text
    assert "<tr><th>client</th><th>ratio</th></tr><tr><td>a&lt;b&gt;</td><td>0.79 [0.73-0.84]</td></tr>" in text


def test_plot_shows_each_client_and_where_wrk_is() -> None:
    """A bar for each, labelled with its ratio; the line at 1 lies at the end of wrk's bar."""
    runs = [
        Run("nullsrv", 64, client, number, short=False, seconds=1.0, requests=1000, cpu_s=cost, wall_s=1.0,
            server_cpu_s=0.5, foreign_cores=0.0, max_rss_bytes=1)
        for client, cost in (("ours", 0.5), ("wrk", 1.0))
        for number in range(3)
    ]  # fmt: skip
    drawn = page.plot(runs, "nullsrv")
    assert "0.50</text>" in drawn
    assert "1.00</text>" in drawn
    assert drawn.count("<rect") == 2
