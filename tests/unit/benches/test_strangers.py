"""What of a Locust file's two runs counts as a difference, and how the scripted server answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benches.locustfiles.compared import compare
from benches.locustfiles.sandbox import HOST, variables
from benches.locustfiles.scripted_server import masked, status_of

if TYPE_CHECKING:
    from pathlib import Path


def entry(target: str = "/items/#", **changes: Any) -> dict[str, Any]:
    """A request as the scripted server notes it."""
    own = {"user": 1, "method": "GET", "host": "shop.test:8000", "target": target, "kind": "", "body": "", "hop": False}
    return own | changes


def run(program: str, **changes: Any) -> dict[str, Any]:
    """A run in which all tasks were done."""
    own = {
        "class": "Shopper",
        "program": program,
        "code": 0,
        "output": "bench: all tasks are done",
        "log": [entry(), entry("/bench-hop", hop=True)],
        "statistics": [{"method": "GET", "name": "/items/7", "num_requests": 1, "num_failures": 0}],
    }
    return own | changes


def differences(locust: dict[str, Any], loadcore: dict[str, Any]) -> list[str]:
    """Of a run with Locust and one with loadcore, changed like this."""
    return compare("a:b.py", {"runs": [run("locust", **locust), run("loadcore", **loadcore)]}).differences


def test_what_both_do_is_the_same() -> None:
    """Whatever differs each time, and with loadcore's own exit codes."""
    other = [{"method": "GET", "name": "/items/8", "num_requests": 1, "num_failures": 0}]
    assert differences({}, {"statistics": other}) == []
    assert differences({"code": 1}, {"code": 99}) == []
    assert differences({"code": 42}, {"code": 42}) == []
    # What user code sends by itself has no row.
    nothing: dict[str, Any] = {"statistics": []}
    assert differences(nothing, {**nothing, "code": 113}) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"log": [entry(body="x"), entry("/bench-hop", hop=True)]}, "calls: 1 x ('GET', 'shop.test:8000'"),
        ({"log": [entry()]}, "hops: 1 x ('GET', 'shop.test:8000') only with Locust"),
        ({"log": [*run("")["log"], entry(user=2)]}, "calls per user: 1 x ('1 calls',) only with loadcore"),
        ({"statistics": None}, "statistics: 1 x ('GET', '/items/#', 'calls') only with Locust"),
        ({"code": 99}, "exit code 99, and Locust's is 0"),
        ({"log": [], "output": ""}, "2 requests, and with loadcore 0"),
    ],
)
def test_differences_are_said(changes: dict[str, Any], said: str) -> None:
    """Each of its kind."""
    assert any(said in each for each in differences({}, changes)), differences({}, changes)


def test_where_time_ran_out_the_beginning_counts() -> None:
    """One may have come further, and not elsewhere."""
    longer = [entry("/a"), entry("/b"), entry("/c")]
    out_of_time = {"output": "", "log": longer}
    assert differences(out_of_time, {"output": "", "log": longer[:2]}) == []
    (said,) = differences(out_of_time, {"output": "", "log": longer[1:]})
    assert said.startswith("Shopper: call 0 of a user with loadcore: ")


def test_users_of_a_shape_begin_alike_in_whichever_order_they_come() -> None:
    """How far each comes is a matter of time; what it begins with is not."""
    locust = [entry("/a"), entry("/x", user=2), entry("/b"), entry("/c")]
    loadcore = [entry("/x", user=7), entry("/a", user=8), entry("/b", user=8)]
    result = {"follows_a_shape": True, "runs": [run("locust", log=locust), run("loadcore", log=loadcore)]}
    assert compare("a:b.py", result).differences == []
    loadcore[2] = entry("/other", user=8)
    assert len(compare("a:b.py", result).differences) == 1


def test_requests_meant_for_others_are_counted_by_host() -> None:
    """The host that was given, and this machine's own names, are not others."""
    log = [entry(), entry(host="localhost:3000"), entry(host="api.example.com")]
    compared = compare("a:b.py", {"runs": [run("locust", log=log), run("loadcore", log=log)]})
    assert compared.left == {"api.example.com": 2}


def test_the_scripted_server_answers_the_same_way_each_time() -> None:
    """Numbers, queries and identifiers do not matter, and some requests fail."""
    assert masked(b"/a/17/3f2504e0-4f89-11d3-9a0c-0305e82c3301") == b"/a/#/#"
    assert status_of("GET", b"/items/1?page=2") == status_of("GET", b"/items/23")
    assert {status_of("GET", b"/" + bytes([first, 97])) for first in range(97, 240)} == {200, 302, 404, 500}


def test_variables_that_a_file_reads_are_set(tmp_path: Path) -> None:
    """Hosts to the scripted server, all else to something; not what the bench and Locust themselves read."""
    (tmp_path / "locustfile.py").write_text(
        "a, b = os.environ['API_URL'], os.environ.get(\"TOKEN\")\n"
        "c = os.getenv( 'LOCUST_USER_EMAIL', 'x'), os.getenv('LOCUST_HOST'), os.environ['PATH'], os.environ[name]\n"
    )
    wanted = {"API_URL": HOST, "LOCUST_USER_EMAIL": "7", "TOKEN": "7"}
    assert variables(tmp_path / "locustfile.py") == wanted
