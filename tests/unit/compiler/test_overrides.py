"""What files, the environment, options and arguments make of a scenario."""

from __future__ import annotations

from typing import Any

import pytest

from loadcore import Http, Scenario, get
from loadcore.compiler import Overrides, override
from loadcore.errors import ConfigError, ExitCode, UsageError
from loadcore.scenario.load_models import Load, arrival_rate, arrival_stages, iterations, user_stages, users
from tests.unit.compiler.flows import BASE_URL, scenario

CLOSED = users(20, duration="30s")
OPEN = arrival_rate("10/s", duration="30s", max_users=7, arrivals="poisson")
FIXED = iterations(total=100, users=5)
EACH = iterations(each=3, users=5)
RAMP = user_stages((100, "10s"))


@pytest.mark.parametrize(
    ("load", "given", "expected"),
    [
        (CLOSED, {}, CLOSED),
        (CLOSED, {"users": 50}, users(50, duration="30s")),
        (CLOSED, {"duration": "1m"}, users(20, duration="1m")),
        (CLOSED, {"rate": "400/s"}, arrival_rate("400/s", duration="30s")),
        (
            CLOSED,
            {"rate": "400/s", "max_users": 9, "duration": "5s"},
            arrival_rate("400/s", duration="5s", max_users=9),
        ),
        (CLOSED, {"iterations": 8}, iterations(total=8, users=20)),
        (OPEN, {"rate": "20/s"}, arrival_rate("20/s", duration="30s", max_users=7, arrivals="poisson")),
        (OPEN, {"users": 50}, users(50, duration="30s")),
        (OPEN, {"max_users": 99}, arrival_rate("10/s", duration="30s", max_users=99, arrivals="poisson")),
        (FIXED, {"iterations": 8, "users": 2}, iterations(total=8, users=2)),
        (FIXED, {"users": 2}, iterations(total=100, users=2)),
        (FIXED, {"duration": "1m"}, iterations(total=100, users=5, max_duration="1m")),
        (EACH, {"iterations": 8}, iterations(each=8, users=5)),
        (RAMP, {"users": 50, "duration": "5s"}, users(50, duration="5s")),
        (arrival_stages(("9/s", "1s")), {"max_users": 3}, arrival_stages(("9/s", "1s"), max_users=3)),
    ],
)
def test_an_override_changes_what_it_names(load: Load, given: dict[str, Any], expected: Load) -> None:
    """Everything else stays as the scenario says: users make a closed loop of it, a rate an open one."""
    assert loads(load, Overrides.of(given)) == [expected]


def test_stages_become_lines_between_their_points() -> None:
    """0:10s,1000:20s ramps up for ten seconds and holds for twenty."""
    layer = Overrides.of({"users": "0:10s,1000:20s"})
    assert loads(CLOSED, layer) == [user_stages((1000, "10s"), (1000, "20s"))]


@pytest.mark.parametrize(
    ("load", "given", "message"),
    [
        (CLOSED, {"users": 1, "rate": "1/s"}, "--users and --rate exclude each other"),
        (CLOSED, {"users": "5:1s", "duration": "1s"}, "--duration and stages of --users exclude each other"),
        (CLOSED, {"rate": "1/s", "iterations": 1}, "--iterations needs a number of users"),
        (CLOSED, {"max_users": 1}, "--max-users needs a rate"),
        (CLOSED, {"users": 1, "max_users": 1}, "--max-users needs a rate"),
        (RAMP, {"duration": "1m"}, '--duration cannot change the load of the scenario "shop", which has stages'),
        (RAMP, {"users": 5}, 'the load of the scenario "shop" has no duration'),
        (FIXED, {"rate": "5/s"}, 'the load of the scenario "shop" has no duration'),
    ],
)
def test_what_makes_no_sense_is_refused_as_a_bad_argument(load: Load, given: dict[str, Any], message: str) -> None:
    """The message names settings as they are written where they come from; the exit code is that of bad arguments."""
    with pytest.raises(UsageError) as caught:
        loads(load, Overrides.of(given, "option"))
    assert str(caught.value) == message
    assert caught.value.hint
    assert caught.value.exit_code == ExitCode.USAGE
    with pytest.raises(UsageError) as as_arguments:
        loads(load, Overrides.of(given))
    assert str(as_arguments.value) == message.replace("--max-users", "max_users").replace("--", "")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"users": 0}, 'users: "0" is not a number of users: write "50", or stages as "0:10s,1000:20s"'),
        ({"users": True}, 'users: True is not a number of users: write 50, or stages as "0:10s,1000:20s"'),
        ({"users": 2**32}, 'users: "4294967296" is not a number of users'),
        ({"rate": "5"}, 'rate: 5 has no unit: write "5/s" or "5/min"'),
        ({"rate": "0/s"}, 'rate: "0/s" starts nothing: write it as "400/s"'),
        ({"max_users": 0}, "max_users: 0 is not a whole number from 1 to 4,294,967,295"),
        ({"duration": 30}, 'duration: 30 has no unit: write "30s" or "30ms"'),
        ({"duration": "0s"}, 'duration: "0s" is not a positive duration: write it as "30s"'),
        ({"iterations": "many"}, 'iterations: "many" is not a whole number from 1 to 9,223,372,036,854,775,807'),
        ({"base_url": "h:80"}, "base_url: a base URL starts with http:// or https://: write http://h:80"),
        ({"base_url": 5}, 'base_url: 5 is not a base URL: write it as "http://127.0.0.1:8080"'),
        ({"warm_up": "soon"}, 'warm_up: "soon" is not a duration'),
        ({"upstream_header": "a b"}, 'upstream_header: expected the name of a header, as in "X-Backend-Time=s"'),
        ({"seed": -1}, "seed: -1 is not a whole number from 0 to 18,446,744,073,709,551,615"),
        ({"workers": 0}, "workers: 0 is not a whole number from 1 to 4,294,967,295"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    """Before anything is compiled, by its name."""
    with pytest.raises(UsageError) as caught:
        Overrides.of(given)
    assert str(caught.value).startswith(message)


def test_everything_wrong_with_a_layer_is_listed() -> None:
    """Values and contradictions together, a line each."""
    with pytest.raises(UsageError) as caught:
        Overrides.of({"users": 0, "duration": "30", "rate": "5/s", "iterations": 3}, "variable")
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "LOADCORE_USERS",
        "LOADCORE_DURATION",
        "LOADCORE_ITERATIONS needs a number of users",
    ]


def test_every_scenario_that_does_not_fit_is_named() -> None:
    """Of several scenarios all that an override cannot change are named at once."""
    scenarios = [scenario(name=name, load=load) for name, load in (("a", RAMP), ("b", CLOSED), ("c", RAMP))]
    with pytest.raises(UsageError) as caught:
        override(scenarios, [Overrides.of({"duration": "1s"})])
    assert str(caught.value).splitlines() == [
        'duration cannot change the load of the scenario "a", which has stages',
        'duration cannot change the load of the scenario "c", which has stages',
    ]


def test_a_stronger_layer_replaces_a_weaker_one() -> None:
    """A rate of the command line takes the place of the environment's users, which leave it their duration."""
    layers = [
        Overrides.of({"users": 7, "duration": "9s"}, "variable"),
        Overrides.of({"rate": "50/s"}, "option"),
    ]
    assert loads(CLOSED, *layers) == [arrival_rate("50/s", duration="9s")]
    assert loads(CLOSED, *reversed(layers)) == [users(7, duration="9s")]


@pytest.mark.parametrize("said", [users(1, duration="30s"), users(5, duration="7s")])
def test_a_file_holds_only_for_what_a_scenario_does_not_say(said: Load) -> None:
    """A scenario that says what would hold by default has said it."""
    layer = Overrides.of(
        {"users": 9, "base_url": "http://file.test", "warm_up": "3s", "upstream_header": "X-File"}, file="loadcore.toml"
    )
    silent = Scenario("silent", steps=[get("/")])
    told = scenario(name="told", load=said, warm_up="1s", http=Http(upstream_header="X-Own"))
    changed = override([silent, told], [layer])
    assert [(each.load, each.base_url) for each in changed] == [
        (users(9, duration="30s"), "http://file.test"),
        (said, BASE_URL),
    ]
    assert [each.warm_up for each in changed] == [None, "1s"]
    assert [each.http.upstream_header if each.http else None for each in changed] == [None, "X-Own"]


def test_what_a_file_wants_in_vain_names_the_file() -> None:
    """Its exit code is that of a configuration."""
    with pytest.raises(ConfigError) as caught:
        Overrides.of({"users": 5, "rate": "5/s"}, file="loadcore.toml")
    assert str(caught.value) == "loadcore.toml: users and rate exclude each other"
    assert caught.value.exit_code == ExitCode.CONFIG


def test_settings_of_the_whole_run_reach_every_scenario() -> None:
    """Those who start a run decide, whatever the scenarios say."""
    given = {"warm_up": "2s", "graceful_stop": "0s", "base_url": "http://other.test", "upstream_header": "X-Up=s"}
    first = scenario(warm_up="1s", http=Http(max_redirects=1))
    changed = override([first, scenario(name="two")], [Overrides.of(given)])
    assert {(each.warm_up, each.graceful_stop, each.base_url) for each in changed} == {
        ("2s", "0s", "http://other.test")
    }
    assert [each.http for each in changed] == [Http(max_redirects=1, upstream_header="X-Up=s"), None]
    assert override([scenario()], [Overrides.of(given)])[0].http == Http(upstream_header="X-Up=s")


def loads(load: Load, *layers: Overrides) -> list[Load | None]:
    """The loads that the layers make of this one."""
    return [each.load for each in override([scenario(name="shop", load=load)], layers)]
