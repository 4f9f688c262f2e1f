"""Forms with files, as bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loadcore.scenario.uploads import uploads_of
from loadcore.wording.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.scenario.http import Upload

_ESCAPES: Final = {'"': "%22", "\r": "%0D", "\n": "%0A"}


def multipart(fields: Sequence[tuple[str, str]], files: Mapping[str, Any]) -> tuple[str, bytes]:
    """The content type and the bytes of a form with these fields and files.

    Raises:
        TypeError: A file is given in no way that can be read.
        OSError: A file cannot be read.
    """
    if not isinstance(files, Mapping):
        raise TypeError(f"files is {kind_of(files)}: it must be a dictionary of names to files")
    boundary = os.urandom(16).hex()
    parts = [_part(boundary, f'name="{_quoted(name)}"', None, text.encode()) for name, text in fields]
    for name, given in files.items():
        for upload in uploads_of(name, given):
            disposition = f'name="{_quoted(name)}"; filename="{_quoted(_filename(name, upload))}"'
            content_type = upload.content_type or "application/octet-stream"
            parts.append(_part(boundary, disposition, content_type, _content(upload)))
    return f"multipart/form-data; boundary={boundary}", b"".join([*parts, f"--{boundary}--\r\n".encode()])


def _part(boundary: str, disposition: str, content_type: str | None, content: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n"
    if content_type is not None:
        head += f"Content-Type: {content_type}\r\n"
    return b"".join([head.encode(), b"\r\n", content, b"\r\n"])


def _content(upload: Upload) -> bytes:
    if isinstance(upload.content, bytes):
        return upload.content
    return _path(upload, upload.content).read_bytes()


def _path(upload: Upload, written: str | Path) -> Path:
    return (upload.place.folder if upload.place else Path.cwd()) / written


def _filename(name: str, upload: Upload) -> str:
    if upload.filename is None and not isinstance(upload.content, bytes):
        return _path(upload, upload.content).name
    return upload.filename or name


def _quoted(name: str) -> str:
    """A name between double quotes, as browsers write it."""
    return "".join(_ESCAPES.get(each, each) for each in name)
