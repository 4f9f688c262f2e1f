"""Postman collections become scenarios."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.imports.documents import ImportFailed
from loadcore.imports.kinds import Kind, import_text
from tests.unit.imports.imported import imported

if TYPE_CHECKING:
    from pathlib import Path


def request(name: str, method: str, url: Any, script: str = "", **more: Any) -> dict[str, Any]:
    """A request of a collection."""
    event = [{"listen": "test", "script": {"exec": script.splitlines()}}] if script else []
    return {"name": name, "event": event, "request": {"method": method, "url": url, **more}}


def raw(text: str) -> dict[str, Any]:
    """A body of JSON."""
    return {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}


SHOP = {
    "info": {"name": "My Shop", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
    "variable": [
        {"key": "baseUrl", "value": "http://api.example.com"},
        {"key": "apiKey", "value": "k3y-of-the-shop"},
        {"key": "size", "value": "20"},
    ],
    "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}"}]},
    "item": [
        request(
            "Log in",
            "POST",
            "{{baseUrl}}/login",
            'pm.test("ok", () => pm.response.to.have.status(200));\nconst data = pm.response.json();\n'
            'pm.environment.set("token", data.auth.token);',
            body=raw('{"user": "joe", "password": "hunter22"}'),
            auth={"type": "noauth"},
        ),
        {
            "name": "Orders",
            "item": [
                request(
                    "Create",
                    "POST",
                    {"raw": "{{baseUrl}}/orders?dry=1", "query": [{"key": "dry", "value": "1", "disabled": True}]},
                    'pm.collectionVariables.set("orderId", pm.response.json().data["id"]);',
                    body=raw('{"item": {{item}}, "note": "{x} {{$guid}}", "n": {{size}}}'),
                    header=[{"key": "X-Key", "value": "{{apiKey}}"}],
                ),
                request("Read", "GET", {"raw": "{{baseUrl}}/orders/:id", "variable": [
                    {"key": "id", "value": "{{orderId}}"}]}),
                request("Upload", "POST", "{{baseUrl}}/up", body={"mode": "formdata", "formdata": [
                    {"key": "doc", "type": "file", "src": "/home/me/a.pdf"}, {"key": "n", "value": "{{orderId}}"}]}),
                request("Ask", "POST", "{{baseUrl}}/graphql", "pm.test('x', () => { pm.expect(1).to.eql(1) })",
                        body={"mode": "graphql", "graphql": {"query": "{ me }", "variables": '{"a": 1}'}}),
            ],
        },
    ],
}  # fmt: skip


def test_a_collection_as_a_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are groups, the login is declared, scripts become extracts, and variables have their values."""
    result = imported(Kind.POSTMAN, SHOP, tmp_path, monkeypatch)
    assert result.source.endswith(
        """\
my_shop = Scenario(
    "my_shop",
    base_url="http://api.example.com",
    load=users(1, duration="30s"),
    auth=login(
        post(
            "/login",
            name="Log in",
            json={"user": "joe", "password": env("PASSWORD")},
            expect=200,
        ),
        token=response.json("$.auth.token"),
    ),
    steps=[
        group(
            "Orders",
            [
                post(
                    "/orders",
                    name="Create",
                    headers={"X-Key": env("API_KEY")},
                    json={"item": env("ITEM"), "note": "{{x}} {$uuid}", "n": 20},
                    extract={"order_id": response.json("$.data.id")},
                ),
                get("/orders/{order_id}", name="Read"),
                # the file a.pdf is not in what was imported: write upload(PATH) in
                #   place of the bytes
                post(
                    "/up",
                    name="Upload",
                    data={"n": "{order_id}"},
                    files={"doc": upload(b"a placeholder", filename="a.pdf")},
                ),
                # left out: a test script; see checks=
                post(
                    "/graphql",
                    name="Ask",
                    json={"query": "{{ me }}", "variables": {"a": 1}},
                ),
            ],
        ),
    ],
)
"""
    )
    assert "k3y-of-the-shop" not in result.source
    assert "hunter22" not in result.source


def test_version_2_0_and_what_has_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Authentication of 2.0 is an object; a variable without a value is read from the environment."""
    collection = {
        "info": {"name": "x"},
        "item": [
            request(
                "a",
                "GET",
                "{{host}}/a/{{id}}",
                auth={"type": "basic", "basic": {"username": "joe", "password": "hunter22"}},
            ),
            request("b", "GET", {"protocol": "http", "host": ["h"], "path": ["b"]}, auth={"type": "hawk", "hawk": {}}),
        ],
    }
    result = imported(Kind.POSTMAN, collection, tmp_path, monkeypatch)
    assert 'get("/a/{$env.ID}"' in result.source
    assert 'auth=basic(env("API_USER"), env("API_PASSWORD"))' in result.source
    assert "# left out: authentication of type hawk" in result.source


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"requests": [], "order": []}, "version 1"),
        ({"values": []}, "no list of items"),
        ({"info": {}, "item": [3, {"name": "x"}]}, "no requests that can be sent"),
    ],
)
def test_bad_input(document: dict[str, Any], message: str) -> None:
    """The error says what is wrong and what to export."""
    with pytest.raises(ImportFailed, match=message):
        import_text(Kind.POSTMAN, json.dumps(document))
