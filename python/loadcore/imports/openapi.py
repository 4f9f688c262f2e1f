"""OpenAPI 3.0 and 3.1, and Swagger 2.0: every operation, in the order in which a client would call them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from loadcore.imports.documents import ImportFailed, parsed
from loadcore.imports.draft import Body, Call, Draft, Extract, Group, Imported, Report, Template, plain, variable
from loadcore.imports.names import identifier, singular, unique
from loadcore.imports.openapi_ids import id_in
from loadcore.imports.openapi_security import Security
from loadcore.imports.openapi_values import Values, as_string
from loadcore.imports.requests import Requests, add_file, address_of, path_of
from loadcore.imports.secrets import Secrets
from loadcore.imports.settle import settle

if TYPE_CHECKING:
    from collections.abc import Iterator

_METHODS: Final = ("post", "get", "head", "options", "put", "patch", "trace", "delete")
"""In the order of a resource's life: created, read, changed, deleted."""
_MOST_OPERATIONS: Final = 5_000
_PARAMETER: Final = re.compile(r"\{([^{}/]{1,100})\}")


@dataclass(slots=True)
class _Operation:
    method: str
    path: str
    given: dict[str, Any]
    parameters: list[dict[str, Any]]

    @property
    def tag(self) -> str:
        tags = self.given.get("tags")
        return str(tags[0]) if isinstance(tags, list) and tags else ""


@dataclass(frozen=True, slots=True)
class _Source:
    """A call that creates or lists the members of a collection."""

    call: Call
    answer: dict[str, Any]
    """The schema of its response."""
    creates: bool
    collection: str


@dataclass(slots=True)
class _Importer:
    document: dict[str, Any]
    requests: Requests
    values: Values
    security: Security
    sources: dict[str, list[_Source]] = field(default_factory=dict)
    """Paths of collections, and the calls that create or list their members."""
    names: set[str] = field(default_factory=set)

    @property
    def is_swagger(self) -> bool:
        return "swagger" in self.document


def import_openapi(text: str, name: str) -> Imported:
    """A scenario with a request for every operation, grouped by tag.

    Raises:
        ImportFailed: It is not an OpenAPI document, or has no operations.
    """
    document = parsed(text, yaml=True)
    version = str(document.get("openapi") or document.get("swagger") or "")
    if not version.startswith(("3.", "2.")):
        what = f"its version is {version[:20]!r}" if version else 'it has neither "openapi" nor "swagger"'
        raise ImportFailed(
            f"this is not OpenAPI 3 or Swagger 2: {what}", hint="import the document, not a page about it"
        )
    report = Report("operations")
    requests, values = Requests(report, Secrets(are_examples=True)), Values(document)
    info = document.get("info")
    title = str(info.get("title") or "") if isinstance(info, dict) else ""
    draft = Draft(identifier(title, name) if title else name)
    importer = _Importer(document, requests, values, Security(document, values, requests.secrets))
    draft.base_url = _base_url(document, values)
    draft.auth = importer.security.default(report)
    for operation in _sorted(_operations(document, values, report)):
        call = _call(importer, operation)
        _place(draft, operation.tag, call)
        report.taken += 1
    if not report.taken:
        raise ImportFailed("the document has no operations", hint="check that paths are not in another file")
    for reference in sorted(values.broken)[:5]:
        report.note(
            f"{reference!r} is not in this file: bundle the document first (redocly bundle, swagger-cli bundle)"
        )
    imported = settle(Imported([draft], report), requests)
    imported.environment |= importer.security.environment
    return imported


def _operations(document: dict[str, Any], values: Values, report: Report) -> Iterator[_Operation]:
    paths = document.get("paths")
    count = 0
    for path, item in paths.items() if isinstance(paths, dict) else ():
        found = values.resolved(item)
        shared = _dicts(values, found.get("parameters"))
        for method in _METHODS:
            if not isinstance(found.get(method), dict):
                continue
            count += 1
            if count > _MOST_OPERATIONS:
                report.left_out[f"operations beyond {_MOST_OPERATIONS:,}"] += 1
                continue
            given = found[method]
            own = _dicts(values, given.get("parameters"))
            taken = {(each.get("name"), each.get("in")) for each in own}
            inherited = [each for each in shared if (each.get("name"), each.get("in")) not in taken]
            yield _Operation(method, str(path), given, [*inherited, *own])


def _dicts(values: Values, given: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
    return [values.resolved(each) for each in given] if isinstance(given, list) else []


def _sorted(operations: Iterator[_Operation]) -> list[_Operation]:
    """By tag as they first appear; within one, what creates before what reads, and what deletes last."""
    found = list(operations)
    tags = list(dict.fromkeys(each.tag for each in found))

    def order(operation: _Operation) -> tuple[int, bool, int]:
        deletes = operation.method == "delete"
        depth = len(_PARAMETER.findall(operation.path))
        return tags.index(operation.tag), deletes, -depth if deletes else depth

    return sorted(found, key=order)


def _place(draft: Draft, tag: str, call: Call) -> None:
    if not tag:
        draft.steps.append(call)
        return
    last = draft.steps[-1] if draft.steps else None
    name = re.sub(r"[\x00-\x1f\x7f]+", " ", tag).strip()[:80] or "untagged"
    if not isinstance(last, Group) or last.name != name:
        last = Group(name)
        draft.steps.append(last)
    last.steps.append(call)


def _base_url(document: dict[str, Any], values: Values) -> str | None:
    """The first server with its variables filled in; None if the document names no host."""
    if "swagger" in document:
        host, base = document.get("host"), str(document.get("basePath") or "")
        schemes = document.get("schemes")
        scheme = "https" if not isinstance(schemes, list) or "https" in schemes or not schemes else str(schemes[0])
        url = f"{scheme}://{host}{base}" if host else ""
    else:
        servers = document.get("servers")
        server = values.resolved(servers[0]) if isinstance(servers, list) and servers else {}
        variables = server.get("variables")
        known = variables if isinstance(variables, dict) else {}
        url = _PARAMETER.sub(lambda each: _variable(known, each[1]), str(server.get("url") or ""))
    address = address_of(url)
    return None if address is None else f"{address.origin}{quote(urlsplit(url).path.rstrip('/'), safe='/%~-._')}"


def _variable(variables: dict[str, Any], name: str) -> str:
    found = variables.get(name)
    return str(found.get("default") or name) if isinstance(found, dict) else name


def _call(importer: _Importer, operation: _Operation) -> Call:
    path, named = _path(importer, operation)
    call = Call(operation.method.upper(), path)
    if named:
        call.name = re.sub(r"[\x00-\x1f\x7f]+", " ", f"{call.method} {operation.path}")[:200]
    if operation.given.get("deprecated") is True:
        call.comments.append("deprecated")
    for parameter in operation.parameters:
        _parameter(importer, call, parameter)
    _body(importer, operation, call)
    importer.security.apply(call, operation.given)
    _remember(importer, operation, call)
    return call


def _path(importer: _Importer, operation: _Operation) -> tuple[Template, bool]:
    """The path with its parameters: from a response where one has them, else by their examples."""
    pieces: list[Template] = []
    position, literal = 0, False
    by_name = {str(each.get("name")): each for each in operation.parameters if each.get("in") == "path"}
    for found in _PARAMETER.finditer(operation.path):
        pieces.append(path_of(operation.path[position : found.start()]))
        parameter = by_name.get(found[1], {"schema": {"type": "string"}})
        example = as_string(_value(importer, parameter)) or "1"
        sources = importer.sources.get(operation.path[: found.start()].rstrip("/"), [])
        from_response = next(
            filter(None, (_from_response(importer, each, found[1], example) for each in sources)), None
        )
        literal = literal or from_response is None
        pieces.append(from_response or plain(quote(example, safe="")))
        position = found.end()
    pieces.append(path_of(operation.path[position:]))
    path = Template("".join(pieces))
    return Template(path if path.startswith("/") else f"/{path}"), literal


def _from_response(importer: _Importer, source: _Source, parameter: str, example: str) -> Template | None:
    """The variable that a path takes from a response; None if the response has nothing of that kind."""
    where = id_in(importer.values, source.answer, parameter, source.collection, creates=source.creates)
    if where is None:
        return None
    call = source.call
    known = next((name for name, each in call.extract.items() if each.where == where), None)
    if known is None:
        words = re.findall(r"[A-Za-z][\w-]*", call.url)
        key = identifier(parameter)
        bare = key in {"id", "uuid", "key", "slug", "name"} and words
        known = unique(f"{identifier(singular(words[-1]))}_{key}" if bare else key, importer.names)
        call.extract[known] = Extract("json", where, example)
    return variable(known)


def _value(importer: _Importer, parameter: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    if importer.is_swagger and "schema" not in parameter:
        return parameter.get("x-example") or importer.values.of(parameter)
    content = parameter.get("content")
    if isinstance(content, dict) and content:
        return importer.values.of_media(importer.values.resolved(next(iter(content.values()))))
    return importer.values.of_media(parameter)


def _parameter(importer: _Importer, call: Call, parameter: dict[str, Any]) -> None:
    """A parameter of the query or a header: those that are required, or have an example or a default."""
    where, name = parameter.get("in"), str(parameter.get("name") or "")
    if where not in {"query", "header", "cookie"} or not name or name.lower() in {"authorization", "content-type"}:
        return
    schema = importer.values.resolved(parameter.get("schema")) or parameter
    named = any(key in each for each in (parameter, schema) for key in ("example", "examples", "default"))
    if parameter.get("required") is not True and not named:
        return
    value = _value(importer, parameter)
    if where == "query":
        several = value if isinstance(value, list) else [value]
        call.params += [(plain(name), importer.requests.secrets.text(as_string(each), name)) for each in several]
    elif where == "header" and re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name, re.ASCII):
        call.headers.append((name, importer.requests.header(name, as_string(value))))
    elif where == "cookie":
        call.comments.append(f"left out: the cookie {name}; each user keeps the cookies that responses set")
        importer.requests.report.left_out["parameters in cookies"] += 1


def _body(importer: _Importer, operation: _Operation, call: Call) -> None:
    if importer.is_swagger:
        _swagger_body(importer, operation, call)
        return
    content = importer.values.resolved(operation.given.get("requestBody")).get("content")
    if not isinstance(content, dict) or not content:
        return
    kind = next((each for each in content if "json" in each), next(iter(content)))
    media = importer.values.resolved(content[kind])
    value = importer.values.of_media(media)
    if "json" in kind:
        _json(importer, call, value, kind)
    elif kind.startswith(("multipart/", "application/x-www-form-urlencoded")):
        schema = importer.values.resolved(media.get("schema"))
        properties = schema.get("properties")
        _form(importer, call, value, properties if isinstance(properties, dict) else {}, multipart=kind[0] == "m")
    elif isinstance(value, str) and re.fullmatch(r"[\w.+*-]+/[\w.+*-]+(?:;[ \w=.-]*)?", kind):
        call.body = Body(content=importer.requests.secrets.text(value), content_type=kind)
    else:
        importer.requests.leave_body(call, f"a body of {kind[:60]}")


def _swagger_body(importer: _Importer, operation: _Operation, call: Call) -> None:
    form: dict[str, Any] = {}
    for parameter in operation.parameters:
        if parameter.get("in") == "body":
            _json(importer, call, importer.values.of_media(parameter), "application/json")
        elif parameter.get("in") == "formData":
            form[str(parameter.get("name"))] = parameter
    if form:
        kinds = operation.given.get("consumes") or importer.document.get("consumes") or []
        values = {name: _value(importer, each) for name, each in form.items()}
        _form(importer, call, values, form, multipart="multipart/form-data" in kinds)


def _json(importer: _Importer, call: Call, value: Any, kind: str) -> None:  # noqa: ANN401 - any JSON
    call.body = Body(json=importer.requests.json(value), has_json=True)
    if kind != "application/json" and re.fullmatch(r"application/[\w.+-]+", kind):
        call.headers.append(("Content-Type", plain(kind)))


def _form(importer: _Importer, call: Call, value: Any, properties: dict[str, Any], *, multipart: bool) -> None:  # noqa: ANN401
    for name, each in value.items() if isinstance(value, dict) else ():
        schema = importer.values.resolved(properties.get(name))
        is_file = schema.get("format") == "binary" or schema.get("type") == "file" or "contentMediaType" in schema
        if is_file and (multipart or schema.get("type") == "file"):
            add_file(call, name, name, None)
        else:
            call.body.form.append((plain(name), importer.requests.secrets.text(as_string(each), name)))
    call.body.multipart = multipart and not call.body.parts and bool(call.body.form)


def _remember(importer: _Importer, operation: _Operation, call: Call) -> None:
    """Where a collection's members get their id from: the response of what creates one, else of what lists them."""
    if operation.method not in {"post", "get"} or operation.path.endswith("}"):
        return
    collection = operation.path.rstrip("/")
    source = _Source(call, _success(importer, operation), operation.method == "post", collection.rpartition("/")[2])
    importer.sources.setdefault(collection, []).append(source)


def _success(importer: _Importer, operation: _Operation) -> dict[str, Any]:
    """The schema of the response to expect."""
    responses = operation.given.get("responses")
    found = {str(status): each for status, each in responses.items()} if isinstance(responses, dict) else {}
    status = next((each for each in sorted(found) if each.startswith("2")), "default")
    response = importer.values.resolved(found.get(status))
    content = response.get("content")
    if isinstance(content, dict):
        media: Any = next((each for kind, each in content.items() if "json" in kind), {})
        return importer.values.resolved(importer.values.resolved(media).get("schema"))
    return importer.values.resolved(response.get("schema"))
