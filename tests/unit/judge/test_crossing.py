"""When thresholds were crossed, and where a run broke."""

from __future__ import annotations

import pytest

from loadcore.judge.crossing import Stretch, behind, crossing, first_break

SECONDS = [(float(second), float(second + 1)) for second in range(10)]


def states(text: str) -> list[bool | None]:
    """`x` crossed, `.` not, `-` nothing to judge."""
    return [{"x": True, ".": False, "-": None}[each] for each in text]


@pytest.mark.parametrize(
    ("text", "stretches", "until_the_end", "lasting"),
    [
        ("....xxxxxx", [(4, 10)], True, True),
        (".x..xxx...", [(4, 7)], False, True),
        (".x....xx..", [(1, 2), (6, 8)], False, False),
        ("..x-x-x---", [(2, 7)], True, True),
        (".........x", [(9, 10)], True, False),
        ("xxx....x..", [(0, 3)], False, True),
    ],
)
def test_a_crossing_lasts_for_three_seconds(
    text: str, stretches: list[tuple[int, int]], *, until_the_end: bool, lasting: bool
) -> None:
    """Shorter ones count only where none lasts; a second without data is not a break."""
    found = crossing("p95 < 1s", SECONDS, states(text))
    assert found is not None
    assert [(each.from_s, each.to_s) for each in found.stretches] == stretches
    assert (found.until_the_end, found.lasting) == (until_the_end, lasting)


@pytest.mark.parametrize("text", ["..........", "----------"])
def test_what_never_was_crossed_has_no_crossing(text: str) -> None:
    """Neither where it held nor where there was nothing to judge."""
    assert crossing("p95 < 1s", SECONDS, states(text)) is None


def test_a_long_moment_is_long_enough_alone() -> None:
    """Of a run of hours, one moment is more than three seconds."""
    found = crossing("p95 < 1s", [(0.0, 60.0), (60.0, 120.0)], states(".x"))
    assert found is not None
    assert found.lasting
    assert found.stretches == (Stretch(60.0, 120.0),)


def test_the_run_broke_where_the_first_failed_threshold_was_crossed() -> None:
    """One that holds over the whole run did not break it, though it was crossed before."""
    found = {
        name: each
        for name, text in {"a": "..xxx.....", "b": "....xxxxxx", "c": "......xxxx", "d": ".x........"}.items()
        if (each := crossing(name, SECONDS, states(text))) is not None
    }
    assert first_break(found, ["c", "b"]) == found["b"]
    assert first_break(found, ["d"]) is None
    assert first_break(found, []) is None


def test_a_target_is_behind_once_more_is_missing_than_it_may_take() -> None:
    """Requests of the last moments cannot be answered yet; a queue that grows is seen all the same."""
    asked = [100] * 10
    steady = [50, *[100] * 9]
    assert not any(behind(SECONDS, asked, steady, quick_s=0.5))
    falling = [100, 100, 100, 60, 60, 60, 60, 60, 60, 60]
    late = behind(SECONDS, asked, falling, quick_s=0.1)
    assert late == [False] * 3 + [True] * 7
    caught_up = [100, 100, 60, 140, 100, 100, 100, 100, 100, 100]
    assert [place for place, each in enumerate(behind(SECONDS, asked, caught_up, quick_s=0.1)) if each] == [2]


def test_a_few_missing_requests_are_not_a_backlog() -> None:
    """As of a threshold over the whole run, some may be missing."""
    assert not any(behind(SECONDS, [10] * 10, [7, *[10] * 9], quick_s=0.0))
