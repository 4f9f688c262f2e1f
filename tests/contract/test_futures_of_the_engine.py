"""What is awaited of the engine: calls, and turns of users."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadcore.engine import Crossing


def ended_calls(crossing: Crossing, count: int) -> list[Any]:
    """This number of calls that have ended."""
    user = crossing.user(0, 1)
    user.join()
    asked = [user.wait(0) for _ in range(count)]
    crossing.flush()
    ended: list[Any] = []
    while len(ended) < count:
        assert select.select([crossing.fileno()], [], [], 10)[0], "no answer within ten seconds"
        ended += [taken for taken in crossing.take() if type(taken) is not tuple]
    assert {id(call) for call in ended} == {id(call) for call in asked}
    return ended


def test_a_caught_end_of_a_call_stays_what_it_was(crossing: Crossing) -> None:
    """Code that steps calls by hand may keep what it caught: the end of another call does not change it."""
    calls = ended_calls(crossing, 3)
    kept = []
    for call in calls:
        try:
            next(call.__await__())
        except StopIteration as end:
            kept.append(end)
    assert [end.value is call for end, call in zip(kept, calls, strict=True)] == [True, True, True]


def test_a_caught_end_does_not_grow(crossing: Crossing) -> None:
    """A call may be asked for its end again and again: the traceback stays one frame deep."""
    (call,) = ended_calls(crossing, 1)
    depths = []
    for _ in range(3):
        try:
            next(call.__await__())
        except StopIteration as end:
            trace, depth = end.__traceback__, 0
            while trace is not None:
                trace, depth = trace.tb_next, depth + 1
            depths.append(depth)
    assert depths == [1, 1, 1]
