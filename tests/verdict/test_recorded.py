"""What the rules say of recorded runs of the matrix, compared with the server's log of each: no server, no load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.verdict import recorded, table
from tests.verdict.matrix import situations
from tests.verdict.scoring import score

if TYPE_CHECKING:
    from pathlib import Path

CASES = sorted(recorded.FOLDER.iterdir())


@pytest.mark.parametrize("folder", CASES, ids=[case.name for case in CASES])
def test_the_conclusion_of_a_recorded_run_is_true(folder: Path) -> None:
    """Exit code, cause and blame follow from its windows and health figures alone."""
    key, _, seed = folder.name.rpartition("-")
    situation = situations(int(seed))[key]
    observed = recorded.read(folder)
    found = score(situation, observed)
    assert found.is_right, table.line(table.Row(situation, int(seed), observed, found))


def test_sick_and_healthy_runs_are_recorded() -> None:
    """Of every part of the matrix there is one: the client's limits, the target's, and runs without fault."""
    keys = {case.name.rpartition("-")[0] for case in CASES}
    assert {"d-closed", "e-once", "f-open", "k-open", "l-open", "few-open", "aa-open", "quiet-open"} <= keys
