"""`loadcore report RUN`: prints the report of a run: finished, running or killed."""

import typer

from loadcore.cli import option_groups, options
from loadcore.cli.cluster_options import LeaveOutNode
from loadcore.cli.console import standard
from loadcore.cli.finish import LATEST, rendered
from loadcore.cli.run_documents import OPTIONS, RunDocuments
from loadcore.errors import ExitCode, UsageError

_OF_ALL_NODES = frozenset({"html", "csv", "parquet"})
"""Documents that have every second or row of the run."""


@option_groups.takes(option_groups.Output, option_groups.Documents)
def command(
    context: typer.Context,
    run: options.RunFolder = LATEST,
    verbose: options.Verbose = False,
    leave_out_node: LeaveOutNode = [],
    trace_url: options.TraceUrl = None,
) -> int:
    """Prints the report of a run, by default of the latest.

    A report that can be printed exits with 0: the run's own exit code is its
    last line. With --html FILE, --junit FILE or another document that is
    written in place of being printed.
    """
    from loadcore.api import load

    documents = RunDocuments.of(context.params.get)
    found = load(run)
    if leave_out_node:
        _require_numbers_only(documents)
        from loadcore.results.open.leaving_out import without_nodes
        from loadcore.results.open.run import Run

        found = Run(found.path, without_nodes(found, leave_out_node), found.state, found.missing)
    console = standard(context.params["color"])
    if trace_url is not None:
        if traces := found.summary.get("traces"):
            traces["url"] = trace_url
        else:
            from loadcore.plan.traces import UNUSED_URL

            console.note(UNUSED_URL)
    if documents.places:
        return documents.write(found, console)
    exit_code = int(found.exit_code)
    console.result(
        rendered(console, found.path, found.summary, exit_code, as_json=context.params["as_json"], samples=verbose)
    )
    return ExitCode.PASS


def _require_numbers_only(documents: RunDocuments) -> None:
    """Refuses documents whose charts or rows would be those of all nodes beside the numbers of some.

    Raises:
        UsageError: One of them was asked for.
    """
    wrong = [OPTIONS[name] for name in documents.places if name in _OF_ALL_NODES]
    if wrong:
        raise UsageError(
            f"{', '.join(wrong)}: shows all nodes, which --leave-out-node contradicts",
            hint="write --markdown or --junit, or omit --leave-out-node",
        )
