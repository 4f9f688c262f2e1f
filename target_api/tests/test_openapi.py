"""The OpenAPI document: complete, and true about the answers."""

from typing import Any

import pytest

from loadcore_target.app import LOADED, PROBES, create_app
from loadcore_target.route_table import RouteTable
from loadcore_target.settings import Settings
from loadcore_target.tests.running import RunningGateway

_PUBLIC = {"/auth/token", "/auth/revoke", "/auth/introspect", "/stream/sse", "/bytes/{size}", "/echo"}


@pytest.fixture(scope="module", name="document")
def _document() -> dict[str, Any]:
    """The document of an application that was never started."""
    return create_app(Settings()).openapi()


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_is_described_once(document: dict[str, Any]) -> None:
    """Each route of the table is in the document, with an operation id of its own and a sentence about it."""
    operations = _operations(document)
    described = {f"{method} {path}" for method, path, _ in operations}
    table = RouteTable(LOADED, PROBES)
    labels = {label for label in table.labels if not label.startswith(("WS ", "unmatched"))}

    assert {label.replace(":path}", "}") for label in described} == labels
    assert len({operation["operationId"] for *_, operation in operations}) == len(operations)
    assert all(operation["description"] for *_, operation in operations)


def test_protected_routes_say_so(document: dict[str, Any]) -> None:
    """Every route but the public ones and the probes names its security and describes 401 as problem+json."""
    for method, path, operation in _operations(document):
        public = path in _PUBLIC or path.startswith("/.well-known/") or operation["tags"] == ["probes"]
        assert bool(operation.get("security")) != public, (method, path)
        if not public and not path.startswith("/_admin/"):
            assert "application/problem+json" in operation["responses"]["401"]["content"], (method, path)


def test_scopes_are_named(document: dict[str, Any]) -> None:
    """The document says which scope a route needs."""
    assert document["paths"]["/items"]["get"]["security"] == [{"AccessToken": ["items:read"]}]
    assert document["paths"]["/users/me"]["get"]["security"] == [{"AccessToken": []}]


def test_the_token_form_is_described(document: dict[str, Any]) -> None:
    """The token endpoint reads its form itself and describes it all the same."""
    content = document["paths"]["/auth/token"]["post"]["requestBody"]["content"]
    form = content["application/x-www-form-urlencoded"]

    assert {"grant_type", "username", "password", "refresh_token", "scope"} <= set(form["schema"]["properties"])
    assert form["example"]["grant_type"] == "password"


def test_references_resolve(document: dict[str, Any]) -> None:
    """No schema refers to something that is not there."""
    known = document["components"]["schemas"]

    def walk(node: object) -> None:
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                assert reference.removeprefix("#/components/schemas/") in known
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(document["paths"])


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_the_document_is_served(gateway: RunningGateway, path: str) -> None:
    """A running gateway hands the document out."""
    assert gateway.ask("GET", path).status == 200


def test_wrong_method_is_405_as_a_problem(gateway: RunningGateway) -> None:
    """An error that no route wrote has the same kind of body."""
    answer = gateway.ask("PUT", "/users/me")

    assert (answer.status, answer.json["status"]) == (405, 405)
    assert answer.headers["content-type"] == "application/problem+json"


def test_405_names_the_methods_of_the_path(gateway: RunningGateway) -> None:
    """All of them, also where each method is a route of its own."""
    answer = gateway.ask("OPTIONS", f"/orders/{'0' * 32}")

    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET, PATCH")


@pytest.mark.parametrize("quantity", [True, "2"])
def test_only_numbers_are_numbers(gateway: RunningGateway, token: str, quantity: object) -> None:
    """What the document calls an integer is not taken from a boolean or a string."""
    answer = gateway.ask("POST", "/orders", {"item_id": 1, "quantity": quantity}, token=token)

    assert (answer.status, answer.json["errors"][0]["at"]) == (422, "body.quantity")
