"""The OAuth2 server: grants, errors in the words of RFC 6749, 401 against 403."""

import base64
import json
from typing import Any

import pytest

from loadcore_target.tests.running import RunningGateway


def _basic(client: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()}


def _part(token: str, index: int) -> Any:
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_password_grant_gives_both_tokens(gateway: RunningGateway) -> None:
    """A login answers with an access token, its life time, its scope and a refresh token, and forbids caching."""
    answer = gateway.form("/auth/token", grant_type="password", username="user-0001", password="password-0001")

    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 900
    assert answer.json["scope"] == "items:read orders:write"
    assert _part(answer.json["refresh_token"], 0)["typ"] == "refresh"
    assert _part(answer.json["access_token"], 1)["sub"] == "user-0001"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "user-0001"}, 400, "invalid_request"),
        ({"grant_type": "password", "username": "user-0001", "password": "wrong"}, 400, "invalid_grant"),
        ({"grant_type": "password", "username": "nobody", "password": "password-0001"}, 400, "invalid_grant"),
        (
            {"grant_type": "password", "username": "user-0001", "password": "password-0001", "scope": "root"},
            400,
            "invalid_scope",
        ),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "abc"}, 400, "invalid_grant"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": "x"}, 401, "invalid_client"),
    ],
)
def test_token_errors(gateway: RunningGateway, fields: dict[str, str], status: int, code: str) -> None:
    """Each mistake has the error code that the RFC gives it."""
    answer = gateway.form("/auth/token", None, **fields)

    assert answer.status == status
    assert answer.json["error"] == code
    assert answer.json["error_description"]


def test_token_request_must_be_a_form(gateway: RunningGateway) -> None:
    """JSON at the token endpoint is an invalid request, not a crash."""
    answer = gateway.ask("POST", "/auth/token", {"grant_type": "password"})

    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_a_parameter_given_twice_is_refused(gateway: RunningGateway) -> None:
    """RFC 6749 section 3.2: parameters must not be included more than once."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = gateway.ask("POST", "/auth/token", "grant_type=password&grant_type=password", headers)

    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_client_credentials_by_header_and_by_form(gateway: RunningGateway) -> None:
    """A machine client proves itself either way and gets no refresh token."""
    by_header = gateway.form(
        "/auth/token", _basic("demo-client", "demo-secret"), grant_type="client_credentials", scope="items:read"
    )
    by_form = gateway.form(
        "/auth/token", None, grant_type="client_credentials", client_id="demo-client", client_secret="demo-secret"
    )

    assert by_header.status == by_form.status == 200
    assert by_header.json["scope"] == "items:read"
    assert "refresh_token" not in by_form.json


def test_refresh_rotates_and_reuse_revokes_the_family(gateway: RunningGateway) -> None:
    """A refresh token works once; its second use makes its successor worthless as well."""
    first = gateway.log_in(2)["refresh_token"]
    second = gateway.form("/auth/token", grant_type="refresh_token", refresh_token=first)
    assert second.status == 200

    reused = gateway.form("/auth/token", grant_type="refresh_token", refresh_token=first)
    successor = gateway.form("/auth/token", grant_type="refresh_token", refresh_token=second.json["refresh_token"])

    assert (reused.status, reused.json["error"]) == (400, "invalid_grant")
    assert (successor.status, successor.json["error"]) == (400, "invalid_grant")


def test_refresh_goes_on_for_generations(gateway: RunningGateway) -> None:
    """Rotation works again and again, whichever worker answers."""
    token = gateway.log_in(3)["refresh_token"]
    for _ in range(6):
        answer = gateway.form("/auth/token", grant_type="refresh_token", refresh_token=token)
        assert answer.status == 200
        token = answer.json["refresh_token"]


def test_refresh_token_belongs_to_its_client(gateway: RunningGateway) -> None:
    """Another client cannot use a refresh token, and trying does not use it up."""
    token = gateway.log_in(4)["refresh_token"]
    stolen = gateway.form(
        "/auth/token", _basic("demo-client", "demo-secret"), grant_type="refresh_token", refresh_token=token
    )
    mine = gateway.form("/auth/token", grant_type="refresh_token", refresh_token=token)

    assert (stolen.status, stolen.json["error"]) == (400, "invalid_grant")
    assert mine.status == 200


@pytest.mark.parametrize(
    ("header", "status", "challenge"),
    [
        (None, 401, 'Bearer realm="gateway"'),
        ("Basic abc", 401, 'Bearer realm="gateway"'),
        ("Bearer not-a-token", 401, 'error="invalid_token"'),
        ("Bearer eyJhbGciOiJub25lIn0.e30.", 401, 'error="invalid_token"'),
    ],
)
def test_without_a_valid_token_it_is_401(
    gateway: RunningGateway, header: str | None, status: int, challenge: str
) -> None:
    """Who did not prove who they are gets 401 with a challenge."""
    answer = gateway.ask("GET", "/users/me", headers={"Authorization": header} if header else {})

    assert answer.status == status
    assert challenge in answer.headers["www-authenticate"]
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_refresh_token_is_not_an_access_token(gateway: RunningGateway) -> None:
    """The refresh token does not open the API."""
    answer = gateway.ask("GET", "/users/me", token=gateway.log_in(5)["refresh_token"])

    assert answer.status == 401


def test_a_tampered_token_is_refused(gateway: RunningGateway, token: str) -> None:
    """Changed claims do not fit the signature."""
    head, _, signature = token.split(".")
    claims = base64.urlsafe_b64encode(json.dumps({**_part(token, 1), "sub": "user-0009"}).encode()).decode().rstrip("=")

    assert gateway.ask("GET", "/users/me", token=f"{head}.{claims}.{signature}").status == 401


def test_without_the_scope_it_is_403(gateway: RunningGateway) -> None:
    """A valid token that does not allow the route gets 403 and hears which scope it lacks."""
    narrow = gateway.log_in(6, scope="items:read")["access_token"]
    answer = gateway.ask("POST", "/orders", {"item_id": 1}, token=narrow)

    assert answer.status == 403
    assert 'error="insufficient_scope", scope="orders:write"' in answer.headers["www-authenticate"]
    assert gateway.ask("GET", "/items", token=narrow).status == 200


def test_revoked_access_token_is_refused_by_every_worker(gateway: RunningGateway) -> None:
    """A revocation reaches the workers that did not answer it at once; a user needs no client for it."""
    access = gateway.log_in(7)["access_token"]
    assert gateway.ask("GET", "/users/me", token=access).status == 200
    assert gateway.form("/auth/revoke", token=access).status == 200

    assert {gateway.ask("GET", "/users/me", token=access).status for _ in range(10)} == {401}


def test_revoked_refresh_token_is_refused(gateway: RunningGateway) -> None:
    """RFC 7009: it gives no tokens, nor do those it gave open anything; an unknown one is revoked without complaint."""
    tokens = gateway.log_in(8)
    assert gateway.form("/auth/revoke", token=tokens["refresh_token"]).status == 200
    assert gateway.form("/auth/revoke", token="unknown").status == 200

    refreshed = gateway.form("/auth/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status == 400
    assert {gateway.ask("GET", "/users/me", token=tokens["access_token"]).status for _ in range(6)} == {401}


def test_a_reused_refresh_token_ends_the_session(gateway: RunningGateway) -> None:
    """Access tokens of the family are refused from then on, by every worker: another client may have them."""
    first = gateway.log_in(11)
    second = gateway.form("/auth/token", grant_type="refresh_token", refresh_token=first["refresh_token"]).json
    assert gateway.ask("GET", "/users/me", token=second["access_token"]).status == 200
    assert gateway.form("/auth/token", grant_type="refresh_token", refresh_token=first["refresh_token"]).status == 400

    both = (first["access_token"], second["access_token"])
    assert {gateway.ask("GET", "/users/me", token=token).status for token in both * 4} == {401}


def test_clients_revoke_their_own_tokens_only(gateway: RunningGateway) -> None:
    """RFC 7009 section 2.1: another's token is refused and stays good, whether a client or a user asks."""
    client = _basic("demo-client", "demo-secret")
    users, machines = (
        gateway.log_in(12)["access_token"],
        gateway.form("/auth/token", client, grant_type="client_credentials").json["access_token"],
    )
    of_a_user = gateway.form("/auth/revoke", client, token=users)
    of_a_client = gateway.form("/auth/revoke", token=machines)

    assert [(answer.status, answer.json["error"]) for answer in (of_a_user, of_a_client)] == [
        (400, "unauthorized_client")
    ] * 2
    assert gateway.ask("GET", "/users/me", token=users).status == 200
    assert gateway.form("/auth/revoke", client, token=machines).status == 200
    assert gateway.ask("GET", "/items", token=machines).status == 401


@pytest.mark.parametrize(
    "fields",
    [
        {"client_id": "demo-client"},
        {"client_id": "demo-client", "client_secret": "wrong"},
        {"client_id": "unknown"},
        {"client_id": "unknown", "client_secret": ""},
    ],
)
def test_a_client_that_names_itself_proves_it(gateway: RunningGateway, fields: dict[str, str]) -> None:
    """RFC 6749 sections 3.2.1 and 6: neither a password nor a refresh token is taken from an unproven client."""
    issued = gateway.form(
        "/auth/token",
        _basic("demo-client", "demo-secret"),
        grant_type="password",
        username="user-0013",
        password="password-0013",
    ).json["refresh_token"]
    refresh = gateway.form("/auth/token", grant_type="refresh_token", refresh_token=issued, **fields)
    password = gateway.form(
        "/auth/token", grant_type="password", username="user-0013", password="password-0013", **fields
    )

    assert (refresh.status, refresh.json["error"]) == (401, "invalid_client")
    assert (password.status, password.json["error"]) == (401, "invalid_client")


def test_access_tokens_name_their_client(gateway: RunningGateway) -> None:
    """RFC 9068 section 2.2: `client_id` is required."""
    client = _basic("demo-client", "demo-secret")
    machine = gateway.form("/auth/token", client, grant_type="client_credentials").json["access_token"]
    assert _part(machine, 1)["client_id"] == "demo-client"
    assert _part(gateway.log_in(1)["access_token"], 1)["client_id"] == "public"


def test_introspection_tells_live_from_dead(gateway: RunningGateway) -> None:
    """RFC 7662: a live token is described, a dead one is only said to be dead."""
    tokens = gateway.log_in(9)
    client = _basic("demo-client", "demo-secret")
    access = gateway.form("/auth/introspect", client, token=tokens["access_token"]).json
    refresh = gateway.form("/auth/introspect", client, token=tokens["refresh_token"]).json
    gateway.form("/auth/revoke", token=tokens["access_token"])
    gateway.form("/auth/revoke", token=tokens["refresh_token"])

    assert (access["active"], access["username"], access["token_type"]) == (True, "user-0009", "Bearer")
    assert (refresh["active"], refresh["token_type"]) == (True, "refresh_token")
    for token in tokens["access_token"], tokens["refresh_token"], "unknown":
        assert gateway.form("/auth/introspect", client, token=token).json == {"active": False}


def test_introspection_is_for_clients_only(gateway: RunningGateway) -> None:
    """Without client authentication nothing is revealed."""
    assert gateway.form("/auth/introspect", token="x").status == 401


def test_key_rotation_keeps_old_tokens_valid(gateway: RunningGateway) -> None:
    """After a rotation new tokens carry another key id, and both old and new open the API in every worker."""
    old = gateway.log_in(10)["access_token"]
    kid = gateway.admin("POST", "/keys/rotate")["kid"]
    new = [gateway.log_in(10)["access_token"] for _ in range(6)]

    assert {_part(token, 0)["kid"] for token in new} == {kid}
    assert {gateway.ask("GET", "/users/me", token=token).status for token in [old, *new] * 3} == {200}


def test_symmetric_keys_are_not_published(gateway: RunningGateway) -> None:
    """The key set of a gateway that signs with a shared secret is empty."""
    assert gateway.ask("GET", "/.well-known/jwks.json").json == {"keys": []}
