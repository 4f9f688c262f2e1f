"""The build backend refuses a system that loadcore does not run on, at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from building import backend
from building.environment import ROOT

_BUILDS_ON = """\
import sys; sys.platform = {platform!r} if any("_in_process" in word for word in sys.orig_argv) else sys.platform
"""


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An environment without a package, not even pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    return tmp_path / "venv"


def test_on_windows_pip_says_what_is_needed_before_anything_else(empty: Path) -> None:
    """One line of ours, and neither a download nor a compiler before it."""
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(empty), "platbase": str(empty)}))
    (packages / "elsewhere.pth").write_text(_BUILDS_ON.format(platform="win32"), "utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(empty / "bin" / "python")]
    done = subprocess.run([*pip, "install", "--no-index", str(ROOT)], capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    assert done.returncode == 1
    assert "[1 lines of output]" in printed
    assert "loadcore runs on Linux and macOS, and this is win32; on Windows, install it in WSL" in printed
    assert not any(word in printed for word in ("maturin", "cargo", "Compiling", "Traceback"))


@pytest.mark.parametrize("hook", ["build_wheel", "build_editable", "prepare_metadata_for_build_wheel"])
def test_no_hook_begins_to_build_there(monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    """Also for callers that do not ask what is required."""
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit, match="install it in WSL"):
        getattr(backend, hook)("folder", {})


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_where_it_runs_maturin_is_asked_for(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    """And what installs Rust, if there is none."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.delenv("MATURIN_NO_INSTALL_RUST", raising=False)
    assert backend.get_requires_for_build_wheel() == [backend.MATURIN, "puccinialin"]
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    assert backend.get_requires_for_build_wheel() == [backend.MATURIN]
