"""Situations in which the client is the limit: its own limits, its own work, or what others leave to it."""

from __future__ import annotations

from loadcore import Http, Scenario, arrival_rate, get, response, think, user_stages, users
from tests.verdict.laws import Delay
from tests.verdict.situation import Expected, Named, Situation, Surroundings, Target

_AT_ONCE = Target(Delay(0))
_5_MS = Target(Delay(5))
_10_MS = Target(Delay(10))
_ITEMS = 6000
_LARGE = Target(Delay(0), ("--items", str(_ITEMS)))
# What looks through all of a long body is CPU that checks cost.
_CHECKS = [response.json(f"$.items[?@ > {_ITEMS - number}]").exists() for number in (2,)]

_CPU = Named("client", r"\bcpu\b|\bcores?\b")
_LATE = Named("client", r"late|lag|stall|stopped|did not run|own delay|cpu|core")
_QUOTA = Named("client", r"throttl|quota|cgroup|control group")
_OTHERS = Named("other programs", r"cpu|core|machine")
_REFUSED = 104
_INVALID = 111


def _closed(count: int, *, pause: str = "", seconds: int = 6) -> Scenario:
    steps = [get("/items"), *([think(pause)] if pause else [])]
    return Scenario("items", load=users(count, duration=f"{seconds}s"), steps=steps)


def _open(rate: str, *, seconds: int = 6) -> Scenario:
    return Scenario("items", load=arrival_rate(rate, duration=f"{seconds}s"), steps=[get("/items")])


def _disturbed(key: str, title: str, scenario: Scenario, around: Surroundings, named: Named) -> Situation:
    """One whose target answers in 5 ms, and whose client has not the CPU it needs."""
    expected = Expected(named=(named,), needs_effect=True, may_blame=frozenset({"client", "other programs"}))
    starved = not key.endswith("open")
    return Situation(key, title, scenario, _5_MS, expected, around, starved=starved)


_TWO_HOGS = Surroundings(hogs=2)
_FEW_PORTS = (50_000, 50_499)
_KEPT = Http(reuse="user")
_NEW_CONNECTIONS = Http(reuse="request")
_HEAVY = [get("/items", checks=_CHECKS)]


_OWN_LIMITS = (
    Situation(
        "a-closed",
        "the client may have 256 descriptors, 500 users",
        _closed(500, pause="100ms"),
        _5_MS,
        Expected(frozenset({_REFUSED}), (Named("client", r"open files|descriptors", remedy="ulimit"),)),
        Surroundings(open_files=256),
        truth="none",
    ),
    Situation(
        "a-enough",
        "the client may have 256 descriptors, 100/s of 5 ms: one user is enough",
        _open("100/s"),
        _5_MS,
        Expected(),
        Surroundings(open_files=256),
    ),
    Situation(
        "b-open",
        "a new connection for each request, 500 local ports",
        Scenario("items", load=arrival_rate("200/s", duration="6s"), steps=[get("/items")], http=_NEW_CONNECTIONS),
        _5_MS,
        Expected(frozenset({_REFUSED, _INVALID}), (Named("client", r"local ports?", remedy="ip_local_port_range"),)),
        Surroundings(local_ports=_FEW_PORTS),
        truth="none",
    ),
    Situation(
        "b-closed",
        "a new connection for each request of 20 users, 500 local ports",
        Scenario("items", load=users(20, duration="6s"), steps=[get("/items")], http=_NEW_CONNECTIONS),
        _5_MS,
        Expected(frozenset({_REFUSED, _INVALID}), (Named("client", r"local ports?", remedy="ip_local_port_range"),)),
        Surroundings(local_ports=_FEW_PORTS),
        truth="none",
    ),
    Situation(
        "b-short",
        "a new connection for each request, 500 local ports, 400 requests in all: enough",
        Scenario("items", load=arrival_rate("200/s", duration="2s"), steps=[get("/items")], http=_NEW_CONNECTIONS),
        _10_MS,
        Expected(never=r"\bports?\b"),
        Surroundings(local_ports=_FEW_PORTS),
    ),
    Situation(
        "b-kept",
        "450 connections that are kept open, 500 local ports: enough",
        Scenario(
            "items", load=user_stages((450, "3s"), (450, "3s")), steps=[get("/items"), think("3s", "5s")], http=_KEPT
        ),
        _10_MS,
        Expected(never=r"\bports?\b"),
        Surroundings(local_ports=_FEW_PORTS),
    ),
    Situation(
        "c-closed",
        "checks that cost more CPU than a core has, 20 users",
        Scenario("items", load=users(20, duration="6s"), steps=_HEAVY),
        _LARGE,
        Expected(named=(_CPU,), needs_effect=True, may_blame=frozenset({"client"})),
        Surroundings(first=True),
    ),
    Situation(
        "c-open",
        "checks that cost more CPU than a core has, 2,000 requests a second",
        Scenario("items", load=arrival_rate("2000/s", duration="6s", max_users=200), steps=_HEAVY),
        _LARGE,
        Expected(named=(_CPU,), needs_effect=True, may_blame=frozenset({"client"})),
        Surroundings(first=True),
    ),
    Situation(
        "c-most",
        "as fast as it goes with 100 connections, the client alone on a core",
        _closed(100, seconds=4),
        _AT_ONCE,
        # The engine is as fast as this server, which may fill its core as well.
        Expected(named=(_CPU,), needs_effect=True, may_blame=frozenset({"client", "target"})),
        Surroundings(cores="0", target_cores="1", first=True),
    ),
)


def _others(scale: float) -> list[Situation]:
    stopped = round(50 * scale)
    stops = Surroundings(stopped_ms=(stopped, 100))
    low, lowest = Surroundings(quota=0.15 * scale), Surroundings(quota=0.08 * scale)
    return [
        _disturbed("d-open", "two programs that want a core each, 300/s", _open("300/s"), _TWO_HOGS, _OTHERS),
        _disturbed("d-closed", "two programs that want a core each, 20 users", _closed(20), _TWO_HOGS, _OTHERS),
        _disturbed(
            "d-think",
            "two programs that want a core each, 20 users who think 50 ms",
            _closed(20, pause="50ms"),
            _TWO_HOGS,
            _OTHERS,
        ),
        _disturbed(
            "d-herd",
            "500 users who all start at once and think 500 ms",
            _closed(500, pause="500ms"),
            Surroundings(hogs=1),
            _LATE,
        ),
        _disturbed("e-quota", f"{8 * scale:.0f} % of a core by a quota, 20 users", _closed(20), lowest, _QUOTA),
        _disturbed("e-open", f"{15 * scale:.0f} % of a core by a quota, 300/s", _open("300/s"), low, _QUOTA),
        _disturbed("e-stopped", f"stopped for {stopped} ms of each 100, 20 users", _closed(20), stops, _LATE),
        _disturbed("e-stopped-open", f"stopped for {stopped} ms of each 100, 300/s", _open("300/s"), stops, _LATE),
        _disturbed(
            "e-once",
            f"stopped once for {1.5 * scale:.1f} s, 20 users who think 200 ms",
            _closed(20, pause="200ms"),
            Surroundings(stopped_once_s=(2.0, 1.5 * scale)),
            _LATE,
        ),
    ]


def situations(scale: float) -> list[Situation]:
    """Situations a to e."""
    return [*_OWN_LIMITS, *_others(scale)]
