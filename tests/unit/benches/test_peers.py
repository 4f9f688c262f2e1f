"""What other tools print is read right: a wrong count would flatter one of them."""

import json
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benches import clients, tools
from benches.build import ROOT
from benches.peers import install, jmeter, native, scripted
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
    """Requests and failed requests are in the file that it writes."""
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


JMETER = """\
Starting standalone test @ 2026 Nov 28 09:37:28 UTC (1795858648102)
summary +   1113 in 00:00:02 =  627.7/s Avg:    42 Min:     0 Max:   681 Err:     1 (0.09%) Active: 64 Started: 64
summary +     96 in 00:00:01 =   94.6/s Avg:   499 Min:     3 Max:  1698 Err:     1 (1.04%) Active: 0 Started: 64
summary =   1209 in 00:00:03 =  433.6/s Avg:    79 Min:     0 Max:  1698 Err:     2 (0.17%)
... end of run
"""


def test_the_last_summary_of_jmeter_is_read(tmp_path: Path) -> None:
    """Its interim lines are parts of the last one; a run without a summary has not made 0 requests."""
    client = jmeter.JMeter(tmp_path)
    assert client.count(finished(JMETER)) == clients.Count(1207, 2)
    with pytest.raises(ValueError, match="no summary: Error in NonGUIDriver"):
        client.count(finished("Error in NonGUIDriver"))


def test_jmeter_sends_the_job_s_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its plan is XML with the job's address, path, threads and whole seconds, and all clients' User-Agent."""
    monkeypatch.setattr(jmeter, "launch", lambda home: ["java", "-jar", str(home)])
    with jmeter.JMeter(tmp_path).command(clients.Job("http://127.0.0.1:9", 64, 2.4, path="/unique")) as words:
        plan = ET.parse(words[words.index("--testfile") + 1])
    said = {each.get("name"): each.text for each in plan.iter() if each.get("name")}
    assert (said["HTTPSampler.domain"], said["HTTPSampler.port"], said["HTTPSampler.path"]) == (
        "127.0.0.1",
        "9",
        "/unique",
    )
    assert (said["ThreadGroup.num_threads"], said["ThreadGroup.duration"]) == ("64", "2")
    assert (said["Header.name"], said["Header.value"]) == ("User-Agent", "loadcore")
    assert said["HTTPSampler.use_keepalive"] == "true"


def test_jmeter_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not installed, or installed on a machine without Java: one line with the remedy, and it is left out."""
    with pytest.raises(tools.MissingToolError, match=r"jmeter is not installed \(Maven package"):
        jmeter.launch(tmp_path)
    jmeter.launcher(tmp_path).parent.mkdir()
    jmeter.launcher(tmp_path).touch()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(tools.MissingToolError, match="needs a Java runtime: apt-get install default-jre-headless"):
        jmeter.launch(tmp_path)
    assert jmeter.install(tmp_path / "other") == "java and mvn missing: apt-get install default-jre-headless maven"


def test_jmeter_comes_from_the_repository_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maven's own repository, unless a mirror is named; its jars are laid out as in JMeter's archive."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (
        ("java", "exit 0"),
        (
            "mvn",
            f'cat settings.xml >{tmp_path}/seen 2>&1; cp -r {tmp_path}/jars target; echo "$@" >>{tmp_path}/seen',
        ),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    jars = tmp_path / "jars" / "dependency"
    jars.mkdir(parents=True)
    for name in ("ApacheJMeter-5.6.3.jar", "ApacheJMeter_core-5.6.3.jar", "asm-9.6.jar"):
        (jars / name).touch()
    with zipfile.ZipFile(jars / "ApacheJMeter_config-5.6.3.jar", "w") as config:
        config.writestr("bin/jmeter.properties", "")
        config.writestr("META-INF/MANIFEST.MF", "")
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.delenv(jmeter.REPOSITORY, raising=False)

    assert jmeter.install(tmp_path / "first") is None
    assert "--settings" not in (tmp_path / "seen").read_text()
    monkeypatch.setenv(jmeter.REPOSITORY, "http://127.0.0.1:9/mirror")
    assert jmeter.install(tmp_path / "home") is None
    seen = (tmp_path / "seen").read_text()
    assert "<url>http://127.0.0.1:9/mirror</url>" in seen
    assert "--settings settings.xml" in seen
    files = {str(file.relative_to(tmp_path / "home")) for file in (tmp_path / "home").rglob("*") if file.is_file()}
    assert files == {
        "bin/ApacheJMeter.jar",
        "bin/jmeter.properties",
        "lib/asm-9.6.jar",
        "lib/ext/ApacheJMeter_core-5.6.3.jar",
    }


def test_nothing_installs_k6(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its licence is AGPL: no package list has it, and only one on PATH is measured."""
    search = ["git", "grep", "-IlE", r"go[.]k6[.]io|install.*\bk6@"]
    tracked = subprocess.run(search, cwd=ROOT, check=False, capture_output=True, text=True).stdout
    assert [name for name in tracked.split() if name != "tests/unit/benches/test_peers.py"] == []
    assert "k6" not in {package.program for package in install.PACKAGES}
    monkeypatch.setattr(install, "PLACES", (tmp_path,))
    (tmp_path / "k6").touch(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(tools.MissingToolError, match="k6 is not on PATH"):
        install.find("k6")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert install.find("k6") == str(tmp_path / "k6")
