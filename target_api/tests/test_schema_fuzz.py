"""The OpenAPI document is true: whatever it allows is answered as it says, and what it forbids is refused.

Requests are made up from the document alone, the same ones each time.
"""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from loadcore_target.app import create_app
from loadcore_target.settings import Settings
from loadcore_target.tests.running import RunningGateway

CONFIG = schemathesis.Config.from_dict(
    # Query parameters and unknown headers are ignored, as nearly everywhere: they are nothing to refuse.
    {"generation": {"allow-extra-parameters": False}}
)
SCHEMA = schemathesis.openapi.from_dict(create_app(Settings()).openapi(), config=CONFIG)
_MORE_THAN_A_SCHEMA = {
    "/auth/revoke",  # a client that authenticates in two ways at once is refused (RFC 6749 section 2.3)
    "/auth/introspect",
    "/bytes/{size}",  # the longest download is a setting; 413 is described
    "/_admin/faults",  # knobs are small languages, like lognormal(20ms,0.3)
}
"""Routes that rightly refuse what a JSON Schema cannot rule out; every other check holds for them."""
_EVENTS = 3
_BASIC = base64.b64encode(b"demo-client:demo-secret").decode()


@pytest.fixture(scope="module", name="fuzzed")
def _fuzzed() -> Iterator[RunningGateway]:
    with RunningGateway("--users", "5", "--items", "20", "--stub", "1ms") as running:
        yield running


@pytest.fixture(scope="module", name="authorizations")
def _authorizations(fuzzed: RunningGateway) -> dict[str, str]:
    """The credentials of each kind of route, by the first part of its path."""
    user = f"Bearer {fuzzed.log_in(0)['access_token']}"
    return {
        "auth": f"Basic {_BASIC}",
        "_admin": f"Bearer {fuzzed.admin_token}",
        **dict.fromkeys(("users", "items", "orders", "proxy"), user),
    }


@schemathesis.hook
def before_call(_context: object, case: Any, _options: object) -> None:
    """A stream of a million events is described and would be sent: a few have to do."""
    count, interval = (case.query or {}).get("count"), (case.query or {}).get("interval")
    if case.path == "/stream/sse":
        if isinstance(count, int) and count > _EVENTS:
            case.query["count"] = _EVENTS
        if interval is not None:
            case.query["interval"] = "1ms"


@SCHEMA.parametrize()
@settings(max_examples=40, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case: Any, fuzzed: RunningGateway, authorizations: dict[str, str]) -> None:
    """Documented status, type, headers and body, for allowed requests and for others; never a 500."""
    authorization = authorizations.get(case.path.split("/")[1])
    headers = {"Authorization": authorization} if authorization else {}
    excluded = [positive_data_acceptance] if case.path in _MORE_THAN_A_SCHEMA else []
    if case.path == "/_admin/requests":
        # Of a query parameter that is given twice the last one counts, and any text is one to look for.
        excluded.append(negative_data_rejection)
    case.call_and_validate(base_url=fuzzed.url, headers=headers, excluded_checks=excluded, timeout=60)
    if case.path == "/_admin/faults":
        fuzzed.admin("PUT", "/faults", {})
    elif case.path == "/_admin/drain":
        fuzzed.admin("POST", "/undrain")
