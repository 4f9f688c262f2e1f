"""`loadcore compare A B`: whether B is slower than A, with whole runs as the sample."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadcore.cli import option_groups, options
from loadcore.cli.console import standard
from loadcore.cli.documents import require_places, write
from loadcore.cli.finish import MEANINGS, end_with
from loadcore.errors import ResultsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.cli.console import Console
    from loadcore.comparison.compare import Comparison
    from loadcore.comparison.sides import Side

_DEFAULT_RUNS = 5


@option_groups.takes(option_groups.Comparing, option_groups.Output)
def command(
    context: typer.Context,
    sides: Annotated[
        list[str],
        typer.Argument(
            metavar="A B",
            help="Two sides, sets of runs: a run folder, a folder of run folders, a quoted pattern, baseline:NAME.",
        ),
    ] = [],
    command_a: Annotated[
        str | None, typer.Option("--a", metavar="COMMAND", help="With --b: run both commands by turns, A B B A.")
    ] = None,
    command_b: Annotated[str | None, typer.Option("--b", metavar="COMMAND", help="See --a.")] = None,
    runs: options.Runs = None,
    out: options.Out = None,
    html: options.Html = None,
    markdown: options.Markdown = None,
) -> int:
    """Says whether B is slower than A.

    Runs that you have: `loadcore compare 'runs/before-*' 'runs/after-*'`.

    Two commands by turns: `loadcore compare --a 'loadcore run old.py' --b 'loadcore run new.py' --runs 5`.

    Each run counts once, because requests of one run depend on one another.
    Exits with 112 if B is slower, in errors or throughput too.
    """
    parameters = context.params
    console = standard(parameters["color"])
    require_places({"--html": html, "--markdown": markdown})
    from loadcore.comparison.compare import compare
    from loadcore.comparison.metrics import named

    metrics = named(parameters["metric"], parameters["min_effect"])
    before, after = _sides(console, sides, (command_a, command_b), runs, out)
    comparison = compare(before, after, metrics)
    lost = write_documents(console, comparison, html, markdown)
    exit_code = int(comparison.exit_code(require_power=parameters["require_power"]))
    result = rendered(console, comparison, exit_code, as_json=parameters["as_json"])
    return end_with(result, console, exit_code or lost)


def write_documents(console: "Console", comparison: "Comparison", html: Path | None, markdown: Path | None) -> int:
    """Writes the page and the Markdown that were asked for. Gives back the exit code of one that is lost, or 0."""
    lost = None
    if html is not None:
        from loadcore.comparison import html as page

        lost = write(console, "--html", html, page.render(comparison))
    if markdown is not None:
        from loadcore.comparison import markdown as comment

        lost = write(console, "--markdown", markdown, comment.render(comparison)) or lost
    return 0 if lost is None else int(lost.exit_code)


def rendered(console: "Console", comparison: "Comparison", exit_code: int, *, as_json: bool) -> str:
    """The comparison as one JSON document, or as text with the exit code in words."""
    if as_json:
        from loadcore.report import json

        return json.render({**comparison.to_dict(), "exit_code": exit_code})
    from loadcore.comparison import text

    return f"{text.render(comparison, console.page())}\n\n exit {exit_code} ({MEANINGS[exit_code]})"


def _sides(
    console: "Console",
    sides: list[str],
    commands: tuple[str | None, str | None],
    runs: int | None,
    out: Path | None,
) -> "tuple[Side, Side]":
    from loadcore.comparison.sides import side_of

    one, other = commands
    if one is not None and other is not None:
        if sides:
            raise UsageError("runs and commands are given: name two sets of runs, or --a and --b")
        return _by_turns(console, one, other, runs or _DEFAULT_RUNS, out)
    if one is not None or other is not None:
        raise UsageError("--a and --b belong together", hint="compare --a 'loadcore run a.py' --b 'loadcore run b.py'")
    if runs is not None or out is not None:
        raise UsageError("--runs and --out are for commands: name them with --a and --b")
    if len(sides) != 2:  # noqa: PLR2004 - before and after
        hint = "quote patterns, so that the shell leaves them alone: compare 'runs/a-*' 'runs/b-*'"
        raise UsageError(f"compare takes two sets of runs, not {len(sides)}", hint=hint)
    return _both([lambda: side_of(sides[0]), lambda: side_of(sides[1])])


def _both(sides: "list[Callable[[], Side]]") -> "tuple[Side, Side]":
    """Both sides; an error names everything that is wrong with either."""
    found, wrong = [], []
    for each in sides:
        try:
            found.append(each())
        except ResultsError as error:
            wrong.append(error)
    if wrong:
        raise ResultsError("; ".join(map(str, wrong)), hint=wrong[0].hint)
    return found[0], found[1]


def _by_turns(console: "Console", one: str, other: str, runs: int, out: Path | None) -> "tuple[Side, Side]":
    from loadcore.comparison.interleave import interleave, words_of
    from loadcore.results.run_folder import DEFAULT_ROOT, new_run_id

    commands = {"a": words_of(one, "--a"), "b": words_of(other, "--b")}
    folder = out or DEFAULT_ROOT / "compared" / new_run_id()
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"--out: {folder} is not empty", hint="name another folder")
    console.note(f"{2 * runs} runs, in {folder}")
    return interleave(commands, runs, folder, console.note)
