"""What can be imported, and the way from a file to the text of a scenario."""

from __future__ import annotations

import re
from enum import StrEnum
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from loadcore.imports.documents import ImportFailed
from loadcore.imports.names import identifier
from loadcore.imports.writing import source_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.imports.draft import Imported


class Kind(StrEnum):
    """Kinds of files, as the command line calls them."""

    HAR = "har"
    OPENAPI = "openapi"
    POSTMAN = "postman"

    CURL = "curl"
    K6_OPTIONS = "k6-options"


_IMPORTERS: Final = {
    Kind.HAR: ("har", "import_har"),
    Kind.OPENAPI: ("openapi", "import_openapi"),
    Kind.POSTMAN: ("postman", "import_postman"),
    Kind.K6_OPTIONS: ("k6_options", "import_k6_options"),
    Kind.CURL: ("curl", "import_curl"),
}


def import_text(kind: Kind, text: str, where: str = "stdin", *, think: bool = False) -> Imported:
    """What a file of a kind holds, with the recorded pauses where `think` asks for them.

    Raises:
        ImportFailed: The file is not of that kind.
    """
    module, function = _IMPORTERS[kind]
    importer: Callable[..., Imported] = getattr(import_module(f"loadcore.imports.{module}"), function)
    name = identifier(PurePath(where).name.partition(".")[0] if where != "stdin" else "imported", "imported")
    try:
        imported = importer(text, name, think=True) if think and kind is Kind.HAR else importer(text, name)
    except ImportFailed as error:
        message = str(error)
        raise ImportFailed(f"{where}{':' if message[:1].isdigit() else ': '}{message}", hint=error.hint) from None
    except RecursionError:
        raise ImportFailed(f"{where}: nested too deep to be read", hint="export the file again") from None
    if base_url_is_missing(imported):
        imported.report.note("the file names no server: add --base-url when you import, check or run")
    return imported


def written(imported: Imported, kind: Kind, where: str, out: str) -> str:
    """The text of the scenario."""
    return source_of(imported, kind.value, where, out)


def base_url_is_missing(imported: Imported) -> bool:
    """Whether a scenario needs `--base-url` to run."""
    return any(draft.base_url is None for draft in imported.drafts)


def guessed(file: str, text: str) -> Kind:
    """The kind of a file, by its name and what it holds.

    Raises:
        ImportFailed: It is none that can be imported.
    """
    start = text.lstrip()[:4096]
    name = file.lower()
    if name.endswith(".har"):
        return Kind.HAR
    if name.endswith((".js", ".ts", ".mjs")) or "export const options" in text:
        return Kind.K6_OPTIONS
    if start.startswith("{") and ("schema.getpostman.com" in text or '"_postman_id"' in text):
        return Kind.POSTMAN
    if re.search(r"""^\s*["']?(?:openapi|swagger)["']?\s*:""", start, re.MULTILINE):
        return Kind.OPENAPI
    if start.startswith("{") and '"log"' in start and '"entries"' in text:
        return Kind.HAR
    if "curl" in text.lower() and not start.startswith("{"):
        return Kind.CURL
    raise ImportFailed(
        f"it is not clear what {file} is", hint=f"name its kind: loadcore import {'|'.join(Kind)} {file}"
    )
