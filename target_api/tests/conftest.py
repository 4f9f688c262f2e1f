"""Gateways shared by the tests that do not change them."""

from collections.abc import Iterator

import pytest

from loadcore_target.tests.postgres import running_postgres
from loadcore_target.tests.running import RunningGateway


@pytest.fixture(scope="session")
def gateway() -> Iterator[RunningGateway]:
    """A demo gateway with two workers and twenty users; tests leave faults and drain as they found them."""
    with RunningGateway("--workers", "2", "--users", "20") as running:
        yield running


@pytest.fixture(scope="session")
def token(gateway: RunningGateway) -> str:
    """An access token with all scopes of a user."""
    access: str = gateway.log_in(0)["access_token"]
    return access


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server on loopback."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url
