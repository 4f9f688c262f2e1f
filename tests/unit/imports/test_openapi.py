"""OpenAPI documents become scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loadcore.imports.documents import ImportFailed
from loadcore.imports.kinds import Kind, import_text
from loadcore.imports.openapi_values import Values
from tests.unit.imports.imported import imported

if TYPE_CHECKING:
    from pathlib import Path

SHOP = """
openapi: 3.0.3
info: {title: The Shop, version: 2024-01-01}
servers: [{url: 'https://{region}.example.com/v1', variables: {region: {default: eu}}}]
security: [{key: []}]
paths:
  /orders/{orderId}:
    parameters: [{name: orderId, in: path, required: true, schema: {type: integer, example: 7}}]
    delete: {tags: [orders], responses: {'204': {description: gone}}}
    get: {tags: [orders], responses: {'200': {description: one}}}
  /orders:
    post:
      tags: [orders]
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
      responses:
        '201': {description: made, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
  /items:
    get:
      tags: [items]
      security: []
      parameters:
        - {name: q, in: query, required: true, schema: {type: string, enum: [shoes, hats]}}
        - {name: page, in: query, schema: {type: integer}}
        - {name: size, in: query, schema: {type: integer, default: 20}}
      responses: {'200': {description: all}}
  /items/{slug}/picture:
    put:
      tags: [items]
      requestBody:
        content:
          multipart/form-data:
            schema: {type: object, properties: {picture: {type: string, format: binary}, alt: {type: string}}}
      responses: {'200': {description: ok}}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Shop-Key}}
  schemas:
    Base: {type: object, required: [note], properties: {note: {type: string}, id: {type: integer, readOnly: true}}}
    Order:
      allOf:
        - {$ref: '#/components/schemas/Base'}
        - type: object
          properties:
            mail: {type: string, format: email}
            pin: {type: string, example: '4711'}
            lines: {type: array, items: {$ref: '#/components/schemas/Line'}}
    Line: {type: object, properties: {amount: {type: integer, minimum: 2}, parent: {$ref: '#/components/schemas/Line'}}}
"""


def test_a_document_as_a_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tags are groups, bodies are made from schemas, ids come from what creates, and deleting comes last."""
    result = imported(Kind.OPENAPI, SHOP, tmp_path, monkeypatch)
    assert result.source.endswith(
        """\
the_shop = Scenario(
    "the_shop",
    base_url="https://eu.example.com/v1",
    load=users(1, duration="30s"),
    auth=api_key(env("X_SHOP_KEY"), header="X-Shop-Key"),
    steps=[
        group(
            "orders",
            [
                post(
                    "/orders",
                    json={
                        "note": "string",
                        "mail": "user@example.com",
                        "pin": env("PIN"),
                        "lines": [{"amount": 2}],
                    },
                    extract={"order_id": response.json("$.id").default("7")},
                ),
                get("/orders/{order_id}"),
                delete("/orders/{order_id}"),
            ],
        ),
        group(
            "items",
            [
                get("/items", params={"q": "shoes", "size": "20"}, auth=anonymous),
                # the file picture is not in what was imported: write upload(PATH) in
                #   place of the bytes
                put(
                    "/items/string/picture",
                    name="PUT /items/{slug}/picture",
                    data={"alt": "string"},
                    files={"picture": upload(b"a placeholder", filename="picture")},
                ),
            ],
        ),
    ],
)
"""
    )


def test_swagger_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 2.0 has its host, its bodies and its forms elsewhere."""
    document = {
        "swagger": "2.0",
        "host": "api.example.com",
        "basePath": "/v2",
        "schemes": ["http"],
        "security": [{"login": []}],
        "securityDefinitions": {"login": {"type": "oauth2", "flow": "application", "tokenUrl": "https://a.h/t"}},
        "paths": {
            "/pets": {
                "post": {
                    "parameters": [
                        {"name": "body", "in": "body", "schema": {"properties": {"age": {"type": "number"}}}}
                    ],
                    "responses": {"200": {"schema": {"properties": {"id": {"type": "integer"}}}}},
                }
            },
            "/pets/{id}": {
                "post": {
                    "parameters": [{"name": "name", "in": "formData", "type": "string", "x-example": "Rex"}],
                    "responses": {},
                }
            },
        },
    }
    result = imported(Kind.OPENAPI, document, tmp_path, monkeypatch)
    assert 'base_url="http://api.example.com/v2"' in result.source
    assert 'client_secret=env("CLIENT_SECRET")' in result.source
    assert 'post("/pets/{pet_id}", data={"name": "Rex"})' in result.source


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": ["null", "integer"]}, 1),
        ({"oneOf": [{"type": "null"}, {"const": 5}]}, 5),
        ({"type": "string", "pattern": "^[A-Z]{3}-\\d{2}$"}, "AAA-11"),
        ({"type": "string", "minLength": 9}, "stringstr"),
        ({"type": "string", "maxLength": 3}, "str"),
        ({"type": "integer", "exclusiveMinimum": 10, "multipleOf": 5}, 10),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"key": "string"}),
        ({"$ref": "#/loop"}, "string"),
        ({"$ref": "#/nowhere"}, "string"),
        ({"type": "string", "examples": ["a", "b"]}, "a"),
    ],
)
def test_values(schema: dict[str, Any], value: object) -> None:
    """A schema without an example still gives a value that fits it."""
    values = Values({"loop": {"$ref": "#/loop"}})
    assert values.of(schema) == value


def test_an_endless_schema_ends() -> None:
    """Members that contain their own kind end where the cycle would begin again."""
    tree = {"required": ["left"], "properties": {"left": {"$ref": "#/tree"}, "n": {"type": "integer"}}}
    assert Values({"tree": tree}).of({"$ref": "#/tree"}) == {"left": None, "n": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "shop.yaml:2:1: this is not YAML"),
        ("title: x", 'neither "openapi" nor "swagger"'),
        ("openapi: 3.1.0\npaths: {}", "no operations"),
        ("- 1", "the top of the file is not an object"),
    ],
)
def test_bad_input(text: str, message: str) -> None:
    """The error says what is wrong and where."""
    with pytest.raises(ImportFailed, match=message):
        import_text(Kind.OPENAPI, text, "shop.yaml")


def test_made_up_credentials_are_not_looked_for_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password that is made from a schema has the same text as other strings, which stay as they are."""
    user = {"type": "object", "properties": {each: {"type": "string", "minLength": 8} for each in ("name", "password")}}
    body = {"content": {"application/json": {"schema": user}}}
    post = {"requestBody": body, "responses": {"200": {"description": "ok"}}}
    paths = {"/a": {"post": post}, "/b": {"put": post}}
    document = {"openapi": "3.1.0", "info": {}, "servers": [{"url": "http://h"}], "paths": paths}
    source = imported(Kind.OPENAPI, document, tmp_path, monkeypatch).source
    assert source.count('json={"name": "stringst", "password": env("PASSWORD")}') == 2


@pytest.mark.parametrize(
    ("path", "answer", "where"),
    [
        ("eventId", {"eventId": {"type": "string"}}, "$.eventId"),
        ("event_id", {"id": {"type": "string"}, "eventId": {"type": "string"}}, "$.eventId"),
        ("id", {"event": {"type": "object", "properties": {"id": {"type": "string"}}}}, "$.event.id"),
        ("slug", {"title": {"type": "string"}}, None),
    ],
)
def test_ids_by_the_name_of_the_path(
    path: str, answer: dict[str, Any], where: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/events/{eventId}` takes the member of that name from what creates an event, or one called id."""
    schema = {"type": "object", "properties": answer}
    made = {"201": {"description": "made", "content": {"application/json": {"schema": schema}}}}
    paths = {f"/events/{{{path}}}": {"get": {"responses": {}}}, "/events": {"post": {"responses": made}}}
    document = {"openapi": "3.1.0", "info": {}, "servers": [{"url": "http://h"}], "paths": paths}
    source = imported(Kind.OPENAPI, document, tmp_path, monkeypatch).source
    assert (f'response.json("{where}")' in source) is (where is not None)
