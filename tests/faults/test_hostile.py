"""Scenario and data files that mean no good: each is refused or done with, in a moment, by a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.command import loadcore

if TYPE_CHECKING:
    from pathlib import Path

BUG, CONFIG, RAISED, CROSSED = 1, 104, 107, 99
DEEP = 20_000


def _scenario(step: str = 'get("/")', more: str = "", before: str = "") -> str:
    return (
        "from loadcore import *\n"
        f"{before}\n"
        'shop = Scenario("shop", base_url="http://127.0.0.1:1", load=iterations(total=1),\n'
        f"    steps=[{step}], {more})\n"
    )


def _fed(feeder: str) -> str:
    return _scenario('get("/{a}", headers={"X-A": "{a}"})', f"feeders=[{feeder}]")


SCENARIOS = {
    "a line end in a URL": (_scenario('get("/a\\r\\nX-Evil: 1")'), CONFIG),
    "a line end in a header": (_scenario('get("/", headers={"X-A": "b\\r\\nX-Evil: 1"})'), CONFIG),
    "a line end in the name of a header": (_scenario('get("/", headers={"X-A\\r\\nX-Evil": "b"})'), CONFIG),
    "a line end in a method": (_scenario('request("GE T\\r\\n", "/")'), CONFIG),
    "half a character": (_scenario('get("/\\ud800")'), CONFIG),
    "an expression too large to compile": (
        _scenario('get("/", checks=[response.regex("(a{1000}){1000}").exists()])'),
        CONFIG,
    ),
    "an expression nested too deep": (
        _scenario(f'get("/", extract={{"x": response.regex("{"(" * 500}a{")" * 500}")}})'),
        CONFIG,
    ),
    "a path of many parts": (
        _scenario(f'get("/", checks=[response.json("${".a" * DEEP}").exists()])'),
        CROSSED,
    ),
    "steps nested too deep": (
        _scenario("step", before='step = get("/")\nfor _ in range(3000): step = group("g", [step])'),
        CONFIG,
    ),
    "a body nested too deep": (
        _scenario('post("/", json=body)', before="body = 1\nfor _ in range(5000): body = [body]"),
        CONFIG,
    ),
    "a name that draws on the terminal": (_scenario('get("/", name="\\x1b]0;title\\x07\\x1b[31m")'), CROSSED),
    "a billion users": (
        _scenario().replace("iterations(total=1)", 'users(10**9, duration="1s")'),
        CROSSED,
    ),
}
"""What a scenario may say, and what `loadcore check --send` makes of it: it sends one request, to a closed port."""

FILES = {
    "deep.json": (b"[" + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"]", 'json_feeder("deep.json")', CROSSED),
    "deep.jsonl": (b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"\n", 'json_lines_feeder("deep.jsonl")', CROSSED),
    "no_text.csv": (b"a,b\n1,\0\n\xff\xfe,2\n", 'csv_feeder("no_text.csv")', CONFIG),
    "ragged.csv": (b"a,b\n1\n1,2,3\n", 'csv_feeder("ragged.csv")', CONFIG),
    "unclosed.csv": (b'a,b\n"1,2\n', 'csv_feeder("unclosed.csv")', CONFIG),
    "empty.csv": (b"", 'csv_feeder("empty.csv")', CONFIG),
    "large_value.csv": (b"a\n" + b"x" * 20_000_000 + b"\n", 'csv_feeder("large_value.csv")', CROSSED),
    "binary.json": (bytes(range(256)) * 100, 'json_feeder("binary.json")', CONFIG),
}
"""What a data file may hold."""


def _check(folder: Path, code: int) -> None:
    done = loadcore("check", "shop.py", "--send", cwd=folder)

    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert len(done.stdout + done.stderr) < 100_000


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_hostile_scenario(tmp_path: Path, name: str) -> None:
    """It ends in a moment, with a message and its exit code."""
    text, code = SCENARIOS[name]
    (tmp_path / "shop.py").write_text(text, encoding="utf-8")
    _check(tmp_path, code)


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_data_file(tmp_path: Path, name: str) -> None:
    """The same for the rows of users."""
    content, feeder, code = FILES[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "shop.py").write_text(_fed(feeder), encoding="utf-8")
    _check(tmp_path, code)
