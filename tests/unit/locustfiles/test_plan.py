"""The plan of a Locust file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadcore.errors import ScenarioError
from loadcore.locustfiles.plan import base_url, plan_of

FILE = Path("shop.py")


def facts(**changed: Any) -> dict[str, Any]:
    """The facts of a file with one class."""
    one = {"name": "Shopper", "client": "http", "host": "http://class:81"}
    usual = {
        "classes": [one],
        "host": None,
        "users": 20,
        "spawn_rate": 10,
        "run_time_s": 5,
        "stop_timeout_s": 0.0,
        "shape": None,
        "sets_host": False,
        "ca_file": None,
    }
    return {**usual, **changed}


def test_the_target_is_that_of_the_command_line_before_that_of_a_class() -> None:
    """Credentials and path are for the requests."""
    assert base_url(FILE, facts()) == "http://class:81"
    assert base_url(FILE, facts(host="https://user:word@cli/api")) == "https://cli"
    own = {"name": "Db", "client": "own", "host": None}
    assert base_url(FILE, facts(classes=[own])) == "http://localhost"


def test_a_class_without_a_target_is_refused_before_the_first_request() -> None:
    """Unless the file gives it one while it runs."""
    none = {"name": "Shopper", "client": "fast", "host": None}
    with pytest.raises(ScenarioError) as refused:
        base_url(FILE, facts(classes=[none]))
    assert str(refused.value) == (
        "shop.py: Shopper: the class has no host\n  hint: give the target with -H https://…, or give the class a host"
    )
    assert base_url(FILE, facts(classes=[none], sets_host=True)) == "http://localhost"


def test_a_host_that_is_no_url_is_refused() -> None:
    """With what to write."""
    with pytest.raises(ScenarioError, match="which is not the URL of a target"):
        base_url(FILE, facts(host="ftp://shop"))


def test_the_ramp_is_the_warm_up_unless_it_is_to_be_measured() -> None:
    """Locust says when it is over; `--include-ramp` measures it, `--warm-up` says something else."""
    assert plan_of(FILE, facts()).document["warm_up_ns"] is None
    assert plan_of(FILE, facts(), include_ramp=True).document["warm_up_ns"] == 0
    assert plan_of(FILE, facts(), warm_up_ns=7).document["warm_up_ns"] == 7


def test_each_request_says_whether_its_certificate_is_verified() -> None:
    """And the plan whom to trust, where the system does not."""
    assert plan_of(FILE, facts()).document["http"]["tls"] == {"insecure": False, "resumption": "resume"}
    assert plan_of(FILE, facts(ca_file="/ca.pem")).document["http"]["tls"]["ca_file"] == "/ca.pem"
