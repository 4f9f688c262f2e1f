"""The end of a run's folder: the summary, then the manifest."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loadcore.results.run_folder import RunFolder, write_durably
from loadcore.results.sum import summary
from loadcore.results.write import manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from loadcore.results.run_facts import FileFacts, WorkerEnd
    from loadcore.results.sum.parts import Parts


def kept(folder: RunFolder, end: WorkerEnd) -> WorkerEnd:
    """The end of a worker, with the rows of files that are not there any more counted as lost."""
    here = [facts for facts in end.files if facts.stored is None]
    gone = [facts for facts in here if _size_of(folder.path / facts.name) != facts.bytes]
    if not gone:
        return end
    return replace(
        end,
        files=tuple(facts for facts in end.files if facts not in gone),
        rows_lost=end.rows_lost + sum(facts.rows for facts in gone),
        rows_gone=sum(facts.rows for facts in gone),
        disk_problem=end.disk_problem or f"{gone[0].name} was removed or changed during the run",
    )


def missing(folder: RunFolder, files: Sequence[FileFacts]) -> str | None:
    """Why these files are not all there, in one sentence; None if they are."""
    gone = [facts.name for facts in files if _size_of(folder.path / facts.name) != facts.bytes]
    return f"{', '.join(gone)} was removed or changed during the run" if gone else None


def seal(folder: RunFolder, parts: Parts, windows: Sequence[FileFacts], say: Callable[[str], None]) -> dict[str, Any]:
    """Write the summary and, last, the manifest.

    A write error is reported and makes the run invalid; the summary is given in any case.
    """
    document = summary.build(parts)
    files = [*windows, *(facts for end in parts.end.workers for facts in end.files)]
    try:
        folder.release()
        _write_summary(folder, document)
        folder.samples.unlink(missing_ok=True)
        manifest.seal(folder, json.loads(parts.start.to_json()), files)
    except OSError as problem:
        why = f"the run folder {folder.path} is not complete: {problem.strerror or problem}"
        say(why)
        document = summary.build(replace(parts, end=replace(parts.end, not_sealed=why)))
        # A summary that promises more than there is must not stay.
        with contextlib.suppress(OSError):
            folder.summary.unlink(missing_ok=True)
            _write_summary(folder, document)
    return document


def _write_summary(folder: RunFolder, document: dict[str, Any]) -> None:
    write_durably(folder.summary, json.dumps(document, indent=2) + "\n")


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
