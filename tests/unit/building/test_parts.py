"""Programs side by side: what is read of them, what they report, and what happens if one fails."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

import pytest

from building.parts import Engine, Packages, Part, PartFailedError, run

if TYPE_CHECKING:
    from pathlib import Path


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _python(name: str, program: str) -> Part:
    return Part(name, [sys.executable, "-c", program], "done well")


def _run(parts: list[Part], folder: Path, out: io.StringIO) -> str:
    run(parts, folder=folder, environment=os.environ, out=out)
    return out.getvalue()


def test_pip_is_counted_as_it_finds_and_installs() -> None:
    """Packages by name, whatever their versions and extras; bytes as pip writes them."""
    part = Packages("packages", [], "")
    for line in (
        "Collecting jinja2>=3.1",
        "  Downloading jinja2-3.1.6-py3-none-any.whl.metadata (2.9 kB)",
        "Collecting uvicorn[standard]>=0.32",
        "Collecting MarkupSafe>=2.0 (from jinja2>=3.1)",
        "Downloading pyarrow-26.0.1-cp311-cp311-manylinux_2_28_x86_64.whl (45.5 MB)",
    ):
        part.read(line)
    assert part.progress() == "3 packages found, 46 MB"
    part.read("Installing collected packages: MarkupSafe, jinja2, uvicorn")
    assert part.progress() == "installing 3 packages, 46 MB"


def test_cargo_is_counted_by_crates() -> None:
    """Crates of how many, with the newest of them; before the first, that sources are fetched."""
    part = Engine("engine", [], "", crates=120)
    part.read("  Downloaded syn v2.0.119")
    assert part.progress() == "fetching sources"
    part.read("   Compiling syn v2.0.119")
    part.read("   Compiling loadcore-core v0.1.0 (/somewhere)")
    assert part.progress() == "2 of 120 crates, loadcore-core"


def test_both_run_at_the_same_time_and_say_how_long_they_took(tmp_path: Path) -> None:
    """Each waits for a file that the other makes: one after the other they would never end."""
    wait = "import pathlib, time\npathlib.Path('{}').touch()\nwhile not pathlib.Path('{}').exists(): time.sleep(0.01)"
    parts = [_python("left", wait.format("a", "b")), _python("right", wait.format("b", "a"))]
    text = _run(parts, tmp_path, io.StringIO())
    done = [line for line in text.splitlines() if line.endswith(" s  done well")]
    assert sorted(line.split()[0] for line in done) == ["left", "right"]


def test_a_terminal_has_the_lines_in_place(tmp_path: Path) -> None:
    """The cursor goes up as many lines as there are parts; no line is wider than a terminal."""
    text = _run([_python("part", "import time; time.sleep(1.2)")], tmp_path, _Terminal())
    drawn = text.split("\x1b[1F")
    assert len(drawn) > 2
    assert all(line.startswith("\x1b[2Kpart ") for line in drawn)


def test_a_failure_stops_the_other_and_shows_what_was_printed(tmp_path: Path) -> None:
    """The message is the end of the output, and the other program does not run on."""
    bad = _python("bad", "import sys; print('no room left'); sys.exit(3)")
    slow = _python("slow", "import time; time.sleep(60)")
    out = io.StringIO()
    with pytest.raises(PartFailedError, match=r"bad: .* failed:\nno room left"):
        run([bad, slow], folder=tmp_path, environment=os.environ, out=out)
    assert "failed" in out.getvalue()
    assert slow.exit_code == -15
