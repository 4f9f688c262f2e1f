"""`python -m loadcore_target.deploy` with Debian's programs: it starts, is one gateway, and leaves nothing behind."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadcore_target.deploy import packages
from loadcore_target.deploy.choice import Choice
from loadcore_target.deploy.packages import MissingError
from loadcore_target.deploy.truth import received
from loadcore_target.tests.deploy.stack import RunningStack, kill, lives, stack, wait_until_gone
from loadcore_target.tests.running import wait_until

SMALL = ("--users", "3", "--items", "10")


@pytest.fixture(scope="module", name="running", params=["haproxy", "nginx"])
def _running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Three replicas with all that they share, behind one balancer and behind the other."""
    folder = tmp_path_factory.mktemp(request.param)
    shared = ("--cache", "redis", "--db", "postgres") if request.param == "haproxy" else ()
    with stack(folder, "--replicas", "3", "--proxy", request.param, *shared, *SMALL) as running:
        yield running
        services = running.services()
        folders = [Path(service["folder"]) for service in services if service["folder"]]
        assert all(lives(service) for service in services)
        assert running.stop() == 0
        assert not any(lives(service) for service in services)
        assert not any(other.exists() for other in folders)


def test_replicas_are_one_gateway(running: RunningStack) -> None:
    """A token of one replica opens all of them, requests are spread, and the counters add up to what was sent."""
    before = received(running.folder)
    token = running.log_in(1)
    answers = [running.ask("/users/me", token) for _ in range(12)]
    assert [status for status, _, _ in answers] == [200] * 12
    assert {headers["x-replica"] for _, headers, _ in answers} == {"gateway-1", "gateway-2", "gateway-3"}
    after = received(running.folder)
    assert after["GET /users/me"] - before["GET /users/me"] == 12
    assert sum(after.values()) - sum(before.values()) == 13


def test_administration_does_not_pass_the_balancer(running: RunningStack) -> None:
    """Which replica would answer is chance, so none does; asked directly with the token, each does."""
    for path in ("/_admin/truth", "/%5fadmin/truth", "/%5Fadmin/truth", "/_%61dmin/truth"):
        assert running.ask(path, running.admin_token)[0] == 404
    for replica in running.replicas():
        assert running.ask("/_admin/truth", running.admin_token, url=replica["url"])[0] == 200


def test_a_killed_replica_comes_back(running: RunningStack) -> None:
    """Its requests go to the others at once, and another process takes its place."""
    victim = running.replicas()[1]
    kill(victim)
    assert [running.ask("/health")[0] for _ in range(12)] == [200] * 12
    wait_until(lambda: bool(running.events("up again")), "the replica is replaced")
    wait_until(lambda: running.replicas()[1]["pid"] != victim["pid"], "the new PID is written down")
    wait_until(lambda: running.ask("/health")[1]["x-replica"] == "gateway-2", "it gets requests")


def test_nothing_outlives_a_stack_that_is_killed(tmp_path: Path) -> None:
    """Each service ends by itself when the process that started it does."""
    with stack(tmp_path, "--replicas", "2", "--cache", "redis", *SMALL) as running:
        services = running.services()
        assert {service["name"] for service in services} == {"stub", "redis", "haproxy", "gateway-1", "gateway-2"}
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
        wait_until_gone(services)


def test_each_missing_program_has_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says what it is needed for and how it is installed."""
    monkeypatch.setattr(packages, "find", lambda program: "/bin/true" if program == "python" else None)
    with pytest.raises(MissingError) as caught:
        Choice(tmp_path, proxy="nginx", postgres=True, monitoring=True).services()
    assert [line.partition(": ")[2] for line in str(caught.value).splitlines()] == [
        "apt-get install postgresql",
        "apt-get install nginx-light",
        "apt-get install prometheus",
    ]
