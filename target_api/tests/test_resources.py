"""Users, items and orders."""

import pytest

from loadcore_target.tests.running import RunningGateway


def test_me_is_the_user_of_the_token(gateway: RunningGateway, token: str) -> None:
    """`/users/me` says who the token stands for."""
    assert gateway.ask("GET", "/users/me", token=token).json == {
        "username": "user-0000",
        "full_name": "User 0",
        "email": "user-0000@example.test",
        "scopes": ["items:read", "orders:write"],
    }


def test_pages_of_items_meet_without_gap(gateway: RunningGateway, token: str) -> None:
    """Following `next_cursor` gives each item once, in order, and ends."""
    seen: list[int] = []
    cursor: int | None = 0
    while cursor is not None:
        page = gateway.ask("GET", f"/items?limit=90&cursor={cursor}", token=token).json
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert seen == list(range(1, 1001))


@pytest.mark.parametrize("path", ["/items?limit=5", "/items/7"])
def test_entity_tag_saves_the_body(gateway: RunningGateway, token: str, path: str) -> None:
    """A client that knows the entity tag gets 304 without a body; another tag gets the body again."""
    tag = gateway.ask("GET", path, token=token).headers["etag"]
    fresh = gateway.ask("GET", path, headers={"If-None-Match": f'"other", W/{tag}'}, token=token)
    stale = gateway.ask("GET", path, headers={"If-None-Match": '"other"'}, token=token)

    assert (fresh.status, fresh.body, fresh.headers["etag"]) == (304, b"", tag)
    assert stale.status == 200


@pytest.mark.parametrize(
    ("path", "status"), [("/items/0", 422), ("/items/x", 422), ("/items/5000", 404), ("/items?limit=101", 422)]
)
def test_items_that_cannot_be(gateway: RunningGateway, token: str, path: str, status: int) -> None:
    """Arguments out of range are 422, an item that does not exist is 404, both as problem+json."""
    answer = gateway.ask("GET", path, token=token)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status


def test_an_order_lives_and_dies(gateway: RunningGateway, token: str) -> None:
    """An order is made, read, paid, cancelled and deleted; a transition that is not allowed is 409."""
    made = gateway.ask("POST", "/orders", {"item_id": 3, "quantity": 2}, token=token)
    place = made.headers["location"]

    assert made.status == 201
    assert gateway.ask("GET", place, token=token).json == made.json
    assert gateway.ask("PATCH", place, {"status": "paid"}, token=token).json["status"] == "paid"
    assert gateway.ask("PATCH", place, {"status": "paid"}, token=token).status == 409
    assert gateway.ask("PATCH", place, {"status": "cancelled"}, token=token).json["status"] == "cancelled"
    assert gateway.ask("DELETE", place, token=token).status == 204
    assert gateway.ask("GET", place, token=token).status == 404


def test_the_same_key_makes_one_order(gateway: RunningGateway, token: str) -> None:
    """A repeated `Idempotency-Key` gives the same order again and says so."""
    headers = {"Idempotency-Key": "same-key"}
    answers = [gateway.ask("POST", "/orders", {"item_id": 4}, headers, token) for _ in range(4)]

    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true", "true", "true"]


def test_a_key_belongs_to_one_order(gateway: RunningGateway, token: str) -> None:
    """The same key with another order is 409; the same key of another user is another key."""
    headers = {"Idempotency-Key": "shared-key"}
    other = gateway.log_in(1)["access_token"]
    assert gateway.ask("POST", "/orders", {"item_id": 4}, headers, token).status == 201

    assert gateway.ask("POST", "/orders", {"item_id": 5}, headers, token).status == 409
    assert gateway.ask("POST", "/orders", {"item_id": 5}, headers, other).status == 201


def test_orders_of_others_do_not_exist(gateway: RunningGateway, token: str) -> None:
    """One user cannot see, change or delete the order of another."""
    place = gateway.ask("POST", "/orders", {"item_id": 3}, token=token).headers["location"]
    other = gateway.log_in(1)["access_token"]

    assert gateway.ask("GET", place, token=other).status == 404
    assert gateway.ask("PATCH", place, {"status": "paid"}, token=other).status == 404
    assert gateway.ask("DELETE", place, token=other).status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"item_id": 1, "quantity": 0}, 422), ({"item_id": 1, "color": "red"}, 422), ({"item_id": 9999}, 404)],
)
def test_orders_that_cannot_be(gateway: RunningGateway, token: str, body: dict[str, object], status: int) -> None:
    """A body that does not fit is 422 and names the field; an unknown item is 404."""
    answer = gateway.ask("POST", "/orders", body, token=token)

    assert answer.status == status
    assert '"input"' not in answer.body.decode()
