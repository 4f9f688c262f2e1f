"""`loadcore import` and `loadcore init --from`: what they write, print and refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from loadcore.cli.app import main
from tests.unit.imports.test_har import SHOP, har

if TYPE_CHECKING:
    from pathlib import Path


def ends_with(*arguments: str) -> int:
    """The exit code of a command."""
    return int(main(list(arguments)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a recording, as the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my shop.har").write_text(json.dumps(SHOP), encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_it_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    """The counts, the reasons, the variables to set and the next commands; the scenario has the file's name."""
    assert ends_with("import", "har", "my shop.har") == 0
    printed = capsys.readouterr()
    assert printed.out == "wrote my_shop.py\n"
    for line in (
        "6 requests taken over, 4 left out",
        "  left out: static assets (1)",
        "  export PASSWORD=…   # password",
        "  loadcore check my_shop.py --send",
    ):
        assert line in printed.err.splitlines()


def test_it_never_overwrites(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing file stays, unless --force says otherwise."""
    (folder / "my_shop.py").write_text("mine", encoding="utf-8")
    assert ends_with("import", "har", "my shop.har") == 2
    assert (
        "error: my_shop.py already exists\nhint: name another file to write, or add --force" in capsys.readouterr().err
    )
    assert (folder / "my_shop.py").read_text("utf-8") == "mine"
    assert ends_with("import", "har", "my shop.har", "--force") == 0
    assert "Scenario(" in (folder / "my_shop.py").read_text("utf-8")


def test_stdout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With - the scenario goes to stdout, and nothing else does."""
    assert ends_with("import", "har", "my shop.har", "-", "--base-url", "http://127.0.0.1:9") == 0
    printed = capsys.readouterr()
    compile(printed.out, "shop.py", "exec")
    assert 'base_url="http://127.0.0.1:9"' in printed.out
    assert list(folder.glob("*.py")) == []


def test_read_only(folder: Path) -> None:
    """Requests that change something are comments; the login stays."""
    assert ends_with("import", "har", "my shop.har", "--read-only") == 0
    source = (folder / "my_shop.py").read_text("utf-8")
    assert "# left out: POST /pay, which changes something" in source
    assert "auth=login(" in source


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "harr", "my shop.har"), '"harr" cannot be imported, did you mean "har"?'),
        (("import", "har", "none.har"), "the file none.har does not exist"),
        (("import", "har", "."), ". is a folder"),
        (("import", "har", "my shop.har", "--base-url", "shop"), "a base URL starts with http:// or https://"),
        (("import", "har", "my shop.har", "no/where.py"), "cannot write no/where.py"),
        (("import", "har", "latin.har"), "latin.har is not text in UTF-8: byte 0 does not fit"),
        (("import", "har", "empty.har"), "empty.har is empty"),
        (("import", "har", "bare.har"), "bare.har: nothing of the archive can be sent"),
        (("init", "--from", "notes.txt"), "it is not clear what notes.txt is"),
        (("init", "--from", "my shop.har", "--script"), "--script and --from contradict each other"),
    ],
)
def test_what_it_refuses(
    arguments: tuple[str, ...], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong, where, and what to do: no traceback, and no file."""
    (folder / "latin.har").write_bytes(b"\xe4{}")
    (folder / "empty.har").touch()
    (folder / "bare.har").write_text(json.dumps(har()), encoding="utf-8")
    (folder / "notes.txt").write_text("hello", encoding="utf-8")
    assert ends_with(*arguments) in {2, 104}
    error = capsys.readouterr().err
    assert message in error
    assert "hint: " in error
    assert list(folder.glob("*.py")) == []


def test_init_from(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The kind is found by itself, and the scenario has the name that was asked for."""
    assert ends_with("init", "shop", "--from", "my shop.har") == 0
    assert capsys.readouterr().out == "wrote shop.py\n"
    (folder / "copied.txt").write_text("curl http://127.0.0.1:9/", encoding="utf-8")
    assert ends_with("init", "copied", "--from", "copied.txt") == 0
    assert 'steps=[get("/")]' in (folder / "copied.py").read_text("utf-8")
