"""Load models and pauses to their plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.compiler.problems import MOST_63
from loadcore.scenario.load_models import ArrivalRate, ArrivalStages, Iterations, Users, UserStages, usual_max_users
from loadcore.scenario.pauses import Pause
from loadcore.wording.kinds import shown
from loadcore.wording.units import Rate, parse_duration, parse_rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loadcore.compiler.problems import Problems
    from loadcore.plan.document import LoadPlan, RatePlan, ThinkPlan
    from loadcore.scenario.load_models import Load
    from loadcore.scenario.place import Place


def compile_load(load: Load, place: Place | None, problems: Problems) -> LoadPlan:
    """The plan of a load model; what is wrong with it is reported for `place`."""
    match load:
        case Users():
            return {
                "kind": "users",
                "users": problems.whole(place, "the number of users", load.users),
                "duration_ns": _length(load.duration, place, problems),
            }
        case UserStages():
            return {
                "kind": "user_stages",
                "start": problems.whole(place, "the number of users at the start", load.start, least=0),
                "stages": [
                    {
                        "users": problems.whole(place, "the number of users of a stage", users, least=0),
                        "duration_ns": problems.parse(place, "the length of a stage", parse_duration, duration, 0),
                    }
                    for users, duration in _stages(load.stages, "users", place, problems)
                ],
            }
        case ArrivalRate():
            rate = _rate(load.rate, place, problems)
            if rate.count == 0:
                problems.add(place, f"an arrival rate of {load.rate} starts nothing")
            return {
                "kind": "arrival_rate",
                "rate": _rate_plan(rate),
                "duration_ns": _length(load.duration, place, problems),
                "max_users": _max_users(load.max_users, [rate], place, problems),
                "arrivals": problems.member(place, "arrivals", load.arrivals, ("even", "poisson")),
            }
        case ArrivalStages():
            start = _rate(load.start, place, problems)
            stages = [
                (
                    _rate(rate, place, problems),
                    problems.parse(place, "the length of a stage", parse_duration, length, 0),
                )
                for rate, length in _stages(load.stages, "rate", place, problems)
            ]
            return {
                "kind": "arrival_stages",
                "start": _rate_plan(start),
                "stages": [{"rate": _rate_plan(rate), "duration_ns": length} for rate, length in stages],
                "max_users": _max_users(load.max_users, [start, *(rate for rate, _ in stages)], place, problems),
                "arrivals": problems.member(place, "arrivals", load.arrivals, ("even", "poisson")),
            }
        case Iterations():
            return _iterations(load, place, problems)
        case _:
            hint = 'write load=users(50, duration="60s"), or another of the load models'
            problems.add(place, f"load is {shown(load)}: it must be a load model", hint)
            return {"kind": "users", "users": 1, "duration_ns": 1}


def compile_pause(pause: Pause, what: str, place: Place | None, problems: Problems) -> ThinkPlan:
    """The plan of a pause."""
    if not isinstance(pause, Pause):
        problems.add(place, f"{what} is {shown(pause)}: it must be a pause", 'write every("5s")')
        return {"distribution": "constant", "ns": 0}
    given = (pause.shortest is not None, pause.longest is not None, pause.mean is not None)
    if given == (False, False, True):
        return {
            "distribution": "exponential",
            "mean_ns": problems.parse(place, f"the mean of {what}", parse_duration, pause.mean, 0),
        }
    if not given[0] or given[2]:
        problems.add(
            place, f"{what} takes one length, two lengths, or a mean", 'write "2s", or "1s", "3s", or mean="2s"'
        )
        return {"distribution": "constant", "ns": 0}
    shortest = problems.parse(place, what, parse_duration, pause.shortest, 0)
    if pause.longest is None:
        return {"distribution": "constant", "ns": shortest}
    longest = problems.parse(place, what, parse_duration, pause.longest, shortest)
    if longest < shortest:
        problems.add(
            place, f"{what} goes from {pause.shortest} down to {pause.longest}: write the shorter length first"
        )
    return {"distribution": "uniform", "min_ns": shortest, "max_ns": longest}


def _iterations(load: Iterations, place: Place | None, problems: Problems) -> LoadPlan:
    shared = load.total is not None
    if shared == (load.each is not None):
        problems.add(place, "iterations takes either `total` or `each`")
        number = 1
    else:
        given = load.total if shared else load.each
        number = problems.whole(place, "the number of iterations", given, most=MOST_63)
    return {
        "kind": "iterations",
        "users": problems.whole(place, "the number of users", load.users),
        "iterations": number,
        "scope": "shared" if shared else "per_user",
        "max_duration_ns": _length(load.max_duration, place, problems),
    }


def _length(duration: object, place: Place | None, problems: Problems) -> int:
    """A duration that may not be zero, nor missing."""
    if duration is None:
        problems.add(place, "the load has no duration", 'write duration="60s", or give --duration 60s')
        return 1
    length = problems.parse(place, "the duration", parse_duration, duration, 1)
    if length == 0:
        problems.add(place, "a duration of 0s is not a load")
    return length


def _stages(
    stages: Sequence[object], what: str, place: Place | None, problems: Problems
) -> list[tuple[object, object]]:
    """Pairs, whatever was given."""
    if not stages:
        problems.add(place, "the load model has no stages")
    pairs: list[tuple[object, object]] = []
    for stage in stages:
        match stage:
            case (end, length):
                pairs.append((end, length))
            case _:
                problems.add(place, f"a stage is {shown(stage)}: it must be a pair of {what} and length")
    return pairs


def _rate(rate: object, place: Place | None, problems: Problems) -> Rate:
    return problems.parse(place, "the arrival rate", parse_rate, rate, Rate(1, 1_000_000_000))


def _rate_plan(rate: Rate) -> RatePlan:
    return {"count": rate.count, "per_ns": rate.per_ns}


def _max_users(given: int | None, rates: Iterable[Rate], place: Place | None, problems: Problems) -> int:
    """How many users there may be, unless said otherwise as usual."""
    if given is not None:
        return problems.whole(place, "max_users", given)
    return usual_max_users(max(rate.per_second for rate in rates))
