"""Prints what came of a run and gives the exit code."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.cli.console import Console
from loadcore.errors import ExitCode

if TYPE_CHECKING:
    from loadcore.report.layout import Page

MEANINGS: Mapping[int, str] = {
    ExitCode.PASS: "pass",
    ExitCode.BUG: "a fault of loadcore",
    ExitCode.THRESHOLD_CROSSED: "threshold crossed",
    ExitCode.CONFIG: "scenario or limits",
    ExitCode.SCENARIO_RAISED: "the scenario failed",
    ExitCode.ABORTED: "aborted",
    ExitCode.INVALID: "the measurement is invalid",
    ExitCode.REGRESSION: "regression",
    ExitCode.NO_DATA: "no data",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
}
"""What the last line of a report says about an exit code."""


def finish(console: Console, path: Path, summary: Mapping[str, Any], exit_code: int, *, as_json: bool) -> int:
    """Prints a run: one JSON document, or the report with its files and the exit code. Gives back the exit code."""
    if as_json:
        from loadcore.report import json

        console.result(json.render(summary))
        return exit_code
    from loadcore.report import text

    page = console.page()
    parts = [text.render(summary, page), "\n".join(_files(path, page)), f" exit {exit_code} ({MEANINGS[exit_code]})"]
    console.result("\n\n".join(part for part in parts if part))
    return exit_code


def lenient(summary: Mapping[str, Any]) -> int:
    """The exit code if a client that was the limit is not held against the run."""
    codes = [code for code in summary["verdict"]["exit_codes"] if code != ExitCode.INVALID]
    return int(codes[0]) if codes else int(ExitCode.PASS)


def _files(path: Path, page: "Page") -> list[str]:
    """The run folder as the user would type it, with the sizes of what matters in it."""
    from loadcore.report import text

    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    sizes: dict[str, int] = {}
    rows = list(path.glob("requests-*.arrow"))
    if rows:
        sizes["requests-*.arrow" if len(rows) > 1 else rows[0].name] = sum(each.stat().st_size for each in rows)
    if (path / "windows.arrow").is_file():
        sizes["windows.arrow"] = (path / "windows.arrow").stat().st_size
    return text.files(str(shown), sizes, page)
