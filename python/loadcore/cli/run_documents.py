"""The documents of a run: the page, what CI systems read, and its rows as a table."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loadcore.cli.documents import require_places, write, write_by

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loadcore.cli.console import Console
    from loadcore.errors import LimitsError
    from loadcore.results.open.run import Run

OPTIONS: Final[Mapping[str, str]] = {
    name: f"--{name.replace('_', '-')}"
    for name in ("html", "markdown", "junit", "gitlab_metrics", "benchmark", "csv", "parquet")
}
"""The option of each document by its setting."""


@dataclass(frozen=True, slots=True)
class RunDocuments:
    """What is written of a run.

    Attributes:
        places: The file of each document that was asked for, by its setting.
    """

    places: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, get: Callable[[str], Any]) -> RunDocuments:
        """Those that were asked for.

        Args:
            get: Gives the value of a setting.

        Raises:
            UsageError: One of them cannot be written where it was asked for.
        """
        places = {name: Path(value) for name in OPTIONS if (value := get(name)) is not None}
        require_places({OPTIONS[name]: path for name, path in places.items()})
        return cls(places)

    def write(self, run: Run, console: Console, *, then: str = "") -> int:
        """Write all of them. Gives back the exit code of one that is lost, or 0; then that is printed.

        Args:
            run: Whose documents they are.
            console: Where it says what was written.
            then: What is added to the Markdown.
        """
        lost = [self._write(name, path, run, console, then) for name, path in self.places.items()]
        return next((int(each.exit_code) for each in lost if each is not None), 0)

    def _write(self, name: str, path: Path, run: Run, console: Console, then: str) -> LimitsError | None:
        if name in {"csv", "parquet"}:
            return write_by(console, OPTIONS[name], path, lambda: _export(name, run, path))
        return write(console, OPTIONS[name], path, _rendered(name, run) + (then if name == "markdown" else ""))


def _export(name: str, run: Run, path: Path) -> None:
    from loadcore.results.open import export

    (export.write_csv if name == "csv" else export.write_parquet)(run.path, path)


def _rendered(name: str, run: Run) -> str:
    """A document as text. Only what it needs is imported."""
    match name:
        case "html":
            from loadcore.report.html import page

            return page.render(run)
        case "markdown":
            from loadcore.report import markdown

            return markdown.render(run.summary)
        case "junit":
            from loadcore.report.ci import junit

            return junit.render(run.summary)
        case "gitlab_metrics":
            from loadcore.report.ci import gitlab

            return gitlab.render(run.summary)
        case _:
            from loadcore.report.ci import benchmark

            return benchmark.render(run.summary)


def tell_github(summaries: list[Mapping[str, Any]], console: Console, *, instead: str | None = None) -> None:
    """In a job of GitHub Actions: annotate it, and add to the summary of its step. Elsewhere nothing happens.

    Args:
        summaries: Of the runs.
        console: Where annotations are printed: the log.
        instead: What the step's summary gets in place of the runs.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    from loadcore.report import markdown
    from loadcore.report.ci.github import commands

    for line in dict.fromkeys(line for summary in summaries for line in commands(summary)):
        console.note(line)
    if place := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(place).open("a", encoding="utf-8") as file:
                file.write(instead or "\n".join(markdown.render(summary) for summary in summaries))
        except OSError as problem:
            console.note(f"the summary of this step could not be written: {problem}")
