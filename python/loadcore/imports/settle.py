"""The last look over a draft: which URL is the base, what all requests share, and no credential left anywhere."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loadcore.compiler.addresses import parse_base_url
from loadcore.errors import UsageError
from loadcore.imports.draft import Auth, Call, Group, Remark, Template, calls_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.imports.draft import Body, Draft, Imported, Json, Step
    from loadcore.imports.requests import Requests


def settle(imported: Imported, requests: Requests) -> Imported:
    """The drafts, ready to be written."""
    for draft in imported.drafts:
        calls = calls_of([*draft.on_start, *draft.steps])
        _base(draft, calls, requests.origins)
        _share(draft, calls)
        _sweep(draft, calls, requests.secrets.swept, requests.secrets.masked)
    imported.comments = [requests.secrets.masked(each) for each in imported.comments]
    imported.report.notes = [requests.secrets.masked(each) for each in imported.report.notes]
    used = {name for name in requests.secrets.described if any(_uses(draft, name) for draft in imported.drafts)}
    imported.environment |= {
        name: requests.secrets.masked(what) for name, what in requests.secrets.described.items() if name in used
    }
    return imported


def _base(draft: Draft, calls: list[Call], origins: dict[int, str]) -> None:
    """The origin of most requests is the base URL; the others keep theirs."""
    counted = Counter(origins[id(call)] for call in calls if id(call) in origins)
    if draft.base_url is None and counted:
        draft.base_url = counted.most_common(1)[0][0]
    for call in calls:
        origin = origins.get(id(call))
        if origin is not None and origin != draft.base_url:
            call.url = Template(origin + call.url)


def _share(draft: Draft, calls: list[Call]) -> None:
    """Declares once what every request sends."""
    if len(calls) < 2 or draft.on_start:  # noqa: PLR2004 - one request shares with none
        return
    first = calls[0]
    if draft.auth is None and first.auth is not None and all(call.auth == first.auth for call in calls):
        draft.auth = first.auth
        for call in calls:
            call.auth = None
    for header in list(first.headers):
        if all(call.headers.count(header) == 1 for call in calls):
            draft.headers.append(header)
            for call in calls:
                call.headers.remove(header)


def _sweep(
    draft: Draft, calls: list[Call], swept: Callable[[Template], Template], masked: Callable[[str], str]
) -> None:
    """Replaces credentials that stand anywhere else in the file."""
    draft.name = masked(draft.name)
    draft.comments = [masked(each) for each in draft.comments]
    draft.headers = [(name, swept(value)) for name, value in draft.headers]
    draft.row = {name: masked(value) for name, value in draft.row.items()}
    if draft.auth is not None and draft.auth.request is not None:
        calls = [*calls, draft.auth.request]
    for call in calls:
        call.url = swept(call.url)
        call.name = masked(call.name) if call.name else None
        call.params = [(swept(name), swept(value)) for name, value in call.params]
        call.headers = [(name, swept(value)) for name, value in call.headers]
        call.comments = [masked(each) for each in call.comments]
        _sweep_body(call.body, swept)
    _sweep_steps([*draft.on_start, *draft.steps], masked)


def _sweep_body(body: Body, swept: Callable[[Template], Template]) -> None:
    body.json = _swept_json(body.json, swept)
    body.form = [(swept(name), swept(value)) for name, value in body.form]
    body.content = None if body.content is None else swept(body.content)


def _swept_json(value: Json, swept: Callable[[Template], Template]) -> Json:
    match value:
        case str():
            return swept(value)
        case list():
            return [_swept_json(each, swept) for each in value]
        case dict():
            return {swept(name): _swept_json(each, swept) for name, each in value.items()}
    return value


def _sweep_steps(steps: list[Step], masked: Callable[[str], str]) -> None:
    for step in steps:
        if isinstance(step, Remark):
            step.text = masked(step.text)
        elif isinstance(step, Group):
            step.name = masked(step.name)
            _sweep_steps(step.steps, masked)


def _uses(draft: Draft, name: str) -> bool:
    """Whether a draft reads a variable of the environment."""
    wanted = f"{{$env.{name}}}"
    auths = [draft.auth, *(call.auth for call in calls_of([*draft.on_start, *draft.steps]))]
    calls = calls_of([*draft.on_start, *draft.steps])
    calls += [auth.request for auth in auths if auth is not None and auth.request is not None]
    whole = repr(draft.headers) + "".join(
        repr((call.url, call.params, call.headers, call.body.json, call.body.form, call.body.content)) for call in calls
    )
    return wanted in whole or any(_in_auth(auth, wanted) for auth in auths if auth is not None)


def _in_auth(auth: Auth, wanted: str) -> bool:
    return any(wanted in each for each in (*auth.arguments, *auth.options.values()))


def rebase(imported: Imported, base_url: str) -> None:
    """Sends the scenarios to another server.

    Raises:
        UsageError: It is not a base URL.
    """
    try:
        parse_base_url(base_url)
    except ValueError as error:
        raise UsageError(str(error)) from None
    for draft in imported.drafts:
        draft.base_url = base_url
    imported.report.notes = [each for each in imported.report.notes if not each.startswith("the file names no server")]


def keep_reading(imported: Imported) -> None:
    """Leaves out what changes something on the server; logins stay."""
    for draft in imported.drafts:
        before = len(calls_of(draft.steps))
        draft.steps = _reading(draft.steps)
        gone = before - len(calls_of(draft.steps))
        if gone:
            imported.report.left_out["requests that change something (--read-only)"] += gone
            imported.report.taken -= gone


def _reading(steps: list[Step]) -> list[Step]:
    kept: list[Step] = []
    for step in steps:
        match step:
            case Call() if step.method not in {"GET", "HEAD", "OPTIONS"}:
                kept.append(Remark(f"left out: {step.name or f'{step.method} {step.url}'}, which changes something"))
            case Group():
                step.steps = _reading(step.steps)
                kept.append(step)
            case _:
                kept.append(step)
    return kept
