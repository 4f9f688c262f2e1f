"""An error message repeats nothing that may be a secret, wherever in a scenario or on a command line it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadcore.cli.app import main
from loadcore.cli.prepare import prepare
from loadcore.cli.settings import Settings
from loadcore.errors import LoadcoreError
from loadcore.loader.scenario_file import load

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary5f3a"
HEAD = """
from loadcore import *
LOAD = users(1, duration="1s")
URL = "http://127.0.0.1:1"

def run(*steps, **settings):
    return Scenario("s", **{"base_url": URL, "load": LOAD, "steps": steps, **settings})

"""
AUTHS = (
    'bearer("{}")',
    'basic("{}", "b")',
    'basic("b", "{}")',
    'api_key("{}", header="X-Key")',
    'api_key("{}", query="key")',
    'oauth2_password(token_url="/t", username="{}", password="b")',
    'oauth2_password(token_url="/t", username="b", password="{}")',
    'oauth2_password(token_url="/t", username="b", password="b", client=("{}", "b"))',
    'oauth2_password(token_url="/t", username="b", password="b", client=("b", "{}"))',
    'oauth2_client_credentials(token_url="/t", client_id="b", client_secret="{}")',
    'oauth2_refresh_token(token_url="/t", refresh_token="{}")',
)
BROKEN = (
    "pa{CANARY ss}word",
    "pa{CANARY}word",
    "pa{CANARY",
    "CANARY}",
    "{$CANARY}x",
    "a{x:CANARY}b",
    "CANARY\\r\\nX: y",
)
"""Strings that are wrong as a template, or ask for a variable without a source."""
FIELDS = (
    'post("/", text="{}")',
    'post("/", form={{"password": "{}"}})',
    'post("/", json={{"password": "{}"}})',
    'post("/", multipart={{"password": "{}"}})',
    'get("/", headers={{"Authorization": "{}"}})',
    'get("/", headers={{"X-Api-Key": "{}"}})',
    'get("/", query={{"token": "{}"}})',
    'get("/?token={}")',
)
HARMLESS = {
    ('post("/", text="{}")', "pa{CANARY}word"),
    *((field, "CANARY\\r\\nX: y") for field in FIELDS[:4]),
    (FIELDS[6], "CANARY\\r\\nX: y"),
    (FIELDS[7], "CANARY\\r\\nX: y"),
}
"""A variable by all appearances, and strings that may hold a line end."""

STATEMENTS = [
    *(f"s = run(get('/'), auth={auth.replace('{}', text)})" for auth in AUTHS for text in BROKEN[:4]),
    *(f"s = run({field.format(text)})" for field in FIELDS for text in BROKEN if (field, text) not in HARMLESS),
    's = run("CANARY")',
    's = run(b"CANARY")',
    's = run(["CANARY"])',
    's = run(get("/"), steps="CANARY")',
    's = run(get("/"), steps=get("/", headers={"Authorization": "CANARY"}))',
    's = run(get("x?token=CANARY"))',
    's = run(get("http://127.0.0.1:99999/?token=CANARY"))',
    's = run(get("http://127.0.0.1:x/?token=CANARY"))',
    's = run(get("ftp://127.0.0.1/?token=CANARY"))',
    's = run(get("ftp://me:CANARY@127.0.0.1/"))',
    's = run(get("http://me:CANARY@127.0.0.1/"))',
    's = run(get("http:///?token=CANARY"))',
    's = run(get("http://{host}/?token=CANARY"))',
    's = run(get("/"), base_url="http://127.0.0.1:x/?token=CANARY")',
    's = run(get("/"), base_url="me:CANARY@127.0.0.1")',
    's = run(get("/"), auth="CANARY")',
    's = run(get("/"), auth=["CANARY"])',
    's = run(get("/", auth="CANARY"))',
    's = run(get("/"), auth=bearer(b"CANARY"))',
    's = run(get("/"), auth=bearer(["CANARY"]))',
    's = run(get("/"), auth=api_key("CANARY"))',
    's = run(get("/"), auth=api_key("k", header="X-Key: CANARY"))',
    's = run(get("/"), auth=oauth2_password(token_url="http://a:x/?key=CANARY", username="b", password="b"))',
    's = run(get("/"), auth=oauth2_password(token_url="/", username="b", password="b", client=["CANARY"]))',
    's = run(get("/"), auth=oauth2_password(token_url="/", username="b", password="b", client=("CANARY",)))',
    's = run(get("/"), feeders="CANARY")',
    's = run(get("/"), feeders=["CANARY"])',
    's = run(get("/"), feeders=rows_feeder([{"password": "CANARY"}]))',
    's = run(get("/"), feeders=[rows_feeder(["CANARY"])])',
    's = run(get("/"), feeders=[rows_feeder([("me", "CANARY")])])',
    's = run(get("/"), feeders=[rows_feeder([{"password": {"CANARY"}}])])',
    's = run(get("/"), feeders=[rows_feeder("CANARY")])',
    's = run(get("/"), feeders=[rows_feeder({"password": "CANARY"})])',
    's = run(get("/"), feeders=[csv_feeder("bad.csv")])',
    's = run(get("/"), feeders=[json_feeder("bad.json")])',
    's = run(get("/"), feeders=[json_feeder("list.json")])',
    's = run(get("/"), feeders=[json_lines_feeder("bad.jsonl")])',
    's = run(get("/", headers="CANARY"))',
    's = run(get("/", headers=["CANARY"]))',
    's = run(get("/", headers={"Authorization: CANARY": ""}))',
    's = run(get("/", headers={"Authorization": b"CANARY"}))',
    's = run(get("/", headers={b"CANARY": "x"}))',
    's = run(get("/", query="CANARY"))',
    's = run(get("/", query={"token": b"CANARY"}))',
    's = run(post("/", form="CANARY"))',
    's = run(post("/", form={"password": {"CANARY": 1}}))',
    's = run(post("/", text=b"CANARY"))',
    's = run(post("/", text=["CANARY"]))',
    's = run(post("/", content=["CANARY"]))',
    's = run(post("/", json={"password": b"CANARY"}))',
    's = run(post("/", json={"password": {"CANARY"}}))',
    's = run(post("/", json={("CANARY",): 1}))',
    's = run(post("/", multipart="CANARY"))',
    's = run(post("/", multipart={"password": b"CANARY"}))',
    's = run(post("/", json=1, text="CANARY"))',
    's = run(get("/", checks="CANARY"))',
    's = run(get("/", checks=["CANARY"]))',
    's = run(get("/", checks=[response.json("$.token") == ["CANARY"]]))',
    's = run(get("/", extract="CANARY"))',
    's = run(get("/", extract={"token": "CANARY"}))',
    's = run(get("/", extract=["CANARY"]))',
    's = run(get("/", timeouts="CANARY"))',
    's = run(get("/"), http="CANARY")',
    's = run(get("/"), http=["CANARY"])',
    's = run(get("/"), http=Http(tls="CANARY"))',
    's = run(get("/"), headers="CANARY")',
    's = run(get("/"), load="CANARY")',
    's = run(get("/"), pacing="CANARY")',
    's = run(repeat("CANARY", [get("/")]))',
    's = run(choice(("CANARY", [get("/")])))',
    's = run(branch("CANARY", then=[get("/")]))',
    's = run(branch(variable("password") == ["CANARY"], then=[get("/")]))',
    's = Scenario("s", base_url=URL, load=LOAD, steps=[get("/")], auth=bearer("CANARY"), stpes=1)',
    's = run(get("/"), auth=bearer("CANARY"), headers=1 / 0)',
    's = run(get("/"), auth=bearer("CANARY")',
]
FILES = {
    "bad.csv": f"user,password\nme,{CANARY},more\n",
    "bad.json": f'{{"password": "{CANARY}"}}',
    "list.json": f'["{CANARY}"]',
    "bad.jsonl": f'"{CANARY}"\n',
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_mistake_in_a_scenario_shows_no_secret(tmp_path: Path, statement: str) -> None:
    """It is refused, and the message holds nothing of what was written there."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    path = tmp_path / "shop.py"
    path.write_text(HEAD + statement.replace("CANARY", CANARY) + "\n", encoding="utf-8")

    with pytest.raises(LoadcoreError) as caught:
        prepare(load(path), Settings())

    assert str(caught.value)
    assert CANARY not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "arguments",
    [
        ("bench", "http://127.0.0.1:1/", "-H", "Authorization CANARY"),
        ("bench", "http://127.0.0.1:1/", "-H", "CANARY"),
        ("bench", "http://127.0.0.1:1/", "-H", "Accept: x", "-H", "Bearer CANARY"),
        ("bench", "http://127.0.0.1:1/", "-H", "Authorization:", "Bearer", "CANARY"),
        ("bench", "http://127.0.0.1:1/", "-d", "password:", "CANARY"),
        ("bench", "http://127.0.0.1:x/?token=CANARY"),
        ("bench", "htp://127.0.0.1/?token=CANARY"),
        ("bench", "me:CANARY@127.0.0.1"),
        ("run", "shop.py", "-e", "CANARY"),
        ("run", "shop.py", "-e", "PASSWORD CANARY"),
        ("run", "shop.py", "-e", "PASSWORD=a", "CANARY"),
        ("run", "shop.py", "--host", "http://127.0.0.1:x/?token=CANARY"),
        ("init", "--host", "me:CANARY@127.0.0.1"),
    ],
    ids=" ".join,
)
def test_a_mistake_on_the_command_line_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """Headers, bodies, URLs and variables hold secrets; a message names the option instead."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.py").write_text(HEAD + "s = run(get('/'))\n", encoding="utf-8")

    code = main([word.replace("CANARY", CANARY) for word in arguments])

    shown = capsys.readouterr()
    assert code in {2, 104}
    assert shown.err.startswith("error: ")
    assert CANARY not in shown.out + shown.err


def test_a_value_of_the_settings_file_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table `env` holds secrets."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loadcore.toml").write_text(f'env = {{ TOKEN = ["{CANARY}"] }}\n', encoding="utf-8")

    assert main(["run", "shop.py"]) == 104
    assert CANARY not in capsys.readouterr().err


def test_names_that_are_no_secrets_are_told(tmp_path: Path) -> None:
    """A mistyped variable is named: what the plan shows, a message may show."""
    path = tmp_path / "shop.py"
    path.write_text(HEAD + 's = run(get("/{usernmae}"), auth=basic("{usre}", "{passwrod}"))\n', encoding="utf-8")

    with pytest.raises(LoadcoreError) as caught:
        prepare(load(path), Settings())

    for name in ("usernmae", "usre", "passwrod"):
        assert f"`{{{name}}}`" in str(caught.value)
