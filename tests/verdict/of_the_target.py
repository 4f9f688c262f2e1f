"""Situations in which the target is the limit: the client has all it needs.

Each function makes the variants of one, for a scale by which its figures are multiplied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from loadcore import Http, Scenario, Timeouts, arrival_rate, get, post, think, users
from tests.verdict.laws import Busy, Delay, RateLimit, Slots, Stalls
from tests.verdict.situation import Expected, Figure, Named, Situation, Target

if TYPE_CHECKING:
    from loadcore.scenario.step import Step

_GREEN = frozenset({0})
_CROSSED = frozenset({99})
_ITEMS = [get("/items")]
_PATIENT = Http(timeouts=Timeouts(total="20s"))


def _closed(count: int, steps: list[Step] | None = None, *, seconds: int = 6, http: Http = _PATIENT) -> Scenario:
    return Scenario("items", load=users(count, duration=f"{seconds}s"), steps=steps or _ITEMS, http=http)


def _open(rate: float, *, max_users: int | None = None, seconds: int = 6, http: Http = _PATIENT) -> Scenario:
    load = arrival_rate(f"{rate:g}/s", duration=f"{seconds}s", max_users=max_users)
    return Scenario("items", load=load, steps=_ITEMS, http=http)


def _slow(
    key: str,
    title: str,
    scenario: Scenario,
    target: Target,
    *named: Named,
    exits: frozenset[int] = _GREEN,
    may_blame: frozenset[str] = frozenset(),
    truth: Literal["server", "front", "none"] = "server",
    timeout_ms: int | None = None,
) -> Situation:
    expected = Expected(exits, named, may_blame=may_blame | {"target"})
    return Situation(key, title, scenario, target, expected, truth=truth, timeout_ms=timeout_ms)


_NEW_CONNECTIONS = Http(reuse="request", timeouts=Timeouts(connect="5s", total="10s"))
_IMPATIENT = Http(timeouts=Timeouts(total="2s"))
_UPLOAD: list[Step] = [post("/items", content=b"x" * 1_000_000)]
AT_ONCE = r"at once|at a time|concurren|in parallel|pool"
PLAN = frozenset({"plan"})


def _descriptors(scale: float) -> tuple[Situation, ...]:
    may_have = round(64 * scale)
    target = Target(Delay(5), ("--open-files", str(may_have)))
    named = Named("target", r"descriptor|open files|connections")
    return (
        _slow(
            "a2-closed",
            f"the target may have {may_have} descriptors, 100 users who think 500 ms",
            _closed(100, [*_ITEMS, think("500ms")], http=_IMPATIENT),
            target,
            named,
            exits=_CROSSED,
            timeout_ms=2000,
        ),
        _slow(
            "a2-busy",
            "the same, users who do not think: who is served makes up for who is not",
            _closed(100, http=_IMPATIENT),
            target,
            named,
            exits=_GREEN | _CROSSED,
        ),
        _slow(
            "a2-open",
            "the same, asked 150/s of 800 ms each",
            _open(150, http=_IMPATIENT),
            Target(Delay(800), target.options),
            named,
            exits=_CROSSED,
            truth="none",
        ),
    )


def _busy_thread(scale: float) -> tuple[Situation, ...]:
    asked = 300 * scale
    target = Target(Busy(cpu_ms=5 / scale), ("--normal-priority",))
    named = Named("target", r"\bcpu\b|\bcores?\b", Figure(100, "%", 0.2))
    few = _open(asked, max_users=50)
    return (
        _slow("f-closed", f"one thread at 100 % CPU, {200 * scale:.0f}/s; 20 users", _closed(20), target, named),
        _slow("f-open", f"the same, asked {asked:.0f}/s", _open(asked), target, named, exits=_CROSSED),
        _slow("f-few", "the same with max_users=50", few, target, named, exits=_CROSSED, may_blame=PLAN),
    )


def _slots(scale: float) -> tuple[Situation, ...]:
    slots, asked = round(10 * scale), 150 * scale
    target = Target(Slots(slots, 100))
    named = Named("target", AT_ONCE, Figure(slots, ""))
    return (
        _slow("g-closed", f"{slots} requests of 100 ms at once; 50 users", _closed(50), target, named),
        _slow("g-open", f"the same, asked {asked:.0f}/s", _open(asked), target, named, exits=_CROSSED),
    )


def _accept_queue(scale: float) -> tuple[Situation, ...]:
    asked = 40 * scale
    target = Target(Busy(held_ms=30 / scale), ("--backlog", "1", "--close"))
    named = Named("target", r"accept queue|backlog|SYN")
    title = f"an accept queue of one, a new connection for each request, {33 * scale:.0f}/s; 50 users"
    many, over = _closed(50, http=_NEW_CONNECTIONS, seconds=8), _open(asked, http=_NEW_CONNECTIONS, seconds=8)
    return (
        _slow("h-closed", title, many, target, named, exits=_CROSSED, truth="none"),
        _slow("h-open", f"the same, asked {asked:.0f}/s", over, target, named, exits=_CROSSED, truth="none"),
    )


def _rate_limit(scale: float) -> tuple[Situation, ...]:
    allowed, asked = 100 * scale, 200 * scale
    target = Target(RateLimit(allowed, ms=20, refusal_ms=10))
    named = Named("target", r"rate limit|429", Figure(allowed, "/s"), remedy=r"retry-after")
    thinking = _closed(20, [*_ITEMS, think("50ms")])
    title = f"429 above {allowed:.0f}/s; 20 users who think 50 ms"
    return (
        _slow("i-closed", title, thinking, target, named, exits=_CROSSED),
        _slow("i-open", f"the same, asked {asked:.0f}/s", _open(asked), target, named, exits=_CROSSED),
    )


def _upstream(scale: float) -> tuple[Situation, ...]:
    takes_ms, patience_ms = 300 * scale, round(1000 * scale)
    telling, silent = Target(Delay(takes_ms), front="timing"), Target(Delay(takes_ms), front="proxy")
    impatient = Target(Delay(4000), front="proxy", upstream_timeout_ms=patience_ms)
    named = Named("target", "upstream", Figure(takes_ms / 1000, "s"))
    gives_up = Named("target", "504|upstream", Figure(patience_ms / 1000, "s"))
    title = f"nginx before an upstream of {takes_ms:.0f} ms, whose time it tells; 20 users"
    cut = f"nginx that gives up on its upstream after {patience_ms} ms; 20 users"
    return (
        _slow("j-closed", title, _closed(20), telling, named, truth="front"),
        _slow("j-open", "the same, asked 40/s", _open(40), telling, named, truth="front"),
        _slow("j-untold", "the same, without that header: nothing tells", _open(40), silent, truth="front"),
        _slow("j-504", cut, _closed(20), impatient, gives_up, exits=_CROSSED, truth="front"),
        _slow("j-504-open", "the same, asked 40/s", _open(40), impatient, gives_up, exits=_CROSSED, truth="front"),
    )


def _pool(scale: float) -> tuple[Situation, ...]:
    patience_ms = 500 * scale
    target = Target(Slots(5, 100, patience_ms=patience_ms))
    named = Named("target", "503", Figure(patience_ms / 1000, "s"))
    title = f"a pool of five, 50/s; who waits {patience_ms:.0f} ms gets 503; 50 users"
    return (
        _slow("k-closed", title, _closed(50), target, named, exits=_CROSSED),
        _slow("k-open", "the same, asked 100/s", _open(100), target, named, exits=_CROSSED),
    )


def _stalls(scale: float) -> tuple[Situation, ...]:
    target = Target(Stalls(every_s=3, for_s=scale, ms=20))
    named = Named("target", r"stall|no answer|nobody|no response", Figure(scale, "s"))
    over, few = _open(100, seconds=7), _open(100, seconds=7, max_users=20)
    return (
        _slow("l-closed", f"no answers for {scale} s in 3; 20 users", _closed(20, seconds=7), target, named),
        _slow("l-open", "the same, asked 100/s", over, target, named),
        _slow("l-few", "the same with max_users=20", few, target, named, exits=_CROSSED, may_blame=PLAN),
    )


def _slow_bodies(scale: float) -> tuple[Situation, ...]:
    gap_ms = 36 * scale
    writer = Target(Delay(0, pieces=16, gap_ms=gap_ms), ("--items", "3000"))
    reader = Target(Delay(0), ("--read-bytes", "65536", "--read-gap-ms", str(gap_ms)))
    writes = Named("target", r"body|first byte|writ")
    reads = Named("target", r"request bod|upload|read|tak(es|ing) in")
    title = f"1 MB is read 64 KiB a time, {gap_ms:.0f} ms apart; 10 users"
    return (
        _slow("m-writer", f"16 pieces of body, {gap_ms:.0f} ms apart; 10 users", _closed(10), writer, writes),
        _slow("m-writer-open", "the same, asked 20/s", _open(20), writer, writes),
        _slow("m-reader", title, _closed(10, _UPLOAD), reader, reads),
    )


_KINDS = (
    _descriptors,
    _busy_thread,
    _slots,
    _accept_queue,
    _rate_limit,
    _upstream,
    _pool,
    _stalls,
    _slow_bodies,
)


def situations(scale: float) -> list[Situation]:
    """Situations a' (as a2) and f to m."""
    return [situation for kind in _KINDS for situation in kind(scale)]
