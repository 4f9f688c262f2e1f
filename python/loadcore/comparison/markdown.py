"""A comparison as Markdown, for the comment on a change or a step's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.comparison import phrases
from loadcore.judge.comparing.change import Word
from loadcore.report.escaping import markdown as escaped

if TYPE_CHECKING:
    from loadcore.comparison.differences import Differences
    from loadcore.judge.comparing.change import Change

_MARKS = {"SLOWER": ":x:", "FASTER": ":white_check_mark:", "NO EVIDENCE": ":white_check_mark:"}


def render(comparison: Differences) -> str:
    """The comparison, with a line break at its end."""
    found = phrases.headline(comparison)
    mark = _MARKS.get(found.word, ":grey_question:")
    lines = [f"### {mark} {found.word.capitalize()}", ""]
    lines += [*(f"- {escaped(each)}" for each in found.sentences), ""]
    sides = (("A", comparison.before), ("B", comparison.after))
    lines += [f"**{letter}**: {escaped(side.label)}, {len(side.runs)} runs  " for letter, side in sides]
    lines += ["", "| metric | A | B | change | 95 % interval | p | |", "|---|--:|--:|--:|---|--:|---|"]
    lines += [_row(each.metric.name, each, "" if each.p is None else each.word.value) for each in comparison.judged]
    lines += [_row(each.metric.name, each, "not judged") for each in comparison.shown]
    if comparison.steps:
        lines += ["", "<details><summary>Steps (shown, not judged)</summary>", ""]
        lines += ["| step | A | B | change | 95 % interval | | |", "|---|--:|--:|--:|---|--:|---|"]
        lines += [
            _row(f"{each.step} {each.change.metric.name.partition('.')[2]}", each.change, "")
            for each in comparison.steps
        ]
        lines += ["", "</details>"]
    said = [*phrases.power(comparison), *phrases.untested(comparison), *phrases.unmeasured(comparison)]
    said += [f"left out of {letter}: {each.name} ({each.reason})" for letter, side in sides for each in side.left_out]
    lines += ["", *(f"<sub>{escaped(each)}</sub>  " for each in said)]
    return "\n".join(lines).rstrip() + "\n"


def _row(name: str, change: Change, word: str) -> str:
    before, after = (phrases.quantity(change.metric, each) for each in change.medians)
    told = f"**{word}**" if word in {Word.SLOWER, Word.FASTER} else word
    cells = (before, after, phrases.amount(change), phrases.between(change), phrases.chance(change), told)
    return f"| {' | '.join([escaped(name), *cells])} |"
