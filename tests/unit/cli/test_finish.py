"""The last line of a report."""

from __future__ import annotations

from typing import Any

import pytest

from loadcore.cli.finish import last_line, lenient

STRICT = "though the measurement is invalid"


@pytest.mark.parametrize(
    ("verdict", "exit_code", "line"),
    [
        ({"exit_codes": [0]}, 0, " exit 0 (pass)"),
        ({"exit_codes": [0], "suspect": ["why"]}, 0, " exit 0 (pass, suspect)"),
        ({"exit_codes": [99]}, 99, " exit 99 (threshold crossed)"),
        ({"exit_codes": [111]}, 111, " exit 111 (the measurement is invalid)"),
        ({"exit_codes": [111]}, 0, f" exit 0 (pass, {STRICT})"),
        ({"exit_codes": [111]}, 99, f" exit 99 (threshold crossed, {STRICT})"),
    ],
)
def test_the_last_line_does_not_contradict_the_head(verdict: dict[str, Any], exit_code: int, line: str) -> None:
    """A run that is headed INVALID and exits otherwise says that it is invalid."""
    assert last_line(exit_code, {"verdict": verdict}) == line


def test_lenience_leaves_one_reason_out() -> None:
    """Any other reason against the run decides."""
    assert lenient({"verdict": {"exit_codes": [111, 99]}}) == 99
    assert lenient({"verdict": {"exit_codes": [111]}}) == 0
