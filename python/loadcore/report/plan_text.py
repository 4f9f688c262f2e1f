"""A plan as text: what would be done, step by step, and where each setting came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from loadcore.report import plan_words
from loadcore.report.glyphs import printable
from loadcore.report.layout import MARGIN, Cell, Column, Page, Role, cut, sentence, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_INDENT = "  "


class Source(NamedTuple):
    """A setting of the run.

    Attributes:
        name: What is set.
        value: To what, in words.
        source: By whom: an option, a variable, a file.
    """

    name: str
    value: str
    source: str


def render(plan: Mapping[str, Any], settings: Sequence[Source], page: Page) -> str:
    """The whole plan, without a line break at its end.

    Args:
        plan: The plan's fields without secrets.
        settings: The settings of the run, in the order to show.
        page: What to draw on.
    """
    rows = [[Cell(printable(text, page.glyphs)) for text in setting] for setting in settings]
    columns = (Column("SETTING", left=True), Column("value", left=True), Column("from", left=True, drop=1))
    blocks = [table(columns, rows, page)]
    blocks += [_scenario(scenario, page) for scenario in plan["scenarios"]]
    return "\n\n".join("\n".join(block) for block in blocks)


def settings_of(plan: Mapping[str, Any], sources: Mapping[str, str], page: Page) -> list[Source]:
    """The settings of a run in words.

    Args:
        plan: The plan's fields.
        sources: Where each came from, by `load of NAME`, `base_url`, `warm_up` and `seed`.
        page: What to draw on.
    """
    settings = []
    several = len(plan["scenarios"]) > 1
    for scenario in plan["scenarios"]:
        name = f"load of {scenario['name']}"
        settings.append(
            Source(name if several else "load", plan_words.load(scenario["load"], page.glyphs), sources[name])
        )
    targets = ", ".join(dict.fromkeys(scenario["base_url"] for scenario in plan["scenarios"]))
    settings.append(Source("target", targets, sources["base_url"]))
    settings.append(Source("warm-up", plan_words.length(plan["warm_up_ns"], page.glyphs), sources["warm_up"]))
    settings.append(Source("seed", str(plan["seed"]), sources["seed"]))
    return settings


def _scenario(scenario: Mapping[str, Any], page: Page) -> list[str]:
    glyphs = page.glyphs
    heading = cut(f"{MARGIN}SCENARIO {printable(scenario['name'], glyphs)}", page.width, glyphs)
    lines = [page.paint(heading, Role.HEADING)]
    facts = [f"feeder {feeder}" for feeder in scenario["feeders"]]
    if "auth" in scenario:
        facts.append(f"authenticates by {scenario['auth']}")
    if "pacing" in scenario:
        facts.append(f"one iteration every {plan_words.pause(scenario['pacing'], glyphs)}")
    for fact in facts:
        lines += sentence(Cell(_INDENT), printable(fact, glyphs), page)
    if scenario["on_start"]:
        lines += [*sentence(Cell(_INDENT), "once per user:", page), *_flow(scenario["on_start"], 2, page)]
    if facts or scenario["on_start"]:
        lines += sentence(Cell(_INDENT), "each iteration:", page)
    return [*lines, *_flow(scenario["steps"], 2, page)]


def _flow(steps: Sequence[Mapping[str, Any]], depth: int, page: Page) -> list[str]:
    lines = []
    for level, text in _walk(steps, depth, page):
        lines += sentence(Cell(_INDENT * level), printable(text, page.glyphs), page)
    return lines


def _walk(steps: Sequence[Mapping[str, Any]], depth: int, page: Page) -> Iterator[tuple[int, str]]:
    """Depth and words of each step, those inside others below them."""
    for step in steps:
        match step["kind"]:
            case "request":
                yield depth, _request(step, page)
            case "think":
                yield depth, f"think {plan_words.pause(step, page.glyphs)}"
            case "group":
                yield depth, f"group {step['name']}"
                yield from _walk(step["steps"], depth + 1, page)
            case "repeat":
                yield depth, f"{step['times']} times"
                yield from _walk(step["steps"], depth + 1, page)
            case "choice":
                total = sum(weight for weight, _ in step["options"])
                for weight, option in step["options"]:
                    yield depth, f"{weight} of {total} times"
                    yield from _walk(option, depth + 1, page)
            case _:
                yield depth, f"if {plan_words.condition(step)}"
                yield from _walk(step["then"], depth + 1, page)
                if step.get("otherwise"):
                    yield depth, "otherwise"
                    yield from _walk(step["otherwise"], depth + 1, page)


def _request(step: Mapping[str, Any], page: Page) -> str:
    """A request on one line: its name, its URL where that says more, what it checks and sets."""
    plain = f"{step['method']} {step['url']}"
    parts = [step["name"] if step["name"] == plain else f"{step['name']}: {plain}"]
    if step.get("body"):
        parts.append(f"body {step['body']['kind']}")
    parts += [f"check {check['name']}" for check in step.get("checks", ())]
    extracted = [extract["variable"] for extract in step.get("extracts", ())]
    if extracted:
        parts.append(f"sets {', '.join(extracted)}")
    return f" {page.glyphs.dot} ".join(parts)
