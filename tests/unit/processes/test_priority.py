"""Work that gives way to the workers."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

from loadcore.processes import priority

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TELLING = """
import os, threading
niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
"""


def _niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_imports_give_way_and_this_thread_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that imports has a lower priority; whoever waits for it keeps its own."""
    (tmp_path / "telling_module.py").write_text(TELLING, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    own = _niceness()
    priority.import_giving_way("telling_module")

    assert sys.modules.pop("telling_module").niceness == max(own, priority.NICENESS)
    assert _niceness() == own


def test_a_module_that_cannot_be_imported_is_left_to_the_next(capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is raised or printed here: the `import` statement that follows says what is wrong."""
    priority.import_giving_way("no_such_module_at_all")
    assert capfd.readouterr() == ("", "")
