"""How several runs of one scenario end."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.cli.console import Console
from loadcore.cli.execute import Output
from loadcore.cli.options import Progress
from loadcore.cli.series import Series, conclude
from loadcore.comparison import baseline
from loadcore.comparison.metrics import named
from loadcore.comparison.sides import side_of
from loadcore.errors import ExitCode
from loadcore.results.open.opening import open_run
from tests.unit.comparison.runs import made, several, summary

if TYPE_CHECKING:
    from pathlib import Path

    from loadcore.results.open.run import Run


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def concluded(series: Series, runs: list[Run]) -> tuple[int, str]:
    """The exit code, and what it printed besides the result."""
    told = io.StringIO()
    console = Console(io.StringIO(), told, {})
    return conclude(series, runs, Output(console, Progress.NONE)), told.getvalue()


def ended(folder: Path, **verdict: Any) -> Run:
    """A run with this in its verdict."""
    document = summary(10.0)
    document["verdict"] |= verdict
    document["exit_code"] = verdict["exit_codes"][0]
    return open_run(made(folder, document))


def test_runs_that_were_stopped_leave_the_baseline_as_it_was(tmp_path: Path) -> None:
    """Ctrl-C in the third of five runs does not replace five runs by two."""
    baseline.save("main", [summary(10.0) for _ in range(5)])
    runs = [ended(tmp_path / "1", exit_codes=[0]), ended(tmp_path / "2", exit_codes=[130], status="interrupted")]
    runs[1].summary["signal"] = "SIGINT"
    code, told = concluded(Series(5, None, None, "main", named(()), require_power=False), runs)
    assert code == ExitCode.INTERRUPTED
    assert "the baseline main was not saved: the runs were stopped" in told
    assert len(baseline.load("main")) == 5


@pytest.mark.parametrize(
    ("own", "status", "ends"), [(111, "invalid", 111), (113, "no_data", 113), (99, "fail", 99), (0, "invalid", 113)]
)
def test_a_series_ends_with_what_its_runs_say_first(tmp_path: Path, own: int, status: str, ends: int) -> None:
    """A baseline that nothing could be compared with is never a pass; the run's own reason says more."""
    before = side_of(several(tmp_path / "before", [10.0] * 5))
    run = ended(tmp_path / "1", exit_codes=[own], status=status, reasons=["because"])
    assert concluded(Series(1, "main", before, None, named(()), require_power=False), [run])[0] == ends
