"""Checks and extracts to their plans: all that looks at a response."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loadcore.compiler.literals import json_text, literal
from loadcore.plan.redaction import is_sensitive
from loadcore.scenario.checks import Check, Claim, Comparison, Default, Extractable, Regex, Several, Subject
from loadcore.wording.kinds import shown
from loadcore.wording.statuses import CLASSES, HIGHEST, parse_statuses
from loadcore.wording.units import parse_duration, parse_size

if TYPE_CHECKING:
    from loadcore.compiler.problems import Problems
    from loadcore.plan.document import CheckPlan, ClaimPlan, ComparisonPlan, ExtractPlan, Range
    from loadcore.scenario.place import Place


def compile_check(check: Claim | Check, place: Place | None, problems: Problems) -> CheckPlan | None:
    """The plan of a check; `None` if it is none."""
    claim, name, stop = (check.claim, check.name, check.stop) if isinstance(check, Check) else (check, None, False)
    if not isinstance(claim, Claim) or claim.subject.kind == "variable":
        hint = "write a claim about the response, such as response.status == 200"
        problems.add(place, f"{_shown(claim)} is not a check", hint)
        return None
    if isinstance(check, Check) and check.name is None and check.stop is False:
        problems.add(check.place, "check() without name or stop adds nothing", "write the claim alone")
    plan: CheckPlan = {
        "name": describe(claim) if name is None else problems.text(place, "the check's name", name),
        "claim": _claim(claim, place, problems),
    }
    if problems.flag(place, "the check's stop", stop):
        plan["stop"] = True
    return plan


def compile_extract(variable: object, source: object, place: Place | None, problems: Problems) -> ExtractPlan:
    """The plan of an extract."""
    name = problems.text(place, "the variable of an extract", variable)
    if isinstance(source, Default):
        subject = source.source
    elif isinstance(source, Extractable | Regex | Several):
        subject = source.subject
    else:
        hint = "extracts come from response.json(path), response.regex(pattern) and response.header(name)"
        problems.add(place, f'cannot extract into "{name}" from {_shown(source)}', hint)
        # The variable is still one that this sets: nothing else is wrong with its uses.
        subject = Subject("header", "unknown")
    argument = {"json": "path", "regex": "pattern", "header": "name"}[subject.kind]
    text = problems.text(place, f'the {argument} of the extract into "{name}"', subject.argument)
    plan: dict[str, Any] = {"variable": name, "from": {"kind": subject.kind, argument: text}}
    if subject.pick != "first":
        plan["from"]["pick"] = subject.pick
    if isinstance(source, Default):
        plan |= _default(source.default, name, place, problems)
    return plan  # type: ignore[return-value]


def _default(default: object, variable: str, place: Place | None, problems: Problems) -> dict[str, Any]:
    """What the variable has where nothing is found."""
    if default is None:
        return {"optional": True}
    if isinstance(default, str):
        return {"default": default}
    try:
        return {"default": json_text(default)}
    except (TypeError, ValueError) as error:
        problems.add(place, f'the default of the extract into "{variable}" cannot be written: {error}')
        return {"optional": True}


def compile_statuses(expected: object, what: str, place: Place | None, problems: Problems) -> list[Range]:
    """The ranges of `201`, `"2xx"` or a list of such."""
    ranges: list[Range] = []
    for each in expected if isinstance(expected, list | tuple) else (expected,):
        try:
            ranges.append(parse_statuses(each))
        except ValueError as error:
            problems.add(place, f"{what} is {error}")
    return ranges


def describe(claim: Claim) -> str:
    """The claim in words: what the check is called unless it has a name. Shows no values of sensitive things."""
    kind, argument = claim.subject.kind, claim.subject.argument
    subject = {"contains": f'contains "{argument}"', "regex": f"matches /{argument}/", "json": argument}.get(kind)
    if subject is None:
        subject = f"header {argument}" if kind == "header" else kind.replace("_", " ")
    if claim.any_of:
        return f"{subject} in {', '.join(map(str, claim.any_of))}"
    if claim.compare is None:
        return f"{subject} exists" if kind in {"json", "header"} else subject
    value = claim.compare.value
    if is_sensitive(argument):
        shown = "***"
    elif kind in {"json", "header", "status"}:
        shown = value if value in CLASSES and isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    else:
        shown = str(value)
    return f"{subject} {claim.compare.operator} {shown}"


def compile_comparison(compare: Comparison, what: str, place: Place | None, problems: Problems) -> ComparisonPlan:
    """The plan of a comparison with a plain value."""
    if compare.value is not None and not isinstance(compare.value, str | int | float | bool):
        problems.add(
            place, f"{what} is compared with {shown(compare.value)}: it must be a string, a number, True, False or None"
        )
        return {"operator": compare.operator, "value": 0}
    try:
        return {"operator": compare.operator, "value": literal(compare.value)}
    except ValueError:
        problems.add(place, f"{what} is compared with {compare.value!r}, which JSON does not have")
        return {"operator": compare.operator, "value": 0}


def _claim(claim: Claim, place: Place | None, problems: Problems) -> ClaimPlan:
    """What is looked at, and how it compares."""
    kind, argument, compare = claim.subject.kind, claim.subject.argument, claim.compare
    match kind:
        case "status":
            return {"kind": "status", "ranges": _status_ranges(claim, place, problems)}
        case "header" | "json":
            name = problems.text(place, f"the {'name' if kind == 'header' else 'path'} of a check", argument)
            plan: ClaimPlan = {"kind": "header", "header": name} if kind == "header" else {"kind": "json", "path": name}
            if compare is not None:
                plan["compare"] = compile_comparison(compare, describe(claim), place, problems)
            return plan
        case "contains":
            return {"kind": "contains", "text": problems.text(place, "the text of a check", argument)}
        case "regex":
            return {"kind": "regex", "pattern": problems.text(place, "the pattern of a check", argument)}
        case _:
            parser = parse_size if kind == "size" else parse_duration
            value, operator = (compare.value, compare.operator) if compare else (None, "==")
            number = problems.parse(place, f"the check {describe(claim)}", parser, value, 0)
            compared: ComparisonPlan = {"operator": operator, "value": number}
            return {"kind": "size" if kind == "size" else "service_time", "compare": compared}


def _status_ranges(claim: Claim, place: Place | None, problems: Problems) -> list[Range]:
    """The statuses for which a claim holds."""
    what = f"the check {describe(claim)}: the status"
    if claim.compare is None:
        return compile_statuses(claim.any_of, what, place, problems)
    value, operator = claim.compare.value, claim.compare.operator
    ranges = compile_statuses(value, what, place, problems)
    if not ranges or operator == "==":
        return ranges
    if isinstance(value, str) and operator != "!=":
        problems.add(place, f"the check {describe(claim)}: a status class like 2xx supports only == and !=")
    (first, last) = ranges[0]
    below, above = (0, first - 1), (last + 1, HIGHEST)
    return {
        "!=": [below, above],
        "<": [below],
        "<=": [(0, last)],
        ">": [above],
        ">=": [(first, HIGHEST)],
    }[operator]


def _shown(value: object) -> str:
    if isinstance(value, Claim):
        return "a claim about a variable"
    return repr(value) if type(value).__module__ == Claim.__module__ else shown(value)
