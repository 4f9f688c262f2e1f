"""The summary: a run in one JSON document. Its JSON Schema lies beside this file.

Headline numbers are of the steady phase and of the steps of iterations. What users do once (`start`) and token calls
(`auth`) stand apart and are counted over the whole run, because users may start in the warm-up.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from loadcore.engine import SECTIONS
from loadcore.judge import folding, headroom, keeping_up
from loadcore.judge.bottleneck import bottleneck
from loadcore.judge.interval import CONFIDENCE, Spread, interval
from loadcore.judge.thresholds.grammar import parse
from loadcore.results.run_facts import SCHEMA_VERSION
from loadcore.results.schema import PHASES
from loadcore.results.sum import absences, soundness, traced
from loadcore.results.sum.batches import QUANTILES, Batches, Key, Scope
from loadcore.results.sum.causes import causes
from loadcore.results.sum.client import client_section, counted_of, headroom_of, lag_findings
from loadcore.results.sum.measured import Measured, checks_of, mean_ns
from loadcore.results.sum.met import with_steps_met
from loadcore.results.sum.nodes import nodes_section
from loadcore.results.sum.ordered import as_ordered
from loadcore.results.sum.tally import MAIN, ScenarioTotals, StepTotals
from loadcore.results.sum.target_part import is_wrong, policy_of, target_findings
from loadcore.results.sum.user_code import script_findings, user_code
from loadcore.results.sum.verdict import Evidence, decide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.engine import Histogram, ScenarioInfo, StepInfo
    from loadcore.judge.finding import Finding
    from loadcore.judge.keeping_up import Asked
    from loadcore.results.run_facts import WorkerEnd
    from loadcore.results.sum.parts import Parts
    from loadcore.results.sum.tally import GroupTotals, Tally


def build(parts: Parts) -> dict[str, Any]:
    """The content of `summary.json`."""
    steady, whole = parts.totals.over(), parts.totals.over(*PHASES)
    parts = replace(parts, start=as_ordered(with_steps_met(parts.start, whole), parts.totals.orders))
    start, end, totals = parts.start, parts.end, parts.totals
    measured = Measured(totals, start, end.ended_ns, as_planned=end.as_planned)
    span = measured.span()
    main = steady.all_steps()
    spreads = Batches(start, steady, whole)
    if parts.folder is not None:
        spreads.read(parts.folder, span.seconds)
    counted = counted_of(start, end, whole, measured.answered_ratio(None))
    calibration = start.calibration
    code = user_code(end.workers, totals, end.beside)
    late = lag_findings(steady, unpaced=start.unpaced)
    of_script = script_findings(totals, code, counted, late)
    of_client = [
        *of_script,
        *folding.told(totals.spoils(counted, () if any(each.severity != "note" for each in of_script) else late)),
        *(headroom.Headroom.from_dict(calibration).findings() if calibration else ()),
    ]
    sound = soundness.findings(parts, whole, span, spreads)
    findings = [
        *of_client,
        *sound,
        # Why the target did not keep up says more than that it did not.
        *target_findings(parts, steady, of_client),
        *_keeping_up(parts, measured, of_client),
    ]
    scenarios = list(whole.scenarios.values())
    own = steady.all_steps("user")
    absent = absences.told(start, end, totals)
    verdict = decide(
        Evidence(start, end, main, scenarios, parts.thresholds, findings, whole, parts.samples, code, own, absent)
    )
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": start.run_id,
        "name": start.name,
        "started_at": start.started_at,
        "duration_s": end.ended_ns / 1e9,
        "steady_s": span.seconds,
        "truncated": end.truncated,
        "exit_code": verdict.exit_code,
        "verdict": {
            "status": verdict.status,
            "reasons": list(verdict.reasons),
            "suspect": list(verdict.suspect),
            "advice": list(verdict.advice),
            "notes": list(verdict.notes),
            "exit_codes": list(verdict.exit_codes),
        },
        "findings": [finding.to_dict() for finding in findings],
        "bottleneck": bottleneck(findings, is_wrong=is_wrong(parts, main), is_open=start.open_only),
        "thresholds": [_threshold(entry, parts, spreads) for entry in parts.thresholds],
        "load": {
            "scenarios": _scenarios(parts, measured, whole),
            "requests": _requests(parts, whole),
            **({"orders": [order.to_dict() for order in totals.orders]} if totals.orders else {}),
        },
        "steps": _steps(parts, measured, steady, whole, spreads),
        "all": _step(main, span.seconds, spreads),
        "checks": [
            {key: getattr(check, key) for key in ("scenario", "step", "name", "evaluated", "failed")}
            for check in checks_of(start, steady, whole)
        ],
        "groups": [_group(group, spreads) for group in steady.groups.values()],
        "errors": _errors(parts),
        "samples": [sample.to_dict() for sample in parts.samples],
        "client": {
            **client_section(start, end, totals, findings),
            "headroom": headroom_of(start, totals),
        },
        "calibration": calibration,
        "phases": {phase: _phase(totals.over(phase)) for phase in PHASES},
        "machine": start.machine,
        "limits": start.limits,
        "versions": start.versions,
        "seed": start.seed,
        "plan_sha256": start.plan_sha256,
        "tags": start.tags,
        "revision": start.revision,
        "comparable_sha256": start.comparable_sha256,
        "workers_lost": [_lost(worker) for worker in end.workers if worker.lost],
        "signal": end.signal,
        **traced.section_of(start.traces, steady, whole),
        **({} if code is None else {"user_code": code}),
        **nodes_section(start, end, totals, counted),
    }


def _keeping_up(parts: Parts, measured: Measured, of_client: Sequence[Finding]) -> list[Finding]:
    if any(finding.severity == "invalid" for finding in of_client):
        return []  # While the client is late, its users are not free for what is due.
    arriving = [info.name for info in parts.start.description.scenarios if info.model == "open"]
    return [finding for name in arriving for finding in keeping_up.findings(measured.asked(name))]


def schema() -> dict[str, Any]:
    """The JSON Schema of `summary.json`."""
    document: dict[str, Any] = json.loads(files("loadcore.results").joinpath("summary.schema.json").read_text("utf-8"))
    return document


def times(
    histogram: Histogram, exact_mean_ns: float | None = None, spreads: list[Spread] | str | None = None
) -> dict[str, Any]:
    """Percentiles, mean, least and greatest of some durations; all None if there are none.

    Args:
        histogram: The durations.
        exact_mean_ns: Their mean, if it is known exactly.
        spreads: How much batches of them differ at each percentile, or why that is not known; None for no intervals.
    """
    names = [f"{name}_ns" for name in QUANTILES]
    if not histogram.count:
        nothing: list[str] = [] if spreads is None else ["intervals"]
        return dict.fromkeys([*names, "mean_ns", "min_ns", "max_ns", *nothing])
    mean = histogram.mean_ns if exact_mean_ns is None else exact_mean_ns
    return {
        **{name: histogram.quantile(quantile) for name, quantile in zip(names, QUANTILES.values(), strict=True)},
        "mean_ns": round(mean),
        "min_ns": histogram.min_ns,
        "max_ns": histogram.max_ns,
        **({} if spreads is None else {"intervals": _intervals(histogram, spreads)}),
    }


def _intervals(histogram: Histogram, spreads: list[Spread] | str) -> dict[str, Any]:
    """The interval of each percentile, in durations; or why there are none."""
    if isinstance(spreads, str):
        return {"confidence": CONFIDENCE, "n": histogram.count, "missing": spreads, **dict.fromkeys(QUANTILES)}
    return {
        "confidence": CONFIDENCE,
        "n": histogram.count,
        "missing": None,
        **{
            name: _ends(histogram, quantile, spread)
            for (name, quantile), spread in zip(QUANTILES.items(), spreads, strict=True)
        },
    }


def _ends(histogram: Histogram, quantile: float, spread: Spread) -> dict[str, int | None]:
    found = interval(quantile, histogram.count, spread)
    return {
        "low_ns": None if found.low is None else histogram.quantile(found.low),
        "high_ns": None if found.high is None else histogram.quantile(found.high),
        "n_eff": found.worth,
        "needs": found.needed,
    }


def _threshold(entry: dict[str, Any], parts: Parts, spreads: Batches) -> dict[str, Any]:
    """A threshold as it was judged; one on a percentile with its interval, if there is one."""
    metric = parse(entry["expression"]).metric
    declared = next((each for each in parts.start.thresholds if each["expression"] == entry["expression"]), None)
    if metric.time is None or metric.quantile is None or declared is None:
        return entry
    found = spreads.asked(Scope(declared["scenario"], declared["step"], metric.time), metric.quantile)
    return entry | {"interval": None if found is None else _ends(found[0], metric.quantile, found[1])}


def _step(step: StepTotals, seconds: float, batches: Batches) -> dict[str, Any]:
    def spreads(time: str) -> list[Spread] | str:
        return batches.spreads(Key(step.scenario, step.section, step.name, time))

    return {
        "scenario": step.scenario,
        "name": step.name,
        "method": step.method,
        "section": step.section,
        "requests": step.requests,
        "errors": step.errors,
        "judged": step.judged,
        "error_rate": step.error_rate,
        "unanswered": step.unanswered,
        "interrupted": step.interrupted,
        "hops": step.hops,
        "repeats": step.repeats,
        "answered": step.answered,
        "failed": step.failed,
        "asked_per_s": step.asked / seconds if seconds else None,
        "started_per_s": step.started / seconds if seconds else None,
        "requests_per_s": step.answered / seconds if seconds else None,
        "failed_per_s": step.failed / seconds if seconds else None,
        "service": times(step.service, mean_ns(step, "service"), spreads("service")),
        "response": times(step.response, mean_ns(step, "response"), spreads("response")),
        "response_without_lag": times(step.response_without_lag),
        "ttfb": times(step.ttfb, None, spreads("ttfb")),
        "outcomes": {name: count for name, count in sorted(step.outcomes.items()) if count},
        "statuses": {str(status): count for status, count in sorted(step.statuses.items())},
        "error_statuses": {str(status): count for status, count in sorted(step.error_statuses.items())},
        "attempts": step.attempts,
        "not_sent": step.not_sent,
        "connections": step.connections,
        "bytes_sent": step.bytes_sent,
        "bytes_received": step.bytes_received,
        "surplus_bytes": step.surplus_bytes,
        "interim": step.interim,
    }


def _steps(parts: Parts, measured: Measured, steady: Tally, whole: Tally, spreads: Batches) -> list[dict[str, Any]]:
    """Every step of the plan, also those that made no request, in the plan's order; then those met at run time."""
    entries = []
    planned = parts.start.description.steps
    known = {(info.scenario, info.section, info.name) for info in planned}
    met = [step for key, step in whole.steps.items() if key not in known]
    everything: list[StepInfo | StepTotals] = [*planned, *met]
    for info in everything:
        is_main = info.section == MAIN
        tally, seconds = (
            (steady, measured.span([info.scenario]).seconds) if is_main else (whole, parts.end.ended_ns / 1e9)
        )
        found = tally.steps.get((info.scenario, info.section, info.name))
        entries.append(
            _step(found or StepTotals(info.scenario, info.name, info.method, info.section), seconds, spreads)
        )
    return entries


def _group(group: GroupTotals, spreads: Batches) -> dict[str, Any]:
    return {
        "scenario": group.scenario,
        "name": group.name,
        "count": group.ended,
        "failed": group.failed,
        "duration": times(group.duration, None, spreads.spreads(Key(group.scenario, "group", group.name, "response"))),
    }


def _scenarios(parts: Parts, measured: Measured, whole: Tally) -> list[dict[str, Any]]:
    return [_scenario(parts, measured, info, whole) for info in parts.start.description.scenarios]


def _scenario(parts: Parts, measured: Measured, info: ScenarioInfo, whole: Tally) -> dict[str, Any]:
    totals = whole.scenarios.get(info.name) or ScenarioTotals(info.name)
    span = measured.span([info.name])
    return {
        "name": info.name,
        "base_url": parts.start.base_urls.get(info.name),
        "model": info.model,
        "load": parts.start.loads.get(info.name),
        "steady_from_s": span.start_ns / 1e9,
        "steady_s": span.seconds,
        "rates": _rates(measured.asked(info.name)),
        "planned_iterations": info.planned_iterations,
        **absences.missing_iterations(parts.start, parts.end, info, totals.iterations_due),
        "iterations": {
            "due": totals.iterations_due,
            "started": totals.iterations_started,
            "completed": totals.iterations_completed,
            "failed": totals.iterations_failed,
            "dropped": totals.iterations_dropped,
            "interrupted": totals.iterations_interrupted,
        },
        "users": {
            "planned": info.users,
            "peak": parts.totals.users_peak.get(info.name, 0),
            "lost": totals.users_lost,
            "idle_steps": totals.idle_steps,
        },
    }


def _rates(asked: Asked) -> dict[str, float | int | None]:
    """What was asked, arrivals without a free user among it, and what ended, per second of the measured part."""
    seconds = asked.seconds
    per_s = {
        name: (count / seconds if seconds else None)
        for name, count in (
            ("asked_per_s", asked.asked),
            ("answered_per_s", asked.answered),
            ("failed_per_s", asked.failed),
            ("dropped_per_s", asked.dropped),
        )
    }
    return {**per_s, "in_flight_at_end": asked.in_flight}


def _requests(parts: Parts, whole: Tally) -> dict[str, int]:
    everything = whole.all_steps(*SECTIONS)
    # What user code timed by itself has rows, but was not sent.
    sent = whole.all_steps(*(section for section in SECTIONS if section != "user"))
    ends = parts.end.workers
    return {
        "recorded": everything.requests,
        "sent_total": sent.attempts,
        "not_sent": sent.not_sent,
        "unanswered": everything.unanswered,
        "interrupted": everything.interrupted,
        "hops": everything.hops,
        "repeats": everything.repeats,
        "sent_again": sent.attempts - (sent.requests - sent.not_sent),
        "surplus_bytes": everything.surplus_bytes,
        "rows": sum(end.rows for end in ends),
        "rows_dropped": sum(end.rows_dropped + end.rows_lost for end in ends),
    }


def _lost(worker: WorkerEnd) -> dict[str, Any]:
    after_s = None if worker.lost_after_ns is None else worker.lost_after_ns / 1e9
    return {"worker": worker.worker, "reason": worker.error, "after_s": after_s}


def _phase(tally: Tally) -> dict[str, int]:
    main, apart = tally.all_steps(), tally.all_steps("start", "auth")
    return {
        "requests": main.requests,
        "errors": main.errors,
        "requests_apart": apart.requests,
        "errors_apart": apart.errors,
    }


def _errors(parts: Parts) -> list[dict[str, Any]]:
    """What went wrong, the most frequent first. Exactly one of `outcome` and `status` is given."""
    totals = parts.totals
    meanings = causes()
    entries = [
        {
            "scenario": scenario,
            "section": section,
            "step": step,
            "phase": phase,
            "outcome": outcome or None,
            "cause": meanings.get(outcome),
            "status": status or None,
            "policy": policy_of(status, parts.samples),
            "count": span.count,
            "first_s": span.first_s,
            "last_s": span.last_s,
        }
        for (scenario, section, step, phase, outcome, status), span in totals.errors.items()
    ]
    return sorted(entries, key=lambda entry: (-int(str(entry["count"])), str(entry["step"]), str(entry["status"])))
