"""Scenarios, loads, settings and overrides to the plan."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore import (
    Http,
    Limits,
    Timeouts,
    Tls,
    api_key,
    arrival_rate,
    arrival_stages,
    basic,
    bearer,
    csv_feeder,
    every,
    get,
    iterations,
    login,
    oauth2_client_credentials,
    oauth2_password,
    oauth2_refresh_token,
    post,
    response,
    user_stages,
    users,
)
from loadcore.errors import ScenarioError
from tests.unit.compiler.flows import compiled, document, plan, problems, scenario

LOADS = {
    "users": users(5, duration="10s"),
    "user_stages": user_stages((5, "10s")),
    "arrival_rate": arrival_rate("5/s", duration="10s"),
    "arrival_stages": arrival_stages(("5/s", "10s")),
    "iterations": iterations(total=5),
}
_MACHINE = oauth2_client_credentials(token_url="/t", client_id="c", client_secret="s")


@pytest.mark.parametrize("model", LOADS)
def test_once_is_one_iteration_of_one_user(model: str) -> None:
    """Trying a scenario out replaces whatever load and pacing it has."""
    result = document(scenario(load=LOADS[model], pacing=every("1h")), once=True)["scenarios"][0]
    load = result["load"]
    assert (load["kind"], load["users"], load["iterations"], "pacing" in result) == ("iterations", 1, 1, False)


def test_overrides_go_to_every_scenario() -> None:
    """Several scenarios in a file are all overridden, the target too."""
    changed = document(scenario(), scenario(name="two"), users=9, base_url="http://other.test/")["scenarios"]
    assert [(each["load"]["users"], each["base_url"]) for each in changed] == [(9, "http://other.test")] * 2


@given(st.integers(min_value=1, max_value=10**5), st.sampled_from(["s", "min", "h"]))
def test_max_users_is_as_many_as_arrive_in_ten_seconds(count: int, period: str) -> None:
    """Without a number, users are enough for iterations of ten seconds, within bounds."""
    load = compiled(load=arrival_rate(f"{count}/{period}", duration="1s"))["load"]
    arriving = count * 10 / {"s": 1, "min": 60, "h": 3600}[period]
    assert min(max(arriving, 10), 10_000) <= load["max_users"] < min(max(arriving, 10), 10_000) + 1


def test_max_users_of_stages_is_that_of_the_highest_rate() -> None:
    """The rate that needs most users decides, be it the first."""
    load = compiled(load=arrival_stages(("1/s", "1s"), ("2/s", "1s"), start="30/s"))["load"]
    assert load["max_users"] == 300


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": ""}, "the scenario's name is '': it must be a non-empty string"),
        ({"base_url": None}, 'the scenario "one" has no base_url'),
        ({"steps": []}, 'the scenario "one" has no steps'),
        ({"steps": get("/")}, "it must be a list of steps"),
        ({"on_start": get("/")}, "it must be a list of steps"),
        ({"load": 5}, "load is 5: it must be a load model"),
        ({"load": users(0, duration="1s")}, "the number of users is 0"),
        ({"load": users(True, duration="1s")}, "the number of users is True"),
        ({"load": users(1, duration="30")}, 'the duration: 30 has no unit: write "30s" or "30ms"'),
        ({"load": users(1, duration="0s")}, "a duration of 0s is not a load"),
        ({"load": user_stages()}, "the load model has no stages"),
        ({"load": user_stages((-1, "1s"))}, "the number of users of a stage is -1"),
        ({"load": user_stages(5)}, "a stage is 5: it must be a pair of users and length"),  # type: ignore[arg-type]
        ({"load": arrival_rate("0/s", duration="1s")}, "an arrival rate of 0/s starts nothing"),
        ({"load": arrival_rate("5", duration="1s")}, 'the arrival rate: 5 has no unit: write "5/s" or "5/min"'),
        ({"load": arrival_rate("5/s", duration="1s", max_users=0)}, "max_users is 0"),
        (
            {"load": arrival_rate("5/s", duration="1s", arrivals="random")},  # type: ignore[arg-type]
            "arrivals is 'random' (known: even, poisson)",
        ),
        ({"load": iterations()}, "iterations takes either `total` or `each`"),  # type: ignore[call-overload]
        ({"load": iterations(total=0)}, "the number of iterations is 0"),
        ({"pacing": "5s"}, "pacing is a str: it must be a pause"),
        ({"start_after": 5}, 'start_after: 5 has no unit: write "5s" or "5ms"'),
        ({"headers": [("a", "b")]}, "it must be a dictionary of names to values"),
        ({"auth": "me"}, "auth is a str: it must be a way to authenticate"),
        ({"auth": bearer("")}, 'the token must be a non-empty string, or env("NAME")'),
        ({"auth": basic(5, "x")}, 'the user name must be a non-empty string, or env("NAME")'),  # type: ignore[arg-type]
        ({"auth": bearer(["t"])}, 'the token must be a non-empty string, or env("NAME")'),  # type: ignore[arg-type]
        ({"auth": api_key("k")}, "an API key goes into either `header` or `query`"),
        (
            {"auth": oauth2_password(token_url="/t", username="u", password="p", client=5)},  # type: ignore[arg-type]
            "client must be a pair of id and secret, or the id of a public client",
        ),
        (
            {"auth": oauth2_password(token_url="/t", username="u", password="p", client_in="query")},  # type: ignore[arg-type]
            "client_in is 'query' (known: header, body)",
        ),
        (
            {"auth": oauth2_password(token_url="/t", username="u", password="p", form={"audience": 5})},  # type: ignore[dict-item]
            'form: the value of "audience" must be a string, or env("NAME")',
        ),
        (
            {"auth": oauth2_password(token_url="/t", username="u", password="p", form={"client_id": "c"})},
            'form has "client_id", which each token call has already',
        ),
        (
            {
                "auth": oauth2_client_credentials(
                    token_url="/t", client_id="c", client_secret="s", headers={"authorization": "x"}
                )
            },
            "headers has Authorization, which the client is sent in",
        ),
        (
            {"auth": oauth2_refresh_token(token_url="/t", refresh_token="r", shared=2)},
            "shared is 2, but one refresh token is one login: it gets one token",
        ),
        ({"auth": login("/x", token=response.json("$.t"))}, "a login starts with a request, not a str"),  # type: ignore[arg-type]
        ({"auth": login(post("/x"), token="$.t")}, "token is a str: it must be a value of the response"),  # type: ignore[arg-type]
        (
            {"auth": login(post("/x"), token=response.json("$.t").default("x"))},
            "token has a default: a missing token cannot have one",
        ),
        (
            {"auth": login(post("/x"), token=response.json("$.t"), expires_in="900")},
            'expires_in: 900 has no unit: write "900s" or "900ms"',
        ),
        (
            {"auth": login(post("/x", checks=[response.status == 200]), token=response.json("$.t"))},
            "the request of a login has no checks",
        ),
        (
            {"auth": login(post("/x", auth=_MACHINE), token=response.json("$.t"))},
            "the request of a login cannot need a token itself",
        ),
        (
            {"auth": oauth2_client_credentials(token_url="/t", client_id="u", client_secret="p", shared=0)},
            "shared is 0: it must be a whole number from 1 to 4,294,967,295",
        ),
        ({"feeders": csv_feeder("x.csv")}, "it must be a list"),
        ({"feeders": ["x.csv"]}, "a str is not a feeder"),
        ({"http": Timeouts()}, "it must be Http(…)"),
        ({"http": Http(version="2")}, "version is '2': only HTTP/1.1 is supported"),  # type: ignore[arg-type]
        ({"http": Http(version=1.1)}, "version is 1.1: only HTTP/1.1 is supported"),  # type: ignore[arg-type]
        ({"http": Http(reuse="never")}, "reuse is 'never' (known: user, iteration, request)"),  # type: ignore[arg-type]
        ({"http": Http(cookies=1)}, 'cookies is 1: it must be True, False, "user" or "iteration"'),  # type: ignore[arg-type]
        ({"http": Http(timeouts="5s")}, "timeouts is a str: it must be Timeouts(…)"),  # type: ignore[arg-type]
        ({"http": Http(limits=Limits(body=5))}, 'the limit of the body: 5 has no unit: write "5B" or "5kB"'),  # type: ignore[arg-type]
        ({"http": Http(limits=Limits(head="5GB"))}, "the limit of the head is 5000000000"),
        ({"http": Http(tls=Tls(ca_file="nowhere.pem"))}, "nowhere.pem does not exist"),
        ({"warm_up": "5"}, 'warm_up: 5 has no unit: write "5s" or "5ms"'),
    ],
)
def test_scenarios_that_cannot_be_compiled(settings: dict[str, Any], message: str) -> None:
    """One sentence names the scenario and what is wrong with it."""
    (found,) = problems(scenario(**settings))
    assert message in found


def test_everything_that_is_wrong_is_said_at_once_with_its_place() -> None:
    """Mistakes in several places are one error, each with its line and what to do."""
    declared: Any = scenario(get("/", expect=5), get("/", jsn=1), load=users(0, duration=3))  # type: ignore[call-arg, arg-type]
    with pytest.raises(ScenarioError) as caught:
        plan(declared)
    line = declared.steps[0].place.line
    in_flow = f"test_scenarios.py:{line}"
    places = [problem.at for problem in caught.value.problems]
    assert (len(places), places.count(in_flow)) == (4, 2)
    assert 'jsn", did you mean "json"?' in str(caught.value)


def test_a_secret_that_is_wrong_is_not_shown() -> None:
    """A password of the wrong kind is not in the message."""
    (found,) = problems(scenario(auth=basic("me", 5318008)))  # type: ignore[arg-type]
    assert "5318008" not in found


def test_scenarios_have_names_of_their_own() -> None:
    """Two scenarios of one name could not be distinguished in results."""
    assert problems(scenario(), scenario()) == ['2 scenarios are called "one"']


def test_nothing_to_run_is_said() -> None:
    """A run without scenarios is refused, and so is one of other things."""
    assert problems() == ["the plan has no scenario"]
    assert problems(scenario(), get("/")) == ["a Request is not a scenario"]  # type: ignore[arg-type]


def test_settings_of_the_run_hold_for_all_scenarios() -> None:
    """What one scenario sets for the whole run holds for the others."""
    result = document(scenario(warm_up="5s", http=Http(reuse="request")), scenario(name="two", graceful_stop="1s"))
    said = (result["warm_up_ns"], result["graceful_stop_ns"], result["http"]["reuse"])
    assert said == (5 * 10**9, 10**9, "request")
    assert document(scenario(warm_up="5s"), warm_up="1s")["warm_up_ns"] == 10**9


def test_scenarios_that_disagree_on_the_run_are_refused() -> None:
    """A setting of the run cannot have two values."""
    found = problems(scenario(warm_up="5s"), scenario(name="two", warm_up="6s"))
    assert found == ['the scenarios "one" and "two" have different values for warm_up']


def test_defaults() -> None:
    """What a scenario of one request runs as: one user, thirty seconds, no warm-up."""
    result = document(scenario())
    assert result["scenarios"][0]["load"] == {"kind": "users", "users": 1, "duration_ns": 30 * 10**9}
    assert (result["warm_up_ns"], result["graceful_stop_ns"], result["name"]) == (0, 30 * 10**9, "one")
    assert result["http"]["timeouts"] == {"connect_ns": 5 * 10**9, "total_ns": 30 * 10**9}


def test_the_name_of_a_run_is_that_of_its_scenarios_or_the_given_one() -> None:
    """Without a name, a run is called by what it runs."""
    several = (scenario(), scenario(name="two"))
    assert (plan(*several).name, plan(*several, name="both").name) == ("one+two", "both")


def test_the_seed_is_given_or_another_each_time() -> None:
    """Random choices differ from run to run unless the seed is given."""
    assert plan(scenario(), seed=3).seed == 3
    assert len({plan(scenario(), seed=None).seed for _ in range(3)}) == 3
    assert problems(scenario(), seed=-1) == [
        "the seed is -1: it must be a whole number from 0 to 18,446,744,073,709,551,615"
    ]


def test_cookies_last_for_a_user_or_for_an_iteration() -> None:
    """`True` and "user" are one; "iteration" is passed on, `False` keeps none."""
    plans = [document(scenario(http=Http(cookies=cookies))) for cookies in (True, "user", "iteration", False)]

    assert [plan["http"]["cookies"] for plan in plans] == [True, True, "iteration", False]
