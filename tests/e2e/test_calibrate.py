"""`loadcore calibrate`, and what `loadcore run` measures before it begins."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

import loadcore as library
from loadcore.errors import ExitCode
from tests.e2e.command import environment, loadcore
from tests.integration.counting_target import Target, counting_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENARIO = """
from loadcore import Scenario, get, login, post, response, think, users, csv_feeder, branch, variable

shop = Scenario(
    "shop",
    base_url="TARGET/api",
    load=users(20, duration="60s"),
    feeders=[csv_feeder("rows.csv", at_end="stop")],
    auth=login(post("TARGET/session", json={"name": "{name}"}), token=response.json("$.token")),
    steps=[
        get(
            "TARGET/items?q={name}",
            checks=[response.status == 200, response.json("$.total") > 3, response.contains("<b>")],
            extract={"id": response.json("$.items[*].id").random(), "next": response.header("X-Next")},
        ),
        think("1s"),
        post("/orders/{id}", json={"id": "{id:json}", "at": "{$now}"}, expect=201),
        branch(variable("id").exists(), then=[get("{next}", extract={"deep": response.json("$..x")})]),
    ],
)
"""


@pytest.fixture
def target() -> Iterator[Target]:
    """A target of the test's own."""
    with counting_target() as listening:
        yield listening


@pytest.fixture
def user(tmp_path: Path, target: Target) -> Path:
    """The folder of a user, whose scenario leads to a target in every way there is."""
    (tmp_path / "shop.py").write_text(SCENARIO.replace("TARGET", target.url))
    (tmp_path / "rows.csv").write_text(f"name,url\na,{target.url}/b\n")
    return tmp_path


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs loadcore with a cache of its own."""
    return loadcore(*arguments, cwd=folder, environ={"XDG_CACHE_HOME": str(folder / "cache")})


def test_a_scenario_is_measured_without_a_request_to_its_target(user: Path, target: Target) -> None:
    """Everything in it is done, against the null target alone; the rest is reported."""
    done = command(user, "calibrate", "shop.py", "--workers", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert target.total() == 0
    assert (found["workers"], found["users"]) == (2, 20)
    assert found["requests"] > 100
    assert found["cpu_ns_per_request"] > 0
    assert found["target_cpu_s"] > 0
    assert found["drives_per_s"] == pytest.approx(found["cores"] * 1e9 / found["cpu_ns_per_request"])
    # Twenty users, three requests a second each.
    assert found["asked_per_s"] == 60
    assert found["headroom"] == pytest.approx(found["drives_per_s"] / 60)
    assert found["not_covered"] == ["GET {next}: no response satisfies extract deep"]
    assert len(list((user / "cache/loadcore/calibration").iterdir())) == 1
    assert not (user / "runs").exists()


def test_it_is_told_in_words(user: Path) -> None:
    """One line says what matters; what was left out is named."""
    done = command(user, "calibrate", "shop.py", "--rate", "9000000/s", "--max-users", "10", "--workers", "1")

    assert done.returncode == 0
    assert "this machine drives" in done.stdout
    assert "you ask 27,000,000/s" in done.stdout
    assert "spread the load over more machines" in done.stdout
    assert "not covered: GET {next}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing.py"], ExitCode.CONFIG, "nothing.py"),
        (["idle.py"], ExitCode.CONFIG, "no step sends a request"),
        (["wrong.py"], ExitCode.CONFIG, "wrong.py:2"),
        (["idle.py", "--rate", "1"], ExitCode.USAGE, "--rate"),
        ([], ExitCode.USAGE, "SCENARIO"),
        (["unset.py"], ExitCode.CONFIG, "NO_SUCH_SECRET"),
    ],
)
def test_what_cannot_be_measured_is_told(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    """As of a run: where it is, and what is wrong."""
    load = "base_url='http://127.0.0.1:9', load=users(1, duration='1s')"
    one = f"from loadcore import *\ns = Scenario('s', {load}, steps="
    (tmp_path / "idle.py").write_text(f"{one}[think('1s')])\n")
    (tmp_path / "wrong.py").write_text(f"{one}[get('/{{x}}')])\n")
    (tmp_path / "unset.py").write_text(f"{one}[get('/', headers={{'A': env('NO_SUCH_SECRET')}})])\n")
    done = command(tmp_path, "calibrate", *arguments)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_of_a_high_rate_is_measured_first(user: Path, target: Target) -> None:
    """Once: its figures are in the summary, and the next one knows them. Not if the user does not want it."""
    load = "load=arrival_rate('2500/s', duration='1s'), steps=[get('/items')]"
    text = f"from loadcore import *\ns = Scenario('s', base_url='{target.url}', {load})\n"
    (user / "fast.py").write_text(text)
    arguments = ("run", "fast.py", "--workers", "2", "--no-strict-client", "--progress", "none")
    without = command(user, *arguments, "--no-calibrate", "--out", "without")
    first = command(user, *arguments, "--out", "first")
    second = command(user, *arguments, "--out", "second")

    told = ["what this costs the client" in done.stderr for done in (without, first, second)]
    summaries = [library.load(user / name).summary for name in ("without", "first", "second")]
    found: list[Any] = [summary["calibration"] for summary in summaries]
    assert (told[0], found[0]) == (False, None)
    assert told[1]
    assert found[1]["asked_per_s"] == 2500
    assert found[1]["headroom"] == pytest.approx(found[1]["drives_per_s"] / 2500)
    # A machine of which 2,500 a second is near its limit measures again.
    assert (found[2] is None) == (found[1]["headroom"] > 1 / 0.3)
    assert told[2] == (found[2] is not None)
    assert all(summary["client"]["headroom"] > 0 for summary in summaries)
    assert "headroom" in without.stdout


def test_ctrl_c_ends_a_measurement(user: Path) -> None:
    """Nothing is left running, and no report is made of half a measurement."""
    with subprocess.Popen(
        [sys.executable, "-m", "loadcore", "calibrate", "shop.py"],
        cwd=user,
        env=environment({"XDG_CACHE_HOME": str(user / "cache")}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watched = psutil.Process(process.pid)
        deadline = time.monotonic() + 60
        children: list[psutil.Process] = []
        while len(children) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
            children = watched.children(recursive=True)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=60)

    assert (process.returncode, out, alive) == (ExitCode.INTERRUPTED, "", [])
    assert not (user / "cache/loadcore/calibration").exists()
