"""Running a scenario from Python, and opening a run again: in a script, a notebook, a test."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadcore.comparison.compare import Comparison
    from loadcore.comparison.sides import Given
    from loadcore.compiler import Options, Overrides
    from loadcore.judge.thresholds.rule import Rule
    from loadcore.plan.plan import Plan
    from loadcore.results.open.run import Run
    from loadcore.scenario.feeders import Value
    from loadcore.scenario.scenario import Scenario
    from loadcore.scenario.threshold import Threshold

# This module is imported with the package, so what reads Arrow and starts processes is imported by what needs it.


def run(  # noqa: PLR0913 - keyword arguments, each independent of the others
    scenario: str | os.PathLike[str] | Scenario | Sequence[Scenario],
    *,
    users: int | str | None = None,
    rate: str | None = None,
    max_users: int | None = None,
    duration: str | None = None,
    iterations: int | None = None,
    base_url: str | None = None,
    warm_up: str | None = None,
    graceful_stop: str | None = None,
    thresholds: Sequence[str | Threshold] | None = None,
    workers: int | None = None,
    out: str | os.PathLike[str] | None = None,
    seed: int | None = None,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    listeners: Sequence[Any] = (),
    allow_lost_workers: bool = False,
    target_pid: int | None = None,
    target_cgroup: str | None = None,
    target_metrics: str | None = None,
    upstream_header: str | None = None,
    trace_sample: str | None = None,
    trace_url: str | None = None,
) -> Run:
    """Run a scenario and wait for its end.

    run = loadcore.run("checkout.py", users=50, duration="10s")
    assert run.exit_code == 0, run.verdict["reasons"]

    A crossed threshold, an overloaded client and Ctrl-C are results, not exceptions: see the run's
    `verdict` and `exit_code`. In the main thread Ctrl-C and SIGTERM first stop and drain, then interrupt, then leave
    at once.

    Args:
        scenario: A file (`checkout.py`, `checkout.py:browse`), a scenario, or several.
        users: Number of users in place of the scenario's load, or stages of them: `50`, `"0:10s,1000:20s"`.
        rate: Arrival rate in place of the scenario's load: `"200/s"`.
        max_users: With a rate, how many users there may be.
        duration: Length in place of the scenario's: `"10s"`.
        iterations: Number of iterations in place of the scenario's.
        base_url: Target in place of the scenario's.
        warm_up: What is due before this offset stays out of the summary.
        graceful_stop: How long running iterations may continue after the planned end.
        thresholds: What the run is judged by, in place of what the scenarios say. Errors and checks are judged by
            default, unless a threshold replaces that.
        workers: Number of processes; by default one for each core that may be used.
        out: The run's folder; by default `runs/<id>`.
        seed: Where every random choice comes from; by default another one each time.
        name: What the run is called; by default as its file or scenario is.
        tags: What it is tagged with, to be found again: `{"build": "17"}`.
        listeners: Who follows the run, see `loadcore.live.listeners.Listener`.
        allow_lost_workers: Whether a run that lost a worker may still be valid.
        target_pid: A process of the target on this machine, whose CPU and that of its children is watched; by default
            what listens at the base URL, if that is here.
        target_cgroup: The target's control group on this machine, in place of its processes.
        target_metrics: The URL of the target's metrics for Prometheus, or of a query that counts its cores.
        upstream_header: Response header with the time that the target's upstream took: `"X-Backend-Time=s"`.
        trace_sample: Share of the requests that carry a `traceparent` header: `"1%"`; none by default.
        trace_url: Where a trace is shown, for links in reports: `"https://tempo.example/trace/{trace_id}"`.

    Raises:
        PlanError: The scenario is not valid, or this machine does not allow what it needs. Nothing was sent.
        ScenarioRaised: The scenario's file raised an exception. Nothing was sent.
        UsageError: An argument makes no sense. Nothing was sent.
        RunError: The run could not be started. Nothing was sent.
    """
    from loadcore.compiler import Options, Overrides  # noqa: PLC0415 - see above
    from loadcore.machine.look import look_at  # noqa: PLC0415
    from loadcore.processes.launch import run_plan  # noqa: PLC0415

    given = {
        "users": users,
        "rate": rate,
        "max_users": max_users,
        "duration": duration,
        "iterations": iterations,
        "base_url": base_url,
        "warm_up": warm_up,
        "graceful_stop": graceful_stop,
        "upstream_header": upstream_header,
        "trace_sample": trace_sample,
        "thresholds": thresholds,
        "seed": seed,
        "workers": workers,
    }
    plan, rules = _compile(scenario, Overrides.of(given), Options(seed=seed, name=name), thresholds or ())
    return run_plan(
        plan,
        rules,
        workers=workers,
        out=None if out is None else Path(out),
        listeners=listeners,
        allow_lost_workers=allow_lost_workers,
        look=look_at(target_pid, target_cgroup, target_metrics),
        tags=tags,
        trace_url=None if trace_url is None else _trace_url(trace_url),
    )


def _trace_url(text: str) -> str:
    from loadcore.plan.traces import parse_url  # noqa: PLC0415 - see above

    try:
        return parse_url(text)
    except ValueError as problem:
        from loadcore.errors import UsageError  # noqa: PLC0415 - see above

        raise UsageError(f"trace_url: {problem}") from None


def debug(
    scenario: Scenario, /, *, iterations: int = 1, base_url: str | None = None, row: Mapping[str, Value] | None = None
) -> None:
    """Run one user in this process, and print a line for each request.

    Exceptions of the user's code, and `breakpoint()`, come through as they are. While a debugger is attached no request
    times out.

        loadcore.debug(shop)

    Args:
        scenario: Whose user it is.
        iterations: How many iterations it makes.
        base_url: The target, in place of the scenario's.
        row: The row of each iteration, in place of those that feeders deal out.

    Raises:
        PlanError: The scenario is not valid. Nothing was sent.
        UsageError: An event loop runs here already, as in a notebook: use a `Client` there.
    """
    from loadcore import debugging  # noqa: PLC0415 - see above

    debugging.debug(scenario, iterations, {"base_url": base_url, "row": row})


def load(path: str | os.PathLike[str]) -> Run:
    """Open the run in a folder, whatever state it is in.

    Args:
        path: The run's folder, or a file in it. Of a run in `runs` its id will do, or the beginning of it, or `latest`.

    Raises:
        ResultsError: The run does not exist, or several have ids that begin so.
    """
    from loadcore.results.open.finding import find_run  # noqa: PLC0415 - see above
    from loadcore.results.open.opening import open_run  # noqa: PLC0415

    return open_run(find_run(path).resolve())


def compare(
    before: Given | Iterable[Given],
    after: Given | Iterable[Given],
    *,
    metrics: Sequence[str] = (),
    min_effect: str | None = None,
) -> Comparison:
    """Compare two sets of runs, with whole runs as the sample.

    comparison = loadcore.compare("runs/before-*", "runs/after-*")
    assert comparison.word != "slower", comparison

    Args:
        before: A run, its folder or id, a folder of run folders, a pattern of folders, `"baseline:NAME"`, or several.
        after: The same.
        metrics: What decides, at most four: `"response.p50"`, `"throughput=10%"`; by default the median and the 99th
            percentile of response times, errors and throughput.
        min_effect: The smallest change that counts, of metrics that do not say: `"10%"`.

    Raises:
        UsageError: A metric is unknown.
        ResultsError: The runs do not exist, or they did not do the same.
    """
    from loadcore.comparison import compare as comparing  # noqa: PLC0415 - see above
    from loadcore.comparison.metrics import named  # noqa: PLC0415
    from loadcore.comparison.sides import side_of  # noqa: PLC0415

    return comparing.compare(side_of(before), side_of(after), named(metrics, min_effect))


def _compile(
    scenario: str | os.PathLike[str] | Scenario | Sequence[Scenario],
    overrides: Overrides,
    options: Options,
    given: Sequence[str | Threshold],
) -> tuple[Plan, Sequence[Rule]]:
    """The plan and the rules of what was handed in."""
    from dataclasses import replace  # noqa: PLC0415 - see above

    from loadcore.compiler import compile_run, override  # noqa: PLC0415
    from loadcore.loader import scenario_file  # noqa: PLC0415
    from loadcore.scenario.scenario import Scenario  # noqa: PLC0415

    of_file: Sequence[str | Threshold] = ()
    if isinstance(scenario, Scenario):
        scenarios: Sequence[Scenario] = [scenario]
    elif isinstance(scenario, Sequence) and not isinstance(scenario, str):
        scenarios = scenario
    else:
        file = scenario_file.load(os.fspath(scenario))
        scenarios, of_file = file.scenarios, file.thresholds
        options = replace(options, name=options.name or file.name)
    return compile_run(override(scenarios, [overrides]), options, of_file, given)
