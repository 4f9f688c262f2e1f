"""Prints the report of a run and returns the exit code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadcore.cli.console import Console
from loadcore.errors import ExitCode, LimitsError

MEANINGS: Mapping[int, str] = {
    ExitCode.PASS: "pass",
    ExitCode.BUG: "a bug in loadcore",
    ExitCode.THRESHOLD_CROSSED: "threshold crossed",
    ExitCode.CONFIG: "scenario or limits",
    ExitCode.SCENARIO_RAISED: "the scenario failed",
    ExitCode.ABORTED: "aborted",
    ExitCode.INVALID: "the measurement is invalid",
    ExitCode.REGRESSION: "regression",
    ExitCode.NO_DATA: "no data",
    ExitCode.INCONCLUSIVE: "inconclusive",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
}
"""What the last line of a report says about an exit code."""


LATEST = Path("runs/latest")
"""The run that `loadcore report` means where none is named."""


def finish(console: Console, path: Path, summary: Mapping[str, Any], exit_code: int, *, as_json: bool) -> int:
    """Prints a run: one JSON document, or the report with its files and the exit code. Gives back the exit code."""
    return end_with(rendered(console, path, summary, exit_code, as_json=as_json), console, exit_code)


def end_with(result: str, console: Console, exit_code: int) -> int:
    """Prints the result of a command that ends with this exit code. One that is lost does not end with 0."""
    try:
        console.result(result)
    except LimitsError as lost:
        console.failure(lost)
        return exit_code or int(lost.exit_code)
    return exit_code


def rendered(
    console: Console,
    path: Path,
    summary: Mapping[str, Any],
    exit_code: int,
    *,
    as_json: bool,
    samples: bool = False,
) -> str:
    """A run as text: one JSON document, or the report, if asked for with what failures looked like."""
    if as_json:
        from loadcore.report import json

        return json.render(summary)
    from loadcore.report import text
    from loadcore.report.samples import section

    page = console.page()
    shown = path_as_typed(path)
    if path.is_dir():
        # Of the latest run the folder need not be typed.
        report = "loadcore report" if LATEST.resolve() == path.resolve() else f"loadcore report {shown}"
        following = [f"{report} --json"]
        if summary.get("samples") and not samples:
            following.insert(0, f"{report} -v")
        end = text.files(shown, sizes_of(path), following, page)
    else:
        end = text.files(f"{shown} no longer exists", {}, [], page)
    goes_on = summary["verdict"]["status"] == "running"
    last = " the run is still in progress: it has no exit code yet" if goes_on else last_line(exit_code, summary)
    looks = ["\n".join(section(summary, page))] if samples else []
    return "\n\n".join([text.render(summary, page), *looks, "\n".join(end), last])


def last_line(exit_code: int, summary: Mapping[str, Any]) -> str:
    """The exit code in words, with the doubts about its numbers, which do not decide it."""
    verdict = summary["verdict"]
    if verdict["exit_codes"][0] == ExitCode.INVALID != exit_code:
        meaning = MEANINGS.get(exit_code, "as the file says")
        return f" exit {exit_code} ({meaning}, though {MEANINGS[ExitCode.INVALID]})"
    doubt = ", suspect" if verdict.get("suspect") else ""
    meaning = MEANINGS.get(exit_code, "as the file says")
    if exit_code == (summary.get("user_code") or {}).get("process_exit_code"):
        meaning = "as the file says"
    return f" exit {exit_code} ({meaning}{doubt})"


def lenient(summary: Mapping[str, Any]) -> int:
    """The exit code if an overloaded client does not fail the run."""
    codes = [code for code in summary["verdict"]["exit_codes"] if code != ExitCode.INVALID]
    return int(codes[0]) if codes else int(ExitCode.PASS)


def path_as_typed(path: Path) -> str:
    """The path as the user would type it: relative where that is shorter."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def sizes_of(path: Path) -> dict[str, int]:
    """Bytes of what matters in a run folder; the rows of all workers together."""
    rows = sorted(path.glob("requests-*.arrow"))
    sizes = {}
    if rows:
        sizes[rows[0].name if len(rows) == 1 else "requests-*.arrow"] = sum(each.stat().st_size for each in rows)
    if (path / "windows.arrow").is_file():
        sizes["windows.arrow"] = (path / "windows.arrow").stat().st_size
    return sizes
