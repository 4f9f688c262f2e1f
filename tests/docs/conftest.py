"""A gateway and a folder in which the documentation's commands are run."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT
from tests.e2e.command import environment, loadcore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENTED_URL = "http://127.0.0.1:8080"
SHORT = "1s"
"""How long runs are that the documentation has last for seconds."""


@dataclass(frozen=True)
class Place:
    """A gateway, and two folders: one for commands, with the examples in it, and one with a finished run."""

    folder: Path
    finished: Path
    url: str
    environ: dict[str, str]

    def localized(self, text: str) -> str:
        """The text with the gateway's own address."""
        return text.replace(DOCUMENTED_URL, self.url)

    def write(self, name: str, text: str) -> Path:
        """A file of the folder, for this gateway."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.localized(text), "utf-8")
        return path


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Where pages are tried. Runs are short, and a machine that is busy does not make them invalid."""
    folder, finished = tmp_path_factory.mktemp("commands"), tmp_path_factory.mktemp("finished")
    bin_ = folder / "bin"
    bin_.mkdir()
    for name, arguments in (("loadcore", "-m loadcore"), ("python", "")):
        (bin_ / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        (bin_ / name).chmod(0o755)
    environ = environment(
        {
            "LOADCORE_DURATION": SHORT,
            "LOADCORE_STRICT_CLIENT": "false",
            "LOADCORE_WORKERS": "1",
            "XDG_RUNTIME_DIR": str(folder / "runtime"),
        }
    )
    environ["PATH"] = f"{bin_}:{environ['PATH']}"
    (folder / "runtime").mkdir()
    up = loadcore("target", "up", "--port", "0", "--accounts", "100", "--json", cwd=folder, environ=environ)
    assert up.returncode == 0, up.stderr
    try:
        # Also for files that a command of a page writes.
        environ["LOADCORE_HOST"] = json.loads(up.stdout)["url"]
        here = Place(folder, finished, environ["LOADCORE_HOST"], environ)
        shutil.copytree(ROOT / "examples", folder / "examples")
        for example in (folder / "examples").glob("*.py"):
            here.write(f"examples/{example.name}", example.read_text("utf-8"))
        first = loadcore("run", str(folder / "examples/quickstart.py"), "-q", cwd=finished, environ=environ)
        assert first.returncode == 0, first.stdout + first.stderr
        yield here
    finally:
        loadcore("target", "down", cwd=folder, environ=environ)
