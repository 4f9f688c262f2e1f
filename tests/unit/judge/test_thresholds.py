"""Thresholds: read, given a scope, judged."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.judge.thresholds.abort import AbortWatch
from loadcore.judge.thresholds.evaluation import ThresholdState, evaluate
from loadcore.judge.thresholds.grammar import parse
from loadcore.judge.thresholds.scope import resolve
from loadcore.scenario.threshold import Threshold
from loadcore.wording.units import format_duration

if TYPE_CHECKING:
    from loadcore.judge.thresholds.rule import Counter, Rule, Time

STEPS = [("shop", "GET /items"), ("shop", "POST /orders"), ("admin", "GET /items"), ("admin", "login: page")]


@dataclass
class FixedTotals:
    """Totals with given values, whatever the scope, which note the scope they were asked for."""

    counts: dict[str, int] = field(default_factory=dict)
    times: dict[tuple[str, float], float] = field(default_factory=dict)
    means: dict[str, float] = field(default_factory=dict)
    seconds: float = 10.0
    ratio: float | None = None
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)

    def seconds_of(self, scenario: str | None, step: str | None) -> float:
        """What `seconds` says."""
        self.asked.append((scenario, step))
        return self.seconds

    def count(self, counter: Counter, scenario: str | None, step: str | None) -> int | None:
        """What `counts` says."""
        self.asked.append((scenario, step))
        return self.counts.get(counter)

    def answered_ratio(self, scenario: str | None) -> float | None:
        """What `ratio` says."""
        self.asked.append((scenario, None))
        return self.ratio

    def quantile_ns(self, time: Time, quantile: float, scenario: str | None, step: str | None) -> float | None:
        """What `times` says."""
        self.asked.append((scenario, step))
        return self.times.get((time, quantile))

    def mean_ns(self, time: Time, scenario: str | None, step: str | None) -> float | None:
        """What `means` says."""
        self.asked.append((scenario, step))
        return self.means.get(time)


METRICS = st.one_of(
    st.sampled_from(["errors.rate", "checks.rate", "dropped.rate"]).map(lambda name: (name, "5%", 0.05)),
    st.sampled_from(["errors.count", "users.lost", "checks.failed"]).map(lambda name: (name, "5", 5.0)),
    st.just(("throughput", "400/s", 400.0)),
    st.tuples(
        st.sampled_from(["service", "response", "ttfb"]),
        st.one_of(st.sampled_from(["min", "mean", "max"]), st.integers(1, 99).map(lambda p: f"p{p}")),
        st.integers(min_value=1, max_value=2**53),
    ).map(lambda parts: (f"{parts[0]}.{parts[1]}", format_duration(parts[2]), float(parts[2]))),
)


@given(METRICS, st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from(["", " ", "   "]), st.text(max_size=12))
def test_what_is_written_is_what_is_read(metric: tuple[str, str, float], operator: str, space: str, scope: str) -> None:
    """Metric, operator, limit and scope are read whatever spaces stand between them and whatever the step is called."""
    name, limit, value = metric
    scope = " ".join(scope.split())
    written = f"{name}{space}{operator}{space}{limit}"
    rule = parse(f"{scope}: {written}" if scope else written)
    assert (rule.metric.name, rule.operator, rule.limit, rule.scope or "") == (name, operator, value, scope)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the parser fail in any way but the one that callers handle."""
    with contextlib.suppress(ValueError):
        assert parse(text).expression == " ".join(text.split())


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", 'write it as "errors.rate < 1%"'),
        ("errors.rate", "is not a threshold"),
        ("errors.rate < 1", '1 has no unit: write "1%"'),
        ("response.p95 < 500", '500 has no unit: write "500s" or "500ms"'),
        ("throughput > 400", '400 has no unit: write "400/s" or "400/min"'),
        ("users.lost < 1%", '"1%" is not a count'),
        ("error.rate < 1%", 'did you mean "errors.rate"'),
        ("latency.p95 < 1s", 'did you mean "response.p95"'),
        ("p95 < 1s", 'did you mean "response.p95"'),
        ("p(95)<250ms", 'did you mean "response.p95"'),
        ("http_req_duration.p(99) < 1s", 'did you mean "response.p99"'),
        ("response.avg < 1s", 'did you mean "response.mean"'),
        ("http_req_failed < 1%", 'did you mean "errors.rate"'),
        ("rps > 3/s", 'did you mean "throughput"'),
        ("colour < 1", '"colour" is not a metric. Metrics are errors.rate, .*, and response, service or ttfb with p95'),
        ("errors.rate < 0.05", 'write "5%" for a share of 0.05'),
        ("errors.rate < .5", 'write "50%" for a share of .5'),
        ("response.p100 < 1s", "a percentile is between p0 and p100"),
        ("response.p0 < 1s", "a percentile is between p0 and p100"),
        ("errors.rate => 1%", "is not a comparison"),
        ("errors.rate != 1%", "is not a comparison"),
        ("response.p95 == 1s", "only counts can be compared with =="),
    ],
)
def test_thresholds_that_are_none(expression: str, message: str) -> None:
    """What is not a threshold is refused by a message that says what to write."""
    with pytest.raises(ValueError, match=message):
        parse(expression)


def test_things_that_are_no_text_are_refused() -> None:
    """A number or a tuple is not a threshold, whatever it holds."""
    for thing in (5, None, ("errors.rate", "<", "1%"), Threshold(5)):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="is not a threshold"):
            parse(thing)  # type: ignore[arg-type]


@pytest.mark.parametrize(("quantile", "name"), [(0.5, "p50"), (0.999, "p99.9"), (0.0, "min"), (1.0, "max")])
def test_statistics_are_quantiles(quantile: float, name: str) -> None:
    """A percentile asks for its share, min and max for the ends."""
    totals = FixedTotals(times={("service", quantile): 7e6})
    assert evaluate(parse(f"service.{name} < 8ms"), totals).value == 7e6


def test_the_mean_is_asked_for() -> None:
    """The mean is not a quantile."""
    assert evaluate(parse("ttfb.mean < 8ms"), FixedTotals(means={"ttfb": 9e6})).state is ThresholdState.FAIL


@pytest.mark.parametrize(
    ("expression", "value", "state"),
    [
        ("errors.rate < 1%", 0.01, ThresholdState.FAIL),
        ("errors.rate <= 1%", 0.01, ThresholdState.PASS),
        ("errors.count == 10", 10, ThresholdState.PASS),
        ("requests.count > 1000", 1000, ThresholdState.FAIL),
        ("throughput >= 100/s", 100.0, ThresholdState.PASS),
        ("throughput > 6000/min", 100.0, ThresholdState.FAIL),
        ("answered >= 99% of asked", 0.985, ThresholdState.FAIL),
        ("answered > 98%", 0.985, ThresholdState.PASS),
        ("checks.rate >= 75%", 0.75, ThresholdState.PASS),
        ("checks.failed < 5", 5, ThresholdState.FAIL),
        ("users.lost == 0", 0, ThresholdState.PASS),
        ("dropped.rate < 10%", 0.02, ThresholdState.PASS),
        ("dropped.count < 10", 4, ThresholdState.PASS),
    ],
)
def test_counters_are_judged(expression: str, value: float, state: ThresholdState) -> None:
    """Each counter is the part that its name says, compared with the limit by the operator."""
    counts = {
        "requests": 1000,
        "answered": 1000,
        "judged": 1000,
        "errors": 10,
        "checks": 20,
        "checks_failed": 5,
        "users_planned": 50,
        "users_lost": 0,
        "iterations_due": 200,
        "iterations_dropped": 4,
    }
    judgement = evaluate(parse(expression), FixedTotals(counts, ratio=0.985))
    assert (judgement.value, judgement.state) == (value, state)


@pytest.mark.parametrize("counts", [{}, {"requests": 0, "judged": 0, "errors": 0, "checks": 0, "checks_failed": 0}])
@pytest.mark.parametrize(
    "expression",
    [
        "errors.rate < 1%",
        "errors.count < 1",
        "requests.count < 1",
        "checks.rate > 0%",
        "checks.failed == 0",
        "throughput < 400/s",
        "users.lost == 0",
        "dropped.rate < 100%",
        "response.p95 < 500ms",
        "service.mean < 500ms",
    ],
)
def test_no_data_is_never_a_pass(expression: str, counts: dict[str, int]) -> None:
    """With nothing measured no threshold passes, and none fails: the state says so."""
    judgement = evaluate(parse(expression), FixedTotals(counts))
    assert (judgement.state, judgement.value) == (ThresholdState.NO_DATA, None)


def test_no_time_is_no_throughput() -> None:
    """A steady phase of no length has no throughput, however many requests it holds."""
    assert (
        evaluate(parse("throughput > 1/s"), FixedTotals({"requests": 5}, seconds=0.0)).state is ThresholdState.NO_DATA
    )


@pytest.mark.parametrize(
    ("scope", "owner", "found"),
    [
        (None, None, (None, None)),
        (None, "shop", ("shop", None)),
        ("POST /orders", None, (None, "POST /orders")),
        ("GET /items", None, (None, "GET /items")),
        ("GET /items", "admin", ("admin", "GET /items")),
        ("shop/GET /items", None, ("shop", "GET /items")),
        ("admin/*", None, ("admin", None)),
        ("login: page", None, (None, "login: page")),
    ],
)
def test_scopes_are_found(scope: str | None, owner: str | None, found: tuple[str | None, str | None]) -> None:
    """A scope names a step, a step of a scenario, or a scenario; a scenario's own thresholds judge itself."""
    rule = parse("service.p99 < 1s" if scope is None else f"{scope}: service.p99 < 1s")
    resolved = resolve(rule, STEPS, owner)
    totals = FixedTotals()
    evaluate(resolved, totals)
    assert ((resolved.scenario, resolved.step), totals.asked) == (found, [found])


@pytest.mark.parametrize(
    ("expression", "owner", "message"),
    [
        ("GET /item: service.p99 < 1s", None, 'unknown step "GET /item", did you mean "GET /items"'),
        ("POST /orders: service.p99 < 1s", "admin", "unknown step"),
        ("POST /orders: users.lost < 1", None, "users.lost applies to scenarios, not to steps"),
    ],
)
def test_scopes_that_are_not_there(expression: str, owner: str | None, message: str) -> None:
    """A threshold on something that will never have data is refused before the run."""
    with pytest.raises(ValueError, match=message):
        resolve(parse(expression), STEPS, owner)


def test_a_scope_that_means_two_things_is_refused() -> None:
    """A step that is called like a scenario and its step leaves open which is meant."""
    steps = [("a", "b"), ("c", "a/b")]
    with pytest.raises(ValueError, match="names both"):
        resolve(parse("a/b: service.p99 < 1s"), steps)


def fails_at(*seconds: int, rule: Rule, until: int) -> int | None:
    """The second at which a watch over the rule aborts when it does not hold in these seconds."""
    watch, all_errors = AbortWatch([rule]), 0
    for second in range(until):
        errors = 10 if second in seconds else 0
        all_errors += errors
        of_second = FixedTotals({"judged": 10, "errors": errors})
        so_far = FixedTotals({"judged": 10 * (second + 1), "errors": all_errors})
        if watch.observe(second, of_second, so_far) is not None:
            return second
    return None


def test_a_threshold_aborts_after_it_failed_for_as_long_as_it_says() -> None:
    """Three seconds are three whole ones; a second that holds restarts the count."""
    rule = parse(Threshold("errors.rate < 50%", abort_after="3s"))
    assert fails_at(*range(2, 20), rule=rule, until=20) == 4
    assert fails_at(2, 3, 5, 6, 7, rule=rule, until=20) == 7
    assert fails_at(2, 3, 5, 6, rule=rule, until=20) is None
    assert fails_at(*range(5), rule=parse(Threshold("errors.rate < 50%", abort_after="1500ms")), until=20) == 1
    assert fails_at(3, rule=parse(Threshold("errors.rate < 50%", abort_after="0s")), until=20) == 3


def test_a_target_that_has_recovered_is_not_aborted() -> None:
    """Errors of the past do not count against seconds without any, however many they were."""
    rule = parse(Threshold("errors.rate < 1%", abort_after="3s"))
    assert fails_at(2, rule=rule, until=60) is None
    assert fails_at(0, 1, *range(3, 60, 2), rule=rule, until=60) is None


def test_counts_abort_by_what_was_counted_so_far() -> None:
    """A count does not begin again with each second."""
    assert fails_at(1, 3, rule=parse(Threshold("errors.count < 15", abort_after="2s")), until=20) == 4


def test_a_threshold_aborts_only_if_it_says_so() -> None:
    """Without `abort_after` a threshold is judged at the end."""
    assert fails_at(*range(20), rule=parse("errors.rate < 50%"), until=20) is None


@pytest.mark.parametrize(
    ("expression", "counts", "state", "value"),
    [
        ("checks.failed == 0", {"requests": 9, "checks": 0, "checks_failed": 0}, ThresholdState.PASS, 0),
        ("checks.rate > 99%", {"requests": 9, "checks": 0, "checks_failed": 0}, ThresholdState.PASS, 1.0),
        ("checks.failed == 0", {"requests": 9, "checks": 2, "checks_failed": 2}, ThresholdState.FAIL, 2),
        ("checks.failed == 0", {"requests": 0, "checks": 0, "checks_failed": 0}, ThresholdState.NO_DATA, None),
    ],
)
def test_checks_that_may_be_lacking(
    expression: str, counts: dict[str, int], state: ThresholdState, value: float | None
) -> None:
    """Users in Python may come to no check: that holds, if they sent anything at all."""
    judgement = evaluate(replace(parse(expression), may_lack_checks=True), FixedTotals(counts))
    assert (judgement.state, judgement.value) == (state, value)


def test_no_data_does_not_abort() -> None:
    """Before anything was measured nothing is ended."""
    watch = AbortWatch([parse(Threshold("errors.rate < 50%", abort_after="0s"))])
    assert watch.observe(0, FixedTotals(), FixedTotals()) is None


def test_a_second_without_data_is_no_break() -> None:
    """A target that fails, says nothing for a second, and fails again has not held meanwhile."""
    watch = AbortWatch([parse(Threshold("errors.rate < 50%", abort_after="3s"))])
    failing, silent = FixedTotals({"judged": 10, "errors": 10}), FixedTotals()
    seconds = [watch.observe(second, each, failing) for second, each in enumerate([failing, silent, silent, failing])]
    assert [rule is not None for rule in seconds] == [False, False, False, True]


def test_a_judgement_is_written_with_its_unit() -> None:
    """The summary says in which unit value and limit are."""
    judgement = evaluate(parse("service.p99 < 1s"), FixedTotals(times={("service", 0.99): 2e9}))
    assert judgement.to_json() == {
        "expression": "service.p99 < 1s",
        "state": "fail",
        "value": 2e9,
        "limit": 10**9,
        "unit": "ns",
        "default": False,
    }


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("response.p95 < 1ms", "shop/*: response.p95 < 1ms"),
        ("buy: response.p95 < 1ms", "shop/buy: response.p95 < 1ms"),
        ("shop/buy: response.p95 < 1ms", "shop/buy: response.p95 < 1ms"),
        ("shop/*: errors.rate < 1%", "shop/*: errors.rate < 1%"),
    ],
)
def test_a_rule_of_one_of_several_scenarios_names_it(expression: str, expected: str) -> None:
    """Two scenarios may state the same rule, and the report and the JSON have to tell which is which."""
    steps = [("shop", "buy"), ("admin", "list")]
    resolved = resolve(parse(expression), steps, "shop")

    assert resolved.expression == expected
    again = resolve(parse(expected), steps)
    assert (again.scenario, again.step) == (resolved.scenario, resolved.step)
    assert resolve(parse(expression), steps[:1], "shop").expression == expression
