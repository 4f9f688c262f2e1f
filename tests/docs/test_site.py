"""The documentation's site: whole, without a network, and listed for machines."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from loadcore.cli.app import app
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

hooks = pytest.importorskip("building.site", reason="mkdocs is not installed")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built so that any warning fails."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_make_docs_builds_it_in_the_same_way() -> None:
    """As a module: a program of the environment does not find the hooks of this repository."""
    assert "$(BIN)/python -m mkdocs build --strict\n" in (ROOT / "Makefile").read_text("utf-8")


def test_every_page_of_docs_has_its_own(site: Path) -> None:
    """The navigation leaves nothing out, and is in the order of the index."""
    docs = ROOT / "docs"
    expected = {page.relative_to(docs).with_suffix(".html").as_posix() for page in docs.rglob("*.md")}
    built = {page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    assert expected - built == set()
    assert {"reference/commands.html", "reference/json-schemas.html"} <= built
    tabs = re.findall(r'class="md-tabs__link">\s*([^<]+?)\s*<', (site / "index.html").read_text("utf-8"))
    assert tabs[:4] == ["Start", "How-to", "Understand", "Reference"]


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """Scripts, styles, fonts and pictures lie in the site itself: only links that a person follows lead away."""
    fetched = re.compile(r'<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)="?(https?:)?//[^>]*>')
    found = {page.name: fetched.search(page.read_text("utf-8")) for page in site.rglob("*.html")}
    assert {name: match[0] for name, match in found.items() if match} == {}
    styles = "\n".join(sheet.read_text("utf-8") for sheet in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)]*", styles) == []
    # The theme would fetch a library for these.
    assert [page.name for page in site.rglob("*.html") if 'class="mermaid"' in page.read_text("utf-8")] == []


def test_links_out_of_docs_lead_to_files_of_the_repository(site: Path) -> None:
    """A page that links to a test or an example leads to its place in the repository, and the file is there."""
    text = "\n".join(page.read_text("utf-8") for page in site.rglob("*.html"))
    paths = set(re.findall(r'href="https://github\.com/loadcore/loadcore/blob/main/([^"#]+)', text))
    assert paths
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


def test_llms_txt_lists_every_page_with_its_markdown(site: Path) -> None:
    """Each line leads to a Markdown file that is there."""
    text = (site / "llms.txt").read_text("utf-8")
    assert text.startswith("# loadcore\n\n> ")
    listed = set(re.findall(r"^- \[[^\]]+\]\(([^)]+)\)", text, re.MULTILINE))
    assert sorted(path for path in listed if not (site / path).read_text("utf-8").startswith("# ")) == []
    assert {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")} <= listed


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("# A\n\nloadcore runs. It reports.\n", "loadcore runs."),
        ("# A\n\n```\ncode\n```\n\n| a | b |\n|---|---|\n\n`run` [prints](x.md) this:\n\n- x\n", "`run` prints this"),
        ("# A\n\nThe folder (in the repository: `x`) has it. More.\n", "The folder (in the repository: `x`) has it."),
        ("# A\n\n## B\n\n- a list\n", ""),
    ],
)
def test_a_summary_is_the_first_sentence(page: str, sentence: str) -> None:
    """Of the first paragraph, also of one that begins with a small letter."""
    assert hooks.summary(page) == sentence


def test_the_commands_page_has_every_option(site: Path) -> None:
    """It is made from the program, so an option cannot be forgotten."""
    text = (site / "reference/commands.md").read_text("utf-8")
    root: Any = typer.main.get_command(app)
    for name, command in root.commands.items():
        section = text.partition(f"\n## loadcore {name}")[2]
        shown = [entry for entry in command.params if not entry.hidden]
        assert section, name
        for entry in shown:
            is_option = entry.param_type_name == "option"
            names = entry.opts if is_option else [(entry.metavar or entry.name).upper()]
            assert [each for each in names if each not in section] == []
    # What a browser would show of an escaped bar in code.
    assert "\\|" not in text
    assert "<code>--color &lt;auto&#124;always&#124;never&gt;</code>" in text
