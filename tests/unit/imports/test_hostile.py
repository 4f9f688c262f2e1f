"""What a file holds stays data: nothing of it becomes code, and no credential is written."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadcore.imports.code import Brackets, Item, Text, comment_lines, literal, rendered
from loadcore.imports.kinds import Kind, import_text, written
from loadcore.imports.names import environment_name, identifier
from tests.unit.imports.test_har import entry, har

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(max_size=60) | st.sampled_from(
    ['"""', "\\", "'\"'", "{", "}}", "{x}", "{$env.HOME}", "\n# x", "\x0c", "\u2028"]
)
SECRET = "s3cr3t-v4lue-0815"


def _listed(nodes: list[Any]) -> Brackets:
    return Brackets("[", [Item(each) for each in nodes], "]")


@given(TEXT)
def test_a_literal_is_the_string(text: str) -> None:
    """Python reads back exactly what was written, on one line."""
    written_so = literal(text)
    assert ast.literal_eval(written_so) == text
    assert len(written_so.splitlines()) == 1


@given(st.lists(TEXT, max_size=4))
def test_a_comment_ends_at_its_line(texts: list[str]) -> None:
    """No comment can hold anything but comments."""
    source = "\n".join(comment_lines(texts, 4))
    assert all(line.lstrip().startswith("#") for line in source.split("\n") if line)
    assert ast.parse(source).body == []


@given(TEXT)
def test_names_are_names(text: str) -> None:
    """Whatever a file calls it, Python and the shell can read the name."""
    assert identifier(text).isidentifier()
    assert identifier(text).isascii()
    assert environment_name(text).isidentifier()


@given(st.recursive(TEXT.map(Text), lambda inner: st.lists(inner, max_size=4).map(_listed), max_leaves=12))
def test_brackets_keep_their_items(node: Any) -> None:
    """Broken over lines or not, an expression has the value it was made for."""
    assert ast.literal_eval(rendered(node)) == _value(node)
    assert ast.literal_eval(rendered(node, "x = ", 0).removeprefix("x = ")) == _value(node)


def _value(node: Any) -> Any:
    return node.value if isinstance(node, Text) else [_value(item.node) for item in node.items]


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
@given(st.lists(TEXT, min_size=9, max_size=9))
def test_a_hostile_recording(texts: list[str]) -> None:
    """Names and values that look like code are strings of the scenario, which imports nothing but loadcore."""
    a, b, c, d, e, f, g, h, i = texts
    one = entry(
        a or "GET",
        f"http://h/{b}?{c}={d}",
        headers={e: f, g: h},
        body={a: {b: [c, d]}, "password": SECRET},
        answer={i: i},
    )
    two = entry("POST", f"http://h/x/{i}", headers={"Authorization": f"{a} {SECRET}"}, body=texts, answer=f)
    text = json.dumps(har(one, two, entry("GET", "http://h/fine")))
    imported = import_text(Kind.HAR, text, f"{a}.har")
    source = written(imported, Kind.HAR, f"{a}.har", f"{b}.py")
    tree = ast.parse(source)
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [node.module for node in imports if isinstance(node, ast.ImportFrom)] == ["loadcore"]
    assert calls <= {alias.name for node in imports for alias in node.names}
    assert SECRET not in source


def test_what_is_written_is_formatted(tmp_path: Path) -> None:
    """Ruff changes nothing and finds nothing, at its own line length and at a longer one."""
    long = {
        "query": "query Everything {\n" + "  field { of things }\n" * 12 + "}",
        "a'b\"c": "\u00e9\u200b\x00",
        "n": [1] * 60,
    }
    text = json.dumps(
        har(entry("POST", "http://h/a/" + "x" * 200, body=long, headers={"X-A": "y" * 300}), entry("GET", "http://h/"))
    )
    path = tmp_path / "shop.py"
    path.write_text(written(import_text(Kind.HAR, text), Kind.HAR, "-", "shop.py"), encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    for arguments in (["format", "--diff"], ["format", "--diff", "--line-length", "120"], ["check"]):
        done = subprocess.run(
            [*ruff, *arguments, "--isolated", path], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout
