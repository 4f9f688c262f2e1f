"""Postman collections 2.0 and 2.1: folders, variables, inherited authentication, every mode of a body."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from loadcore.imports.documents import ImportFailed, parsed
from loadcore.imports.draft import Body, Call, Draft, Group, Imported, Report, Template, calls_of, plain, templated
from loadcore.imports.logins import recognise_logins
from loadcore.imports.names import identifier
from loadcore.imports.postman_auth import auth_of
from loadcore.imports.postman_scripts import apply_scripts, names_set
from loadcore.imports.postman_variables import Variables
from loadcore.imports.requests import Requests, add_file
from loadcore.imports.settle import settle
from loadcore.imports.steps import replace_variable

if TYPE_CHECKING:
    from loadcore.imports.draft import Json, Step

_MOST_REQUESTS: Final = 10_000
_DEEPEST: Final = 20
_URL: Final = re.compile(r"(?:(https?)://)?((?:\{\{[^{}]*\}\}|[^/?#{}])*)([^?#]*)(?:\?([^#]*))?")
_UNQUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\{\{([^{}"]+)\}\}', re.DOTALL)
_MARK: Final = "\x02"
_HEADER: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)


@dataclass(slots=True)
class _Importer:
    requests: Requests
    variables: Variables
    count: int = 0
    bases: dict[str, None] = field(default_factory=dict)
    """Variables that the collection has no value for, and that URLs begin with."""


def import_postman(text: str, name: str) -> Imported:
    """A scenario with the requests of a collection in their order, folders as groups.

    Raises:
        ImportFailed: It is not a collection of version 2, or has no requests.
    """
    document = parsed(text)
    collection = _dict(document.get("collection")) or document
    info, items = _dict(collection.get("info")), collection.get("item")
    if not isinstance(items, list):
        old = "requests" in collection and "order" in collection
        what = "its format is version 1" if old else "it has no list of items"
        raise ImportFailed(f"this is not a Postman collection 2.x: {what}", hint="export it as Collection v2.1")
    report = Report("requests")
    requests = Requests(report)
    variables = Variables(requests.secrets, names_set(items))
    variables.add(collection.get("variable"))
    draft = Draft(identifier(str(info.get("name") or ""), name) if info.get("name") else name)
    importer = _Importer(requests, variables)
    draft.steps = _steps(importer, items, collection.get("auth"), 0)
    if not report.taken:
        raise ImportFailed(
            "the collection has no requests that can be sent", hint="export the collection, not an environment"
        )
    if importer.bases:
        report.note(f"the file has no value for {', '.join(list(importer.bases)[:5])}: --base-url takes its place")
    recognise_logins(draft, report, requests)
    _without_value_yet(draft, importer.variables)
    imported = settle(Imported([draft], report), requests)
    imported.environment |= variables.environment
    return imported


def _steps(importer: _Importer, items: list[Any], auth: Any, depth: int) -> list[Step]:  # noqa: ANN401 - any JSON
    steps: list[Step] = []
    for each in items if depth < _DEEPEST else ():
        item = _dict(each)
        name = re.sub(r"[\x00-\x1f\x7f]+", " ", str(item.get("name") or "")).strip()[:120]
        own = item.get("auth") or auth
        if isinstance(item.get("item"), list):
            importer.variables.add(item.get("variable"))
            inner = _steps(importer, item["item"], own, depth + 1)
            steps += [Group(name or "folder", inner)] if inner else []
        elif item.get("request"):
            importer.count += 1
            if importer.count > _MOST_REQUESTS:
                importer.requests.report.left_out[f"requests beyond {_MOST_REQUESTS:,}"] += 1
                continue
            call = _call(importer, item, name, own)
            steps += [call] if call else []
    return steps


def _call(importer: _Importer, item: dict[str, Any], name: str, inherited: Any) -> Call | None:  # noqa: ANN401
    given = item["request"]
    request: dict[str, Any] = {"url": given, "method": "GET"} if isinstance(given, str) else _dict(given)
    method = str(request.get("method") or "GET").upper()
    call = _addressed(importer, method, request.get("url"))
    report = importer.requests.report
    if call is None or not _HEADER.fullmatch(method):
        report.left_out["requests whose URL or method is not valid"] += 1
        return None
    call.name = name or call.name
    content_type = None
    for header in _enabled(request.get("header")):
        key, value = str(header.get("key") or ""), str(header.get("value") or "")
        if key.lower() == "content-type":
            content_type = value
        elif key.lower() in {"host", "content-length", "connection", "accept-encoding"} or not _HEADER.fullmatch(key):
            continue
        else:
            clean = re.sub(r"[\x00-\x1f\x7f]+", " ", value).encode("ascii", "replace").decode()
            call.headers.append((key, importer.variables.template(clean, key)))
    _body(importer, call, _dict(request.get("body")), content_type)
    call.auth = auth_of(request.get("auth") or inherited, call, importer.variables, report) or call.auth
    if call.auth is not None and call.auth.function != "anonymous":
        call.headers = [each for each in call.headers if each[0].lower() != "authorization"]
    else:
        _bearer_header(call)
    apply_scripts(call, item.get("event"), report)
    report.taken += 1
    return call


def _bearer_header(call: Call) -> None:
    """`Authorization: Bearer {token}` as what it is."""
    from loadcore.imports.draft import Auth  # noqa: PLC0415 - next to its only use

    for header in call.headers:
        found = re.fullmatch(r"[Bb]earer (\{[^{}]+\})", header[1])
        if header[0].lower() == "authorization" and found:
            call.headers.remove(header)
            call.auth = Auth("bearer", [Template(found[1])])
            return


def _without_value_yet(draft: Draft, variables: Variables) -> None:
    """Reads from the environment what a request needs before a response has brought it."""
    known = set(draft.row)
    for call in calls_of(draft.steps):
        for name in sorted({identifier(each) for each in variables.extracted} - known):
            instead = variables.missing(name)
            replace_variable(call, name, instead)
        known |= set(call.extract)


def _addressed(importer: _Importer, method: str, given: Any) -> Call | None:  # noqa: ANN401 - any JSON
    url = _dict(given)
    raw = given if isinstance(given, str) else str(url.get("raw") or _joined(url))
    raw = importer.variables.inlined(raw.strip())
    found = _URL.match(raw)
    if found is None or raw.startswith(("ws:", "wss:", "grpc:")):
        return None
    scheme, host, path, query = found.groups()
    known = {str(each.get("key")): str(each.get("value") or "") for each in _dicts(url.get("variable"))}
    segments = [_segment(importer, each, known) for each in path.split("/")]
    call = Call(method, Template("/".join(segments)))
    if not call.url.startswith("/"):
        call.url = Template(f"/{call.url}")
    if "{{" in host:
        importer.bases |= dict.fromkeys(re.findall(r"\{\{[^{}]*\}\}", host))
    elif host:
        if re.search(r"[^\w.:\[\]@-]", host, re.ASCII):
            return None
        importer.requests.origins[id(call)] = f"{scheme or 'http'}://{host.rpartition('@')[2]}"
    parameters = url.get("query")
    if isinstance(parameters, list):
        pairs = [(str(each.get("key") or ""), str(each.get("value") or "")) for each in _enabled(parameters)]
    else:
        pairs = [(name, value) for name, _, value in (each.partition("=") for each in (query or "").split("&") if each)]
    call.params = [
        (importer.variables.template(name), importer.variables.template(value, name)) for name, value in pairs if name
    ]
    return call


def _segment(importer: _Importer, segment: str, known: dict[str, str]) -> Template:
    if segment.startswith(":") and segment[1:] in known:
        segment = importer.variables.inlined(known[segment[1:]]) or "1"
    return importer.variables.template(segment, url=True)


def _joined(url: dict[str, Any]) -> str:
    """A URL that is only there in parts."""
    host, path = url.get("host"), url.get("path")
    begin = ".".join(map(str, host)) if isinstance(host, list) else str(host or "")
    parts = (
        [str(each) if isinstance(each, str) else str(_dict(each).get("value")) for each in path]
        if isinstance(path, list)
        else [str(path or "").lstrip("/")]
    )
    protocol = f"{url['protocol']}://" if isinstance(url.get("protocol"), str) and "://" not in begin else ""
    return f"{protocol}{begin}/{'/'.join(parts)}"


def _body(importer: _Importer, call: Call, body: dict[str, Any], content_type: str | None) -> None:
    mode = body.get("mode")
    if body.get("disabled") is True or not isinstance(mode, str):
        return
    content = body.get(mode)
    if mode == "raw" and isinstance(content, str) and content.strip():
        language = _dict(_dict(body.get("options")).get("raw")).get("language")
        _raw(importer, call, content, content_type, is_json=language == "json" or "json" in (content_type or "json"))
    elif mode in {"urlencoded", "formdata"}:
        _form(importer, call, content, multipart=mode == "formdata")
    elif mode == "graphql":
        graphql = _dict(content)
        inner = graphql.get("variables")
        value: dict[str, Any] = {"query": str(graphql.get("query") or "")}
        found = _loaded(inner) if isinstance(inner, str) and inner.strip() else None
        if found is not None:
            value["variables"] = found[0]
        call.body = Body(json=_templated(importer, value), has_json=True)
    elif mode == "file":
        importer.requests.leave_body(call, "a body that is a file")


def _raw(importer: _Importer, call: Call, text: str, content_type: str | None, *, is_json: bool) -> None:
    if len(text) > 64 * 1024:
        importer.requests.leave_body(call, f"a body of {len(text):,} characters")
        return
    found = _loaded(text) if is_json else None
    if found is not None:
        call.body = Body(json=_templated(importer, found[0]), has_json=True)
    else:
        kind = re.sub(r"[^\x20-\x7e]+", " ", content_type or "text/plain").strip()
        call.body = Body(content=importer.variables.template(text), content_type=plain(kind) or None)


def _loaded(text: str) -> tuple[Any] | None:
    """JSON with variables in it, those that are not in a string marked."""
    marked = _UNQUOTED.sub(lambda each: json.dumps(_MARK + each[1]) if each[1] else each[0], text)
    for candidate in (text, marked):
        try:
            return (json.loads(candidate, strict=False),)
        except (ValueError, RecursionError):
            continue
    return None


def _templated(importer: _Importer, value: Any, name: str = "") -> Json:  # noqa: ANN401 - any JSON
    match value:
        case str() if value.startswith(_MARK):
            found = _plain_json(importer.variables.inlined(f"{{{{{value[1:]}}}}}"))
            return found[0] if found else importer.variables.template(f"{{{{{value[1:]}}}}}", name, json=True)
        case str():
            return importer.variables.template(value, name)
        case list():
            return [_templated(importer, each, name) for each in value]
        case dict():
            return {importer.variables.template(key): _templated(importer, each, key) for key, each in value.items()}
    return importer.requests.json(value, name)


def _plain_json(text: str) -> tuple[Json] | None:
    """A value of a variable that is JSON itself, such as a number."""
    try:
        return (templated(json.loads(text)),)
    except ValueError:
        return None


def _form(importer: _Importer, call: Call, content: Any, *, multipart: bool) -> None:  # noqa: ANN401 - any JSON
    for each in _enabled(content):
        key = str(each.get("key") or "")
        if each.get("type") == "file":
            source = each.get("src")
            first = source[0] if isinstance(source, list) and source else source
            add_file(
                call,
                key,
                str(first or key),
                each.get("contentType") if isinstance(each.get("contentType"), str) else None,
            )
        else:
            call.body.form.append(
                (importer.variables.template(key), importer.variables.template(str(each.get("value") or ""), key))
            )
    call.body.multipart = multipart and not call.body.parts and bool(call.body.form)


def _enabled(given: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
    return [each for each in _dicts(given) if each.get("disabled") is not True]


def _dicts(given: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _dict(given: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return given if isinstance(given, dict) else {}
