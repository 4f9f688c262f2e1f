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
    scripts = plan.get("scripts", ())
    blocks += [_scenario(scenario, scripts, page) for scenario in plan["scenarios"]]
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
    settings.append(Source("warm-up", plan_words.warm_up(plan["warm_up_ns"], page.glyphs), sources["warm_up"]))
    settings.append(Source("seed", str(plan["seed"]), sources["seed"]))
    return settings


def _scenario(scenario: Mapping[str, Any], scripts: Sequence[Mapping[str, Any]], page: Page) -> list[str]:
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
        lines += [*sentence(Cell(_INDENT), "once per user:", page), *_flow(scenario["on_start"], scripts, page)]
    stop = scenario.get("on_stop", ())
    if facts or scenario["on_start"] or stop:
        lines += sentence(Cell(_INDENT), "each iteration:", page)
    lines += _flow(scenario["steps"], scripts, page)
    if stop:
        lines += [*sentence(Cell(_INDENT), "once per user, at its end:", page), *_flow(stop, scripts, page)]
    return lines


def _flow(steps: Sequence[Mapping[str, Any]], scripts: Sequence[Mapping[str, Any]], page: Page) -> list[str]:
    lines = []
    for level, text in _Walk(scripts, page).walk(steps, 2):
        lines += sentence(Cell(_INDENT * level), printable(text, page.glyphs), page)
    return lines


class _Walk(NamedTuple):
    scripts: Sequence[Mapping[str, Any]]
    page: Page

    def walk(self, steps: Sequence[Mapping[str, Any]], depth: int) -> Iterator[tuple[int, str]]:
        """Depth and words of each step, those inside others below them."""
        for step in steps:
            match step["kind"]:
                case "request":
                    yield depth, _request(step, self.page)
                case "think":
                    yield depth, f"think {plan_words.pause(step, self.page.glyphs)}"
                case "script":
                    yield depth, _script(self.scripts[step["script"]], self.page)
                case "group":
                    yield depth, f"group {step['name']}"
                    yield from self.walk(step["steps"], depth + 1)
                case "repeat":
                    yield depth, f"{step['times']} times"
                    yield from self.walk(step["steps"], depth + 1)
                case "choice":
                    total = sum(weight for weight, _ in step["options"])
                    for weight, option in step["options"]:
                        yield depth, f"{weight} of {total} times"
                        yield from self.walk(option, depth + 1)
                case _:
                    yield depth, f"if {plan_words.condition(step)}"
                    yield from self.walk(step["then"], depth + 1)
                    if step.get("otherwise"):
                        yield depth, "otherwise"
                        yield from self.walk(step["otherwise"], depth + 1)


def _script(script: Mapping[str, Any], page: Page) -> str:
    """A function of the user's on one line: its name, where it is, and the requests that its source shows."""
    name = f"script {script['name']} ({script['at']})" if "at" in script else f"script {script['name']}"
    return f" {page.glyphs.dot} ".join([name, *script["calls"]])


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
