"""Windows added up: live, at the end, and from disk."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.engine import Histogram, ScenarioInfo, StepInfo
from loadcore.judge.thresholds.evaluation import ThresholdState, evaluate
from loadcore.judge.thresholds.grammar import parse
from loadcore.judge.thresholds.scope import defaults, resolve
from loadcore.results.sum.measured import Measured
from loadcore.results.sum.spans import SteadySpan
from loadcore.results.sum.thresholds import evaluate_all
from loadcore.results.sum.totals import Totals
from loadcore.results.write.windows_file import PLAIN
from tests.contract.test_core_histogram import encoded
from tests.unit.results.numbers import DESCRIPTION, START

MS = 1_000_000
SECOND = 1_000_000_000
UNPLANNED = ScenarioInfo("shop", "closed", None, None, 0)


def step(times_ms: list[int], name: str = "GET /items", **fields: Any) -> dict[str, Any]:
    """A window of a step whose requests took this long."""
    section = "auth" if name == "token" else "main"
    durations = encoded([1000 * time for time in times_ms])
    row: dict[str, Any] = {"kind": "step", "scenario": "shop", "name": name, "section": section, "method": "GET"}
    row |= {"count": len(times_ms), "errors": 0, "attempts": len(times_ms)}
    row |= {"asked": len(times_ms), "started": len(times_ms), "answered": len(times_ms), "failed": 0}
    row |= {"service": durations, "response": durations, "ttfb": durations}
    row |= {"service_sum_ns": MS * sum(times_ms), "response_sum_ns": MS * sum(times_ms)}
    row |= {"outcomes": [{"name": "ok", "count": len(times_ms)}], "statuses": [{"status": 200, "count": len(times_ms)}]}
    return row | fields


def scenario(**counts: int) -> dict[str, Any]:
    """A window of the scenario."""
    return {"kind": "scenario", "scenario": "shop", "name": "shop", **counts}


def batch(second: int, *rows: dict[str, Any], worker: int = 0, phase: str = "steady") -> pa.RecordBatch:
    """The windows of one second of one worker."""
    about = {"second": second, "worker": worker, "phase": phase}
    return pa.RecordBatch.from_pylist([about | row for row in rows], schema=PLAIN)


def added(*batches: pa.RecordBatch) -> Totals:
    """Totals of these windows."""
    totals = Totals(cores=2)
    for each in batches:
        totals.add(each)
    return totals


def measured(totals: Totals, ended_ns: int = 10 * SECOND) -> Measured:
    """The same as thresholds ask for them."""
    return Measured(totals, START, ended_ns)


@given(st.lists(st.tuples(st.integers(0, 1), st.lists(st.integers(1, 5000), min_size=1)), min_size=1, max_size=8))
def test_windows_add_up_to_the_whole(parts: list[tuple[int, list[int]]]) -> None:
    """However requests are spread over seconds and workers, counts, sums and quantiles are those of all together."""
    everything = [time for _, times in parts for time in times]
    one = added(batch(0, step(everything))).over().all_steps()
    many = added(*(batch(second, step(times), worker=worker) for second, (worker, times) in enumerate(parts)))
    total = many.over().all_steps()

    assert (total.requests, total.attempts, total.service_sum_ns) == (one.requests, one.attempts, one.service_sum_ns)
    assert total.outcomes == one.outcomes
    assert total.service.buckets() == one.service.buckets()
    assert total.not_sent == 0


def test_only_the_steady_phase_counts_unless_asked() -> None:
    """Warm-up and ramp-down are kept, and apart."""
    totals = added(
        batch(0, step([1]), phase="warm_up"), batch(1, step([1, 2])), batch(2, step([1, 2, 3]), phase="ramp_down")
    )

    assert totals.over().all_steps().requests == 2
    assert totals.over("warm_up").all_steps().requests == 1
    assert totals.over("warm_up", "steady", "ramp_down").all_steps().requests == 6


def test_token_calls_stand_apart() -> None:
    """A token call is in no number about the API, and can be asked for by its name."""
    totals = added(batch(0, step([900], "token"), phase="warm_up"), batch(1, step([10])))
    numbers = measured(totals)

    assert totals.over().all_steps().requests == 1
    assert numbers.quantile_ns("service", 1.0, None, None) == pytest.approx(10 * MS, rel=0.001)
    assert numbers.quantile_ns("service", 1.0, "shop", "token") == pytest.approx(900 * MS, rel=0.001)


def test_the_last_seconds_are_those_before_the_one_asked_for() -> None:
    """The live view's numbers are of a few seconds, whatever the phase, and forget what is older."""
    totals = added(*(batch(second, step([1] * (second + 1))) for second in range(20)))

    assert totals.last_second == 19
    assert totals.recent(1).all_steps().requests == 20
    assert totals.recent(5).all_steps().requests == 20 + 19 + 18 + 17 + 16
    assert totals.recent(1, until=18).all_steps().requests == 19


def test_users_are_a_gauge_and_peak_over_all_workers() -> None:
    """Users of two workers add up, the last report of each counts, the peak stays."""
    totals = added(
        batch(0, scenario(users_active=5), worker=0),
        batch(0, scenario(users_active=6), worker=1),
        batch(1, scenario(users_active=2), worker=0),
    )

    assert totals.users_active() == totals.users_active("shop") == 8
    assert totals.users_peak == {"shop": 11}


def test_checks_of_two_steps_may_share_a_name() -> None:
    """They are counted by step and name, and asked for by step."""
    check = {"kind": "check", "scenario": "shop", "name": "has items"}
    totals = added(
        batch(
            0,
            {**check, "step": "GET /items", "count": 10, "errors": 1},
            {**check, "step": "POST /orders", "count": 5, "errors": 5},
        )
    )
    numbers = measured(totals)

    assert numbers.count("checks", None, None) == 15
    assert numbers.count("checks_failed", "shop", "GET /items") == 1
    assert numbers.count("checks", "shop", "token") is None


def test_errors_are_listed_by_what_they_were_and_when() -> None:
    """A status is an error where the engine counted it as one; an outcome is, unless ok or loadcore's own doing."""
    answers = [{"status": 200, "count": 1}, {"status": 302, "count": 2}, {"status": 503, "count": 3}]
    failing: dict[str, Any] = {
        "errors": 7,
        "statuses": answers,
        "error_statuses": answers[2:],
        "outcomes": [
            {"name": "ok", "count": 6},
            {"name": "fd_limit", "count": 4},
            {"name": "interrupted", "count": 9},
        ],
    }
    totals = added(
        batch(1, step([1] * 6, **failing)),
        batch(4, step([1] * 6, **failing)),
        batch(5, step([1] * 6, "POST /orders", **failing)),
        batch(6, step([1] * 6, statuses=answers)),
    )

    def span(name: str, outcome: str, status: int) -> tuple[int, int, int] | None:
        found = totals.errors.get(("shop", "main", name, "steady", outcome, status))
        return None if found is None else (found.count, found.first_s, found.last_s)

    assert len(totals.errors) == 4
    assert sum(each.count for each in totals.errors.values()) == totals.over().all_steps().errors == 21
    assert span("GET /items", "", 503) == (6, 1, 4)
    assert span("GET /items", "fd_limit", 0) == (8, 1, 4)
    assert span("POST /orders", "", 503) == (3, 5, 5)


def test_errors_are_of_the_requests_that_ended_their_step() -> None:
    """A redirect that was followed, a 401 that was sent again and what the end of the run cut off are not answers."""
    cut_off = [{"name": "ok", "count": 9}, {"name": "interrupted", "count": 2}]
    followed = step([1] * 9, count=11, errors=2, hops=4, repeats=1, outcomes=cut_off)
    totals = added(batch(3, followed))
    total = totals.over().all_steps()

    assert (total.requests, total.judged, total.interrupted, total.unanswered, total.error_rate) == (11, 4, 2, 0, 0.5)
    assert evaluate(parse("errors.rate < 1%"), measured(totals)).value == 0.5
    assert evaluate(parse("requests.count > 1"), measured(totals)).value == 9


def test_what_was_cut_off_alone_is_no_data() -> None:
    """Nothing is known of the target."""
    totals = added(batch(3, step([], count=3, outcomes=[{"name": "interrupted", "count": 3}])))

    assert evaluate(parse("errors.rate < 1%"), measured(totals)).state is ThresholdState.NO_DATA


def test_requests_never_sent_stand_in_no_time() -> None:
    """They count, apart from those that were sent."""
    refused = step([], outcomes=[{"name": "connect_refused", "count": 7}], statuses=[], count=7, errors=7, not_sent=7)
    total = added(batch(0, refused, step([5]))).over().all_steps()

    assert (total.requests, total.not_sent, total.service.count, total.error_rate) == (8, 7, 1, 7 / 8)


def test_workers_and_machine_are_kept_apart_from_load() -> None:
    """Health is summed for each worker, foreign CPU for the machine."""
    health: dict[str, Any] = {
        "kind": "worker",
        "cpu_ns": SECOND // 2,
        "wall_ns": SECOND,
        "process_cpu_ns": SECOND,
        "open_fds": 9,
    }
    health |= {"lag": encoded([100]), "lag_max_ns": 5, "fd_limit": 99}
    machine = {"kind": "worker", "wall_ns": SECOND, "foreign_cpu_ns": SECOND + SECOND // 2}
    totals = added(
        batch(0, health),
        batch(1, health | {"cpu_ns": SECOND}),
        batch(0, machine, worker=-1),
        batch(1, machine, worker=-1),
    )
    worker = totals.workers[0]

    assert set(totals.workers) == {0}
    assert (worker.cpu_ns, worker.wall_ns, worker.cpu_ratio_max) == (SECOND + SECOND // 2, 2 * SECOND, 1.0)
    assert (worker.lag.count, worker.open_fds_max, worker.fd_limit) == (2, 9, 99)
    assert totals.machine.foreign_cores_max == 1.5


def test_the_steady_span_ends_with_the_plan_or_the_run() -> None:
    """Rates are per second of the measured part: from the end of the warm-up to whichever end came first."""
    assert SteadySpan.of(START, 13 * SECOND).seconds == 8.0
    assert SteadySpan.of(START, 5 * SECOND).seconds == 3.0
    assert SteadySpan.of(START, 1 * SECOND).seconds == 0.0


def test_a_run_of_user_code_is_measured_from_when_to_when_the_code_says() -> None:
    """Requests over it are the sum of what workers did per second, each from its own begin to its own end.

    Code that never said that it has warmed up has measured nothing.
    """
    code = replace(START, warm_up_ns=None, description=DESCRIPTION._replace(scenarios=(UNPLANNED,)))
    worker = {"kind": "worker", "wall_ns": SECOND}
    began = [batch(0, worker | {"warm_up_ns": ns}, worker=number) for number, ns in enumerate((500 * MS, 700 * MS))]
    ends = enumerate((5_700 * MS, 5_500 * MS))
    ended = [batch(5, worker | {"ramp_down_ns": ns}, worker=number) for number, ns in ends]
    requests = 100 * (5.7 - 0.5) + 100 * (5.5 - 0.7)

    assert Measured(added(batch(0, worker)), code, 9 * SECOND).span().seconds == 0
    assert Measured(added(*began), code, 9 * SECOND).span().seconds == 8.4
    assert requests / Measured(added(*began, *ended), code, 9 * SECOND).span().seconds == pytest.approx(100 + 100)


def test_the_last_response_does_not_end_a_run_that_went_as_planned() -> None:
    """Arrivals are spread over the planned time: 49 ms less of it would make 50.7 of 50 a second."""
    assert SteadySpan.of(START, 9 * SECOND + 951 * MS, as_planned=True).seconds == 8.0
    counted = DESCRIPTION.scenarios[0]._replace(planned_iterations=9)
    start = replace(START, description=DESCRIPTION._replace(scenarios=(counted,)))

    assert SteadySpan.of(start, 5 * SECOND, as_planned=True).seconds == 3.0


def test_each_scenario_is_measured_until_its_own_end() -> None:
    """One that ends before the others has its rate of its own time."""
    short = ScenarioInfo("short", "open", 4 * SECOND, 40, 5)
    start = replace(START, description=DESCRIPTION._replace(scenarios=(*DESCRIPTION.scenarios, short)))
    measured = Measured(added(), start, 10 * SECOND, as_planned=True)

    assert (measured.seconds_of("short", None), measured.seconds_of(None, None)) == (2.0, 8.0)
    assert measured.seconds_of(None, "GET /items") == 8.0


def test_the_cpu_of_the_last_second_is_known_with_the_scrap_after_it() -> None:
    """What the engine used since the last whole second comes with a window of few milliseconds: one stretch."""
    scrap = {"kind": "worker", "cpu_ns": 779 * MS, "core_wait_ns": 100 * MS, "wall_ns": 9 * MS}
    worker = added(batch(0, {"kind": "worker", "core_wait_ns": 0, "wall_ns": 991 * MS}), batch(1, scrap)).workers[0]

    assert worker.cpu_ratio_max == 0.779
    assert (worker.second.cpu_ratio, worker.second.core_wait_ratio) == (0.779, 0.1)


def test_a_scrap_alone_has_no_cpu_ratio() -> None:
    """A run of few milliseconds has only a total."""
    worker = added(batch(0, {"kind": "worker", "cpu_ns": 12 * MS, "wall_ns": 20 * MS})).workers[0]

    assert worker.cpu_ratio_max is None
    assert worker.busiest == 0.6


def test_other_programs_are_judged_by_whole_seconds() -> None:
    """Ticks of a window of few milliseconds come to any share: it counts with what comes after it."""
    scrap = {"kind": "worker", "wall_ns": 9 * MS, "foreign_cpu_ns": 20 * MS, "client_cpu_ns": 0, "throttled_ns": 0}
    whole = scrap | {"wall_ns": 991 * MS, "foreign_cpu_ns": 480 * MS}
    machine = added(batch(0, scrap, worker=-1), batch(1, whole, worker=-1), batch(2, scrap, worker=-1)).machine

    assert machine.foreign_cores_max == 0.5
    assert machine.foreign_cpu_ns == 520 * MS


def test_the_peak_adds_up_what_was_there_at_once() -> None:
    """A worker that reports two seconds before another reports its first hides none of its users."""
    totals = added(
        batch(0, scenario(users_active=1), worker=0),
        batch(1, scenario(users_active=0), worker=0),
        batch(0, scenario(users_active=1), worker=1),
    )

    assert totals.users_peak == {"shop": 2}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("errors.rate < 1%", 0.25),
        ("errors.count < 1", 1),
        ("requests.count > 1", 4),
        ("throughput > 1/s", 0.5),
        ("service.p50 < 1s", 20 * MS),
        ("response.max < 1s", 40 * MS),
        ("ttfb.min < 1s", 10 * MS),
        ("service.mean < 1s", 25 * MS),
        ("GET /items: service.mean < 1s", 15 * MS),
        ("shop/*: requests.count > 1", 4),
        ("token: requests.count > 1", 1),
        ("users.lost < 1", 2),
        ("dropped.rate < 1%", 0.1),
        ("dropped.count < 1", 1),
    ],
)
def test_thresholds_find_their_numbers(expression: str, value: float) -> None:
    """Every metric is answered from totals."""
    totals = added(
        batch(1, step([700], "token"), scenario(users_lost=2), phase="warm_up"),
        batch(3, step([10, 20], errors=1), step([30, 40], "POST /orders")),
        batch(4, scenario(iterations_due=10, iterations_dropped=1)),
    )
    steps = [(each.scenario, each.name) for each in DESCRIPTION.steps]
    judgement = evaluate(resolve(parse(expression), steps), measured(totals))

    assert judgement.value == pytest.approx(value, rel=0.001)


@pytest.mark.parametrize(
    "expression",
    [
        "errors.rate < 1%",
        "throughput > 1/s",
        "service.p99 < 1s",
        "service.mean < 1s",
        "checks.rate > 9%",
        "dropped.rate < 1%",
    ],
)
def test_nothing_measured_is_no_data(expression: str) -> None:
    """A run without numbers passes no threshold."""
    assert evaluate(parse(expression), measured(added())).state is ThresholdState.NO_DATA


def test_a_default_without_data_is_judged_only_where_nothing_was_measured() -> None:
    """No check was made, so none failed; a threshold that the user wrote still has no data."""
    rules = [parse("checks.rate > 98%"), *defaults([], ["shop"], {"shop"})]
    busy = added(batch(3, step([10])))

    assert [entry["expression"] for entry in evaluate_all(rules, measured(added()))] == [
        rule.expression for rule in rules
    ]
    assert [(entry["expression"], entry["state"]) for entry in evaluate_all(rules, measured(busy))] == [
        ("checks.rate > 98%", "no_data"),
        ("errors.rate < 1%", "pass"),
    ]


def test_checks_of_the_start_count_whenever_they_were_made() -> None:
    """Users start in the warm-up, as a rule; their checks would be seen nowhere."""
    start = replace(START, description=DESCRIPTION._replace(steps=(*DESCRIPTION.steps, LOGIN)))
    check = {"kind": "check", "scenario": "shop", "name": "ok", "count": 4}
    totals = added(
        batch(
            0, {**check, "step": "login", "errors": 3}, {**check, "step": "GET /items", "errors": 2}, phase="warm_up"
        ),
        batch(3, {**check, "step": "GET /items", "errors": 1}),
    )

    assert evaluate(parse("checks.failed < 1"), Measured(totals, start, SECOND)).value == 4
    assert evaluate(parse("checks.rate > 1%"), Measured(totals, start, SECOND)).value == 0.5


LOGIN = StepInfo("shop", "login", "POST", "start")


def test_the_client_s_own_delay_is_added_up_beside_the_times() -> None:
    """What a window says of its delay holds for its own phase, and adds up over windows, workers and steps."""
    late: dict[str, Any] = {"delay_added": encoded([50_000]), "delay_taken": encoded([20_000])}
    totals = added(
        batch(0, step([20, 20, 50], **late)),
        batch(0, step([20]), worker=1),
        batch(1, step([50], "POST /orders")),
        batch(1, step([50], **late), phase="ramp_down"),
    )
    steady = totals.over()

    assert _times(steady.steps["shop", "main", "GET /items"].response_without_lag) == [(20, 4)]
    assert _times(steady.all_steps().response_without_lag) == [(20, 4), (50, 1)]
    assert _times(steady.all_steps().response) == [(20, 3), (50, 2)]
    assert _times(totals.over("ramp_down").all_steps().response_without_lag) == [(20, 1)]


def _times(histogram: Histogram) -> list[tuple[int, int]]:
    """Milliseconds, and how often."""
    return [(round(end_ns / MS), count) for end_ns, count in histogram.buckets()]
