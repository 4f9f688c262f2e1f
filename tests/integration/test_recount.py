"""Every number of the summary, counted again from the rows."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

import loadcore
from loadcore import Http, Scenario, Timeouts, arrival_rate, choice, get, group, response, think, users
from loadcore.results.open.opening import read_start, rebuild
from loadcore.results.run_folder import RunFolder
from tests.integration.counting_target import counting_target
from tests.integration.recount import differences

if TYPE_CHECKING:
    from loadcore.results.open.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with two workers, two scenarios, a warm-up, and most of what can go wrong."""
    with counting_target() as target:
        shop = Scenario(
            "shop",
            base_url=target.url,
            load=users(8, duration="3s"),
            on_start=[get("/start")],
            steps=[
                group("buying", [get("/items", checks=[response.status == 200]), get("/missing"), get("/moved")]),
                get("/broken", expect=503),
                choice(
                    (1, [get("/hang", name="never answers")]),
                    (1, [get("http://127.0.0.1:1/", name="closed port")]),
                    (2, []),
                ),
                think("100ms"),
            ],
            http=Http(timeouts=Timeouts(total="300ms")),
        )
        steady = Scenario(
            "steady",
            base_url=target.url,
            load=arrival_rate("200/s", duration="3s", max_users=50),
            steps=[get("/items")],
        )
        return loadcore.run(
            [shop, steady],
            workers=2,
            warm_up="1s",
            seed=1,
            thresholds=["requests.count > 0"],
            out=tmp_path_factory.mktemp("recount") / "run",
        )


def test_every_number_is_that_of_the_rows(run: Run) -> None:
    """Counts, sums and errors exactly, times to what a histogram rounds."""
    assert {row["outcome"] for row in run.requests.to_pylist()} >= {"ok", "timeout_headers", "connect_refused"}
    assert run.steps["GET /moved"]["hops"] == run.steps["GET /moved"]["judged"] > 0
    assert differences(run.summary, run.requests) == []


def test_the_summary_can_be_made_again_from_the_windows(run: Run) -> None:
    """A run that could not write its summary loses nothing that windows know."""
    folder = RunFolder(run.path)
    again = rebuild(folder, read_start(folder))

    for key in ("steps", "all", "checks", "groups", "errors", "phases", "load"):
        assert _without_rates(again[key]) == _without_rates(run.summary[key]), key


def test_percentiles_have_intervals_from_the_rows(run: Run) -> None:
    """A run of three seconds is cut into tenths: every request that a histogram holds is in one of them."""
    for step in (*run.summary["steps"], run.summary["all"]):
        for time in ("service", "response", "ttfb"):
            intervals = step[time]["intervals"]
            if intervals is None:
                assert step[time]["p50_ns"] is None
            elif step["requests"] > 100:
                assert intervals["missing"] is None, step["name"]
                p50 = intervals["p50"]
                ends = {p50["low_ns"], p50["high_ns"]}
                # A busy machine leaves fewer independent ones.
                assert (None in ends) == (p50["n_eff"] < p50["needs"]), p50
                if None not in ends:
                    assert p50["low_ns"] <= step[time]["p50_ns"] <= p50["high_ns"]


def test_iterations_and_users_add_up(run: Run) -> None:
    """Every iteration that was started has ended in one way, and every arrival was started or dropped."""
    for scenario in run.summary["load"]["scenarios"]:
        counts = scenario["iterations"]
        assert counts["started"] == counts["completed"] + counts["failed"] + counts["interrupted"]
    shop, steady = run.summary["load"]["scenarios"]
    assert (shop["model"], shop["users"]["planned"], shop["users"]["peak"]) == ("closed", 8, 8)
    assert (steady["model"], steady["iterations"]["due"]) == ("open", 600)
    assert steady["iterations"]["started"] + steady["iterations"]["dropped"] == 600


def test_a_wrong_number_would_be_found(run: Run) -> None:
    """The recount is not blind: it finds one request too many, and a percentile that is off."""
    for path, change in ((("requests",), 1), (("service", "p99_ns"), 10_000_000), (("attempts",), -1)):
        wrong: dict[str, Any] = copy.deepcopy({**run.summary})
        entry = wrong["all"]
        for key in path[:-1]:
            entry = entry[key]
        entry[path[-1]] += change
        assert differences(wrong, run.requests) != []


def _without_rates(value: Any) -> Any:
    """The same without what is per second of a length that a killed run knows to whole seconds only."""
    if isinstance(value, dict):
        return {
            key: _without_rates(each)
            for key, each in value.items()
            if key != "rows_dropped" and not key.endswith(("_per_s", "in_flight_at_end"))
        }
    return [_without_rates(each) for each in value] if isinstance(value, list) else value
