"""Code in the documentation is code: it is run, or compiled where it declares load for a minute."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from loadcore.compiler import Options, compile_plan, compile_thresholds
from loadcore.loader import scenario_file
from loadcore.plan.checked import checked
from tests.docs.conftest import SHORT
from tests.docs.pages import PAGES, ROOT, Block, blocks_of, commands_of, name_of
from tests.e2e.command import loadcore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docs.conftest import Place

# The blocks of these pages are compiled by the tests of scenarios.
_OF_SCENARIOS = {"docs/guides/write-a-scenario.md", "docs/reference/scenario.md", "docs/reference/thresholds.md"}
_PYTHON = [
    block
    for page in PAGES
    if name_of(page) not in _OF_SCENARIOS
    for block in blocks_of(page)
    if block.language == "python"
]
_SCENARIOS = [block for block in _PYTHON if "Scenario(" in block.text and "loadcore.run(" not in block.text]
# Those that are files are run by the commands of their page.
_SCRIPTS = [block for block in _PYTHON if block not in _SCENARIOS and not block.file]
_PAGES_TO_RUN = [page for page in PAGES if any(block.mark == "run" for block in blocks_of(page))]
_OPTIONAL = ("polars", "duckdb", "pandas")


def _id(block: Block) -> str:
    return block.place


@pytest.mark.parametrize("block", [block for block in _PYTHON if block.file], ids=_id)
def test_files_of_the_repository_are_shown_as_they_are(block: Block) -> None:
    """A block that names a file of the repository is that file."""
    path = ROOT / str(block.file)
    assert not path.exists() or path.read_text("utf-8") == block.text


@pytest.mark.parametrize("block", _SCENARIOS, ids=_id)
def test_scenarios_compile(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scenario is a file that loads, compiles and passes the engine's check."""
    (tmp_path / "users.csv").write_text("username,password\n" + "".join(f"user-{n:04},x\n" for n in range(50)))
    for other in blocks_of(block.page):
        if other.file and "/" not in other.file:
            (tmp_path / other.file).write_text(other.text, "utf-8")
    for name in re.findall(r'env\("(\w+)"\)', block.text):
        monkeypatch.setenv(name, "secret")
    (tmp_path / "page.py").write_text(block.text, "utf-8")
    file = scenario_file.load(tmp_path / "page.py")
    plan = compile_plan(file.scenarios, Options(seed=1))
    assert checked(plan).description is not None
    assert compile_thresholds(plan, file.scenarios, file.thresholds) != ()


@pytest.mark.parametrize("block", _SCRIPTS, ids=_id)
def test_scripts_run(block: Block, place: Place) -> None:
    """Each piece of Python runs, what looks at runs where `runs/latest` is a finished one."""
    for name in _OPTIONAL:
        if re.search(rf"^(import|from) {name}\b", block.text, re.MULTILINE):
            pytest.importorskip(name)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", place.localized(block.text)],
        cwd=place.folder if "loadcore.run(" in block.text else place.finished,
        env=place.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", _PAGES_TO_RUN, ids=name_of)
def test_commands_run(page: Path, place: Place) -> None:
    """A page's commands end as it says, one after the other, among the files that it shows."""
    for block in blocks_of(page):
        if block.file and not (ROOT / block.file).exists():
            place.write(block.file, block.text)
        if block.mark == "run":
            for command in commands_of(block):
                _try(command, place)


def _try(command: str, place: Place) -> None:
    line, _, comment = command.partition("#")
    if re.match(r"loadcore target (up|down)\b", line):
        return  # The gateway is there for all pages.
    expected = re.match(r" exits with (\d+)", comment)
    line = re.sub(r"(?<= -z | -d )\w+", SHORT, place.localized(line))
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=place.folder,
        env=_environ_for(line, place),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (int(expected[1]) if expected else 0), f"{line}\n{done.stdout}{done.stderr}"
    if line.startswith("loadcore init"):
        # What it writes is for the gateway at its usual port; the one of the tests has another.
        for scenario in place.folder.glob("*.py"):
            place.write(scenario.name, scenario.read_text("utf-8"))


def _environ_for(command: str, place: Place) -> dict[str, str]:
    """What shortens runs and sends them to the gateway of the tests, for the commands that it concerns."""
    without = {"loadcore check": "LOADCORE_DURATION", "loadcore init": "LOADCORE_HOST"}
    left_out = {name for begin, name in without.items() if command.startswith(begin)}
    return {name: value for name, value in place.environ.items() if name not in left_out}


def test_the_report_shown_is_the_report_printed(place: Place) -> None:
    """The README's report has the parts of a real one, in their order and with their columns."""
    (shown,) = (block for block in blocks_of(ROOT / "README.md") if block.mark == "report")
    printed = loadcore("report", "runs/latest", cwd=place.finished, environ=place.environ)
    assert _outline(shown.text) == _outline(printed.stdout)


def _outline(report: str) -> list[str]:
    """What does not change from run to run: the words in capitals that begin a part, with the names of its columns.

    Which percentiles have an interval beside them depends on how long the run was.
    """
    report = report.replace("[95%]", "")
    lines = re.findall(r"^ ([A-Z]{4,}\b.*|exit\b)", report, re.MULTILINE)
    tables = ("STEP", "AUTH", "THRESHOLDS")
    return [" ".join(line.split()) if line.startswith(tables) else line.split()[0] for line in lines]


def test_no_block_waits_for_somebody() -> None:
    """Commands that are run end by themselves."""
    blocks = [block for page in _PAGES_TO_RUN for block in blocks_of(page) if block.mark == "run"]
    commands = [command for block in blocks for command in commands_of(block)]
    assert len(commands) > 10
    assert [command for command in commands if command.startswith(("loadcore demo", "loadcore target up --"))] == []
