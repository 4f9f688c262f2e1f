"""What other tools print is read right: a count that is wrong would flatter somebody."""

import json
from pathlib import Path

import pytest

from benches import clients, tools
from benches.peers import install, native, scripted
from benches.processes import Finished


def finished(output: str) -> Finished:
    """A client that has printed this."""
    return Finished(output, "", 0, 1.0, 1.0, 1, 0.5, 0.0)


H2LOAD = """\
finished in 1.01s, 1061.00 req/s, 303.59KB/s
requests: 1069 total, 1069 started, 1061 done, 1060 succeeded, 2 failed, 3 errored, 4 timeout
status codes: 1060 2xx, 0 3xx, 2 4xx, 0 5xx
"""
HEY = """\
Status code distribution:
  [200]\t1188 responses
  [404]\t12 responses

Error distribution:
  [3]\tGet "http://127.0.0.1:9/": dial tcp 127.0.0.1:9: connect: connection refused
"""
AB = """\
Concurrency Level:      64
Complete requests:      64032
Failed requests:        5
   (Connect: 0, Receive: 0, Length: 5, Exceptions: 0)
Non-2xx responses:      2
Keep-Alive requests:    64030
"""
OHA = json.dumps(
    {
        "statusCodeDistribution": {"200": 500, "503": 2},
        "errorDistribution": {"aborted due to deadline": 64, "connection closed": 1},
    }
)
LOCUST = "Starting up\n" + json.dumps([{"num_requests": 40, "num_failures": 1}, {"num_requests": 2, "num_failures": 0}])
AUTOCANNON = json.dumps({"2xx": 90, "non2xx": 3, "errors": 2, "timeouts": 1, "requests": {"total": 96}})


@pytest.mark.parametrize(
    ("client", "output", "count"),
    [
        (native.H2load(), H2LOAD, clients.Count(1060, 9)),
        (native.Hey(), HEY, clients.Count(1188, 15)),
        (native.ApacheBench(), AB, clients.Count(64032, 7)),
        (native.Oha(), OHA, clients.Count(500, 3)),
        (scripted.Locust(), LOCUST, clients.Count(42, 1)),
        (scripted.Autocannon(), AUTOCANNON, clients.Count(90, 6)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_output_is_read(client: clients.Client, output: str, count: clients.Count) -> None:
    """Successful requests, and everything that went wrong."""
    assert client.count(finished(output)) == count


def test_summary_of_k6_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests and failed requests stand in the file that it was told to write."""
    monkeypatch.setattr(scripted, "find", lambda program: program)
    client = scripted.K6()
    with client.command(clients.Job("http://127.0.0.1:9", 64, 1.0)) as words:
        assert "--vus" in words
        metrics = {"http_reqs": {"count": 77}, "http_req_failed": {"passes": 4, "fails": 73}}
        Path(words[words.index("--summary-export") + 1]).write_text(json.dumps({"metrics": metrics}), encoding="utf-8")
        assert client.count(finished("")) == clients.Count(77, 4)


def test_k6_that_wrote_no_summary_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that failed has not made 0 requests."""
    monkeypatch.setattr(scripted, "find", lambda program: program)
    client = scripted.K6()
    with client.command(clients.Job("http://127.0.0.1:9", 64, 1.0)), pytest.raises(ValueError):  # noqa: PT011
        client.count(finished(""))


def test_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads it knows what to install."""
    monkeypatch.setattr(install, "PLACES", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(tools.MissingToolError, match=r"vegeta is not installed \(go package .*vegeta"):
        install.find("vegeta")
