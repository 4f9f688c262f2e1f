"""What a stack writes down: what runs now, and what happened."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

STATE = "stack.json"
EVENTS = "events.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """A service that runs.

    Attributes:
        name: Its name.
        pid: Its PID.
        created_at: When the process was made; with the PID it names one process for ever.
        url: Where it listens.
        folder: A folder outside the stack's that belongs to it; empty if there is none.
    """

    name: str
    pid: int
    created_at: float
    url: str
    folder: str = ""


class Journal:
    """Keeps both files in the folder of the stack.

    Args:
        folder: That folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def state(self, facts: Mapping[str, Any], entries: Iterable[Entry]) -> None:
        """What runs now; replaces what was written before."""
        partial = self._folder / f"{STATE}.partial"
        partial.touch(mode=0o600)
        document = {**facts, "services": [asdict(entry) for entry in entries]}
        partial.write_text(json.dumps(document, indent=1), encoding="utf-8")
        partial.replace(self._folder / STATE)

    def event(self, name: str, **facts: object) -> None:
        """Something happened; one line of JSON with the time of the day in seconds."""
        with (self._folder / EVENTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": round(time.time(), 3), "event": name, **facts}) + "\n")


def read_state(folder: Path) -> dict[str, Any]:
    """What runs in a stack, by its own account."""
    document: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    return document


def read_events(folder: Path) -> list[dict[str, Any]]:
    """What happened in a stack, oldest first."""
    path = folder / EVENTS
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
