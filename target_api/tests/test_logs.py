"""Log lines: one JSON object each, and no secret in any of them."""

import json
import signal

from loadcore_target.tests.running import RunningGateway, wait_until


def test_a_request_is_one_line_and_secrets_are_none() -> None:
    """Log lines name request, route and status; passwords, tokens and query strings stay out."""
    environment = {"GATEWAY_LOG_REQUESTS": "1"}
    with RunningGateway("--users", "1", environment=environment) as gateway:
        tokens = gateway.log_in(0)
        gateway.ask("GET", "/items?limit=7", headers={"X-Request-Id": "seen"}, token=tokens["access_token"])
        gateway.ask("GET", "/users/me", token=tokens["access_token"] + "x")
        wait_until(lambda: len(gateway.errors) >= 4, "the lines are written")
        gateway.signal(signal.SIGTERM)
        gateway.process.wait(60)
        text = "".join(gateway.errors)
        lines = [json.loads(line) for line in gateway.errors if line.startswith("{")]

    assert [(line["route"], line["status"]) for line in lines] == [
        ("POST /auth/token", 200),
        ("GET /items", 200),
        ("GET /users/me", 401),
    ]
    assert lines[1]["request_id"] == "seen"
    assert {"time", "level", "logger", "replica", "message", "duration_ms"} <= set(lines[0])
    for secret in (tokens["access_token"], tokens["refresh_token"], "password-0000", gateway.admin_token, "limit=7"):
        assert secret not in text


def test_a_share_of_requests_is_logged() -> None:
    """With a share of a quarter every fourth request gets a line."""
    with RunningGateway("--users", "1", environment={"GATEWAY_LOG_REQUESTS": "0.25"}) as gateway:
        for _ in range(16):
            gateway.ask("GET", "/users/me")
        wait_until(lambda: sum(line.startswith("{") for line in gateway.errors) == 4, "four lines")
