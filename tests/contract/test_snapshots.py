"""What objects had in them when they were looked at, what was found for a call, and what was counted."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.engine import CallSites, Snapshot, Tally

if TYPE_CHECKING:
    from collections.abc import Callable


def looked_at() -> tuple[SimpleNamespace, Snapshot]:
    """An object, and how it was."""
    it = SimpleNamespace(url="/", auth=None, fields={"a": "1"}, hooks=["h"], other=1)
    return it, Snapshot(vars(it), {"url", "auth", "fields", "absent"}, [it.fields, it.hooks])


CHANGES: dict[str, Callable[[Any], object]] = {
    "another string": lambda it: setattr(it, "url", "/b"),
    "another value": lambda it: setattr(it, "auth", ("a", "b")),
    "another dictionary": lambda it: setattr(it, "fields", {}),
    "was absent": lambda it: setattr(it, "absent", None),
    "not named": lambda it: setattr(it, "another", None),
    "is absent": lambda it: delattr(it, "auth"),
    "another item": lambda it: it.fields.update(a="2"),
    "one item more": lambda it: it.fields.update(b="2"),
    "no item": lambda it: it.fields.clear(),
    "another key": lambda it: it.fields.update(b=it.fields.pop("a")),
    "longer list": lambda it: it.hooks.append("i"),
    "empty list": lambda it: it.hooks.clear(),
    "another element": lambda it: it.hooks.__setitem__(0, "i"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_seen(change: Callable[[Any], object]) -> None:
    """Of each attribute that was named, of new ones, and of all containers that were watched."""
    it, snapshot = looked_at()
    assert snapshot.holds(vars(it))
    change(it)
    assert not snapshot.holds(vars(it))


def test_what_was_not_named_may_change() -> None:
    """Other attributes that are there already, and what is as it was again."""
    it, snapshot = looked_at()
    it.other, it.hooks = 2, ["elsewhere"]
    it.fields["b"] = 1
    del it.fields["b"]
    assert snapshot.holds(vars(it))


def test_a_snapshot_does_not_keep_a_circle_alive() -> None:
    """The garbage collector sees what it holds."""

    class Node:
        """Something that knows its own snapshot."""

    node = Node()
    node.__dict__["me"] = [node]
    node.__dict__["seen"] = Snapshot(vars(node), {"me"}, [node.__dict__["me"]])
    gone = weakref.ref(node)
    del node
    gc.collect()
    assert gone() is None


OWNER, HEADERS = object(), {"A": "1", "B": "2"}
CALL: dict[str, Any] = {
    "owner": OWNER,
    "url": "/a",
    "method": "GET",
    "name": None,
    "hold": 1,
    "kind": None,
    "options": {"headers": HEADERS, "timeout": 5},
}


@pytest.mark.parametrize(
    "other",
    [
        {"owner": CallSites},
        {"url": "/b"},
        {"url": b"/a"},
        {"url": []},
        {"method": "POST"},
        {"name": "a"},
        {"hold": 2},
        {"kind": "json"},
        {"options": {}},
        {"options": {"headers": HEADERS}},
        {"options": {"headers": HEADERS, "timeout": 6}},
        {"options": {"headers": {**HEADERS, "B": "3"}, "timeout": 5}},
        {"options": {"headers": {"A": "1"}, "timeout": 5}},
        {"options": {"headers": None, "timeout": 5}},
        {"options": {"headers": HEADERS, "timeout": 5, "verify": False}},
    ],
    ids=repr,
)
def test_another_call_finds_nothing(other: dict[str, Any]) -> None:
    """Whatever of it is different. The call itself finds what was kept, whichever objects its words are."""
    sites, found = CallSites(), object()
    sites.keep(**CALL, found=found)
    same = {**CALL, "url": "".join(["/", "a"]), "options": {"headers": {"A": "1", "B": "".join(["2"])}, "timeout": 5}}
    assert sites.find(**same) is found
    assert sites.find(**{**CALL, **other}) is None


def test_headers_that_change_afterwards_are_other_headers() -> None:
    """User code may use one dictionary for all calls."""
    sites, headers = CallSites(), {"A": "1"}
    call = {**CALL, "options": {"headers": headers}}
    sites.keep(**call, found=1)
    headers["A"] = "2"
    assert sites.find(**call) is None
    headers["A"] = "1"
    assert sites.find(**call) == 1


def test_more_calls_than_places() -> None:
    """Each finds its own, or nothing."""
    sites = CallSites()
    calls = [{**CALL, "url": f"/{number}"} for number in range(5_000)]
    for number, call in enumerate(calls):
        sites.keep(**call, found=number)
    found = [sites.find(**call) for call in calls]
    assert all(each in {None, number} for number, each in enumerate(found))
    assert sum(each is not None for each in found) > 500


def test_a_tally_says_when_it_has_something_and_when_that_is_much() -> None:
    """It is in the list once, until it was taken; then it begins again."""
    filled: list[object] = []
    tally = Tally("key", filled)
    assert (tally.take(100)[:3], filled) == ((0, 0, 0), [])
    assert not tally.add(1.5, 10)
    assert not tally.add(None, 5)
    assert filled == ["key"]
    assert tally.take(100)[:3] == (1, 1, 15)
    filled.clear()
    assert not tally.add(None, 0)
    assert filled == ["key"]
    assert [tally.add(1.0, 0) for _ in range(2_048)] == [False] * 2_047 + [True]


def test_a_tally_rounds_as_python_does() -> None:
    """Halves to even, below a limit; what is above stays as it is."""
    times = [0.0, 0.5, 1.5, 2.5, 2.51, 99.5, 99.99, 100.0, 2_345.6]
    tally = Tally("key", [])
    for time_ms in times:
        tally.add(time_ms, 1)
    timed, untimed, size, total_ms, shortest_ms, longest_ms, whole, others = tally.take(100)
    assert (timed, untimed, size) == (len(times), 0, len(times))
    assert total_ms == pytest.approx(sum(times))
    assert (shortest_ms, longest_ms) == (0.0, 2_345.6)
    assert whole == Counter(round(time_ms) for time_ms in times if time_ms < 100)
    assert others == [100.0, 2_345.6]
    tally.add(7.0, 1)
    assert tally.take(0)[-2:] == ({}, [7.0])
