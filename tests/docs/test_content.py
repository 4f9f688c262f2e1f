"""What pages list is what there is."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from loadcore.errors import ExitCode
from loadcore.results.sum.verdict import PRECEDENCE
from tests.docs.pages import ROOT, name_of

if TYPE_CHECKING:
    from pathlib import Path

_HOW = (ROOT / "docs/concepts/how-loadcore-works.md").read_text("utf-8")
_DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))


def _first_cells(heading: str) -> set[str]:
    """The names in the first column of the table under a heading."""
    return set(_in_order(heading))


def _in_order(heading: str) -> list[str]:
    section = _HOW.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def _modules(package: Path) -> set[str]:
    """The modules and packages of a package."""
    files = {path.stem for path in package.glob("*.py") if not path.stem.startswith("_")}
    return files | {path.parent.name for path in package.glob("*/__init__.py")}


def test_every_module_of_the_core_has_its_line() -> None:
    """The map of the Rust core names all modules of the crate and no other."""
    declared = re.findall(
        r"^(?:pub )?mod (\w+);", (ROOT / "rust/loadcore-core/src/lib.rs").read_text("utf-8"), re.MULTILINE
    )
    assert _first_cells("Modules of the core") == set(declared)


def test_every_module_of_the_package_has_its_line() -> None:
    """The map of the package names all modules and packages at its top and no other."""
    assert _first_cells("Modules of the package") == _modules(ROOT / "python/loadcore")


def test_every_module_of_the_package_is_in_the_contract() -> None:
    """The linter's layers are the map, in its order: a module that is missing from them may import what it likes."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = {contract["containers"][0]: contract["layers"] for contract in settings["contracts"]}
    rooms = [name for layer in layers["loadcore"] for name in layer.split(" | ")]
    assert [name for name in rooms if name not in {"demo", "templates"}] == [
        name for name in _in_order("Modules of the package") if name not in {"demo", "templates"}
    ]
    results = {name for layer in layers["loadcore.results"] for name in layer.split(" : ")}
    assert results == _modules(ROOT / "python/loadcore/results")


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs/reference/exit-codes.md"], ids=name_of)
def test_every_exit_code_is_listed(page: Path) -> None:
    """Each code that a command may end with is in the first column of the page's table."""
    rows = re.findall(r"^\| ([\d, ]+) \|", page.read_text("utf-8"), re.MULTILINE)
    listed = {int(code) for row in rows for code in row.split(",")}
    assert listed == set(ExitCode)


def test_the_order_of_exit_codes_is_the_one_that_runs_follow() -> None:
    """Which code wins when several apply."""
    (said,) = re.findall(r"meaningless wins: ([^.]+)\.", (ROOT / "docs/reference/exit-codes.md").read_text("utf-8"))
    assert [int(code) for code in re.findall(r"\d+", said)] == [*PRECEDENCE, ExitCode.INCONCLUSIVE]


def test_every_extra_has_its_line() -> None:
    """The page about installing names each extra of the package, and no other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (ROOT / "docs/guides/install-and-first-run.md").read_text("utf-8")
    section = page.split("\n## Extras\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == list(project["optional-dependencies"])


@pytest.mark.parametrize("page", _DECISIONS, ids=name_of)
def test_decisions_answer_four_questions(page: Path) -> None:
    """Each decision has its number, and says what was asked, what was chosen, why, and what would change it."""
    text = page.read_text("utf-8")
    assert text.startswith(f"# {page.name[:3]}: ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Question", "Choice", "Why", "What would change our mind"]


def test_decisions_are_numbered_without_a_gap() -> None:
    """The next decision takes the next number."""
    assert [int(page.name[:3]) for page in _DECISIONS] == list(range(1, len(_DECISIONS) + 1))
