"""What the trial of a wheel looks at before and beside installing it."""

from __future__ import annotations

import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from building import package, wheel_test
from building.environment import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_a_wheel_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """15 MB are allowed, and a byte more is not."""
    wheel = tmp_path / "loadcore.whl"
    wheel.write_bytes(b"\0" * wheel_test.LARGEST_BYTES)
    assert wheel_test.check_size(wheel) == wheel_test.LARGEST_BYTES
    wheel.write_bytes(b"\0" * (wheel_test.LARGEST_BYTES + 1))
    with pytest.raises(wheel_test.FailedError, match="15 MB are allowed"):
        wheel_test.check_size(wheel)


def test_an_interpreter_is_what_it_says_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name on the path that runs another version, or nothing, is passed over."""
    broken = tmp_path / "python3.99"
    broken.write_text("#!/bin/sh\nexit 127\n", "utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(wheel_test, "uv", lambda: "/bin/false")
    assert wheel_test.find("3.99") is None
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    (tmp_path / f"python{own}").symlink_to(sys.executable)
    assert wheel_test.find(own) is not None


def test_the_server_answers() -> None:
    """As often as it is asked, on this machine only."""
    with wheel_test.server() as url:
        assert url.startswith("http://127.0.0.1:")
        assert [urllib.request.urlopen(url).read() for _ in range(2)] == [b"ok", b"ok"]


def test_a_failed_command_shows_what_it_printed(tmp_path: Path) -> None:
    """Its words, its exit code and its output."""
    with pytest.raises(wheel_test.FailedError, match=r"ended with 3:\nno room"):
        wheel_test._timed([sys.executable, "-c", "print('no room'); raise SystemExit(3)"], tmp_path, 30)


def test_the_release_tries_what_make_tries() -> None:
    """The workflow and the Makefile run the same trial, and both pin what they build with."""
    workflow = (ROOT / ".github/workflows/release.yml").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "-m building.wheel_test dist/" in workflow
    assert "-m building.wheel_test" in makefile
    assert "-m building.package wheel" in makefile
    assert {"--release", "--locked"} <= set(package.BUILDS["wheel"])
    builds = workflow.count("uses: PyO3/maturin-action")
    for needed in ("args: --release --locked", "SOURCE_DATE_EPOCH: ", "python3 -m building.package readme"):
        assert workflow.count(needed) == builds, needed
