"""The word tables of `docs/coming-from` name what exists: options and Python of loadcore, options of other tools."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from dataclasses import fields
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import loadcore
from loadcore.judge.thresholds.grammar import parse
from loadcore.scenario.http import RequestOptions
from tests.docs.pages import ROOT
from tests.docs.test_option_names import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_WRK = {"-c", "-t", "-d", "-R", "-s", "-H", "-L", "-U", "--latency", "--timeout"}
OF_HEY_AND_OHA = {"-n", "-c", "-z", "-q", "-H", "-m", "-d", "-D", "-T", "-a", "-t", "-A", "-x", "-o"}
OF_K6 = {"-e", "--out", "--summary-export", "--vus", "--duration", "--stage", "--tag"}
OF_JMETER = {"-n", "-t", "-l", "-e", "-o", "-J", "-G", "-R", "-r"}
OF_LOCUST = {"-u", "-r", "-t", "-H", "-T", "-E", "-L", "-s"}

TABLES: dict[str, dict[str, set[str]]] = {
    "jmeter.md": {"JMeter": OF_JMETER},
    "k6.md": {"k6": OF_K6},
    "locust.md": {"Locust": OF_LOCUST},
    "wrk.md": {"wrk, wrk2": OF_WRK, "hey, oha": OF_HEY_AND_OHA},
}
"""By page, the columns of its word table that have another tool's words, and the options of that tool."""
COUNTERPARTS = {
    "jmeter.md": {
        "user_stages",
        "iterations",
        "arrival_rate",
        "every",
        "get",
        "post",
        "Http",
        "csv_feeder",
        "think",
        "group",
        "choice",
        "branch",
    },
    "k6.md": {
        "users",
        "user_stages",
        "arrival_rate",
        "arrival_stages",
        "iterations",
        "think",
        "group",
        "csv_feeder",
        "Threshold",
        "env",
    },
    "locust.md": {"choice", "think", "every", "get", "user_stages", "arrival_stages"},
    "wrk.md": {"-c", "-d", "-z", "-n", "-H", "-m", "-D", "-T", "-a", "-t", "--rate", "--workers"},
}
"""What a table has at least: words of loadcore that users of the other tool look for."""
WORD = re.compile(r"(?<!\S)(--?[A-Za-z][\w-]*)")
KEYWORDS = {
    *(each.name for each in fields(loadcore.Scenario)),
    *RequestOptions.__annotations__,
    *inspect.signature(loadcore.arrival_rate).parameters,
}


class Word(NamedTuple):
    """A piece of code in a cell of a word table."""

    page: str
    column: str
    text: str

    @property
    def is_ours(self) -> bool:
        """Whether it is a word of loadcore."""
        return self.column.startswith("loadcore")


def words() -> Iterator[Word]:
    """All pieces of code in the word tables, which have a column of loadcore and one of each tool."""
    for page, columns in TABLES.items():
        heads: list[str] = []
        for line in (ROOT / "docs/coming-from" / page).read_text("utf-8").splitlines():
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not cells:
                heads = []
            elif not heads:
                heads = cells
            elif {*columns} <= {*heads}:
                for column, cell in zip(heads, cells, strict=True):
                    yield from (Word(page, column, text) for text in re.findall(r"`([^`]+)`", cell))


WORDS = list(words())
OURS = [word for word in WORDS if word.is_ours and not word.text.startswith("loadcore ")]
PYTHON = re.compile(r"\w+=|[\w.]+\(")


def known_options(command: str) -> set[str]:
    """The spellings of all options of a command."""
    found = dict(commands())[f"loadcore {command}"]
    return {name for option in found.params for name in (*option.opts, *option.secondary_opts)}


@pytest.mark.parametrize("page", TABLES)
def test_the_table_has_what_its_readers_look_for(page: str) -> None:
    """No counterpart was lost in an edit, and the columns are read as they are meant."""
    text = " ".join(word.text for word in OURS if word.page == page)
    assert {name for name in COUNTERPARTS[page] if not re.search(rf"(?<![\w-]){name}\b", text)} == set()


@pytest.mark.parametrize("word", [word for word in OURS if WORD.match(word.text)], ids=str)
def test_our_options_exist(word: Word) -> None:
    """With their letters, on the command that the table is about."""
    command = "bench" if "bench" in word.column else "run"
    assert {*WORD.findall(word.text)} - known_options(command) == set()


@pytest.mark.parametrize(
    "word",
    [word for word in WORDS if not word.is_ours and WORD.match(word.text) and word.column in TABLES[word.page]],
    ids=str,
)
def test_options_of_other_tools_exist(word: Word) -> None:
    """An option that the other tool does not have helps no one to find ours."""
    known = TABLES[word.page][word.column]
    assert {option for option in WORD.findall(word.text) if option not in known and option[:2] not in known} == set()


@pytest.mark.skipif(find_spec("locust") is None, reason="locust is not installed")
def test_options_of_locust_are_locusts() -> None:
    """Asked of Locust itself, in a process of its own: it changes the interpreter that imports it."""
    done = subprocess.run([sys.executable, "-m", "locust", "--help"], capture_output=True, text=True, check=True)
    assert OF_LOCUST - {*re.findall(r"(?<!\S)-\w\b", done.stdout)} == set()


@pytest.mark.parametrize("word", [word for word in OURS if PYTHON.match(word.text)], ids=str)
def test_our_python_exists(word: Word) -> None:
    """Names, methods and arguments exist, and what has no `…` in it can be evaluated."""
    assert unknown_in(word.text) == []


@pytest.mark.parametrize("word", [word for word in OURS if re.match(r'"?\w+\.\w+ [<>=]', word.text)], ids=str)
def test_our_thresholds_can_be_read(word: Word) -> None:
    """They follow the grammar."""
    parse(word.text.strip('"'))


def test_what_does_not_exist_is_found() -> None:
    """These tests would fail."""
    assert unknown_in('thinks("1s")') == ["thinks"]
    assert unknown_in("response.yaml(…)") == ["yaml"]
    assert unknown_in("iterations(every=…)") == ["every"]
    assert unknown_in("pace=every(…)") == ["pace"]
    with pytest.raises(TypeError):
        unknown_in("group()")


def unknown_in(code: str) -> list[str]:
    """The names in a piece of Python that do not exist; `…` is for what a reader puts there.

    Raises:
        Exception: It has no `…` and cannot be evaluated.
    """
    code = code.replace("oauth2_…", "oauth2_password").replace("[…]", '[get("/")]').replace("{…}", "{}")
    unknown: list[str] = []
    if keyword := re.match(r"(\w+)=", code):
        unknown += {keyword[1]} - KEYWORDS
        code = code[keyword.end() :]
    tree = ast.parse(code.replace("…", "..."), mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            unknown += _unknown_in_call(node)
    if not unknown and "…" not in code:
        eval(compile(tree, code, "eval"), {name: getattr(loadcore, name) for name in loadcore.__all__})
    return unknown


def _unknown_in_call(call: ast.Call) -> list[str]:
    """The called name if it does not exist, or the arguments that it does not take."""
    if isinstance(call.func, ast.Attribute):
        owner = {"response": loadcore.response, "c": loadcore.Client}[ast.unparse(call.func.value)]
        return [] if hasattr(owner, call.func.attr) else [call.func.attr]
    name = ast.unparse(call.func)
    if name not in loadcore.__all__:
        return [name]
    called: Any = getattr(loadcore, name)
    taken = inspect.signature(called).parameters
    options = RequestOptions.__annotations__ if "options" in taken else {}
    return [each.arg for each in call.keywords if each.arg and each.arg not in {*taken, *options}]
