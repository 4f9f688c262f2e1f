"""Several runs of one scenario, one after another, and their comparison with a baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.cli.documents import write
from loadcore.cli.execute import headroom_of, start
from loadcore.cli.finish import MEANINGS, end_with, lenient, rendered
from loadcore.cli.notes import notes_of
from loadcore.cli.run_documents import OPTIONS, tell_github
from loadcore.cli.settings import Setting
from loadcore.errors import ExitCode, ResultsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadcore.cli.execute import Output
    from loadcore.cli.prepare import Prepared
    from loadcore.cli.settings import Settings
    from loadcore.comparison.compare import Comparison
    from loadcore.comparison.sides import Side
    from loadcore.judge.comparing.change import Metric
    from loadcore.results.open.run import Run

_POINTLESS = frozenset({ExitCode.SCENARIO_RAISED, ExitCode.ABORTED, ExitCode.NO_DATA})
"""After a run that ended so, the next would end so, too."""


@dataclass(frozen=True, slots=True)
class Series:
    """What is done besides a single run.

    Attributes:
        runs: How many.
        baseline: The baseline that they are compared with.
        before: Its runs.
        save: The baseline that they are kept as.
        metrics: What decides.
        require_power: Whether an inconclusive comparison fails.
    """

    runs: int
    baseline: str | None
    before: Side | None
    save: str | None
    metrics: Sequence[Metric]
    require_power: bool

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Series | None:
        """As the options of a command say; None if they ask for a single run and no more.

        Raises:
            UsageError: They make no sense.
            ResultsError: The baseline does not exist.
        """
        runs, baseline, save = parameters["runs"] or 1, parameters["baseline"], parameters["save_baseline"]
        if runs == 1 and baseline is None and save is None:
            return None
        from loadcore.comparison.baseline import PREFIX, folder_of
        from loadcore.comparison.metrics import named
        from loadcore.comparison.sides import side_of

        if save is not None:
            folder_of(save)
        before = None if baseline is None else side_of(PREFIX + baseline, f"baseline {baseline}")
        metrics = named(parameters["metric"], parameters["min_effect"])
        return cls(runs, baseline, before, save, metrics, parameters["require_power"])


def run_series(
    series: Series, prepare: Callable[[], Prepared], settings: Settings, output: Output, *, calibrated: bool
) -> int:
    """Runs what is prepared several times, prints the results, and gives back the exit code.

    Args:
        series: What to do.
        prepare: Compiles the scenarios; each time with a seed of its own, unless the user gave one.
        settings: Of the command.
        output: How it is shown.
        calibrated: As for `execute`.

    Raises:
        ResultsError: The baseline's runs did something else.
    """
    _require_one_subject(series, output)
    prepared = prepare()
    if series.before is not None:
        _require_same(series.before, prepared)
    for note in notes_of(prepared, settings):
        output.console.note(note)
    headroom = headroom_of(prepared, settings, output) if calibrated else None
    made: list[Run] = []
    for number in range(1, series.runs + 1):
        run = start(prepared if number == 1 else prepare(), _apart(settings, number, series.runs), output, headroom)
        made.append(run)
        if series.runs > 1:
            from loadcore.report.series import in_a_line

            output.console.note(f"run {number} of {series.runs}: {in_a_line(run.summary, output.console.err_page())}")
        if run.summary["signal"] or run.exit_code in _POINTLESS:
            break
    return conclude(series, made, output)


def _require_one_subject(series: Series, output: Output) -> None:
    """Refuse documents of one run where there will be several: with a baseline two of them can be of the comparison."""
    of_all = {"html", "markdown"} if series.baseline is not None else set()
    wrong = [OPTIONS[name] for name in output.documents.places if name not in of_all]
    if series.runs > 1 and wrong:
        hint = "write it for one of the runs: loadcore report RUN"
        raise UsageError(f"{', '.join(wrong)}: of one run, but --runs {series.runs} makes several", hint=hint)


def _require_same(before: Side, prepared: Prepared) -> None:
    """Refuse a baseline of another plan before the first request."""
    wanted = prepared.plan.comparable_digest
    known = {str(run.summary.get("comparable_sha256", "")) for run in before.runs}
    if known and known != {wanted}:
        raise ResultsError(
            f"{before.label} cannot be compared with this: its runs had another plan (scenario, load or settings)",
            hint="run with the settings that the baseline has, or make a new one: --save-baseline",
        )


def _apart(settings: Settings, number: int, runs: int) -> Settings:
    """The settings with a folder for each run, where one is named."""
    out = settings.get("out")
    if out is None or runs == 1:
        return settings
    flags = {**settings.flags, "out": Setting(Path(out) / str(number), "--runs")}
    return replace(settings, flags=flags)


def conclude(series: Series, made: Sequence[Run], output: Output) -> int:
    """Compares, saves and prints what was run. Gives back the exit code."""
    codes = [int(run.exit_code) if output.strict_client else lenient(run.summary) for run in made]
    comparison = None
    if series.before is not None:
        from loadcore.comparison.compare import compare
        from loadcore.comparison.sides import side_of

        label = made[0].summary["name"]
        comparison = compare(series.before, side_of(made, label), series.metrics)
        compared = comparison.exit_code(require_power=series.require_power)
        # Why no run could be compared is what the runs' own codes say, where they have one.
        if compared is not ExitCode.NO_DATA or not any(codes):
            codes.append(int(compared))
    if series.save is not None and made[-1].summary["signal"]:
        output.console.note(f"the baseline {series.save} was not saved: the runs were stopped")
    elif series.save is not None and not _save(series.save, made, output):
        codes.append(int(ExitCode.NO_DATA))
    exit_code = _first(codes)
    lost = _write_documents(made, comparison, output)
    return end_with(_rendered(made, comparison, exit_code, output), output.console, exit_code or lost)


def _write_documents(made: Sequence[Run], comparison: Comparison | None, output: Output) -> int:
    """Writes the documents of the only run, or of the comparison; the exit code of one that is lost, or 0."""
    from loadcore.comparison import html, markdown

    compared = None if comparison is None else markdown.render(comparison)
    tell_github([run.summary for run in made], output.console, instead=compared)
    if len(made) == 1 or comparison is None:
        return output.documents.write(made[0], output.console, then="" if compared is None else f"\n{compared}")
    contents = {"html": html.render, "markdown": markdown.render}
    lost = [
        write(output.console, OPTIONS[name], path, contents[name](comparison))
        for name, path in output.documents.places.items()
    ]
    return next((int(each.exit_code) for each in lost if each is not None), 0)


def _first(codes: Sequence[int]) -> int:
    """The exit code that decides, of several."""
    from loadcore.results.sum.verdict import PRECEDENCE

    order = [*map(int, PRECEDENCE), int(ExitCode.INCONCLUSIVE)]
    wrong = [code for code in codes if code]
    return min(wrong, key=lambda code: order.index(code) if code in order else -1, default=0)


def _save(name: str, made: Sequence[Run], output: Output) -> int:
    """Keeps the runs that can be compared; how many these are."""
    from loadcore.comparison import baseline
    from loadcore.comparison.sides import side_of
    from loadcore.judge.comparing.change import LEAST_RUNS

    side = side_of(made)
    for each in side.left_out:
        output.console.note(f"not saved: {each.name}: {each.reason}")
    if not side.runs:
        output.console.error(f"the baseline {name} was not saved: no run can be compared")
        return 0
    place = baseline.save(name, [run.summary for run in side.runs])
    count = len(side.runs)
    output.console.note(f"saved {count} run{'' if count == 1 else 's'} as baseline {name} ({place})")
    if count < LEAST_RUNS:
        output.console.note(f"a verdict needs {LEAST_RUNS} runs on each side: save them with --runs {LEAST_RUNS}")
    return count


def _rendered(made: Sequence[Run], comparison: Comparison | None, exit_code: int, output: Output) -> str:
    console = output.console
    if output.as_json:
        from loadcore.report import json

        document = None if comparison is None else comparison.to_dict()
        return json.render({"exit_code": exit_code, "comparison": document, "runs": [run.summary for run in made]})
    from loadcore.comparison import text
    from loadcore.report import series as table

    page = console.page()
    if len(made) == 1:
        run = made[0]
        code = int(run.exit_code) if output.strict_client else lenient(run.summary)
        blocks = [rendered(console, run.path, run.summary, code, as_json=False)]
    else:
        blocks = ["\n".join(table.render([run.summary for run in made], page))]
    if comparison is not None:
        blocks.append(text.render(comparison, page))
    if len(made) > 1 or comparison is not None:
        blocks.append(f" exit {exit_code} ({MEANINGS[exit_code]})")
    return "\n\n".join(blocks)
