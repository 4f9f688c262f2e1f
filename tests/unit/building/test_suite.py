"""What `make test` announces, and how it times its parts."""

from __future__ import annotations

import shutil
import sys

import pytest

from building import suite
from building.environment import ROOT


def test_all_parts_are_announced_with_their_times() -> None:
    """Installing, the engine, the package: before anything is installed."""
    text = "\n".join(suite.announcement())
    assert [name for name in suite.PARTS if f"  {name}" not in text] == []
    assert text.count("minutes") >= len(suite.PARTS)


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one command, for what is missing and nothing else."""
    monkeypatch.setattr(suite, "_installed", lambda name: name not in {"nginx", "ip"})
    assert suite.announcement()[-1] == "  apt-get install iproute2 nginx-light"
    monkeypatch.setattr(suite, "_installed", lambda _: True)
    assert "apt-get" not in "\n".join(suite.announcement())


@pytest.mark.parametrize(("code", "said"), [(0, "passed after 0 min"), (3, "failed (3) after 0 min")])
def test_a_part_ends_with_its_time_and_its_exit_code(capfd: pytest.CaptureFixture[str], code: int, said: str) -> None:
    """`make` sees the code that the command ended with."""
    assert suite.run("engine", [sys.executable, "-c", f"raise SystemExit({code})"]) == code
    assert said in capfd.readouterr().out


def test_make_test_runs_the_parts_that_it_announces() -> None:
    """Each through the same program, so that none goes without its time."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert shutil.which("make") is None or "building.suite\n" in makefile
    assert [part for part in ("engine", "package") if f"building.suite {part} " not in makefile] == []
