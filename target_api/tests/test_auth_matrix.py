"""Every protected route against every kind of credentials: 401 for who proves nothing, 403 for who may not."""

import pytest

from loadcore_target.app import create_app
from loadcore_target.settings import Settings
from loadcore_target.tests.running import RunningGateway, wait_until

_VALUES = {"item_id": "1", "order_id": "0" * 32, "service": "stub", "path": "x"}
OPERATIONS = [
    (method.upper(), path.format(**_VALUES), operation["security"][0]["AccessToken"])
    for path, methods in create_app(Settings()).openapi()["paths"].items()
    for method, operation in methods.items()
    if "AccessToken" in (operation.get("security") or [{}])[0]
]
EVERYWHERE = pytest.mark.parametrize(
    ("method", "path", "scopes"), OPERATIONS, ids=[f"{method} {path}" for method, path, _ in OPERATIONS]
)


@pytest.fixture(scope="module", name="worthless")
def _worthless(gateway: RunningGateway, token: str) -> dict[str, str]:
    """Values of `Authorization` that prove nothing, by why they do not."""
    tokens = gateway.log_in(11)
    gateway.form("/auth/revoke", token=tokens["access_token"])
    with RunningGateway("--users", "1", "--items", "1", environment={"GATEWAY_ACCESS_TOKEN_S": "1"}) as other:
        foreign = other.log_in(0)["access_token"]
        # Its own gateway takes it no longer, and the shared one never did: its key is another.
        wait_until(lambda: other.ask("GET", "/users/me", token=foreign).status == 401, "it expires")
    head, claims, signature = token.split(".")
    return {
        "nothing": "",
        "another scheme": "Basic dXNlcjpwYXNz",
        "no token": "Bearer x",
        "no signature": f"Bearer {head}.{claims}.",
        "another signature": f"Bearer {head}.{claims}.{signature[::-1]}",
        "a refresh token": f"Bearer {gateway.log_in(12)['refresh_token']}",
        "a revoked token": f"Bearer {tokens['access_token']}",
        "another gateway's token": f"Bearer {foreign}",
        "the admin token": f"Bearer {gateway.admin_token}",
    }


@EVERYWHERE
def test_worthless_credentials_are_401(
    gateway: RunningGateway, worthless: dict[str, str], method: str, path: str, scopes: list[str]
) -> None:
    """Each of them, at each route, with a challenge; what else is wrong with the request is not told."""
    del scopes
    for why, value in worthless.items():
        answer = gateway.ask(method, path, headers={"Authorization": value} if value else {})
        assert (why, answer.status) == (why, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


@EVERYWHERE
def test_scopes_decide_between_403_and_an_answer(
    gateway: RunningGateway, method: str, path: str, scopes: list[str]
) -> None:
    """A user or a machine with the route's scope gets neither 401 nor 403; with another scope alone it is 403."""
    right = " ".join(scopes) or "items:read"
    wrong = "items:read" if scopes == ["orders:write"] else "orders:write"
    machine = gateway.form(
        "/auth/token",
        grant_type="client_credentials",
        client_id="demo-client",
        client_secret="demo-secret",
        scope=right,
    )
    for allowed in (gateway.log_in(13, scope=right)["access_token"], machine.json["access_token"]):
        assert gateway.ask(method, path, token=allowed).status not in {401, 403}
    refused = gateway.ask(method, path, token=gateway.log_in(13, scope=wrong)["access_token"]).status
    assert (refused == 403) is bool(scopes)


def test_every_protected_route_is_in_the_matrix() -> None:
    """As many routes as the gateway protects, with and without a scope."""
    assert {path.split("/")[1] for _, path, _ in OPERATIONS} == {"users", "items", "orders", "proxy"}
    assert {scope for *_, scopes in OPERATIONS for scope in scopes} == {"items:read", "orders:write"}
    assert len(OPERATIONS) == 13
