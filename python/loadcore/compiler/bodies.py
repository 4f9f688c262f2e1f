"""Bodies of requests to their plans."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loadcore.compiler.fields import compile_fields
from loadcore.compiler.literals import json_text
from loadcore.scenario.auth import Env
from loadcore.scenario.http import Upload
from loadcore.wording.kinds import kind_of, shown

if TYPE_CHECKING:
    from loadcore.compiler.problems import Problems
    from loadcore.plan.document import BodyPlan, PartPlan
    from loadcore.scenario.http import Request
    from loadcore.scenario.place import Place

_BODIES: Final = ("json", "form", "text", "content", "multipart")
_LARGEST_UPLOAD: Final = 64 << 20


def compile_body(request: Request, problems: Problems) -> BodyPlan | None:
    """The plan of the request's body; `None` if it has none."""
    options, place = request.options, request.place
    given = [name for name in _BODIES if name in options]
    if len(given) > 1:
        problems.add(place, f"a request can have only one body: {' and '.join(given)} were given")
    content_type = options.get("content_type")
    if content_type is not None and not {"text", "content"} & {*given}:
        hint = "json, form and multipart set their own; to override it, set the header"
        problems.add(place, "content_type needs text or content", hint)
    match given[:1]:
        case ["json"]:
            return _json(options["json"], place, problems)
        case ["form"]:
            return {"kind": "form", "fields": compile_fields(options["form"], "form", place, problems)}
        case ["multipart"]:
            return _multipart(request, problems)
        case ["text" | "content"]:
            body = _raw(request, problems)
            if content_type is not None:
                body["content_type"] = problems.text(place, "content_type", content_type)
            return body
        case _:
            return None


def _raw(request: Request, problems: Problems) -> BodyPlan:
    options, place = request.options, request.place
    if "text" in options:
        text = options["text"]
        if isinstance(text, Env):
            text = str(text)
        elif not isinstance(text, str):
            problems.add(place, f"text is {kind_of(text)}: it must be a string; for bytes, use content")
            text = ""
        return {"kind": "text", "text": text}
    content = options["content"]
    if not isinstance(content, bytes):
        problems.add(place, f"content is {kind_of(content)}: it must be bytes; for a string, use text")
        content = b""
    return {"kind": "bytes", "base64": base64.b64encode(content).decode()}


def _json(value: object, place: Place | None, problems: Problems) -> BodyPlan:
    try:
        return {"kind": "json", "text": json_text(value)}
    except (TypeError, ValueError, RecursionError) as error:
        problems.add(place, f"the JSON body cannot be written: {error}")
        return {"kind": "json", "text": "null"}


def _multipart(request: Request, problems: Problems) -> BodyPlan:
    parts: list[PartPlan] = []
    fields = request.options["multipart"]
    if not isinstance(fields, dict):
        problems.add(
            request.place, f"multipart is {kind_of(fields)}: it must be a dictionary of names to strings and uploads"
        )
        return {"kind": "multipart", "parts": []}
    for name, value in fields.items():
        if not isinstance(name, str) or not name:
            written = "an empty string" if name == "" else shown(name)
            problems.add(request.place, f"multipart has {written} for a name: it must be a non-empty string")
        elif isinstance(value, Upload):
            parts.append(_upload(name, value, problems))
        elif isinstance(value, str | Env):
            parts.append({"name": name, "text": str(value)})
        else:
            problems.add(request.place, f'the part "{name}" is {kind_of(value)}: it must be a string or upload(…)')
    return {"kind": "multipart", "parts": parts}


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
