"""Command lines of curl become steps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from loadcore.imports.documents import ImportFailed
from loadcore.imports.kinds import Kind, import_text
from tests.unit.imports.imported import imported

if TYPE_CHECKING:
    from pathlib import Path

COPIED = r"""curl 'https://api.example.com/graphql' \
  -H 'accept: */*' -H 'sec-fetch-mode: cors' -H 'user-agent: Mozilla/5.0' -H 'referer: https://www.example.com/' \
  -H 'content-type: application/json' -H 'x-api-key: k3y-of-the-shop' \
  -b 'sid=0123456789abcdef; theme=dark' \
  --data-raw $'{"query":"it\'s {braces}","variables":{"id":7}}' --compressed
"""


def test_what_a_browser_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers of the browser are left out, credentials are read from the environment, and the body is data."""
    result = imported(Kind.CURL, COPIED, tmp_path, monkeypatch)
    assert result.source.endswith(
        """\
shop = Scenario(
    "shop",
    base_url="https://api.example.com",
    load=users(1, duration="30s"),
    steps=[
        post(
            "/graphql",
            headers={
                "accept": "*/*",
                "x-api-key": env("X_API_KEY"),
                "Cookie": env("COOKIE"),
            },
            json={"query": "it's {{braces}}", "variables": {"id": 7}},
        ),
    ],
)
"""
    )
    assert "0123456789abcdef" not in result.source


@pytest.mark.parametrize(
    ("command", "step"),
    [
        ("curl -I http://h/a", 'head("/a")'),
        ("curl http://h/a -X PURGE", 'request("PURGE", "/a")'),
        ("curl -sSLk -o /dev/null 'http://h/a?b=1&b=2'", 'get("/a", params={"b": ["1", "2"]})'),
        ("curl -u joe:hunter22 http://h", 'get("/", auth=basic(env("API_USER"), env("API_PASSWORD")))'),
        ("curl http://u:hunter22@h/a", 'get("/a", auth=basic(env("API_USER"), env("API_PASSWORD")))'),
        ("curl -d a=1 -d b=2 http://h", 'post("/", data={"a": "1", "b": "2"})'),
        ("curl -G -d a=1 --data-urlencode 'q=x y' h/s", 'get("/s", params={"a": "1", "q": "x y"})'),
        ("curl -XPUT --json '{\"a\": [1, null]}' http://h", 'put("/", json={"a": [1, None]})'),
        ("curl -F a=1 http://h", 'post("/", multipart={"a": "1"})'),
        ("curl -m 2.5 http://h", 'get("/", timeout="2.5s")'),
        ("curl -d '<a/>' -H 'Content-Type: text/xml' h", 'post("/", content="<a/>", content_type="text/xml")'),
        ("$ curl http://h/a > out.json 2>/dev/null", 'get("/a")'),
        ('curl -H "Authorization: Bearer abcdefgh" http://h', 'get("/", auth=bearer(env("API_TOKEN")))'),
        ("curl http://h/users/42", 'get("/users/42", name="GET /users/{id}")'),
        ("curl ^\n  http://h/a", 'get("/a")'),
    ],
)
def test_options(command: str, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option becomes what a scenario calls it."""
    result = imported(Kind.CURL, command, tmp_path, monkeypatch)
    source = re.sub(r"\s+", "", result.source).replace(",)", ")").replace(",]", "]")
    assert "steps=[" + re.sub(r"\s+", "", step) + "]" in source
    assert "hunter22" not in result.source


def test_several_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step for each command; the base URL is the one most have, and what cannot be taken over is a comment."""
    text = """#!/bin/sh
set -e
curl http://api.example.com/a && curl http://api.example.com/b   # twice
curl ftp://files.example.com/c; echo done | grep curl
curl http://other.example.com/d --cert client.pem -d @body.json
"""
    result = imported(Kind.CURL, text, tmp_path, monkeypatch)
    steps = [step["url"] for step in result.steps]
    assert steps == ["/a", "/b", "http://other.example.com/d"]
    assert "# left out: line 4, 'ftp://files.example.com/c' is not a URL of HTTP" in result.source
    assert "# left out: --cert" in result.source
    assert "# left out: the body, which is the file body.json" in result.source
    assert result.steps[2]["method"] == "POST"
    assert result.report.taken == 3
    assert sum(result.report.left_out.values()) == 3


def test_a_file_is_a_placeholder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the command names does not come along: the scenario runs, and says where to name it."""
    result = imported(
        Kind.CURL, "curl -F 'doc=@/tmp/a.pdf;type=application/pdf' -F n=1 http://h", tmp_path, monkeypatch
    )
    assert "# the file a.pdf is not in what was imported" in result.source
    assert "upload(" in result.source
    assert 'content_type="application/pdf"' in result.source


def test_commands_within_others_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only a shell can run is counted among what was left out."""
    result = imported(
        Kind.CURL, 'curl http://127.0.0.1:9/a\nTOKEN="$(curl -s http://127.0.0.1:9/b)"\n', tmp_path, monkeypatch
    )
    assert (result.report.taken, dict(result.report.left_out)) == (1, {"commands within $(…)": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wget http://h", "holds no curl command"),
        ("for each in $all; do status=$(curl -s $each); done", r"all 1 curl commands here are within \$\(…\)"),
        ("\ncurl 'http://h", "line 2: a quote does not close"),
    ],
)
def test_bad_input(text: str, message: str) -> None:
    """The error says what is wrong and where."""
    with pytest.raises(ImportFailed, match=message) as raised:
        import_text(Kind.CURL, text)
    assert raised.value.hint


SCRIPT = r"""#!/bin/bash
BASE_URL=${BASE_URL:-http://localhost:8080}
API="$BASE_URL/api"
TOKEN="sekrit-1234"
project="${1}"
curl -s "$API/orders?\$filter=a&kind=$kind" -H "Authorization: Bearer $TOKEN"
curl -X POST ${API}/orders -H 'Content-Type: application/json' -d "{\"project\":\"$project\",\"by\":\"$USER_NAME\"}"
curl "$OTHER/odata?$top=1" -H 'X-Price: $5'
"""


def test_variables_of_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the script assigns is filled in; credentials, and what it does not assign, come from the environment."""
    result = imported(Kind.CURL, SCRIPT, tmp_path, monkeypatch)
    assert result.source.endswith(
        """\
    base_url="http://localhost:8080",
    load=users(1, duration="30s"),
    steps=[
        get(
            "/api/orders",
            params={"$filter": "a", "kind": "$kind"},
            auth=bearer(env("TOKEN")),
        ),
        post("/api/orders", json={"project": env("PROJECT"), "by": env("USER_NAME")}),
        get("/odata", params={"$top": "1"}, headers={"X-Price": "$5"}),
    ],
)
"""
    )
    assert "sekrit" not in result.source
    assert "the file has no value for $OTHER: --base-url takes its place" in result.report.notes


def test_a_script_that_changes_a_variable_or_has_no_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note says that the first value counts; a port from elsewhere leaves the address to --base-url."""
    script = "HOST=a.example\ncurl https://$HOST/x\nHOST=b.example\ncurl https://$HOST/y\n"
    result = imported(Kind.CURL, script, tmp_path, monkeypatch)
    assert "the script gives $HOST several values: the scenario has the first of each" in result.report.notes
    result = imported(Kind.CURL, "curl http://localhost:$PORT/health", tmp_path, monkeypatch)
    assert 'get("/health")' in result.source
    assert "the file has no value for $PORT: --base-url takes its place" in result.report.notes


@pytest.mark.parametrize("script", ["A=$A\ncurl $A/x", "A=$B\nB=$A\ncurl http://h/$A", "A=\ncurl http://h/?a=$A"])
def test_variables_that_lead_in_a_circle(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables made of themselves or of one another come from the environment."""
    assert imported(Kind.CURL, script, tmp_path, monkeypatch).report.taken == 1


def test_commands_of_which_none_can_be_sent() -> None:
    """A file whose commands have no URL of HTTP is refused, with the reasons."""
    with pytest.raises(ImportFailed, match=r"none of the commands can be sent: URLs that are not of HTTP \(1\)"):
        import_text(Kind.CURL, "curl ftp://h/a", "a.sh")


def test_a_password_that_is_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential such as `password` is hidden where it is one, and left alone where it is a word."""
    command = "curl http://h/auth/password -d grant_type=password -d user=joe -d password=password"
    result = imported(Kind.CURL, command, tmp_path, monkeypatch)
    assert '"/auth/password"' in result.source
    assert '"grant_type": "password"' in result.source
    assert '"password": env("PASSWORD")' in result.source
