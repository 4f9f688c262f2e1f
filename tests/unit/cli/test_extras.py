"""The command that installs what is missing: into the environment that runs, from where loadcore came from."""

from __future__ import annotations

import json
import sys
from importlib import metadata, util
from typing import TYPE_CHECKING

import pytest

from loadcore.cli import gateway
from loadcore.errors import ConfigError
from loadcore.wording import extras
from tests.e2e.command import loadcore

if TYPE_CHECKING:
    from pathlib import Path


class Distribution:
    """An installed loadcore, with the record that its installer left."""

    def __init__(self, record: object) -> None:
        self.record = record

    def read_text(self, name: str) -> str | None:
        """The record of the installer, if there is one."""
        assert name == "direct_url.json"
        return None if self.record is None else json.dumps(self.record)


@pytest.mark.parametrize(
    ("record", "source"),
    [
        (None, "'loadcore[target]'"),
        (
            {"url": "file:///tmp/loadcore-0.1.0.whl", "archive_info": {}},
            "'loadcore[target] @ file:///tmp/loadcore-0.1.0.whl'",
        ),
        ({"url": "file:///src/load%20core", "dir_info": {"editable": True}}, "-e '/src/load core[target]'"),
        ({"url": "file:///src/loadcore", "dir_info": {}}, "'/src/loadcore[target]'"),
        (
            {"url": "https://example.org/loadcore.git", "vcs_info": {"vcs": "git", "commit_id": "2423cdf"}},
            "'loadcore[target] @ git+https://example.org/loadcore.git@2423cdf'",
        ),
    ],
)
def test_the_command_names_where_loadcore_came_from(
    monkeypatch: pytest.MonkeyPatch, record: object, source: str
) -> None:
    """A wheel, a folder, a repository or the index: the extra is installed from the same place."""
    monkeypatch.setattr(metadata, "distribution", lambda _name: Distribution(record))
    assert extras.install_command("target") == f"{sys.executable} -m pip install {source}"


def test_without_pip_the_command_is_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that uv made has no pip, and is named to uv."""
    monkeypatch.setattr(metadata, "distribution", lambda _name: Distribution(None))
    monkeypatch.setattr(util, "find_spec", lambda _name: None)
    assert extras.install_command("target") == f"uv pip install --python {sys.executable} 'loadcore[target]'"


def test_what_is_installed_is_not_missing() -> None:
    """With the extra in place nothing is missing, and the gateway may start."""
    assert extras.missing("target") == []
    assert extras.missing("no-such-extra") == []
    gateway.require_installed()


def test_a_missing_gateway_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package without the gateway's modules says so before anything is started."""
    monkeypatch.setattr(gateway, "MODULE", "no_such_gateway")
    with pytest.raises(ConfigError, match="does not include the reference gateway"):
        gateway.require_installed()


HIDING = """
from importlib import metadata
version = metadata.version
def hidden(name):
    if name in ("limits", "aiohttp"):
        raise metadata.PackageNotFoundError(name)
    return version(name)
metadata.version = hidden
"""


@pytest.mark.parametrize("arguments", [("demo", "--quick"), ("target", "up", "--port", "0")])
def test_commands_without_the_extra_exit_with_104(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """`demo` and `target up` name every missing package and one command, and start nothing."""
    (tmp_path / "sitecustomize.py").write_text(HIDING, encoding="utf-8")
    where = {"PYTHONPATH": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "runtime"), "TMPDIR": str(tmp_path)}
    done = loadcore(*arguments, cwd=tmp_path, environ=where)
    assert (done.returncode, done.stdout) == (104, "")
    error, hint = done.stderr.splitlines()[-2:]
    assert error == "error: the reference gateway needs packages that are not installed: aiohttp, limits"
    assert hint.startswith(f"hint: install them: {sys.executable} -m pip install ")
    assert "[target]" in hint
    assert [path.name for path in tmp_path.iterdir() if path.is_dir() and "loadcore" in path.name] == []
