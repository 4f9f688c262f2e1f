"""The output about a request that was tried."""

from __future__ import annotations

import pytest

from loadcore.cli.attempt import each_cause_once

TEXT = "the body is not JSON: it begins with plain text"


def _check(name: str, cause: str) -> str:
    return f"the check `{name}` does not hold: {cause}"


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        ([], []),
        (["expected a status below 400, got 404"], ["expected a status below 400, got 404"]),
        ([_check("$.a == 1", "found 2")], [_check("$.a == 1", "found 2")]),
        (
            [_check("$.a == 1", TEXT), _check("$.b exists", TEXT), _check("status == 200", "found 503")],
            [
                f"the checks `$.a == 1` and `$.b exists` do not hold: {TEXT}",
                "the check `status == 200` does not hold: found 503",
            ],
        ),
        (
            [_check("a", TEXT), _check("b", TEXT), _check("c", TEXT), f"no value for `id`: {TEXT}"],
            [f"the checks `a`, `b` and `c` do not hold, and no value for `id`: {TEXT}"],
        ),
        ([f"no value for `id`: {TEXT}"], [f"no value for `id`: {TEXT}"]),
    ],
)
def test_a_cause_is_told_once(reasons: list[str], told: list[str]) -> None:
    """Checks that fail for one reason are one line; different reasons stay apart, in their order."""
    assert each_cause_once(reasons) == told
