"""Two replicas on one database: the same users, orders, keys and revocations."""

import base64
import json

from loadcore_target.tests.running import RunningGateway, wait_until


def test_replicas_share_everything_that_matters(postgres: str) -> None:
    """A token of one replica opens the other, a key makes one order in both, a rotation and a revocation reach both."""
    environment = {
        "GATEWAY_DATABASE_URL": postgres,
        "GATEWAY_SECRET": "s" * 40,
        "GATEWAY_CLIENTS": '{"c": {"secret": "x"}}',
    }
    with (
        RunningGateway("--users", "3", "--items", "10", environment=environment) as first,
        RunningGateway("--users", "3", "--items", "10", environment=environment) as second,
    ):
        access = first.log_in(1)["access_token"]
        assert second.ask("GET", "/users/me", token=access).status == 200
        orders = [
            replica.ask("POST", "/orders", {"item_id": 2}, {"Idempotency-Key": "k"}, access)
            for replica in (first, second, first)
        ]
        assert [order.status for order in orders] == [201] * 3
        assert len({order.json["id"] for order in orders}) == 1
        assert second.ask("GET", "/items?limit=2", token=access).json["next_cursor"] == 2

        refreshed = second.form(
            "/auth/token", grant_type="refresh_token", refresh_token=first.log_in(2)["refresh_token"]
        )
        assert refreshed.status == 200

        wait_until(lambda: _rotated_reaches(first, second), "the new key reaches the other replica")
        assert first.form("/auth/revoke", token=access).status == 200
        kid = first.admin("POST", "/keys/rotate")["kid"]
        wait_until(lambda: _kid(second.log_in(0)["access_token"]) == kid, "the other replica signs with the new key")
        assert first.ask("GET", "/users/me", token=access).status == 401
        wait_until(lambda: second.ask("GET", "/users/me", token=access).status == 401, "the revocation reaches it")


def _rotated_reaches(first: RunningGateway, second: RunningGateway) -> bool:
    first.admin("POST", "/keys/rotate")
    return second.ask("GET", "/users/me", token=first.log_in(0)["access_token"]).status == 200


def _kid(token: str) -> str:
    head = token.partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])
