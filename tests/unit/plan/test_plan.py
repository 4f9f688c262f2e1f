"""The plan as a document: written, distinguished, shown without secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore import (
    Http,
    Limits,
    api_key,
    arrival_rate,
    arrival_stages,
    basic,
    bearer,
    branch,
    choice,
    env,
    get,
    group,
    login,
    oauth2_client_credentials,
    oauth2_password,
    oauth2_refresh_token,
    post,
    repeat,
    response,
    rows_feeder,
    think,
    upload,
    users,
    variable,
)
from loadcore.cli.notes import worker_note
from loadcore.errors import UsageError
from loadcore.machine.needs import most_users, needs
from loadcore.plan import outline
from loadcore.plan.redaction import is_sensitive
from loadcore.processes.launch import run_plan
from tests.unit.compiler.flows import document, plan, scenario

SECRET = "s3cr3t-value"


def test_the_same_declarations_give_the_same_text() -> None:
    """A plan is determined by declarations and seed."""
    declared = scenario(get("/", query={"b": 1, "a": 2}, json={"z": 1, "y": "ä"}))
    texts = {plan(declared).to_json() for _ in range(3)}
    assert len(texts) == 1
    assert json.loads(texts.pop())["scenarios"][0]["steps"][0]["query"] == [["b", "1"], ["a", "2"]]


def test_the_digest_tells_plans_apart_but_not_seeds() -> None:
    """Two runs of one plan have one digest; a change of anything but the seed gives another."""
    first = plan(scenario(), seed=1)
    assert first.digest == plan(scenario(), seed=2).digest
    assert first.digest != plan(scenario(), seed=1, users=2).digest
    assert (len(first.digest), set(first.digest) <= set("0123456789abcdef")) == (64, True)


def test_steps_are_those_that_have_rows_in_results() -> None:
    """Requests wherever they stand, once each, and the token calls of the ways to authenticate that are used."""
    user = oauth2_password(token_url="/token", username="u", password="p")
    machine = oauth2_client_credentials(token_url="/machine", client_id="a", client_secret="b")
    declared = scenario(
        get("/a"),
        group("g", [get("/a"), choice((1, [get("/b")]), (1, [think("1s")]))]),
        repeat(2, [branch(variable("x").exists(), then=[get("/c", auth=machine)], otherwise=[get("/d")])]),
        on_start=[post("/hello")],
        auth=user,
    )
    names = ["POST /hello", "GET /a", "GET /b", "GET /c", "GET /d", "POST /token", "POST /machine"]
    assert plan(declared, scenario(get("/z"), name="two")).steps() == [
        *(("one", each) for each in names),
        ("two", "GET /z"),
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"auth": bearer(SECRET)},
        {"auth": basic("me", SECRET)},
        {"auth": basic(f"me-{SECRET}-{{n}}", "p")},
        {"auth": api_key(SECRET, header="X-API-Key")},
        {"auth": oauth2_password(token_url="/t", username="me", password=SECRET)},
        {"auth": oauth2_password(token_url=f"https://u:{SECRET}@h.test/t", username="me", password="p")},
        {"auth": oauth2_client_credentials(token_url="/t", client_id="me", client_secret=SECRET)},
        {"auth": oauth2_refresh_token(token_url="/t", refresh_token=SECRET, client=("a", SECRET))},
        {"auth": oauth2_password(token_url="/t", username="me", password="p", form={"realm": SECRET})},
        {"auth": oauth2_password(token_url="/t", username="me", password="p", headers={"X-Api-Key": SECRET})},
        {"auth": login(post("/x", json={"password": SECRET}), token=response.json("$.t"))},
        {"auth": login(post("/x", auth=basic("me", SECRET)), token=response.json("$.t"))},
        {"headers": {"Authorization": f"Bearer {SECRET}"}},
        {"headers": {"cookie": f"sid={SECRET}"}},
        {"headers": {"X-Auth-Token": SECRET}},
        {"base_url": f"http://user:{SECRET}@gateway.test"},
        {"feeders": [rows_feeder([{"password": SECRET}])]},
        {"steps": [get(f"/x?token={SECRET}&page=1")]},
        {"steps": [get(f"https://u:{SECRET}@gateway.test/x")]},
        {"steps": [get("/x", query={"api_key": SECRET})]},
        {"steps": [get("/x", headers={"Proxy-Authorization": SECRET})]},
        {"steps": [post("/x", form={"password": SECRET})]},
        {"steps": [post("/x", json={"user": {"password": SECRET}})]},
        {"steps": [post("/x", json=[{"tokens": [SECRET, {"a": SECRET}]}])]},
        {"steps": [post("/x", text=f"<password>{SECRET}</password>")]},
        {"steps": [post("/x", content=b"password=" + SECRET.encode())]},
        {"steps": [post("/x", multipart={"secret": SECRET, "f": upload(SECRET.encode())})]},
        {"steps": [get("/x", checks=[response.json("$.token") == SECRET])]},
        {"steps": [get("/x", checks=[response.header("Set-Cookie") == SECRET])]},
        {"steps": [get("/x", extract={"token": response.json("$.t").default(SECRET)})]},
        {"steps": [group("g", [repeat(1, [choice((1, [post("/x", form={"pin": SECRET})]))])])]},
        {"on_start": [post("/x", form={"otp": SECRET})]},
    ],
    ids=range(32),
)
def test_no_secret_is_shown(settings: dict[str, Any]) -> None:
    """What may be shown or stored holds no secret, in clear or in base64, wherever it is in the plan."""
    declared = plan(scenario(**settings))
    shown = json.dumps(declared.redacted())
    assert (SECRET in declared.to_json() or "base64" in declared.to_json(), SECRET in shown) == (True, False)
    assert "czNjcjN0" not in shown


def test_a_login_of_ones_own_is_a_step_too() -> None:
    """The request of a login has rows, under its own name."""
    request, found = post("/session", name="log in"), response.header("X-Session")
    own = login(request, token=found, expires_in="15m", header="X-Session", prefix="")
    declared = plan(scenario(get("/a"), auth=own))
    assert declared.steps() == [("one", "GET /a"), ("one", "log in")]
    assert declared.document["auth"][0]["way"]["lifetime_ns"] == 900 * 10**9


def test_one_refresh_token_is_one_login() -> None:
    """All users share its token, unless each brings its own refresh token; such a run has one worker."""
    shared = plan(scenario(get("/a"), auth=oauth2_refresh_token(token_url="/t", refresh_token="r0")))
    own = plan(scenario(get("/a"), auth=oauth2_refresh_token(token_url="/t", refresh_token="{refresh}")))
    assert (shared.document["auth"][0]["way"]["shared"], "shared" in own.document["auth"][0]["way"]) == (1, False)
    assert "one refresh token is one login" in (outline.indivisible(shared) or "")
    assert outline.indivisible(own) is None
    assert "the run has one worker" in (worker_note(shared) or "")
    assert worker_note(own) is None
    with pytest.raises(UsageError, match="2 workers: one refresh token is one login"):
        run_plan(shared, [], workers=2)


def test_names_of_steps_hold_no_secret() -> None:
    """Step names are in every result: a URL gives its path, and neither user nor query."""
    user = oauth2_password(token_url=f"https://u:{SECRET}@h.test/token?key={SECRET}", username="me", password="p")
    steps = plan(scenario(get(f"http://u:{SECRET}@h.test/x?token={SECRET}"), auth=user)).steps()
    assert steps == [("one", "GET /x"), ("one", "POST /token")]


@given(st.text(alphabet="abcdefxyz0123456789", min_size=12))
def test_a_password_is_hidden_whatever_it_is(password: str) -> None:
    """Hiding does not depend on what the secret looks like."""
    declared = scenario(post("/x", form={"password": password}), auth=basic("me", password))
    assert password not in json.dumps(plan(declared).redacted())


def test_what_is_no_secret_is_shown() -> None:
    """Variables, names of the environment, and all that has no sensitive name stay readable."""
    declared = post("/x?page=1", form={"password": "{password}", "q": "books"}, headers={"Accept": "a/b"})
    shown = plan(scenario(declared, auth=bearer(env("TOKEN")))).redacted()
    shown_step = shown["scenarios"][0]["steps"][0]
    assert shown["auth"][0]["way"]["token"] == {"env": "TOKEN"}
    assert shown_step["body"]["fields"] == [["password", "{password}"], ["q", "books"]]
    assert (shown_step["url"], shown_step["headers"]) == ("/x?page=1", [["Accept", "a/b"]])


def test_showing_does_not_change_the_plan() -> None:
    """The plan itself keeps its secrets: the engine needs them."""
    declared = plan(scenario(post("/x", json={"password": SECRET}), auth=bearer(SECRET)))
    before = declared.to_json()
    declared.redacted()
    assert declared.to_json() == before


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Api-Key", "refresh_token", "passwd", "$.session.id", "code", "jwt"]
)
def test_sensitive_names(name: str) -> None:
    """Names under which secrets stand."""
    assert is_sensitive(name)


@pytest.mark.parametrize(
    "name", ["Accept", "author", "authors", "country_code", "monkey", "primary_key", "page", "opinion"]
)
def test_harmless_names(name: str) -> None:
    """Names that only look like it."""
    assert not is_sensitive(name)


def test_the_document_is_what_the_engine_reads() -> None:
    """The text is the document and nothing else."""
    assert json.loads(plan(scenario(), seed=1).to_json()) == json.loads(json.dumps(document(scenario(), seed=1)))


LOOKS = get("/", checks=[response.contains("x")])
TAKES = get("/", extract={"id": response.json("$.id")})


@pytest.mark.parametrize(
    ("steps", "load", "kept_body", "kept"),
    [
        ([get("/", checks=[response.status == 200])], users(4, duration="1s"), "200MB", 0),
        ([LOOKS], users(4, duration="1s"), "200MB", 800_000_000),
        ([group("g", [TAKES])], arrival_rate("1/s", duration="1s", max_users=4), "200MB", 800_000_000),
        ([LOOKS], arrival_rate("1/s", duration="1s", max_users=4), "4MiB", 0),
        ([TAKES], users(4, duration="1s"), "4MiB", 4 * (64 << 10)),
        ([TAKES], users(4, duration="1s"), "1KiB", 4 << 10),
    ],
)
def test_bodies_that_users_keep_are_counted(steps: list[Any], load: Any, kept_body: str, kept: int) -> None:
    """Those of scenarios that look into them, as large as a raised limit says, or as most are."""
    http = Http(limits=Limits(kept_body=kept_body))
    found = needs(plan(scenario(*steps, load=load, http=http)), (4,))

    assert found.kept_bodies == kept


PER_REQUEST = Http(reuse="request")


@pytest.mark.parametrize(
    ("load", "http", "connections", "in_all"),
    [
        (arrival_rate("100/s", duration="60s"), Http(), (50, 50), None),
        (arrival_rate("100/s", duration="60s", max_users=800), Http(), (400, 400), None),
        (users(800, duration="60s"), PER_REQUEST, (400, 400), None),
        (arrival_rate("500/s", duration="4s"), PER_REQUEST, (250, 250), 2_000),
        (arrival_stages(("500/s", "4s"), ("500/s", "2s")), PER_REQUEST, (250, 250), 2_000),
        (arrival_rate("500/s", duration="4s"), Http(reuse="iteration"), (250, 250), 2_000),
    ],
)
def test_a_run_needs_what_it_will_hold_and_open(
    load: Any, http: Http, connections: tuple[int, ...], in_all: int | None
) -> None:
    """Of the users without a setting, those that arrive in a second; of connections, those of the run's own length."""
    made = plan(scenario(get("/"), load=load, http=http))
    most = most_users(made)
    found = needs(made, (most // 2, most // 2))

    assert (found.connections, found.opened_in_all) == (connections, in_all)
    assert found.may_allow_fewer is ("max_users" in made.document["scenarios"][0]["load"])


def test_another_rate_needs_more_and_a_share_less() -> None:
    """An order of a rate takes the place of the planned one; one of several machines opens its share of connections."""
    made = plan(scenario(get("/"), load=arrival_rate("500/s", duration="4s"), http=PER_REQUEST))
    name = made.document["scenarios"][0]["name"]
    most = most_users(made)
    faster = needs(made, (most // 2, most // 2), rates={name: 700.0})
    assert (faster.opened_per_s, faster.opened_in_all) == (700.0, None)
    assert sum(faster.connections) == 700
    half = needs(made, (most // 2,), share=0.5)
    assert (half.opened_per_s, half.opened_in_all, half.connections) == (250.0, 1_000, (250,))


def test_bodies_of_logins_are_kept() -> None:
    """A login looks for its token in the body."""
    auth = login(post("/session"), token=response.json("$.token"))
    http = Http(limits=Limits(kept_body="8MiB"))

    assert needs(plan(scenario(load=users(2, duration="1s"), auth=auth, http=http)), ()).kept_bodies == 16 << 20
