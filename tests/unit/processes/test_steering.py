"""What may be ordered of a run, and what it changes."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from loadcore.control.client import ask
from loadcore.control.wire import RefusedError, Request
from loadcore.engine import ScenarioInfo
from loadcore.errors import LimitsError, Problem
from loadcore.plan.orders import Change, Order, effective_digest
from loadcore.processes import messages
from loadcore.processes.steering import MOST_ORDERS, Steering, said
from loadcore.processes.stop_requests import StopRequests
from loadcore.processes.workers import Workers
from loadcore.results.open.opening import open_run
from tests.unit.processes.scripted import Follower, ScriptedWorker, done, supervise, window
from tests.unit.results.numbers import START

if TYPE_CHECKING:
    from pathlib import Path

S = 1_000_000_000
LOADS: dict[str, dict[str, Any]] = {
    "open": {"kind": "arrival_rate"},
    "ramp": {"kind": "user_stages"},
    "total": {"kind": "iterations"},
    "file": {"kind": "script"},
}


def steering(*names: str, require: Any = lambda _name, _change: None) -> Steering:
    """The steering of a run with these scenarios."""
    scenarios = tuple(ScenarioInfo(name, "open" if name == "open" else "closed", 10 * S, None, 5) for name in names)
    start = replace(START, loads=LOADS, description=START.description._replace(scenarios=scenarios))
    return Steering(start, 0.5, require)


def asked(text: str, scenario: str | None = None) -> Request:
    """A request for this change."""
    return Request(Change.parse(text), scenario)


def test_an_order_holds_a_moment_later() -> None:
    """By then all workers have it; each order holds after the one before."""
    one = steering("open")
    (first,) = one.take(asked("rate 300/s"), 3 * S)
    assert (first.scenario, first.change, first.at_ns) == ("open", Change("rate", "300/s"), 3 * S + 602_000_000)
    (second,) = one.take(asked("pause"), 3 * S)
    assert second.at_ns == first.at_ns + 1
    assert one.take(asked("pause"), 4 * S) == []
    (third,) = one.take(asked("rate 5/min"), 5 * S)
    assert said([third], one.waiting([third])) == "open: rate 5/min once it is resumed"
    assert one.reply([], Request()).scenarios[0]["paused"]


def test_a_change_goes_to_the_scenarios_that_it_fits() -> None:
    """A pause is for all that loadcore drives; an amount needs one scenario."""
    all_of = steering("open", "ramp", "total", "file")
    assert [order.scenario for order in all_of.take(asked("pause"), 0)] == ["open", "ramp", "total"]
    assert [order.scenario for order in all_of.take(asked("resume", "ramp"), S)] == ["ramp"]
    assert [order.scenario for order in all_of.take(asked("rate 5/s"), S)] == ["open"]
    assert [order.scenario for order in all_of.take(asked("users 7", "total"), S)] == ["total"]
    assert all_of.users == 5 + 5 + 7 + 5


@pytest.mark.parametrize(
    ("names", "request_", "message"),
    [
        (["open"], asked("users 5"), "open starts iterations at a rate, so it has no number of users to change"),
        (["ramp"], asked("rate 5/s"), "ramp has a number of users, so it has no rate to change"),
        (["ramp", "total"], asked("users 5"), '"users 5" would change several scenarios: ramp, total'),
        (["file"], asked("pause"), "Locust decides the load of this run, so it cannot be changed here"),
        (["open", "file"], asked("pause", "file"), "Locust decides the load of this run"),
        (["open"], asked("pause", "ramp"), 'the run has no scenario "ramp"'),
    ],
)
def test_what_does_not_fit_is_refused(names: list[str], request_: Request, message: str) -> None:
    """The refusal says why, and nothing has changed."""
    one = steering(*names)
    with pytest.raises(RefusedError, match=message):
        one.take(request_, 0)
    assert one.orders == []


def test_limits_of_what_can_be_ordered() -> None:
    """Not after the end, not without end, and not what this machine has no room for."""
    one = steering("ramp")
    with pytest.raises(RefusedError, match="it is too late: the run starts no more iterations"):
        one.take(asked("users 5"), 10 * S)
    for number in range(MOST_ORDERS):
        one.take(asked(f"users {number}"), S)
    with pytest.raises(RefusedError, match="a run takes at most 1,000 changes"):
        one.take(asked("pause"), S)

    def refuse(name: str, change: Change) -> None:
        raise RefusedError(f"{name}: {change} is too much")

    with pytest.raises(RefusedError, match="ramp: users 99 is too much"):
        steering("ramp", require=refuse).take(asked("users 99"), S)
    with pytest.raises(RefusedError, match="open: rate 9/s is too much"):
        steering("open", require=refuse).take(asked("rate 9/s"), S)
    assert steering("open", require=refuse).take(asked("pause"), S)


def test_a_plan_that_was_changed_is_another_one() -> None:
    """Its digest is that of the plan and of each change with its moment."""
    orders = [Order("shop", S, Change("pause")), Order("shop", 2 * S, Change("resume"))]
    digests = {effective_digest("ab", each) for each in ([], orders[:1], orders, [replace(orders[0], at_ns=2 * S)])}
    assert len(digests) == 4
    assert "ab" in digests


def test_what_is_ordered_reaches_workers_windows_and_the_summary(tmp_path: Path) -> None:
    """Each worker that still works gets the order; windows and summary keep it, also of a run that was killed."""
    loads = {"shop": {"kind": "users", "users": 10, "duration_ns": 60 * S}}
    workers = [
        ScriptedWorker(0, [window(0, 0, 10)], stop=[done(0)]),
        ScriptedWorker(1, [window(0, 1, 10), done(1)]),
    ]
    asked_for: list[str] = []

    def on_second(second: int) -> None:
        if second == 0:
            threading.Thread(target=lambda: asked_for.append(change())).start()

    def change() -> str:
        try:
            return ask(tmp_path, asked("users 20")).text
        finally:
            stops.request()

    stops, follower = StopRequests(), Follower(on_second)
    summary = supervise(tmp_path, workers, follower, stops=stops, loads=loads)
    (order,) = summary["load"]["orders"]
    assert (order["change"], order["users"], order["scenario"]) == ("users 20", 20, "shop")
    assert [change.change for change in workers[0].changes] == [{"kind": "users", "users": 20}]
    assert workers[0].changes == [messages.Change(0, round(order["at_s"] * S), {"kind": "users", "users": 20})]
    assert asked_for == [f"shop: users 20 from {order['at_s']:.1f} s on"]
    assert asked_for[0] in follower.messages
    with pa.OSFile(str(tmp_path / "windows.arrow")) as file:
        rows = [row for row in pa.ipc.open_file(file).read_all().to_pylist() if row["kind"] == "order"]
    assert [(row["scenario"], row["name"], row["worker"]) for row in rows] == [("shop", "users 20", -1)]
    assert summary["comparable_sha256"] != summary["plan_sha256"]
    for name in ("manifest.json", "summary.json"):
        (tmp_path / name).unlink()
    killed = open_run(tmp_path).summary
    assert killed["load"]["orders"] == [order]
    assert killed["comparable_sha256"] == summary["comparable_sha256"]


def test_what_a_machine_has_no_room_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every limit that is too low, and what to do; no worker hears of it."""
    found = [Problem("node a: open files", hint="ulimit"), Problem("node b: local ports", hint="widen")]
    wanted: list[int] = []

    def require_room(_workers: Workers, connections: int, _rates: Any, needs: Any) -> None:
        wanted.append(sum(needs([connections] * 2).connections))
        raise LimitsError(found)

    monkeypatch.setattr(Workers, "require_room", require_room)
    loads = {"shop": {"kind": "users", "users": 10, "duration_ns": 60 * S}}
    workers = [ScriptedWorker(number, [window(0, number, 10)], stop=[done(number)]) for number in (0, 1)]
    refusals: list[str] = []

    def on_second(second: int) -> None:
        if second == 0:
            threading.Thread(target=change).start()

    def change() -> None:
        try:
            ask(tmp_path, asked("users 30"))
        except RefusedError as refused:
            refusals.append(str(refused))
        finally:
            stops.request()

    stops = StopRequests()
    summary = supervise(tmp_path, workers, Follower(on_second), stops=stops, loads=loads)
    (refusal,) = refusals
    assert refusal.startswith('"users 30" is too much: node a: open files; node b: local ports')
    assert wanted == [30]
    assert "orders" not in summary["load"]
    assert [worker.changes for worker in workers] == [[], []]
