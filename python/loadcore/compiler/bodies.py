"""Bodies of requests to their plans."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loadcore.compiler.fields import compile_fields
from loadcore.compiler.literals import json_text
from loadcore.scenario.http import Upload
from loadcore.scenario.uploads import uploads_of
from loadcore.scenario.values import Env
from loadcore.wording.kinds import kind_of, shown

if TYPE_CHECKING:
    from loadcore.compiler.problems import Problems
    from loadcore.plan.document import BodyPlan, PartPlan
    from loadcore.scenario.http import Request
    from loadcore.scenario.place import Place

_BODIES: Final = ("json", "data", "form", "content", "text", "files", "multipart")
_LARGEST_UPLOAD: Final = 64 << 20


def compile_body(request: Request, problems: Problems) -> BodyPlan | None:
    """The plan of the request's body; `None` if it has none."""
    options, place = request.options, request.place
    bodies = [name for name in _BODIES if name in options]
    if len(bodies) > 1 and bodies != ["data", "files"]:
        problems.add(place, f"a request can have only one body: {' and '.join(bodies)} were given")
    content_type = options.get("content_type")
    if content_type is not None and not {"text", "content"} & {*bodies}:
        hint = "json, data and files set their own; to override it, set the header"
        problems.add(place, "content_type needs content", hint)
    match bodies:
        case ["json", *_]:
            return _json(options["json"], place, problems)
        case ["data", "files", *_] | ["files", *_] | ["multipart", *_]:
            return _multipart(request, problems)
        case ["data" | "form" as word, *_]:
            return {"kind": "form", "fields": compile_fields(options[word], word, place, problems)}
        case ["text" | "content" as word, *_]:
            body = _raw(word, options[word], place, problems)
            if content_type is not None:
                body["content_type"] = problems.text(place, "content_type", content_type)
            return body
        case _:
            return None


def _raw(word: str, value: object, place: Place | None, problems: Problems) -> BodyPlan:
    match value:
        case str() | Env():
            return {"kind": "text", "text": str(value)}
        case bytes() if word == "content":
            return {"kind": "bytes", "base64": base64.b64encode(value).decode()}
    wanted = "a string or bytes; for an object, use json" if word == "content" else "a string; for bytes, use content"
    problems.add(place, f"{word} is {kind_of(value)}: it must be {wanted}")
    return {"kind": "text", "text": ""}


def _json(value: object, place: Place | None, problems: Problems) -> BodyPlan:
    try:
        return {"kind": "json", "text": json_text(value)}
    except (TypeError, ValueError, RecursionError) as error:
        problems.add(place, f"the JSON body cannot be written: {error}")
        return {"kind": "json", "text": "null"}


def _multipart(request: Request, problems: Problems) -> BodyPlan:
    """Parts of a form: what `multipart` names, or the fields of `data` and then the `files`."""
    options, place = request.options, request.place
    if "multipart" in options:
        return {"kind": "multipart", "parts": _parts(options["multipart"], "multipart", place, problems)}
    fields = compile_fields(options["data"], "data", place, problems) if "data" in options else []
    texts: list[PartPlan] = [{"name": name, "text": text} for name, text in fields]
    return {"kind": "multipart", "parts": [*texts, *_parts(options["files"], "files", place, problems)]}


def _parts(named: object, word: str, place: Place | None, problems: Problems) -> list[PartPlan]:
    if not isinstance(named, dict):
        kinds = "files" if word == "files" else "strings and uploads"
        problems.add(place, f"{word} is {kind_of(named)}: it must be a dictionary of names to {kinds}")
        return []
    parts: list[PartPlan] = []
    for name, value in named.items():
        if not isinstance(name, str) or not name:
            written = "an empty string" if name == "" else shown(name)
            problems.add(place, f"{word} has {written} for a name: it must be a non-empty string")
        elif word == "multipart" and isinstance(value, str | Env):
            parts.append({"name": name, "text": str(value)})
        elif word == "multipart" and not isinstance(value, Upload):
            problems.add(place, f'the part "{name}" is {kind_of(value)}: it must be a string or upload(…)')
        else:
            parts += _uploads(name, value, place, problems)
    return parts


def _uploads(name: str, given: object, place: Place | None, problems: Problems) -> list[PartPlan]:
    try:
        return [_upload(name, upload, problems) for upload in uploads_of(name, given, place)]
    except TypeError as error:
        problems.add(place, str(error), 'write upload("report.pdf") for a file, or (filename, bytes)')
        return []


def _upload(name: str, upload: Upload, problems: Problems) -> PartPlan:
    content = upload.content
    filename = upload.filename
    if not isinstance(content, bytes):
        folder = upload.place.folder if upload.place else Path.cwd()
        path = folder / content
        filename = filename or path.name.replace("{", "{{").replace("}", "}}")
        content = _read(path, upload.place, problems)
    part: PartPlan = {"name": name, "base64": base64.b64encode(content).decode()}
    part["filename"] = name if filename is None else problems.text(upload.place, "filename", filename)
    if upload.content_type is not None:
        part["content_type"] = problems.text(upload.place, "content_type", upload.content_type)
    return part


def _read(path: Path, place: Place | None, problems: Problems) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_UPLOAD:
            problems.add(place, f"{path} is larger than {_LARGEST_UPLOAD >> 20} MiB, too large for the plan")
            return b""
        return path.read_bytes()
    except OSError as error:
        problems.add(place, f"{path} cannot be read: {error.strerror}")
        return b""
