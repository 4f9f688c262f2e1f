"""From numbers to a verdict and an exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.errors import ExitCode
from loadcore.judge.finding import Finding
from loadcore.results.run_facts import RunEnd, WorkerEnd
from loadcore.results.samples import Kind, Sample, SentRequest
from loadcore.results.sum.tally import CheckTotals, ScenarioTotals, StepTotals, Tally
from loadcore.results.sum.verdict import Evidence, decide
from tests.unit.results.numbers import START

if TYPE_CHECKING:
    from loadcore.results.run_facts import RunStart

ANSWERED = StepTotals("", "all", "", "main", requests=100, attempts=100, statuses=Counter({200: 100}))
HOLDS = {"expression": "errors.rate < 1%", "state": "pass", "value": 0.0, "limit": 0.01, "unit": "ratio"}
CROSSED = {**HOLDS, "state": "fail", "value": 0.5}
EMPTY = {**HOLDS, "expression": "login: service.p99 < 1s", "state": "no_data", "value": None}
LOST = "1 of 2 workers was lost: 50% of the load is missing from then on (worker 0: killed by SIGKILL)"
LIMITED = Finding(
    subject="client", severity="invalid", rule="cpu", message="worker 0 used 97% of its core", advice="run more workers"
)
GOOD = Evidence(
    start=START,
    end=RunEnd(2_000_000_000, (WorkerEnd(0, "finished"),)),
    main=ANSWERED,
    scenarios=[ScenarioTotals("shop", iterations_started=100, iterations_completed=100)],
    thresholds=[HOLDS],
    findings=[],
)
FAILING = [ScenarioTotals("shop", iterations_started=100, iterations_failed=100)]
IDLE = [ScenarioTotals("shop", iterations_started=5, iterations_interrupted=5, idle_steps=4000)]
IDLE_TEXT = (
    "shop: no iteration completed: users went through 4,000 steps without sending a request: a `repeat` goes "
    "round and round a `branch` that does not hold, or has neither a request nor a pause"
)
NOTHING = StepTotals("", "all", "", "main")
REFUSED = StepTotals("", "all", "", "main", requests=100, attempts=0)
SILENT = StepTotals("", "all", "", "main", requests=100, attempts=100)


def end(**fields: Any) -> RunEnd:
    """An end of a run that differs from the good one in these fields."""
    return replace(GOOD.end, **fields)


def worker(reason: str, error: str | None) -> RunEnd:
    """The end of a run whose one worker ended so."""
    return end(workers=(WorkerEnd(0, reason, error),))


def test_a_good_run_passes_without_reasons() -> None:
    """Everything holds: 0, and nothing to explain."""
    judgement = decide(GOOD)

    assert (judgement.status, judgement.exit_code, judgement.reasons, judgement.exit_codes) == ("pass", 0, (), (0,))


@pytest.mark.parametrize(
    ("changes", "status", "code", "reason"),
    [
        ({"thresholds": [HOLDS, CROSSED]}, "fail", 99, "1 of 2 thresholds crossed: errors.rate < 1%"),
        ({"scenarios": FAILING}, "fail", 107, "shop: none of 100 iterations completed"),
        ({"scenarios": IDLE}, "fail", 107, IDLE_TEXT),
        ({"end": worker("feeder_exhausted", "no rows left")}, "fail", 107, "worker 0 feeder_exhausted: no rows left"),
        ({"end": worker("aborted", "it broke")}, "invalid", 1, "worker 0 aborted: it broke"),
        ({"main": NOTHING}, "no_data", 113, "no request was sent in the measured part of the run"),
        ({"main": REFUSED}, "no_data", 113, "none of 100 requests could be sent"),
        ({"main": SILENT}, "no_data", 113, "none of 100 requests was answered"),
        ({"thresholds": [EMPTY]}, "no_data", 113, "login: service.p99 < 1s has no data"),
        ({"findings": [LIMITED]}, "invalid", 111, "the client was the bottleneck: worker 0 used 97% of its core"),
        ({"end": worker("lost", "killed by SIGKILL")}, "invalid", 111, LOST),
        ({"end": end(windows_lost="disk full")}, "invalid", 111, "windows are missing: disk full"),
        (
            {"end": end(signal="SIGINT")},
            "interrupted",
            130,
            "ended by Ctrl-C after 2.0 s; until then 1 of 1 threshold held",
        ),
        (
            {"end": end(signal="SIGTERM"), "thresholds": []},
            "interrupted",
            143,
            "ended by SIGTERM after 2.0 s; until then no thresholds",
        ),
        ({"end": end(truncated=True)}, "invalid", 111, "the run was killed: showing the first 2 s"),
        (
            {"end": end(truncated=True, running=True)},
            "running",
            111,
            "the run is still in progress: showing the first 2 s",
        ),
    ],
)
def test_each_reason_has_its_code(changes: dict[str, Any], status: str, code: int, reason: str) -> None:
    """One thing that is wrong gives one code, and one sentence that says it."""
    judgement = decide(replace(GOOD, **changes))

    assert (judgement.status, judgement.exit_code, judgement.reasons) == (status, code, (reason,))


ANY = {**HOLDS, "expression": "errors.count == 0", "unit": "count", "default": True}
OWN = StepTotals("", "all", "", "user", requests=5, attempts=5)
FAILED = {"failures": [{"method": "GET", "name": f"/{each}", "error": "E()", "count": each} for each in range(1, 5)]}


def test_what_locust_counts_as_failed_fails_the_run_where_no_threshold_saw_it() -> None:
    """In the ramp, or while users stop: unless the user has thresholds of their own, or the default says so itself."""
    judgement = decide(replace(GOOD, thresholds=[ANY], user_code=FAILED))
    (reason,) = judgement.reasons
    assert judgement.exit_code == 99
    assert reason.startswith("requests failed while users started or stopped: GET /1, 1 time: E(); GET /2, 2 times")
    assert reason.endswith("GET /3, 3 times: E(); and 1 more")
    assert decide(replace(GOOD, user_code=FAILED)).exit_code == 0
    assert len(decide(replace(GOOD, thresholds=[{**ANY, "state": "fail"}], user_code=FAILED)).reasons) == 1


def test_a_listener_that_raises_fails_the_run() -> None:
    """Locust ends with 2 then; the file's own exit code still comes first."""
    code = {"judged": False, "programs": [{"listener_failed": False}, {"listener_failed": True}]}
    judgement = decide(replace(GOOD, user_code=code))
    assert judgement.exit_code == 99
    assert judgement.reasons == (
        "a listener of an event raised an exception: its traceback is among the workers' messages",
    )
    assert decide(replace(GOOD, user_code={**code, "process_exit_code": 0})).exit_code == 0
    assert decide(replace(GOOD, user_code={"programs": [{"listener_failed": False}]})).exit_code == 0


def test_rows_of_user_code_are_data_where_a_threshold_judges_them() -> None:
    """A Locust file without HTTP has no others; where nothing judges them, the run has no data."""
    assert decide(replace(GOOD, main=NOTHING, own=OWN, thresholds=[ANY])).exit_code == 0
    assert decide(replace(GOOD, main=NOTHING, own=OWN, thresholds=[{**ANY, "state": "no_data"}])).exit_code == 113
    assert decide(replace(GOOD, main=NOTHING, own=replace(OWN, requests=0), thresholds=[ANY])).exit_code == 113


def test_the_reason_that_makes_others_meaningless_decides() -> None:
    """107 before 113 before 111 before 99 before 130; all of them are listed in that order."""
    changes: dict[str, Any] = {
        "scenarios": FAILING,
        "main": StepTotals("", "all", "", "main", requests=4, attempts=4, outcomes=Counter(connect_refused=4)),
        "findings": [LIMITED],
        "end": end(signal="SIGINT"),
    }
    assert decide(replace(GOOD, **changes)).exit_codes == (107, 113, 111, 130)
    assert decide(replace(GOOD, **changes, thresholds=[CROSSED])).exit_codes == (113, 111, 99, 130)
    assert decide(replace(GOOD, findings=[LIMITED], thresholds=[CROSSED])).exit_codes == (111, 99)


def test_who_ends_a_run_before_its_first_answer_is_not_told_that_there_is_none() -> None:
    """What the user cut off is not a fault; what the planned end cut off is all that there is."""
    cut_off = StepTotals("", "all", "", "main", requests=4, attempts=4, outcomes=Counter(interrupted=4))
    for main in (cut_off, NOTHING):
        judgement = decide(replace(GOOD, main=main, thresholds=[EMPTY], end=end(signal="SIGINT")))

        assert (judgement.status, judgement.exit_codes) == ("interrupted", (130,))
        assert judgement.reasons[0].startswith("ended by Ctrl-C after 2.0 s")
    assert decide(replace(GOOD, main=cut_off, thresholds=[])).reasons == (
        "none of 4 requests was answered: the run ended before the response did (interrupted)",
    )


STOPPED = replace(START, stopping=[("shop", "GET /items", "has items")])
WANTING = replace(START, needed=[("shop", "GET /items", ["id", "tag"]), ("shop", "POST /orders", ["order"])])


def whole(*steps: StepTotals, failed: int = 0) -> Tally:
    """Everything that a run counted."""
    tally = Tally()
    tally.steps = {(step.scenario, step.section, step.name): step for step in steps}
    tally.checks = {("shop", "GET /items", "has items"): CheckTotals("shop", "GET /items", "has items", 100, failed)}
    return tally


@pytest.mark.parametrize(
    ("start", "counted", "cause"),
    [
        (STOPPED, whole(failed=100), "the check `has items` of GET /items ended 100 of them"),
        (
            START,
            whole(StepTotals("shop", "GET /items", "GET", "main", 9, outcomes=Counter(ok=2, timeout_headers=7))),
            "GET /items got no response 7 times (timeout_headers)",
        ),
        (
            WANTING,
            whole(StepTotals("shop", "GET /items", "GET", "main", 9, outcomes=Counter(ok=9))),
            "GET /items responded without the value that `extract` needs for `id` or `tag`",
        ),
    ],
)
def test_what_ended_every_iteration_is_named(start: RunStart, counted: Tally, cause: str) -> None:
    """The check that stops, the step without a response, or the value that was not there, by its name."""
    (reason,) = decide(replace(GOOD, start=start, scenarios=FAILING, whole=counted)).reasons

    assert reason == f"shop: none of 100 iterations completed: {cause}"


@pytest.mark.parametrize(
    ("start", "counted", "kind", "what", "reason", "cause"),
    [
        (
            STOPPED,
            whole(failed=100),
            "check",
            "has items",
            "the check `has items` does not hold: found 0",
            "the check `has items` of GET /items ended 100 of them (found 0)",
        ),
        (
            START,
            whole(StepTotals("shop", "GET /items", "GET", "main", 9, outcomes=Counter(request_invalid=7))),
            "outcome",
            "request_invalid",
            "the variable `jwt` has no value",
            "GET /items got no response 7 times (request_invalid: the variable `jwt` has no value)",
        ),
        (
            WANTING,
            whole(StepTotals("shop", "GET /items", "GET", "main", 9, outcomes=Counter(ok=9))),
            "extract",
            "id",
            "no value for `id`: the body has nothing there",
            "GET /items: no value for `id`: the body has nothing there",
        ),
    ],
)
def test_a_sample_says_what_counts_cannot(
    start: RunStart, counted: Tally, kind: Kind, what: str, reason: str, cause: str
) -> None:
    """What a check found, why a request could not be made, which value was missing."""
    sample = Sample("shop", "main", "GET /items", kind, what, reason, 0, 0, 1, None, None)
    (found,) = decide(replace(GOOD, start=start, scenarios=FAILING, whole=counted, samples=[sample])).reasons

    assert found == f"shop: none of 100 iterations completed: {cause}"


def test_a_target_that_nobody_serves_is_said_in_plain_words() -> None:
    """Address and remedy; where it is the gateway's, the command that starts it."""
    refused = replace_counts(connect_refused=100)
    here = decide(replace(GOOD, main=refused))
    there = decide(replace(GOOD, main=refused, start=replace(START, base_urls={"shop": "http://10.0.0.1"})))

    assert here.reasons[0].endswith("nothing listens at http://127.0.0.1:8080 (connect_refused)")
    assert "loadcore target up" in here.advice[0]
    assert there.advice == ("start the target there, or use the address where it listens",)


@pytest.mark.parametrize(
    ("counts", "reason", "said", "advised"),
    [
        ({"statuses": Counter({401: 2, 400: 1})}, None, "token answered 400 once, 401 2 times", "user names"),
        (
            {"statuses": Counter({400: 3})},
            "no token: status 400: invalid_grant: the user is locked",
            "token answered 400 3 times: invalid_grant: the user is locked (auth_failed)",
            "user names",
        ),
        (
            {"statuses": Counter({401: 3})},
            "no token: status 401: invalid_client",
            "token answered 401 3 times: invalid_client (auth_failed)",
            'client_in="body"',
        ),
        (
            {"statuses": Counter({200: 3})},
            "no token: the response has no access_token, only accessToken",
            "token returned no token: the response has no access_token, only accessToken (auth_failed)",
            "login(post(…)",
        ),
        (
            {"statuses": Counter({302: 3})},
            "no token: status 302: a redirect to /login, which is not followed",
            "token returned no token: a redirect to /login, which is not followed (auth_failed)",
            "not a token endpoint",
        ),
        ({"statuses": Counter({404: 3})}, "no token: status 404", "token answered 404 3 times", "not a token endpoint"),
        ({"statuses": Counter({503: 3})}, "no token: status 503", "token answered 503 3 times", "shared=4"),
        ({"outcomes": Counter(timeout_headers=3)}, None, "token failed: timeout_headers 3 times", "token_url"),
    ],
)
def test_a_token_endpoint_that_refuses_is_quoted(
    counts: dict[str, Any], reason: str | None, said: str, advised: str
) -> None:
    """What it answered, how often, and what there was in place of a token, because the requests were never sent."""
    calls = StepTotals("shop", "token", "POST", "auth", 3, errors=3, **counts)
    samples = () if reason is None else (failed("main", "GET /", "auth_failed", reason),)
    judgement = decide(replace(GOOD, main=replace_counts(auth_failed=100), whole=whole(calls), samples=samples))
    assert f"the token endpoint refused: {said}" in judgement.reasons[0]
    assert advised in judgement.advice[0]


def test_a_token_endpoint_where_nobody_listens_is_to_be_started() -> None:
    """Not what the scenario logs in with is to blame, and its address is named."""
    calls = StepTotals("shop", "token", "POST", "auth", 3, errors=3, outcomes=Counter(connect_refused=3))
    sent = SentRequest("http://127.0.0.1:8080", "POST /token HTTP/1.1", (), 0)
    samples = (failed("auth", "token", "connect_refused", "nothing listens at the address", sent),)
    judgement = decide(replace(GOOD, main=replace_counts(auth_failed=100), whole=whole(calls), samples=samples))
    assert "no token was available: nothing listens at http://127.0.0.1:8080 (connect_refused)" in judgement.reasons[0]
    assert judgement.advice == ("start the reference gateway, which listens there: loadcore target up",)


def test_a_token_request_that_could_not_be_made() -> None:
    """The variable that it lacks is named."""
    samples = (failed("main", "GET /", "auth_failed", "no token: `{u}` in the token request: a variable has no value"),)
    judgement = decide(replace(GOOD, main=replace_counts(auth_failed=100), samples=samples))
    assert "`{u}` in the token request: a variable has no value (auth_failed)" in judgement.reasons[0]
    assert "give the variable a value" in judgement.advice[0]


def failed(section: str, step: str, outcome: str, reason: str, request: SentRequest | None = None) -> Sample:
    """A sample of a request with this outcome."""
    return Sample("shop", section, step, "outcome", outcome, reason, 0, 0, 0, request, None)


def replace_counts(**outcomes: int) -> StepTotals:
    """Requests that were never sent, with these outcomes."""
    return StepTotals("", "all", "", "main", requests=sum(outcomes.values()), outcomes=Counter(outcomes))


def test_failing_iterations_are_left_to_the_threshold_that_found_them() -> None:
    """A target that answers 503 crosses a threshold; that its iterations fail is the same news."""
    assert decide(replace(GOOD, scenarios=FAILING, thresholds=[CROSSED])).exit_code == ExitCode.THRESHOLD_CROSSED


def test_an_iteration_that_got_through_saves_its_scenario() -> None:
    """Iterations that fail among others are for thresholds to judge."""
    some = [ScenarioTotals("shop", iterations_completed=1, iterations_failed=99)]

    assert decide(replace(GOOD, scenarios=some)).exit_code == 0


def test_a_lost_worker_may_be_allowed() -> None:
    """Then it is not a reason."""
    allowed = replace(GOOD, start=replace(START, allow_lost_workers=True), end=worker("lost", "killed by SIGKILL"))

    assert decide(allowed).exit_code == 0
    assert decide(allowed).notes == (LOST,)


def test_a_loss_comes_first_and_is_told_once_for_each_cause() -> None:
    """Sixteen workers that died of one thing are one reason, above what their end did to the others."""
    workers = [WorkerEnd(n, "lost", "killed by SIGKILL", lost_after_ns=n * 1_000_000_000) for n in (1, 2, 5)]
    gone = end(workers=(WorkerEnd(0, "finished"), *workers, WorkerEnd(6, "lost", "exited with 3")))
    reasons = decide(replace(GOOD, start=replace(START, workers=16), end=gone, findings=[LIMITED])).reasons

    assert reasons == (
        (
            "3 of 16 workers were lost after 1.0 to 5.0 s: 19% of the load is missing from then on "
            "(workers 1, 2, 5: killed by SIGKILL)"
        ),
        "1 of 16 workers was lost: 6% of the load is missing from then on (worker 6: exited with 3)",
        "the client was the bottleneck: worker 0 used 97% of its core",
    )


def test_the_plan_is_not_called_the_client() -> None:
    """Too few users for the rate are the plan's, or the target's."""
    full = replace(LIMITED, subject="plan", rule="sent", message="shop: 90 of 100 iterations were started (90.0%)")

    assert decide(replace(GOOD, findings=[full])).reasons == (full.message,)


def test_a_threshold_that_ended_the_run_is_named() -> None:
    """The reader learns why a run is shorter than planned."""
    (reason,) = decide(replace(GOOD, thresholds=[CROSSED], end=end(aborted_by="errors.rate < 1%"))).reasons

    assert reason.endswith("the run was ended by errors.rate < 1%")


def test_a_run_that_ends_in_its_ramp_says_what_to_do() -> None:
    """Where user code says when all users are started, and never did."""
    start = replace(GOOD.start, warm_up_ns=None)
    judgement = decide(
        replace(GOOD, start=start, main=NOTHING, whole=whole(StepTotals("shop", "GET /", "GET", "main", requests=5)))
    )

    assert judgement.reasons == (
        "no request was sent in the measured part of the run, which begins when all users are started",
    )
    assert judgement.advice == ("start users faster (-r), run longer (-t), or measure the ramp, too (--include-ramp)",)
