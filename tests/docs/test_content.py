"""What pages list is what there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from loadcore.errors import ExitCode
from tests.docs.pages import ROOT, name_of

if TYPE_CHECKING:
    from pathlib import Path

_HOW = (ROOT / "docs/concepts/how-loadcore-works.md").read_text("utf-8")
_DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
_RESERVED = {ExitCode.ABORTED, ExitCode.REGRESSION}


def _first_cells(heading: str) -> set[str]:
    """The names in the first column of the table under a heading."""
    section = _HOW.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_module_of_the_core_has_its_line() -> None:
    """The map of the Rust core names all modules of the crate and no other."""
    declared = re.findall(
        r"^(?:pub )?mod (\w+);", (ROOT / "rust/loadcore-core/src/lib.rs").read_text("utf-8"), re.MULTILINE
    )
    assert _first_cells("Modules of the core") == set(declared)


def test_every_module_of_the_package_has_its_line() -> None:
    """The map of the package names all modules and packages at its top and no other."""
    package = ROOT / "python/loadcore"
    files = {path.stem for path in package.glob("*.py") if not path.stem.startswith("_")}
    packages = {path.parent.name for path in package.glob("*/__init__.py")}
    assert _first_cells("Modules of the package") == files | packages


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs/reference/exit-codes.md"], ids=name_of)
def test_every_exit_code_is_listed(page: Path) -> None:
    """Each code that a command may end with stands in the first column of the page's table."""
    rows = re.findall(r"^\| ([\d, ]+) \|", page.read_text("utf-8"), re.MULTILINE)
    listed = {int(code) for row in rows for code in row.split(",")}
    assert listed | _RESERVED == set(ExitCode)


@pytest.mark.parametrize("page", _DECISIONS, ids=name_of)
def test_decisions_answer_four_questions(page: Path) -> None:
    """Each decision has its number, and says what was asked, what was chosen, why, and what would change it."""
    text = page.read_text("utf-8")
    assert text.startswith(f"# {page.name[:3]}: ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Question", "Choice", "Why", "What would change our mind"]


def test_decisions_are_numbered_without_a_gap() -> None:
    """The next decision takes the next number."""
    assert [int(page.name[:3]) for page in _DECISIONS] == list(range(1, len(_DECISIONS) + 1))
