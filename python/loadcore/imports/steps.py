"""What is done to steps, those of groups too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.imports.draft import Group, Template, Think, variable

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.imports.draft import Call, Json, Step


def removed(steps: list[Step], call: Call) -> list[Step]:
    """The steps without a call, and without the pause behind it."""
    kept: list[Step] = []
    before: Step | None = None
    for step in steps:
        is_its_pause = before is call and isinstance(step, Think)
        before = step
        if step is call or is_its_pause:
            continue
        if isinstance(step, Group):
            step.steps = removed(step.steps, call)
            if not step.steps:
                continue
        kept.append(step)
    return kept


def replace_variable(call: Call, name: str, instead: Template) -> None:
    """Has a call send something else in place of a variable."""
    wanted = (variable(name), variable(name, "json"))

    def replaced(text: Template) -> Template:
        for each in wanted:
            text = Template(text.replace(each, instead))
        return text

    call.url = replaced(call.url)
    call.params = [(replaced(key), replaced(value)) for key, value in call.params]
    call.headers = [(key, replaced(value)) for key, value in call.headers]
    call.body.form = [(replaced(key), replaced(value)) for key, value in call.body.form]
    call.body.json = _replaced(call.body.json, replaced)
    call.body.content = None if call.body.content is None else replaced(call.body.content)
    if call.auth is not None:
        call.auth.arguments = [replaced(each) for each in call.auth.arguments]


def _replaced(value: Json, replaced: Callable[[Template], Template]) -> Json:
    match value:
        case str():
            return replaced(value)
        case list():
            return [_replaced(each, replaced) for each in value]
        case dict():
            return {replaced(key): _replaced(each, replaced) for key, each in value.items()}
    return value
