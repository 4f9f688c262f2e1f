"""From numbers to a verdict and an exit code.

Several reasons may hold. The one that makes the others meaningless decides: a scenario that failed outranks missing
data, which outranks a client that was the bottleneck, which outranks a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from loadcore.engine import SECTIONS
from loadcore.errors import ExitCode
from loadcore.judge.health import who
from loadcore.judge.thresholds.rule import ANY_ERROR
from loadcore.results.sum import causes
from loadcore.results.sum.tally import MAIN, Tally
from loadcore.results.sum.user_code import endless, exceptions_of, raised, unawaited, why_failed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.judge.finding import Finding
    from loadcore.results.run_facts import RunEnd, RunStart, WorkerEnd
    from loadcore.results.samples import Sample
    from loadcore.results.sum.tally import ScenarioTotals, StepTotals

Status = Literal["pass", "fail", "invalid", "no_data", "interrupted", "running"]

PRECEDENCE = (
    ExitCode.BUG,
    ExitCode.SCENARIO_RAISED,
    ExitCode.ABORTED,
    ExitCode.NO_DATA,
    ExitCode.INVALID,
    ExitCode.THRESHOLD_CROSSED,
    ExitCode.REGRESSION,
    ExitCode.INTERRUPTED,
    ExitCode.TERMINATED,
)
"""From the reason that decides first to the one that decides last."""

_STATUS: dict[ExitCode, Status] = {
    ExitCode.BUG: "invalid",
    ExitCode.SCENARIO_RAISED: "fail",
    ExitCode.ABORTED: "fail",
    ExitCode.NO_DATA: "no_data",
    ExitCode.INVALID: "invalid",
    ExitCode.THRESHOLD_CROSSED: "fail",
    ExitCode.REGRESSION: "fail",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "interrupted",
}

MOST_NAMES = 500
"""The engine counts steps that are met at run time by pattern, once there are too many names."""

_MOST_SHOWN = 3
_OF_THE_USER = frozenset({"feeder_exhausted", "raised"})
"""Reasons why a worker ended early for which the user's file or data need changes."""
_LISTENER_FAILED = "a listener of an event raised an exception: its traceback is among the workers' messages"

_ALL_RAMP = "start users faster (-r), run longer (-t), or measure the ramp, too (--include-ramp)"
_SIGNALS: dict[str, tuple[ExitCode, str]] = {
    "SIGINT": (ExitCode.INTERRUPTED, "Ctrl-C"),
    "SIGHUP": (ExitCode.TERMINATED, "the end of its terminal"),
    "SIGTERM": (ExitCode.TERMINATED, "SIGTERM"),
}


@dataclass(frozen=True)
class Verdict:
    """What came of a run, in one word, one number, and the reasons for both."""

    status: Status
    exit_code: int
    reasons: tuple[str, ...]
    """The deciding ones first."""
    exit_codes: tuple[int, ...]
    """Every code for which there was a reason, the deciding one first."""
    advice: tuple[str, ...] = ()
    """What to do about the reasons, where that is known."""
    suspect: tuple[str, ...] = ()
    """Reasons to doubt the numbers, though that decides neither status nor exit code."""
    notes: tuple[str, ...] = ()
    """Advice that is not a reason: workers that were lost with permission."""


@dataclass(frozen=True)
class Evidence:
    """What a run is judged by."""

    start: RunStart
    end: RunEnd
    main: StepTotals
    """Steady phase, main section."""
    scenarios: Sequence[ScenarioTotals]
    """Over the whole run."""
    thresholds: Sequence[dict[str, Any]]
    findings: Sequence[Finding]
    """Of the rules; those that are `invalid` decide."""
    whole: Tally = field(default_factory=Tally)
    """Over the whole run, for the names of what went wrong."""
    samples: Sequence[Sample] = ()
    """What failures looked like, for the reasons of what went wrong."""
    user_code: Mapping[str, Any] | None = None
    """What the user's own code did, as `loadcore.results.sum.user_code` has it."""
    own: StepTotals | None = None
    """What user code timed by itself in the steady phase."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """What is missing because nodes were lost, in words, by what their workers say of it."""


def decide(evidence: Evidence) -> Verdict:
    """Weigh everything that counts against a run. A running one is not judged yet: `running`."""
    held: dict[ExitCode, list[str]] = {}
    for code, text in (
        *_truncated_reasons(evidence),
        *_signal_reasons(evidence),
        *_abort_reasons(evidence),
        *_scenario_reasons(evidence),
        *_data_reasons(evidence),
        *_validity_reasons(evidence),
        *_threshold_reasons(evidence),
    ):
        held.setdefault(code, []).append(text)
    # That no iteration completed has its exceptions in the same sentence.
    faults = [] if ExitCode.SCENARIO_RAISED in held else _faults_of_code(evidence)
    if faults:
        held.setdefault(ExitCode.THRESHOLD_CROSSED, []).extend(f"users raised {raised(each)}" for each in faults)
    if failures := _failures_of_locust(evidence):
        held.setdefault(ExitCode.THRESHOLD_CROSSED, []).append(failures)
    if any(each.get("listener_failed") for each in (evidence.user_code or {}).get("programs", ())):
        held.setdefault(ExitCode.THRESHOLD_CROSSED, []).append(_LISTENER_FAILED)
    reasons = tuple(text for code in PRECEDENCE for text in held.get(code, ()))
    codes: list[int] = [code for code in PRECEDENCE if code in held]
    lost = lost_workers(evidence.start, evidence.end, evidence.absent) if evidence.start.allow_lost_workers else ()
    forgiven = [raised(each) for each in exceptions_of(evidence.end.workers) if each not in faults]
    unsaid = [each for each in forgiven if not any(each in reason for reason in reasons)]
    notes = (*lost, *(f"users raised {each}" for each in unsaid), *_folded(evidence.whole))
    suspect = tuple(finding.text for finding in evidence.findings if finding.severity == "suspect")
    status: Status = "pass"
    if codes:
        status = "running" if evidence.end.running else _STATUS[ExitCode(codes[0])]
    own = (evidence.user_code or {}).get("process_exit_code")
    if own is not None:
        # It takes the place of a pass and of a crossed threshold, and of nothing that makes the numbers worthless.
        codes = [*(code for code in codes if code != ExitCode.THRESHOLD_CROSSED), own]
    advice = _advice(evidence) if ExitCode.NO_DATA in held else ()
    codes = codes or [ExitCode.PASS]
    return Verdict(status, int(codes[0]), reasons, tuple(int(code) for code in codes), advice, suspect, notes)


def standing(thresholds: Sequence[dict[str, Any]], *, ended: bool = False) -> str:
    """How thresholds stand, or stood when a run ended: `1 of 1 threshold holds`, `2 of 3 thresholds held`."""
    total = len(thresholds)
    if not total:
        return "no thresholds"
    holding = sum(threshold["state"] == "pass" for threshold in thresholds)
    verb = "held" if ended else "holds" if total == 1 else "hold"
    return f"{holding} of {total} threshold{'s' if total > 1 else ''} {verb}"


def _truncated_reasons(evidence: Evidence) -> list[tuple[ExitCode, str]]:
    """For a run without a manifest: its state, and how much of it the numbers cover."""
    end = evidence.end
    if not end.truncated:
        return []
    if end.running:
        what = "the run is still in progress"
    elif end.moved:
        what = "the run ended, but its folder had been moved, or it was killed while writing the summary"
    elif end.copied:
        what = "this is a copy of the run's folder, made before the run ended"
    else:
        what = "the run was killed"
    seconds = f"{end.ended_ns / 1e9:.0f} s"
    rows, counted = sum(worker.rows for worker in end.workers), evidence.whole.all_steps(*SECTIONS).requests
    text = f"{what}: showing the first {seconds}"
    if rows > counted:
        text += f"; windows cover the first {seconds}, {rows - counted} of {rows} rows are later and not counted"
    return [(ExitCode.INVALID, text)]


def _folded(whole: Tally) -> tuple[str, ...]:
    """What to say where names held ids, so that the engine counted the later ones by pattern."""
    names = list(dict.fromkeys(step.name for step in whole.steps.values()))
    patterns = [name for name in names if "*" in name or name == "(other steps)"]
    if len(names) <= MOST_NAMES or not patterns:
        return ()
    text = f"more than {MOST_NAMES} names of requests came up; later ones are counted by pattern, such as {patterns[0]}"
    return (f'{text}: give requests one name, as in c.get("/items/{{id}}", id)',)


def _abort_reasons(evidence: Evidence) -> list[tuple[ExitCode, str]]:
    reason = evidence.end.aborted_because
    return [] if reason is None else [(ExitCode.ABORTED, f"the scenario ended the run: {reason}")]


def _scenario_reasons(evidence: Evidence) -> list[tuple[ExitCode, str]]:
    ended: dict[tuple[str, str], list[int]] = {}
    for worker in evidence.end.workers:
        if worker.error and not worker.lost:
            ended.setdefault((worker.reason, worker.error), []).append(worker.worker)
    reasons = [
        (
            ExitCode.SCENARIO_RAISED if reason in _OF_THE_USER else ExitCode.BUG,
            f"{who(workers, len(evidence.end.workers))} {reason}: {error}",
        )
        for (reason, error), workers in ended.items()
    ]
    for at, workers in endless(evidence.end.workers).items():
        where = f": {at} held up all of them" if at else ""
        text = f"the code of the users of {who(workers, len(evidence.end.workers))} did not end, and was ended{where}"
        reasons.append((ExitCode.SCENARIO_RAISED, text))
    for scenario in evidence.scenarios:
        if scenario.idle_steps and not scenario.iterations_completed:
            text = f"{scenario.name}: no iteration completed: {causes.idle(scenario.idle_steps)}"
            reasons.append((ExitCode.SCENARIO_RAISED, text))
    if any(threshold["state"] == "fail" for threshold in evidence.thresholds):
        return reasons  # What made the iterations fail has been found out by a threshold.
    for scenario in evidence.scenarios:
        if scenario.iterations_failed and not scenario.iterations_completed and not scenario.idle_steps:
            text = f"{scenario.name}: none of {scenario.iterations_failed} iterations completed"
            cause = causes.why_iterations_failed(evidence.start, scenario.name, evidence.whole, evidence.samples)
            cause = cause or "; ".join(raised(each) for each in exceptions_of(evidence.end.workers)[:3])
            cause = cause or why_failed(evidence.end.workers, scenario.name) or ""
            reasons.append((ExitCode.SCENARIO_RAISED, f"{text}: {cause}" if cause else text))
    return reasons


def _data_reasons(evidence: Evidence) -> list[tuple[ExitCode, str]]:
    main = evidence.main
    code = ExitCode.NO_DATA
    if evidence.end.signal and main.requests == main.interrupted:
        # Who ends the run before the first answer, or before anything was sent, has no data, and knows why.
        code = _SIGNALS[evidence.end.signal][0]
    if _cut_short(evidence):
        # There is data: it had not come as far as the windows of the measured part.
        code = ExitCode.INVALID
    reasons = []
    cause, _ = causes.why_not_answered(evidence.start, main, evidence.whole, evidence.samples)
    because = f": {cause}" if cause else ""
    if not main.requests and _has_own(evidence):
        pass
    elif not main.requests:
        made = "was counted" if code is ExitCode.INVALID else "was sent"
        begins = ", which begins when all users are started" if evidence.start.warm_up_ns is None else ""
        reasons.append(f"no request {made} in the measured part of the run{begins}")
        reasons += _failed_starts(evidence)
    elif not main.attempts and (names := unawaited(evidence.end.workers)):
        shown = ", ".join(names[:_MOST_SHOWN])
        text = f"none of {main.requests} requests was sent, since they were never awaited"
        reasons.append(f"{text} ({shown}): write await before each")
    elif not main.attempts:
        reasons.append(f"none of {main.requests} requests could be sent{because}")
    elif not main.statuses.total():
        reasons.append(f"none of {main.requests} requests was answered{because}")
    elif not main.judged:
        reasons.append(f"none of {main.requests} requests got a final response{because}")
    else:
        reasons += [f"{name}: no request was sent" for name in _silent(evidence)]
    reasons += [f"{entry['expression']} has no data" for entry in _asked_without_data(evidence)]
    return [(code, text) for text in reasons]


def _failed_starts(evidence: Evidence) -> list[str]:
    """Scenarios none of whose users came to an iteration, with the reason where that is known."""
    reasons = []
    for scenario in evidence.scenarios:
        if scenario.users_lost and not scenario.iterations_started:
            lost = f"{scenario.users_lost} user{'s' if scenario.users_lost > 1 else ''}"
            cause = causes.why_starts_failed(scenario.name, evidence.whole, evidence.samples)
            cause = why_failed(evidence.end.workers, scenario.name) or cause
            cause = cause or "; ".join(raised(each) for each in exceptions_of(evidence.end.workers)[:3])
            text = f"{scenario.name}: {lost} failed to start, and made no iteration"
            reasons.append(f"{text}: {cause}" if cause else text)
    return reasons


def _has_own(evidence: Evidence) -> bool:
    """Whether the rows are user code's own, and a threshold judges them."""
    own = evidence.own
    return own is not None and own.judged > 0 and any(each["state"] != "no_data" for each in evidence.thresholds)


def _cut_short(evidence: Evidence) -> bool:
    """Whether a run without an end of its own has rows, but no windows of its measured part."""
    return evidence.end.truncated and not evidence.main.requests and any(worker.rows for worker in evidence.end.workers)


def _asked_without_data(evidence: Evidence) -> list[dict[str, Any]]:
    """Thresholds of the user without data; for a default, the reasons above say more."""
    return [entry for entry in evidence.thresholds if entry["state"] == "no_data" and not entry.get("default")]


def _silent(evidence: Evidence) -> list[str]:
    """Scenarios that began and came to no request in the whole run, while others did."""
    made = {
        scenario for (scenario, section, _), step in evidence.whole.steps.items() if section == MAIN and step.requests
    }
    begun = [each.name for each in evidence.scenarios if each.iterations_failed or each.users_lost]
    return [name for name in begun if evidence.whole.steps and name not in made]


def _advice(evidence: Evidence) -> tuple[str, ...]:
    if evidence.start.warm_up_ns is None and not evidence.main.requests and evidence.whole.all_steps().requests:
        return (_ALL_RAMP,)
    _, advice = causes.why_not_answered(evidence.start, evidence.main, evidence.whole, evidence.samples)
    return (advice,) if advice and not evidence.main.statuses.total() else ()


def _validity_reasons(evidence: Evidence) -> list[tuple[ExitCode, str]]:
    reasons = [] if evidence.start.allow_lost_workers else lost_workers(evidence.start, evidence.end, evidence.absent)
    reasons += [finding.text for finding in evidence.findings if finding.severity == "invalid"]
    programs = (evidence.user_code or {}).get("programs", ())
    reasons += [each["lost"] for each in programs if each.get("lost")]
    if evidence.end.windows_lost:
        reasons.append(f"windows are missing: {evidence.end.windows_lost}")
    if evidence.end.not_sealed:
        reasons.append(evidence.end.not_sealed)
    return [(ExitCode.INVALID, text) for text in reasons]


def lost_workers(start: RunStart, end: RunEnd, absent: Mapping[str, str]) -> list[str]:
    """Which workers were lost, when and why, a sentence for each cause: what they had to do is missing."""
    by_cause: dict[str, list[WorkerEnd]] = {}
    for worker in end.workers:
        if worker.lost:
            by_cause.setdefault(worker.error or "unknown reason", []).append(worker)
    return [
        "; ".join(filter(None, (_lost(start.workers, lost, cause), absent.get(cause))))
        for cause, lost in by_cause.items()
    ]


def _lost(total: int, lost: Sequence[WorkerEnd], cause: str) -> str:
    times = [worker.lost_after_ns / 1e9 for worker in lost if worker.lost_after_ns is not None]
    when = ""
    if times:
        first, last = f"{min(times):.1f}", f"{max(times):.1f}"
        when = f" after {first} s" if first == last else f" after {first} to {last} s"
    were = f"{'worker' if total == 1 else 'workers'} {'was' if len(lost) == 1 else 'were'} lost"
    named = ", ".join(str(worker.worker) for worker in lost)
    return (
        f"{len(lost)} of {total} {were}{when}: {len(lost) / total:.0%} of the load is missing from then on "
        f"(worker{'s' if len(lost) > 1 else ''} {named}: {cause})"
    )


def _threshold_reasons(evidence: Evidence) -> list[tuple[ExitCode, str]]:
    crossed = [entry["expression"] for entry in evidence.thresholds if entry["state"] == "fail"]
    if not crossed:
        return []
    total = len(evidence.thresholds)
    text = f"{len(crossed)} of {total} threshold{'s' if total > 1 else ''} crossed: {', '.join(crossed)}"
    if evidence.end.aborted_by:
        text += f"; the run was ended by {evidence.end.aborted_by}"
    return [(ExitCode.THRESHOLD_CROSSED, text)]


def _faults_of_code(evidence: Evidence) -> list[dict[str, Any]]:
    """Exceptions of user code that make a run fail: those in iterations whose requests were all right."""
    if not (evidence.user_code or {}).get("judged"):
        return []
    return [each for each in exceptions_of(evidence.end.workers) if each["count"] > each["at_fault"]]


def _failures_of_locust(evidence: Evidence) -> str | None:
    """What Locust counts as failed, where one failure is enough and the threshold did not see it."""
    judging = [each for each in evidence.thresholds if each["expression"] == ANY_ERROR and each.get("default")]
    failures = (evidence.user_code or {}).get("failures") or ()
    if not failures or not judging or judging[0]["state"] == "fail":
        return None
    shown = "; ".join(
        f"{each['method']} {each['name']}, {each['count']:,} time{'s' if each['count'] > 1 else ''}: {each['error']}"
        for each in failures[:_MOST_SHOWN]
    )
    more = f"; and {len(failures) - _MOST_SHOWN} more" if len(failures) > _MOST_SHOWN else ""
    return f"requests failed while users started or stopped: {shown}{more}"


def _signal_reasons(evidence: Evidence) -> list[tuple[ExitCode, str]]:
    if evidence.end.signal is None or (evidence.start.until_stopped and evidence.end.signal == "SIGINT"):
        return []
    code, what = _SIGNALS[evidence.end.signal]
    until_then = f"after {evidence.end.ended_ns / 1e9:.1f} s; until then {standing(evidence.thresholds, ended=True)}"
    return [(code, f"ended by {what} {until_then}")]
