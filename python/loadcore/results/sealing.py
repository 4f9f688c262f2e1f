"""The end of a run's folder: the summary, then the manifest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loadcore.results import manifest, summary
from loadcore.results.run_folder import RunFolder, write_durably
from loadcore.results.summary import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadcore.results.writer import FileFacts

__all__ = ["Parts", "seal"]


def seal(folder: RunFolder, parts: Parts, windows: Sequence[FileFacts], say: Callable[[str], None]) -> dict[str, Any]:
    """Write the summary and, last, the manifest. What cannot be written is said; the summary is given in any case."""
    document = summary.build(parts)
    files = [*windows, *(facts for end in parts.end.workers for facts in end.files)]
    folder.release()
    try:
        write_durably(folder.summary, json.dumps(document, indent=2) + "\n")
        manifest.seal(folder, json.loads(parts.start.to_json()), files)
    except OSError as problem:
        say(f"the run folder {folder.path} is not complete: {problem.strerror or problem}")
    return document
