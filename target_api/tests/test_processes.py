"""Workers, signals, truth under kill -9, drain."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from loadcore_target.tests.running import REPOSITORY, RunningGateway, wait_until


def test_truth_is_the_sum_over_workers(gateway: RunningGateway, token: str) -> None:
    """Requests over many connections reach both workers, and the counters know each of them."""
    before = gateway.truth()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: gateway.ask("GET", "/users/me", token=token), range(200)))
    after = gateway.truth()

    assert after["routes"]["GET /users/me"] - before["routes"]["GET /users/me"] == 200
    assert after["total"] - before["total"] == 200
    assert all(after["workers"][worker] > before["workers"].get(worker, 0) for worker in ("0", "1"))


def test_probes_are_not_load(gateway: RunningGateway) -> None:
    """Probes, metrics and administration do not count in the total."""
    before = gateway.truth()
    for path in ("/health", "/ready", "/metrics"):
        assert gateway.ask("GET", path).status == 200
    after = gateway.truth()

    assert after["total"] == before["total"]
    assert after["probes"]["GET /health"] == before["probes"]["GET /health"] + 1


def test_metrics_are_right_whichever_worker_answers(gateway: RunningGateway, token: str) -> None:
    """Each scrape shows the sum over the workers, equal to the truth counters."""
    for _ in range(30):
        gateway.ask("GET", "/items?limit=1", token=token)
    wanted = gateway.truth()["answered"]["GET /items"]["200"]
    line = f'gateway_http_requests_total{{method="GET",route="/items",status="200"}} {float(wanted)}'

    assert all(line in gateway.ask("GET", "/metrics").body.decode().splitlines() for _ in range(6))


def test_admin_routes_need_the_token(gateway: RunningGateway, token: str) -> None:
    """A user's token, or none, does not open the administration."""
    assert gateway.ask("GET", "/_admin/truth").status == 401
    assert gateway.ask("GET", "/_admin/truth", token=token).status == 401


def test_health_says_that_the_demo_hash_is_cheap(gateway: RunningGateway) -> None:
    """The demo's login cannot be mistaken for a real one."""
    health = gateway.ask("GET", "/health").json

    assert health["password_hash"] == "argon2id t=1 m=1024KiB p=1"
    assert "OWASP" in health["note"]


def test_truth_survives_kill_9_of_a_worker() -> None:
    """What a killed worker had received stays counted, exactly, and its successor continues counting."""
    with RunningGateway("--workers", "2", "--users", "1", "--items", "1") as gateway:
        victim = gateway.worker_pids()[0]
        received = 0
        answered = threading.Event()
        lock = threading.Lock()
        stop = threading.Event()

        def send() -> None:
            nonlocal received
            while not stop.is_set():
                try:
                    answer = gateway.ask("GET", "/users/me")
                except (OSError, http.client.HTTPException):
                    continue  # it was on its way to the victim: it may or may not have been received
                with lock:
                    received += answer.status == 401
                    if received > 200:
                        answered.set()

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert answered.wait(60)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(set(gateway.worker_pids()) - {victim}) == 2, "the worker is replaced")
        with lock:
            before = received
        wait_until(lambda: received > before + 50, "requests flow again")
        stop.set()
        for thread in threads:
            thread.join()
        truth = gateway.truth()

        counted = truth["answered"]["GET /users/me"]["401"]
        assert received <= counted <= truth["routes"]["GET /users/me"] <= received + len(threads)


def test_sigterm_drains_without_losing_a_request() -> None:
    """A request in flight at SIGTERM is answered, with `Connection: close`; standard output held one line only."""
    with RunningGateway("--users", "1", "--latency", "3s") as gateway:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(gateway.ask("GET", "/users/me")))
        thread.start()
        wait_until(lambda: gateway.truth()["faults"]["latency"] == 1, "the request is in flight")
        gateway.signal(signal.SIGTERM)
        assert gateway.process.stdout is not None
        rest = gateway.process.stdout.read()
        code = gateway.stop()
        thread.join()

        assert code == 0
        assert rest == ""
        assert [answer.status for answer in answers] == [401]
        assert answers[0].headers["connection"] == "close"


def test_draining_is_seen_before_the_port_closes() -> None:
    """During the drain delay `/ready` is 503, requests are still served, and answers close their connections."""
    environment = {"GATEWAY_DRAIN_DELAY_S": "60"}
    with RunningGateway("--users", "1", environment=environment) as gateway:
        assert gateway.ask("GET", "/ready").status == 200
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: gateway.ask("GET", "/ready").status == 503, "readiness fails")
        answer = gateway.ask("GET", "/users/me")
        gateway.signal(signal.SIGTERM)

        assert answer.status == 401
        assert answer.headers["connection"] == "close"
        assert gateway.process.wait(60) == 0


def test_workers_are_added_and_taken_away_and_rolled() -> None:
    """SIGTTIN adds a worker, SIGTTOU takes one away, SIGHUP replaces them all; requests are served throughout."""
    with RunningGateway("--users", "1", "--items", "1") as gateway:
        first = gateway.worker_pids()
        gateway.signal(signal.SIGTTIN)
        wait_until(lambda: len(gateway.worker_pids()) == 2, "a worker is added")
        wait_until(lambda: _answering(gateway) == 2, "both answer")
        gateway.signal(signal.SIGHUP)
        wait_until(lambda: not set(first) & set(gateway.worker_pids()), "the first worker is replaced")
        wait_until(lambda: len(gateway.worker_pids()) == 2 and _answering(gateway) == 2, "two new ones answer")
        gateway.signal(signal.SIGTTOU)
        wait_until(lambda: len(gateway.worker_pids()) == 1, "one is taken away")

        assert gateway.ask("GET", "/users/me").status == 401


def _answering(gateway: RunningGateway) -> int:
    living = set(gateway.worker_pids())
    return len({gateway.ask("GET", "/health").json["pid"] for _ in range(12)} & living)


def test_a_folder_that_is_not_needed_is_not_made(tmp_path: Path) -> None:
    """With a data folder there is no temporary one that a kill would leave behind."""
    (tmp_path / "tmp").mkdir()
    where = {"TMPDIR": str(tmp_path / "tmp")}
    with RunningGateway("--users", "1", "--data-dir", str(tmp_path / "data"), environment=where):
        assert list((tmp_path / "tmp").iterdir()) == []


def test_the_folder_of_a_killed_gateway_goes_with_the_next(tmp_path: Path) -> None:
    """A start removes what killed gateways left, and nothing of one that lives, is starting, or is not a gateway's."""
    environment = {"TMPDIR": str(tmp_path)}
    killed = RunningGateway("--users", "1", environment=environment)
    (left,) = tmp_path.iterdir()
    os.kill(killed.pid, signal.SIGKILL)
    killed.stop()
    _age(left / "lock")
    with RunningGateway("--users", "1", environment=environment) as living:
        (used,) = tmp_path.iterdir()
        assert used != left
        _age(used / "lock")
        starting, other = tmp_path / "loadcore-gateway-starting", tmp_path / "loadcore-gateway-other"
        starting.mkdir()
        other.mkdir()
        (other / "mine").touch()
        _age(other)
        with RunningGateway("--users", "1", environment=environment):
            assert {used, starting, other} < set(tmp_path.iterdir())
        assert living.ask("GET", "/health").status == 200
    assert set(tmp_path.iterdir()) == {starting, other}


def _age(path: Path) -> None:
    """Makes it look an hour old."""
    then = time.time() - 3600
    os.utime(path, (then, then))


def test_exit_with_parent_leaves_nothing_behind(tmp_path: Path) -> None:
    """When standard input ends, the gateway and its workers are gone and its temporary folder with them."""
    gateway = RunningGateway(
        "--workers", "2", "--users", "1", "--exit-with-parent", environment={"TMPDIR": str(tmp_path)}
    )
    workers = gateway.worker_pids()
    assert len(workers) == 2
    assert gateway.process.stdin is not None
    gateway.process.stdin.close()

    assert gateway.process.wait(60) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    assert list(tmp_path.iterdir()) == []
    gateway.stop()


def test_interrupt_of_the_whole_group_drains() -> None:
    """Ctrl-C reaches supervisor and workers at once; the request in flight is answered all the same."""
    with RunningGateway("--users", "1", "--latency", "1s") as gateway:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(gateway.ask("GET", "/users/me")))
        thread.start()
        wait_until(lambda: gateway.truth()["faults"]["latency"] == 1, "the request is in flight")
        os.killpg(gateway.pid, signal.SIGINT)
        thread.join()

        assert [answer.status for answer in answers] == [401]
        assert gateway.process.wait(60) == 0


def test_workers_end_when_the_supervisor_is_killed() -> None:
    """Not even kill -9 of the supervisor leaves a worker behind."""
    gateway = RunningGateway("--workers", "2", "--users", "1")
    workers = gateway.worker_pids()
    os.kill(gateway.pid, signal.SIGKILL)

    wait_until(lambda: not any(_alive(pid) for pid in workers), "the workers end")
    gateway.stop()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, http.client.HTTPException):
        return False


def test_a_taken_port_is_said(gateway: RunningGateway) -> None:
    """A second gateway on the same port is refused instead of silently sharing it."""
    port = gateway.url.rpartition(":")[2]
    second = _command("--users", "1", "--port", port)

    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in second.stderr


def test_wrong_settings_are_all_named() -> None:
    """A setting that does not fit, or a missing secret, refuses the start with exit code 104."""
    knob = _command("--latency", "20")
    secret = _command("--profile", "realistic")
    both = _command("--workers", "0", "--users", "-1")
    misspelt = _command(environment={"GATEWAY_DRAIN_DELAY": "3"})

    assert [run.returncode for run in (knob, secret, both, misspelt)] == [104] * 4
    assert "unknown setting GATEWAY_DRAIN_DELAY" in misspelt.stderr
    assert "write it with a unit" in knob.stderr
    assert "GATEWAY_SECRET, GATEWAY_ADMIN_TOKEN" in secret.stderr
    assert "workers" in both.stderr
    assert "users" in both.stderr


def test_realistic_profile_signs_with_a_public_key() -> None:
    """The realistic profile uses RS256, publishes its key, and hashes with the OWASP parameters."""
    environment = {"GATEWAY_SECRET": "s" * 40, "GATEWAY_ADMIN_TOKEN": "a" * 40}
    with RunningGateway("--profile", "realistic", "--users", "2", environment=environment) as gateway:
        keys = gateway.ask("GET", "/.well-known/jwks.json").json["keys"]
        access = gateway.log_in(1)["access_token"]

        assert [key["alg"] for key in keys] == ["RS256"]
        assert not {"d", "p", "q"} & set(keys[0])
        assert gateway.ask("GET", "/users/me", token=access).status == 200
        assert gateway.ask("GET", "/health").json["password_hash"] == "argon2id t=2 m=19456KiB p=1"
        assert gateway.admin_token == "a" * 40


def test_seed_writes_a_feeder(tmp_path: Path) -> None:
    """`seed` writes the users that the gateway has."""
    file = tmp_path / "users.csv"
    command = [sys.executable, "-m", "loadcore_target", "seed", "--users", "2", "--csv", str(file)]
    subprocess.run(command, cwd=REPOSITORY, check=True)

    assert file.read_text() == "username,password\nuser-0000,password-0000\nuser-0001,password-0001\n"


def _command(*arguments: str, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "loadcore_target", *arguments]
    variables = {**os.environ, **(environment or {})}
    return subprocess.run(
        command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, timeout=60, check=False
    )
