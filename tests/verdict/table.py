"""The matrix as a table, as totals, and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.verdict.running import Observed
    from tests.verdict.scoring import Score
    from tests.verdict.situation import Situation

HEADER = (
    f"{'situation':15}{'seed':>5}{'exit':>5}  {'named':6}{'blame':6}{'verdict':14}"
    f"{'truth p50/p95/p99 ms':>24}{'reported':>26}{'off':>7}"
)
ALIKE = "aa-open"


@dataclass(frozen=True)
class Row:
    """One run, judged."""

    situation: Situation
    seed: int
    observed: Observed
    score: Score


def line(row: Row) -> str:
    """One run in one line, with what is wrong in lines under it."""
    score = row.score
    named = "yes" if score.is_named else "NO"
    blame = "FALSE" if score.false_blames else "-"
    truth, reported = _times(row.observed.truth), _times(score.reported)
    off = "" if score.off is None else f"{score.off:.1%}"
    text = (
        f"{row.situation.key:15}{row.seed:5}{row.observed.exit_code:5}  {named:6}{blame:6}{_verdict(score):14}"
        f"{truth:>24}{reported:>26}{off:>7}"
    )
    return "\n".join([text, *(f"{'':20}{complaint}" for complaint in complaints(score))])


def complaints(score: Score) -> Iterator[str]:
    """What is wrong with a run, each in a sentence."""
    if score.wrong_exit:
        yield f"exit code {score.wrong_exit}"
    if score.missing:
        yield f"not named: {' and '.join(score.missing)}"
    for blame in score.false_blames:
        yield f"blamed falsely: {blame}"


def totals(rows: Sequence[Row]) -> dict[str, Any]:
    """The figures that the matrix is judged by."""
    sick: dict[str, list[Row]] = {}
    for row in rows:
        if row.situation.expected.named or row.situation.due_in_slow_phases:
            sick.setdefault(row.situation.letter, []).append(row)
    named = [letter for letter, of_it in sick.items() if all(row.score.is_named for row in of_it)]
    starved = [row for row in rows if row.situation.starved]
    found = {row.situation.key for row in starved} - {row.situation.key for row in starved if row.score.is_false_pass}
    alike = [row for row in rows if row.situation.key == ALIKE]
    return {
        "named_right": len(named),
        "situations": len(sick),
        "not_named": sorted(set(sick) - set(named)),
        "false_blames": sum(len(row.score.false_blames) for row in rows),
        "starved_closed_found": len(found),
        "starved_closed": len({row.situation.key for row in starved}),
        "alike_falsely_invalid": sum(row.score.is_false_invalid for row in alike),
        "alike": len(alike),
        "falsely_invalid": sum(row.score.is_false_invalid for row in rows),
        "falsely_valid": sum(row.score.is_false_pass for row in rows),
        "wrong_exit_codes": sum(bool(row.score.wrong_exit) for row in rows),
        "runs": len(rows),
        "right": sum(row.score.is_right for row in rows),
    }


def summary_of(rows: Sequence[Row]) -> str:
    """The totals in words."""
    of = totals(rows)
    unnamed = f" (not {', '.join(of['not_named'])})" if of["not_named"] else ""
    return "\n".join(
        [
            f"named right {of['named_right']}/{of['situations']}{unnamed}",
            f"false blames {of['false_blames']}",
            f"starved closed runs found {of['starved_closed_found']}/{of['starved_closed']}",
            f"A/A falsely INVALID {of['alike_falsely_invalid']}/{of['alike']}",
            f"falsely invalid {of['falsely_invalid']}, falsely valid {of['falsely_valid']}",
            f"wrong exit codes {of['wrong_exit_codes']}, all right {of['right']}/{of['runs']} runs",
        ]
    )


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """Everything, as JSON types."""
    return {"totals": totals(rows), "runs": [_run(row) for row in rows]}


def _run(row: Row) -> dict[str, Any]:
    return {
        "situation": row.situation.key,
        "title": row.situation.title,
        "seed": row.seed,
        "exit_code": row.observed.exit_code,
        "is_right": row.score.is_right,
        "complaints": [*complaints(row.score)],
        "truth_ns": row.observed.truth,
        "reported_ns": row.score.reported,
        "off": row.score.off,
        "falsely_invalid": row.score.is_false_invalid,
        "falsely_valid": row.score.is_false_pass,
    }


def _verdict(score: Score) -> str:
    if score.is_false_invalid:
        return "FALSE INVALID"
    if score.is_false_pass:
        return "FALSE PASS"
    return "WRONG EXIT" if score.wrong_exit else "right"


def _times(times_ns: tuple[float, ...] | None) -> str:
    return "/".join(f"{each / 1e6:.4g}" for each in times_ns) if times_ns else "-"
