"""A run, as one looks at it afterwards."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

from loadcore.errors import ExitCode, ResultsError
from loadcore.results.run_folder import RunFolder
from loadcore.results.samples import Sample
from loadcore.results.write import manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from loadcore.report.notebook import Shown
    from loadcore.results.request_types import StepSummary
    from loadcore.results.summary_types import FindingSummary, Summary, VerdictSummary

# This module is imported with the package, so what reads Arrow is imported when a table is asked for.

State = Literal["finished", "running", "killed", "moved", "copied"]
"""`moved`: the run ended while its folder was elsewhere, so its summary is missing. `copied`: this folder is a copy
that was made before there was a summary."""


class Run:
    """What a run left behind. Tables are read when they are first asked for.

    run = loadcore.load("runs/latest")
    run.verdict["status"]                          "pass", "fail", "invalid" or "no_data"
    run.verdict["suspect"]                         reasons to doubt its numbers; empty if there are none
    run.steps["GET /items"]["response"]["p99_ns"]  numbers, as in summary.json
    run.samples                                    what failures looked like, one of each kind
    run.requests                                   pyarrow.Table, one row per request
    run.windows                                    pyarrow.Table, one row per second and name
    """

    def __init__(self, path: Path, summary: dict[str, Any], state: State, missing: Sequence[str] = ()) -> None:
        self.path = path
        self.summary = cast("Summary", summary)
        """The content of `summary.json`, or, where there is none, the same made from the windows there are."""
        self.state = state
        self.missing = tuple(missing)
        """One sentence for everything that is not there though it should be."""

    @property
    def truncated(self) -> bool:
        """Whether this is less than the whole run: it is running, was killed, or its folder was moved or copied."""
        return self.state != "finished"

    @property
    def verdict(self) -> VerdictSummary:
        """`status` and `reasons`."""
        return self.summary["verdict"]

    @property
    def exit_code(self) -> int:
        """What `loadcore run` ends with."""
        return self.summary["exit_code"]

    @property
    def findings(self) -> list[FindingSummary]:
        """What the rules found: who was the bottleneck, and how it was seen. See `loadcore.judge.finding.Finding`."""
        return self.summary["findings"]

    @cached_property
    def steps(self) -> dict[str, StepSummary]:
        """The steps of the summary by name; `scenario/name` where two scenarios use the same one."""
        entries = self.summary["steps"]
        names = [entry["name"] for entry in entries]
        return {
            entry["name"] if names.count(entry["name"]) == 1 else f"{entry['scenario']}/{entry['name']}": entry
            for entry in entries
        }

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """What failures looked like: the first of each kind, without secrets."""
        return tuple(Sample.from_dict({**entry}) for entry in self.summary.get("samples", ()))

    @cached_property
    def requests(self) -> pa.Table:
        """Every request as a row, of all workers; the columns are `loadcore.results.schema.REQUESTS`."""
        from loadcore.results.schema import REQUESTS  # noqa: PLC0415 - see above

        return _table(RunFolder(self.path).all_requests(), REQUESTS)

    @cached_property
    def windows(self) -> pa.Table:
        """Every window; the columns are `loadcore.results.schema.WINDOWS`."""
        from loadcore.results.schema import WINDOWS  # noqa: PLC0415 - see above

        return _table(RunFolder(self.path).all_windows(), WINDOWS)

    def verify(self) -> list[str]:
        """Compare every byte with the manifest; one sentence for each file that is not as it was sealed."""
        folder = RunFolder(self.path)
        try:
            document = manifest.read(folder)
        except ResultsError as problem:
            return [str(problem)]
        return ["the manifest is missing"] if document is None else manifest.check(folder, document, hashes=True)

    def assert_passed(self, *, allow_invalid: bool = False) -> Run:
        """This run, if it passed: every threshold has data and holds, and the client was not the limit.

        Args:
            allow_invalid: Whether a run whose client was the limit may pass, where a machine is too busy to say.

        Raises:
            AssertionError: It did not; it says why as `loadcore run` prints it.
        """
        __tracebackhide__ = True
        allowed = {ExitCode.PASS, ExitCode.INVALID} if allow_invalid else {ExitCode.PASS}
        if set(self.verdict["exit_codes"]) <= allowed:
            return self
        from loadcore.report import notebook  # noqa: PLC0415 - a run shows itself

        raise AssertionError(notebook.failure(self.summary, str(self.path)))

    def plot(self) -> Shown:
        """The page of this run, with all its charts, as a notebook shows it; `run.plot().save(FILE)` writes it."""
        from loadcore.report.html import page  # noqa: PLC0415 - a run shows itself
        from loadcore.report.notebook import Shown  # noqa: PLC0415

        return Shown(page.render(self))

    def _repr_html_(self) -> str:
        from loadcore.report import notebook  # noqa: PLC0415 - a run shows itself

        return notebook.fragment(self.summary)

    def __repr__(self) -> str:
        return f"<Run {self.summary['run_id']} {self.state}: {self.verdict['status']}>"


def _table(paths: Sequence[Path], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - see above

    from loadcore.results.reader import read  # noqa: PLC0415

    tables = []
    for path in paths:
        contents = read(path)
        if contents.schema is not None:
            tables.append(pa.Table.from_batches(contents.batches, contents.schema).replace_schema_metadata(None))
    if not tables:
        return schema.empty_table()
    # Files differ in the words of their dictionaries only.
    return pa.concat_tables(tables).unify_dictionaries()
