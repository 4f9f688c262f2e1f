"""The manifest: the contents of a run's folder, written last, so that a folder with a manifest is complete."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from loadcore.errors import ResultsError
from loadcore.results.run_folder import RunFolder, write_durably

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from loadcore.results.run_facts import FileFacts

MANIFEST_VERSION = 1

_OF_START = (
    *("run_id", "name", "tags", "revision", "started_at", "command"),
    *("plan_sha256", "seed", "versions", "limits", "machine"),
)
"""What it repeats of `run.json`."""
_BLOCK_BYTES = 1 << 20


def seal(folder: RunFolder, start: Mapping[str, Any], arrow_files: Iterable[FileFacts]) -> None:
    """Write the manifest of a run that has ended.

    Args:
        folder: The run's folder.
        start: What `run.json` says: identity, plan hash, seed, versions, limits, machine.
        arrow_files: The facts of the Arrow files, as their writers know them.

    Raises:
        OSError: It could not be written; the folder then looks like that of a killed run.
    """
    files = [facts.to_dict() for facts in arrow_files]
    files += [_facts_of(path) for path in (folder.start, folder.plan, folder.summary) if path.exists()]
    document = {
        "manifest_version": MANIFEST_VERSION,
        **{key: start.get(key) for key in _OF_START},
        "files": sorted(files, key=lambda entry: str(entry["name"])),
    }
    write_durably(folder.manifest, json.dumps(document, indent=2) + "\n")


def read(folder: RunFolder) -> dict[str, Any] | None:
    """The manifest, or None if the run has none: it is running, or was killed.

    Raises:
        ResultsError: It is not what was written.
    """
    try:
        document: dict[str, Any] = json.loads(folder.manifest.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as problem:
        raise ResultsError(f"{folder.manifest.name} cannot be read: {problem}") from problem
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(files, list) or not all(map(_is_entry, files)):
        raise ResultsError(f"{folder.manifest.name} cannot be read: it does not list files")
    return document


def _is_entry(entry: object) -> bool:
    """Whether this names a file of the folder, and says what was sealed."""
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("bytes"), int)
        and isinstance(entry.get("sha256"), str)
        and isinstance(name := entry.get("name"), str)
        and PurePath(name).name == name
    )


def check(folder: RunFolder, document: Mapping[str, Any], *, hashes: bool) -> list[str]:
    """Compare the files with the manifest; one sentence for each that differs.

    Args:
        folder: The run's folder.
        document: Its manifest.
        hashes: Also read every byte. Without it only sizes are compared, which costs nothing.
    """
    return [
        problem
        for entry in document.get("files", ())
        if entry.get("stored") is None
        and (problem := _difference(folder.path / entry["name"], entry, hashes=hashes)) is not None
    ]


def sha256_of(path: Path) -> str:
    """The hash of a file's content, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _facts_of(path: Path) -> dict[str, object]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}


def _difference(path: Path, entry: Mapping[str, Any], *, hashes: bool) -> str | None:
    if not path.exists():
        return f"{path.name} is missing"
    size = path.stat().st_size
    if size != entry["bytes"]:
        return f"{path.name} has {size} bytes, but the manifest says {entry['bytes']}"
    if hashes and sha256_of(path) != entry["sha256"]:
        return f"{path.name} has the right size but different content from when it was sealed"
    return None
