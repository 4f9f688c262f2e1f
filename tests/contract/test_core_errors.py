"""Every error of the engine has one Python class, and the class says whose fault it was."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import _core, get, group  # noqa: TID251 - the module under test
from loadcore.errors import PlanError, Problem
from tests.contract.plans import plan
from tests.unit.compiler import flows

if TYPE_CHECKING:
    from collections.abc import Callable


def started() -> _core.Engine:
    """An engine that runs."""
    engine = _core.Engine(plan(), 0, 1)
    engine.start(time.monotonic_ns(), time.time_ns() // 1_000)
    return engine


def drain(engine: _core.Engine) -> list[tuple[str, object]]:
    """All events up to the end, the end included."""
    events: list[tuple[str, object]] = []
    while not events or events[-1][0] != "end":
        event = engine.next_event(10_000)
        assert event is not None, "the engine neither ended nor said anything for ten seconds"
        events.append(event)
    return events


def test_text_that_is_no_plan_is_a_plan_error() -> None:
    """The problem says what was expected, in a form that names no Rust type."""
    with pytest.raises(PlanError) as raised:
        _core.Engine("{", 0, 1)
    assert "cannot be read" in raised.value.problems[0].message
    assert "::" not in str(raised.value)


def test_a_plan_of_another_version_is_a_plan_error() -> None:
    """The plan's version is looked at before anything else is done with it."""
    other = json.dumps({**json.loads(plan()), "version": 99})
    with pytest.raises(PlanError) as raised:
        _core.Engine(other, 0, 1)
    assert [problem.path for problem in raised.value.problems] == ["version"]


def _problems(plan_json: str) -> list[Problem]:
    """The problems that the engine finds in a plan."""
    try:
        _core.Engine(plan_json, 0, 1)
    except PlanError as error:
        return list(error.problems)
    return []


def _nested(depth: int) -> list[dict[str, Any]]:
    """A request within this many groups."""
    step: dict[str, Any] = {"kind": "request", "name": "home", "method": "GET", "url": "/"}
    for _ in range(depth):
        step = {"kind": "group", "name": "g", "steps": [step]}
    return [step]


def test_bounds_are_those_that_the_package_checks() -> None:
    """The compiler and the engine refuse the same: what one lets through, the other does."""
    most = _core.MAX_DEPTH
    assert _problems(plan(steps=_nested(most))) == []
    problem, *_ = _problems(plan(steps=_nested(most + 1)))
    assert problem.message == f"steps are nested more than {most} deep"
    assert flows.problems(flows.scenario(_groups(most))) == []
    assert flows.problems(flows.scenario(_groups(most + 1))) == [problem.message]


def _groups(depth: int) -> Any:
    """The same as declarations."""
    inner: Any = get("/")
    for _ in range(depth):
        inner = group("g", [inner])
    return inner


def test_too_many_redirects_are_one_problem() -> None:
    """Of the run or of a request: said where they are written, once."""
    text = json.loads(plan(steps=_nested(0) * 2))
    text["http"]["max_redirects"] = _core.MAX_REDIRECTS + 1
    (problem,) = _problems(json.dumps(text))
    assert (problem.path, problem.message) == ("http.max_redirects", "at most 10 redirects are followed")
    own = [{**step, "max_redirects": _core.MAX_REDIRECTS + 1} for step in _nested(0)]
    (problem,) = _problems(plan(steps=own))
    assert problem.path == "scenarios[0].steps[0].max_redirects"


@pytest.mark.parametrize(
    ("expected", "act"),
    [
        pytest.param(ValueError, lambda: _core.Engine(plan(), 1, 1), id="share 1 of 1"),
        pytest.param(ValueError, lambda: _core.Engine(plan(), 0, 0), id="share 0 of 0"),
        pytest.param(ValueError, lambda: _core.Histogram.decode(b"noise"), id="decode noise"),
        pytest.param(ValueError, lambda: _core.Histogram().add_encoded(b""), id="add nothing"),
        pytest.param(ValueError, lambda: _core.Histogram().quantile(1.1), id="a quantile of 1.1"),
        pytest.param(
            ValueError, lambda: _core.Histogram().quantile(float("nan")), id="a quantile that is not a number"
        ),
        pytest.param(RuntimeError, lambda: _core.Engine(plan(), 0, 1).next_event(0), id="read before the start"),
    ],
)
def test_misuse_raises_pythons_own_exceptions(expected: type[Exception], act: Callable[[], object]) -> None:
    """Arguments out of range are ValueErrors, calls out of order are RuntimeErrors."""
    with pytest.raises(expected):
        act()


def test_an_engine_starts_once() -> None:
    """A second start is refused, and the first one continues."""
    engine = started()
    with pytest.raises(RuntimeError, match="started already"):
        engine.start(time.monotonic_ns(), time.time_ns() // 1_000)
    assert drain(engine)[-1][0] == "end"


def test_an_engine_in_a_forked_child_is_refused() -> None:
    """Threads do not survive a fork, so the child gets an error instead of waiting forever."""
    engine = started()
    child = os.fork()
    if child == 0:
        try:
            engine.next_event(10_000)
        except RuntimeError as error:
            os._exit(0 if "another process" in str(error) else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    drain(engine)


def test_stop_and_interrupt_may_come_at_any_time_and_often() -> None:
    """Before the start and after the end there is nothing to stop, and that is not an error."""
    engine = _core.Engine(plan(), 0, 1)
    for act in (engine.stop, engine.interrupt):
        act()
    engine.start(time.monotonic_ns(), time.time_ns() // 1_000)
    for _ in range(3):
        engine.interrupt()
        engine.stop()
    drain(engine)
    engine.stop()
    engine.interrupt()
    assert engine.next_event(0) is None
    assert engine.next_event(60_000) is None
