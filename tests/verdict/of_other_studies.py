"""Three situations from studies of load generators: a target with slow phases, in which many of them send less."""

from __future__ import annotations

from loadcore import Http, Scenario, Tls, arrival_rate, get, think, users
from tests.verdict.laws import Phases
from tests.verdict.of_the_target import AT_ONCE, PLAN
from tests.verdict.situation import Expected, Figure, Named, Situation, Surroundings, Target

_TARGET = frozenset({"target"})
_SECONDS = 8
_QUEUED = frozenset({0, 99})
"""What a slow phase left in the queue may be answered before the end, or not."""


def _open(rate: float, *, max_users: int | None = None, http: Http | None = None) -> Scenario:
    load = arrival_rate(f"{rate:g}/s", duration=f"{_SECONDS}s", max_users=max_users)
    return Scenario("items", load=load, steps=[get("/items")], http=http)


def situations(scale: float) -> list[Situation]:
    """A cap of users, connections with TLS that are opened for each request, and a limit of the target."""
    slow_ms, few, enough = 200 * scale, round(40 * scale), round(100 * scale)
    phases = Target(Phases(every_s=4, slow_s=1.5, slow_ms=slow_ms, fast_ms=5))
    at_once, rate = round(240 * scale), 600 * scale
    limited = Target(Phases(every_s=4, slow_s=1.5, slow_ms=600, fast_ms=200, slots=at_once))
    churning = Target(Phases(every_s=5, slow_s=2, slow_ms=200, fast_ms=5), front="tls")
    handshakes = Http(reuse="request", tls=Tls(insecure=True, resumption="full"))
    too_few = Named("plan", r"max_users|\busers?\b")
    return [
        Situation(
            "cap-few",
            f"400/s, {slow_ms:.0f} ms for 1.5 s in 4, max_users={few}",
            _open(400, max_users=few),
            phases,
            Expected(frozenset({99}), (too_few,), may_blame=_TARGET | PLAN),
        ),
        Situation(
            "cap-enough",
            f"the same with max_users={enough}, which is enough",
            _open(400, max_users=enough),
            phases,
            Expected(frozenset({0}), may_blame=_TARGET),
        ),
        Situation(
            "churn-open",
            "200/s, a TLS handshake each, a client with one core, 200 ms for 2 s in 5",
            _open(200, http=handshakes),
            churning,
            Expected(frozenset({0, 111}), may_blame=_TARGET | {"client", "other programs"}),
            Surroundings(cores="0"),
            truth="none",
            due_in_slow_phases=200 * 4,
        ),
        Situation(
            "churn-closed",
            "20 users who think 50 ms, else the same",
            Scenario(
                "items", load=users(20, duration=f"{_SECONDS}s"), steps=[get("/items"), think("50ms")], http=handshakes
            ),
            churning,
            Expected(frozenset({0, 111}), may_blame=_TARGET | {"client", "other programs"}),
            Surroundings(cores="0"),
            truth="none",
        ),
        Situation(
            "limit-open",
            f"{rate:.0f}/s, {at_once} at once, 600 ms for 1.5 s in 4",
            _open(rate),
            limited,
            Expected(_QUEUED, (Named("target", AT_ONCE, Figure(at_once, "")),), may_blame=_TARGET),
            due_in_slow_phases=round(rate * 3),
        ),
    ]
