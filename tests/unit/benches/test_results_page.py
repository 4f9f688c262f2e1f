"""`benches/results.md`: every table in it comes from a bench, and says where and when it was measured."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from benches import page
from benches.__main__ import BENCHES
from benches.build import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = ROOT / "benches"
LONG = 12
"""Characters of a string that cannot be part of a heading by chance."""
DOCUMENT = page.RESULTS.read_text(encoding="utf-8")
SECTIONS = page.kept(DOCUMENT)
_HEADING = re.compile(r"^\| (.+) \|\n\| ---", re.MULTILINE)


def modules(name: str, found: set[Path] | None = None) -> set[Path]:
    """The files of a bench, with all that they import from `benches`."""
    found = set() if found is None else found
    place = FOLDER.joinpath(*name.split("."))
    for file in sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]:
        if file.exists() and file not in found:
            found.add(file)
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("benches"):
                    parent = (node.module or "").removeprefix("benches").removeprefix(".")
                    for each in (parent, *(f"{parent}.{alias.name}".lstrip(".") for alias in node.names)):
                        if each:
                            modules(each, found)
    return found


def texts(name: str) -> Iterator[re.Pattern[str]]:
    """What a bench may write as the heading of a column: its strings, the long ones also behind a name."""
    for file in modules(name):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.compile(re.escape(node.value))
                if len(node.value) >= LONG:
                    yield re.compile(f"[^ ]+( [^ ]+)?{re.escape(node.value)}")


def test_each_bench_has_its_section() -> None:
    """All that `make bench` runs, in that order, and nothing else."""
    assert list(SECTIONS) == list(BENCHES) == list(page.ORDER)
    assert page.merged(DOCUMENT, {}) == DOCUMENT


@pytest.mark.parametrize("name", SECTIONS)
def test_a_table_comes_from_its_command(name: str) -> None:
    """The columns of each table are those that the command named above it writes."""
    known = list(texts(name))
    headings = [cell.strip() for found in _HEADING.findall(SECTIONS[name]) for cell in found.split(" | ")]
    assert headings
    assert [cell for cell in headings if cell and not any(text.fullmatch(cell) for text in known)] == []


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_where_and_when(name: str) -> None:
    """Its command, then the day, the machine, its load and the versions."""
    line = next(line for line in SECTIONS[name].splitlines() if line.startswith("`python -m"))
    assert re.fullmatch(rf"`python -m benches[.]{name}`[.] Measured on \d{{4}}-\d\d-\d\d: .+[.]", line)
    for fact in ("processor ", "memory ", "kernel ", "python ", "load average ", "rustc ", "revision "):
        assert fact in line


def test_the_readme_explains_and_holds_no_figures() -> None:
    """Its tables are the list of benches, which names each of them, and the answers that they ask for."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert _HEADING.findall(text) == [
        "bench | says | limit | takes, minutes",
        "answer | head | body | measured by",
    ]
    assert [name for name in BENCHES if f"| `{name}` |" not in text] == []
    assert "results.md" in text


def test_a_bench_that_was_not_run_keeps_its_section() -> None:
    """What is new takes the place of what was there; the order is that of the benches."""
    old = {"counts": "## Counts\n\n`python -m benches.counts`. old\n", "matrix": SECTIONS["matrix"]}
    document = page.merged("", old)
    changed = page.merged(
        document, {"counts": "## Counts\n\n`python -m benches.counts`. new\n", "login": SECTIONS["login"]}
    )
    assert list(page.kept(changed)) == ["counts", "login", "matrix"]
    assert page.kept(changed)["counts"].endswith("new\n")
    assert page.kept(changed)["matrix"] == SECTIONS["matrix"]


def test_a_section_of_no_bench_is_refused() -> None:
    """What was written into the page by hand is not silently lost."""
    with pytest.raises(ValueError, match="not the section of a bench: ## Other"):
        page.kept("# Results\n\n## Other\n\n| a |\n| --- |\n")
