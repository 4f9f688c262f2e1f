"""Situations in which the target, or the plan, is the limit: the client has all it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from loadcore import Http, Scenario, Timeouts, Tls, arrival_rate, get, post, think, users
from tests.verdict.laws import Busy, Delay, Phases, RateLimit, Slots, Stalls
from tests.verdict.situation import Expected, Figure, Named, Situation, Surroundings, Target

if TYPE_CHECKING:
    from loadcore.step import Step

_GREEN = frozenset({0})
_CROSSED = frozenset({99})
_ITEMS = [get("/items")]
_PATIENT = Http(timeouts=Timeouts(total="20s"))


def _closed(count: int, steps: list[Step] | None = None, *, seconds: int = 6, http: Http = _PATIENT) -> Scenario:
    return Scenario("items", load=users(count, duration=f"{seconds}s"), steps=steps or _ITEMS, http=http)


def _open(
    rate: str, steps: list[Step] | None = None, *, max_users: int | None = None, seconds: int = 6, http: Http = _PATIENT
) -> Scenario:
    load = arrival_rate(rate, duration=f"{seconds}s", max_users=max_users)
    return Scenario("items", load=load, steps=steps or _ITEMS, http=http)


def _slow(
    key: str,
    title: str,
    scenario: Scenario,
    target: Target,
    *named: Named,
    exits: frozenset[int] = _GREEN,
    may_blame: frozenset[str] = frozenset(),
    truth: Literal["server", "front", "none"] = "server",
) -> Situation:
    expected = Expected(exits, named, may_blame=may_blame | {"target"})
    return Situation(key, title, scenario, target, expected, truth=truth)


_DESCRIPTORS = Target(Delay(5), ("--open-files", "64"))
_BURNS_5_MS = Target(Busy(cpu_ms=5), ("--normal-priority",))
_TEN_SLOTS = Target(Slots(10, 100))
_FULL_QUEUE = Target(Busy(held_ms=30), ("--backlog", "1", "--close"))
_LIMITER = Target(RateLimit(100, ms=20, refusal_ms=10))
_POOL = Target(Slots(5, 100, patience_ms=500))
_STALLING = Target(Stalls(every_s=3, for_s=1, ms=20))
_WRITER = Target(Delay(0, pieces=16, gap_ms=36), ("--items", "3000"))
_READER = Target(Delay(0), ("--read-bytes", "65536", "--read-gap-ms", "36"))
_UPSTREAM = Target(Delay(300), front="timing")
_UPSTREAM_UNTOLD = Target(Delay(300), front="proxy")
_UPSTREAM_TOO_SLOW = Target(Delay(3000), front="proxy", upstream_timeout_s=1)
_SLOW_PHASES = Target(Phases(every_s=4, slow_s=1.5, slow_ms=200, fast_ms=5))
_CHURN = Target(Phases(every_s=5, slow_s=2, slow_ms=200, fast_ms=5), front="tls")
_LIMITED_PHASES = Target(Phases(every_s=4, slow_s=1.5, slow_ms=600, fast_ms=200, slots=240))

_NO_DESCRIPTORS = Named("target", r"descriptor|open files|connections")
_CPU = Named("target", r"\bcpu\b|\bcores?\b", Figure(100, "%", 0.2))
_CONCURRENCY = Named("target", r"at once|at a time|concurren|in parallel|pool", Figure(10, ""))
_ACCEPT_QUEUE = Named("target", r"accept queue|backlog|SYN")
_ALLOWED_RATE = Named("target", r"rate limit|429", Figure(100, "/s"), remedy=r"retry-after")
_SLOW_UPSTREAM = Named("target", r"upstream", Figure(0.3, "s"))
_UPSTREAM_TIMEOUT = Named("target", r"504|upstream", Figure(1, "s"))
_IMPATIENT_QUEUE = Named("target", r"503", Figure(0.5, "s"))
_NO_ANSWERS = Named("target", r"stall|no answer|nobody|no response", Figure(1, "s"))
_SLOW_WRITER = Named("target", r"body|first byte|writ")
_SLOW_READER = Named("target", r"request bod|upload|read|tak(es|ing) in")
_MANY_AT_ONCE = Named("target", r"at once|at a time|concurren|in parallel|pool", Figure(240, ""))
_TOO_FEW_USERS = Named("plan", r"max_users|users")

_NEW_CONNECTIONS = Http(reuse="request", timeouts=Timeouts(connect="5s", total="10s"))
_IMPATIENT = Http(timeouts=Timeouts(total="2s"))
_UPLOAD: list[Step] = [post("/items", content=b"x" * 1_000_000)]
_PLAN = frozenset({"plan"})

TARGET = (
    _slow(
        "a2-closed",
        "the target may have 64 descriptors, 100 users who think 500 ms",
        _closed(100, [*_ITEMS, think("500ms")], http=_IMPATIENT),
        _DESCRIPTORS,
        _NO_DESCRIPTORS,
        exits=_CROSSED,
        truth="none",
    ),
    _slow(
        "a2-busy",
        "the same, users who do not think: who is served makes up for who is not",
        _closed(100, http=_IMPATIENT),
        _DESCRIPTORS,
        _NO_DESCRIPTORS,
        exits=_GREEN | _CROSSED,
        truth="none",
    ),
    _slow("f-closed", "one thread at 100 % CPU, 200/s; 20 users", _closed(20), _BURNS_5_MS, _CPU),
    _slow("f-open", "the same, asked 300/s", _open("300/s"), _BURNS_5_MS, _CPU, exits=_CROSSED),
    _slow(
        "f-few",
        "the same, asked 300/s with max_users=50",
        _open("300/s", max_users=50),
        _BURNS_5_MS,
        _CPU,
        exits=_CROSSED,
        may_blame=_PLAN,
    ),
    _slow("g-closed", "10 requests of 100 ms at once; 50 users", _closed(50), _TEN_SLOTS, _CONCURRENCY),
    _slow("g-open", "the same, asked 150/s", _open("150/s"), _TEN_SLOTS, _CONCURRENCY, exits=_CROSSED),
    _slow(
        "h-closed",
        "an accept queue of one, a new connection for each request, 33/s; 50 users",
        _closed(50, http=_NEW_CONNECTIONS, seconds=8),
        _FULL_QUEUE,
        _ACCEPT_QUEUE,
        exits=_CROSSED,
        truth="none",
    ),
    _slow(
        "h-open",
        "the same, asked 40/s",
        _open("40/s", http=_NEW_CONNECTIONS, seconds=8),
        _FULL_QUEUE,
        _ACCEPT_QUEUE,
        exits=_CROSSED,
        truth="none",
    ),
    _slow(
        "i-closed",
        "429 above 100/s; 20 users who think 50 ms",
        _closed(20, [*_ITEMS, think("50ms")]),
        _LIMITER,
        _ALLOWED_RATE,
        exits=_CROSSED,
    ),
    _slow("i-open", "429 above 100/s, asked 200/s", _open("200/s"), _LIMITER, _ALLOWED_RATE, exits=_CROSSED),
    _slow(
        "j-closed",
        "nginx before an upstream of 300 ms, whose time it tells; 20 users",
        _closed(20),
        _UPSTREAM,
        _SLOW_UPSTREAM,
        truth="front",
    ),
    _slow("j-open", "the same, asked 40/s", _open("40/s"), _UPSTREAM, _SLOW_UPSTREAM, truth="front"),
    _slow("j-untold", "the same, without that header: nobody can know", _open("40/s"), _UPSTREAM_UNTOLD, truth="front"),
    _slow(
        "j-504",
        "nginx that gives up on its upstream after 1 s; 20 users",
        _closed(20),
        _UPSTREAM_TOO_SLOW,
        _UPSTREAM_TIMEOUT,
        exits=_CROSSED,
        truth="front",
    ),
    _slow(
        "k-closed",
        "a pool of five, 50/s; who waits 500 ms gets 503; 50 users",
        _closed(50),
        _POOL,
        _IMPATIENT_QUEUE,
        exits=_CROSSED,
    ),
    _slow("k-open", "the same, asked 100/s", _open("100/s"), _POOL, _IMPATIENT_QUEUE, exits=_CROSSED),
    _slow("l-closed", "no answers for 1 s in 3; 20 users", _closed(20, seconds=8), _STALLING, _NO_ANSWERS),
    _slow("l-open", "the same, asked 100/s", _open("100/s", seconds=8), _STALLING, _NO_ANSWERS),
    _slow(
        "l-few",
        "the same, asked 100/s with max_users=20",
        _open("100/s", seconds=8, max_users=20),
        _STALLING,
        _NO_ANSWERS,
        exits=_CROSSED,
        may_blame=_PLAN,
    ),
    _slow("m-writer", "16 pieces of body, 36 ms apart; 10 users", _closed(10), _WRITER, _SLOW_WRITER),
    _slow("m-reader", "1 MB is read 64 KiB a time, 36 ms apart; 10 users", _closed(10, _UPLOAD), _READER, _SLOW_READER),
    _slow(
        "cap-40",
        "400/s, 200 ms for 1.5 s in 4, max_users=40",
        _open("400/s", max_users=40, seconds=8),
        _SLOW_PHASES,
        _TOO_FEW_USERS,
        exits=_CROSSED,
        may_blame=_PLAN,
    ),
    _slow(
        "cap-100", "the same with max_users=100, which suffices", _open("400/s", max_users=100, seconds=8), _SLOW_PHASES
    ),
    Situation(
        "churn-open",
        "200/s, a TLS handshake each, a client with one core, 200 ms for 2 s in 5",
        _open("200/s", http=Http(reuse="request", tls=Tls(insecure=True, resumption="full")), seconds=8),
        _CHURN,
        Expected(frozenset({0, 111}), may_blame=frozenset({"target"})),
        Surroundings(cores="0"),
        truth="none",
        due_in_slow_phases=200 * 4,
    ),
    Situation(
        "limit-open",
        "600/s, 240 at once, 600 ms for 1.5 s in 4",
        _open("600/s", seconds=8),
        _LIMITED_PHASES,
        Expected(_GREEN, (_MANY_AT_ONCE,), may_blame=frozenset({"target"})),
        due_in_slow_phases=600 * 3,
    ),
)
"""Situations a', f to m, and three of other studies: slow phases with a cap of users, with TLS, with a limit."""
