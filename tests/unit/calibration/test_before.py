"""When a run is measured before it begins, and what is kept of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import arrival_rate, get, users
from loadcore.calibration import before as module
from loadcore.calibration import cache
from loadcore.calibration.before import before, is_worth_it
from loadcore.calibration.measure import Calibration
from loadcore.calibration.shape import Shape, shape_of
from loadcore.errors import ExitCode, RunError
from tests.unit.compiler.flows import plan, scenario

if TYPE_CHECKING:
    from pathlib import Path

    from loadcore.plan.plan import Plan

MEASURED = Calibration(
    cpu_ns_per_request=50_000, workers=2, users=10, requests=80_000, seconds=2.0, target_cpu_s=1.0, not_covered=("TLS",)
)
"""20,000 requests a second for each core."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, on a machine of two cores."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("loadcore.machine.host.allowed_cores", lambda: 2.0)
    return tmp_path / "loadcore" / "calibration"


def asking(rate: str, url: str = "/", **settings: Any) -> Plan:
    """A plan of this rate."""
    return plan(scenario(get(url), load=arrival_rate(rate, duration="1s"), **settings))


def shape(of: Plan) -> Shape:
    """Its shape."""
    return shape_of(of, 2.0)


@pytest.mark.parametrize(
    ("asked", "known", "worth"),
    [(2_000, None, False), (2_001, None, True), (12_000, MEASURED, False), (12_001, MEASURED, True)],
)
def test_a_run_is_measured_when_its_rate_may_be_too_much(asked: float, known: Calibration | None, worth: bool) -> None:
    """From 30 % of what was last measured on, and from 1,000 a second for each core where nothing was."""
    assert is_worth_it(asked, 2.0, known) is worth


def test_what_was_measured_is_found_again(folder: Path) -> None:
    """By the shape of the plan: neither seed, target nor place of the code make another one."""
    cache.remember(shape(asking("100/s")), MEASURED)

    assert cache.recall(shape(asking("100/s", base_url="http://10.0.0.1", name="one"))) == MEASURED
    assert cache.recall(shape(plan(scenario(load=arrival_rate("100/s", duration="9m")), seed=2))) == MEASURED
    assert cache.recall(shape(asking("100/s", url="/other"))) is None
    assert cache.recall(shape(asking("500/s"))) is None, "other users, other costs"
    (file,) = folder.iterdir()
    assert "127.0.0.1" not in file.read_text()


def test_another_machine_has_measured_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home may be shared among machines."""
    cache.remember(shape(asking("100/s")), MEASURED)
    monkeypatch.setattr("loadcore.machine.host.allowed_cores", lambda: 4.0)

    assert cache.recall(shape(asking("100/s"))) is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "1", "{", json.dumps({**MEASURED.to_dict(), "cpu_ns_per_request": 0}), "\xff"]
)
def test_a_damaged_cache_knows_nothing(folder: Path, text: str) -> None:
    """It is rewritten."""
    found = shape(asking("100/s"))
    path = cache.remember(found, MEASURED)
    assert path is not None
    path.write_text(text, encoding="latin-1")
    assert cache.recall(found) is None

    cache.remember(found, MEASURED)
    assert cache.recall(found) == MEASURED
    assert [each.name for each in folder.iterdir()] == [path.name]


def test_a_cache_that_takes_nothing_costs_only_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service user's home may not exist, nor be writable."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")

    assert cache.remember(shape(asking("100/s")), MEASURED) is None
    assert cache.recall(shape(asking("100/s"))) is None


def test_a_relative_cache_folder_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As its specification says."""
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    path = cache.remember(shape(asking("100/s")), MEASURED)

    assert path is not None
    assert path.is_relative_to(tmp_path / ".cache")


def measured(monkeypatch: pytest.MonkeyPatch, result: Calibration | Exception) -> list[Shape]:
    """From now on every calibration gives this; the list of those that are made."""
    made: list[Shape] = []

    def calibrate(of: Shape, _workers: int | None) -> Calibration:
        made.append(of)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(module, "calibrate", calibrate)
    return made


def test_a_high_rate_is_measured_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once: the second run knows that its rate is far from what the machine drives."""
    made, said = measured(monkeypatch, MEASURED), list[str]()
    found = before(asking("3000/s"), 2, said.append)

    assert found is not None
    assert found.times == pytest.approx(40_000 / 3_000)
    assert len(made) == 1
    assert ["--no-calibrate" in text for text in said] == [True]
    assert before(asking("3000/s"), 2, said.append) is None
    assert (len(made), len(said)) == (1, 1)


def test_a_rate_that_the_machine_does_not_drive_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first request, with the figures; one worker has one core."""
    measured(monkeypatch, MEASURED)
    said: list[str] = []
    found = before(asking("30000/s"), 1, said.append)

    assert found is not None
    assert not found.is_enough
    assert said[1] == (
        "warning: this machine drives 20,000 requests/s of this; you ask 30,000/s: 0.67 x headroom; "
        "the client will be the bottleneck, not the target"
    )


@pytest.mark.parametrize("of", [asking("1999/s"), plan(scenario(load=users(5000, duration="1s")))])
def test_other_runs_are_not_measured(monkeypatch: pytest.MonkeyPatch, of: Plan) -> None:
    """Neither a rate that any machine drives, nor users who wait for their target."""
    made, said = measured(monkeypatch, MEASURED), list[str]()

    assert before(of, 2, said.append) is None
    assert (made, said) == ([], [])


def test_a_measurement_that_fails_stops_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported. But a signal is meant for the run."""
    measured(monkeypatch, RunError("no room"))
    said: list[str] = []
    assert before(asking("3000/s"), 2, said.append) is None
    assert said[1] == "the calibration failed: no room"

    stopped = RunError("stopped before the first request")
    stopped.exit_code = ExitCode.INTERRUPTED
    measured(monkeypatch, stopped)
    with pytest.raises(RunError, match="stopped"):
        before(asking("3000/s"), 2, said.append)


def test_a_calibration_is_kept_whole() -> None:
    """All its figures."""
    assert Calibration.from_dict(json.loads(json.dumps(MEASURED.to_dict()))) == MEASURED
    assert Calibration.from_dict(replace(MEASURED, not_covered=()).to_dict()).not_covered == ()
