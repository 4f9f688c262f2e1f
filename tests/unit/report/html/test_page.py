"""The page of a run: what it says, what it weighs, and that it is safe to send on."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from loadcore.api import load
from loadcore.errors import ResultsError
from loadcore.report.html import sentences
from loadcore.report.html.history import History
from loadcore.report.html.page import render
from loadcore.report.numbers import NONE
from tests.unit.report.html.runs import HOSTILE, RUNS, SAMPLED, TEN_STEPS, Made

if TYPE_CHECKING:
    from pathlib import Path

LIGHT_ENOUGH = 250_000
HEADINGS = [
    *("Did it pass?", "Where did it break?", "Client or server?", "Load and response", "Response times", "Steps"),
    *("Errors", "Connections", "Client health", "Machine and versions", "Run it again"),
]
OPTIONAL = {"Marked in the charts", "Tokens and starts", "Traces", "Nodes"}


class Reader(HTMLParser):
    """What is in a page: its text, its elements, its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - of the base class
        """An element ends."""
        self._inside = ""

    def handle_data(self, data: str) -> None:
        """Some text."""
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        """All words, with single spaces."""
        return " ".join(" ".join(self.words).split())


def data_of(page: str) -> dict[str, Any]:
    """What the page's script draws."""
    found = re.search(r'<script type="text/plain" id="data">([^<]*)</script>', page)
    assert found
    data: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(found[1])))
    return data


@pytest.mark.parametrize("name", RUNS)
def test_every_kind_of_run_has_a_page(name: str, tmp_path: Path) -> None:
    """It says the verdict and has all of its parts, whatever became of the run."""
    page = render(RUNS[name].run(tmp_path / "run"))

    assert [each for each in re.findall(r"<h2>(.*?)</h2>", page) if each not in OPTIONAL] == HEADINGS
    data = data_of(page)
    for chart in data["charts"]:
        assert f'id="chart-{chart["key"]}"' in page
        if chart["kind"] != "spectrum":
            assert {len(each["values"]) for each in chart["series"]} <= {len(data["from"])}


def test_a_broken_run_says_where_it_broke(tmp_path: Path) -> None:
    """The second, the threshold, the load before, and the step with the errors; and the mark is on the charts."""
    page = render(RUNS["broken"].run(tmp_path / "run"))
    text = Reader(page).text

    # The load passes the target's capacity, 70 a second, at second 24 of 40.
    (mark,) = [each for each in data_of(page)["marks"] if each["kind"] == "broke"]
    assert 22 <= mark["from_s"] <= 27
    assert f"At 0:{mark['from_s']:02.0f}:" in text
    assert "until the end" in text
    assert "Last healthy:" in text
    assert "Worst step: POST /orders" in text
    assert "http_503" in text
    assert "✗" in text


def test_a_run_on_nodes_has_a_row_for_each(tmp_path: Path) -> None:
    """Its share, when it was lost, who carried on and what is missing; a run on one machine has no such table."""
    text = Reader(render(RUNS["nodes"].run(tmp_path / "run"))).text
    assert "edge-amsterdam tcp://10.0.0.2:4011 1 1 710 33.3% healthy 310µs ±90µs no" in plain(text)
    assert f"healthy {NONE} ±180µs after 5.0 s carried on by edge-amsterdam from 10.0 s" in plain(text)
    assert f"healthy {NONE} ±270µs after 10.0 s" in plain(text)
    assert "Node edge-cairo was lost (it left the cluster): 16.7% of the run's load is missing; 2,700 rows of" in text
    assert 'id="table-nodes"' not in render(RUNS["healthy"].run(tmp_path / "alone"))


def test_the_slowest_traced_requests_lead_to_their_traces(tmp_path: Path) -> None:
    """Slowest first, each with a link; without a URL there are ids alone, and without traces no section."""
    run = RUNS["broken"].run(tmp_path / "run")
    page = render(run)
    slowest = run.summary["traces"]["slowest"]
    links = re.findall(r'<a href="https://tempo\.example/trace/([0-9a-f]{32})" rel="noreferrer">\1</a>', page)
    assert links == [*(each["trace_id"] for each in slowest), SAMPLED]
    assert [each["service_ns"] for each in slowest] == sorted((each["service_ns"] for each in slowest), reverse=True)
    assert {each["step"] for each in slowest} == {"GET /items", "POST /orders"}
    assert "1% of the requests were traced." in Reader(page).text
    run.summary["traces"]["url"] = None
    page = render(run)
    assert "<a href" not in page
    assert links[0] in page
    assert f"<code>{SAMPLED}</code>" in page
    assert 'id="table-traces"' not in render(RUNS["healthy"].run(tmp_path / "alone"))


def plain(text: str) -> str:
    """With ordinary spaces in numbers."""
    return text.replace("\u202f", " ").replace("\u2009", " ").replace("\xa0", " ")


def test_a_healthy_run_says_that_it_did_not_break(tmp_path: Path) -> None:
    """And what its highest load was."""
    text = Reader(render(RUNS["healthy"].run(tmp_path / "run"))).text
    assert "It did not break: no threshold was crossed in any second." in text
    assert "Highest load: 50 users" in text
    assert "There were no errors." in text


def test_what_may_be_typed_is_code_and_nothing_else_is(tmp_path: Path) -> None:
    """Also if a message has a single backtick, or tags between two."""
    run = RUNS["healthy"].run(tmp_path / "run")
    told = ["give `--target-pid PID`, or wait", "a ` of a name", "see `<b>`"]
    run.summary["verdict"] |= {"reasons": told}
    page = render(run)
    assert "Give <code>--target-pid PID</code>, or wait." in page
    assert "A ` of a name." in page
    assert "See <code>&lt;b&gt;</code>." in page


def test_a_killed_run_says_what_is_missing(tmp_path: Path) -> None:
    """The page is of what was written until then."""
    text = Reader(render(RUNS["killed"].run(tmp_path / "run"))).text
    assert "The manifest is missing" in text
    assert "It did not break in what was recorded of it: no threshold was crossed in any second." in text


def test_a_run_that_user_code_failed_says_that_no_threshold_was_crossed(tmp_path: Path) -> None:
    """Exceptions of users exit with 99, too."""
    run = RUNS["healthy"].run(tmp_path / "run")
    run.summary["verdict"] |= {"status": "fail", "exit_codes": [99], "reasons": ["users raised KeyError (3 times)"]}
    text = Reader(render(run)).text
    assert "No threshold was crossed; users raised KeyError (3 times)." in text
    assert "A threshold was crossed" not in text


def test_stretches_of_a_long_run_are_not_called_seconds(tmp_path: Path) -> None:
    """Above ten minutes a moment is more than a second."""
    page = render(Made(seconds=700, rate=1, steps=("GET /items",)).run(tmp_path / "run"))
    text = Reader(page).text
    assert "no threshold was crossed in any stretch of 2 s" in text
    assert "took that long in that stretch of 2 s." in text
    assert "Response times, every 2 s" in text


def test_an_unanswered_run_is_not_green(tmp_path: Path) -> None:
    """Without a response there is nothing that passed."""
    text = Reader(render(RUNS["idle"].run(tmp_path / "run"))).text
    assert "PASS" not in text
    assert "100% timeout" in text


def test_a_client_that_was_late_is_named(tmp_path: Path) -> None:
    """The page says that the numbers are the client's as well as the target's."""
    page = render(RUNS["late"].run(tmp_path / "run"))
    assert "INVALID" in Reader(page).text
    assert "The client was the limit:" in Reader(page).text
    (knee,) = [each for each in data_of(page)["charts"] if each["key"] == "knee"]
    assert set(knee["extra"]["states"]) == {2}


def test_names_of_scenarios_are_told_where_there_are_several(tmp_path: Path) -> None:
    """Steps of the same name are distinguished by their scenario."""
    text = Reader(render(RUNS["scenarios"].run(tmp_path / "run"))).text
    assert "browse: GET /items" in text
    assert "checkout: GET /items" in text


def test_nothing_of_a_scenario_becomes_part_of_the_page(tmp_path: Path) -> None:
    """Names are shown as they are, and neither end a script nor begin one."""
    page = render(RUNS["hostile"].run(tmp_path / "run"))
    reader = Reader(page)

    assert all(name.replace("\u2028", " ") in reader.text for name in HOSTILE)
    assert "49" not in reader.text.split("{{ 7*7 }}")[0][-20:]
    assert [tag for tag, _ in reader.elements if tag in {"img", "b", "iframe", "link", "object"} and _.get("src")] == []
    assert not [name for _, attributes in reader.elements for name in attributes if name.startswith("on")]
    assert len(reader.scripts) == 3
    assert not any("alert(1)" in script for script in reader.scripts)


def test_a_page_loads_nothing(tmp_path: Path) -> None:
    """It has no address but those in its text, and a policy that lets a browser fetch nothing."""
    page = render(RUNS["healthy"].run(tmp_path / "run"))
    loading = {"src", "href", "srcset", "poster", "action", "formaction", "background"}
    elements = Reader(page).elements
    assert not [(tag, attributes) for tag, attributes in elements if loading & attributes.keys()]
    (policy,) = [attributes["content"] for _, attributes in elements if attributes.get("http-equiv")]
    assert policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "@import" not in page
    assert "url(" not in page


def test_ten_minutes_of_ten_steps_weigh_less_than_a_photograph(tmp_path: Path) -> None:
    """250 kB, charts, tables and all: what a minute adds is measured, and the bench builds the whole."""
    page = render(Made(seconds=60, rate=12, steps=TEN_STEPS, capacity=10, ramp=True).run(tmp_path / "run"))
    of_a_minute = len(re.findall(r'id="data">([^<]*)<', page)[0])
    assert len(page.encode()) + 9 * of_a_minute < LIGHT_ENOUGH


def test_the_same_numbers_as_in_the_summary(tmp_path: Path) -> None:
    """The spectrum is made of the windows, and comes to the percentiles of the summary."""
    run = RUNS["broken"].run(tmp_path / "run")
    (spectrum,) = [each for each in data_of(render(run))["charts"] if each["key"] == "spectrum"]
    drawn = dict(zip(spectrum["extra"]["quantiles"], spectrum["series"][0]["values"], strict=True))
    times = run.summary["all"]["response"]
    assert [drawn[0.5], drawn[0.95], drawn[0.99]] == [
        round(times[name] / 1000) for name in ("p50_ns", "p95_ns", "p99_ns")
    ]
    heat = next(each for each in data_of(render(run))["charts"] if each["key"] == "heat")
    counted = sum(sum(column[1:]) for column in heat["extra"]["columns"])
    assert counted == sum(run.summary["phases"][name]["requests"] for name in ("warm_up", "steady", "ramp_down"))


def test_what_others_wrote_is_as_they_published_it() -> None:
    """The chart library is the release that `VERSIONS` names, to the byte, with its licence beside it."""
    assets = files("loadcore.report.html").joinpath("assets")
    noted = re.findall(r"^sha256 (\w+) (\S+)$", assets.joinpath("VERSIONS").read_text(), re.MULTILINE)
    assert {name for _, name in noted} == {"uPlot.iife.min.js", "uPlot.min.css"}
    for digest, name in noted:
        assert hashlib.sha256(assets.joinpath(name).read_bytes()).hexdigest() == digest
    assert "Leon Sorokin" in assets.joinpath("LICENSE.uPlot").read_text()


def test_the_command_is_there_to_run_again(tmp_path: Path) -> None:
    """With the seed, if it was not given."""
    text = Reader(render(RUNS["healthy"].run(tmp_path / "run"))).text
    assert "loadcore run shop.py --users 50 --duration 20s --seed 7" in text
    text = Reader(render(Made(command=None, seconds=2).run(tmp_path / "other"))).text
    assert "The run was not started by a command" in text


def test_windows_of_an_earlier_version_are_drawn(tmp_path: Path) -> None:
    """Columns that it did not have are as if nothing had happened in them."""
    folder = RUNS["healthy"].folder(tmp_path / "run")
    windows = folder / "windows.arrow"
    with pa.OSFile(str(windows)) as source:
        table = pa.ipc.open_file(source).read_all().drop_columns(["connect", "ttfb", "in_flight_ns"])
    with pa.OSFile(str(windows), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    (connections,) = [each for each in data_of(render(load(folder)))["charts"] if each["key"] == "connections"]
    assert set(connections["series"][1]["values"]) == {None}
    assert connections["series"][0]["values"][0] > 0


def test_damaged_windows_leave_a_page(tmp_path: Path) -> None:
    """What cannot be read is left out; the summary is still told."""
    folder = RUNS["healthy"].folder(tmp_path / "run")
    windows = folder / "windows.arrow"
    windows.write_bytes(windows.read_bytes()[:2000] + b"\0" * (windows.stat().st_size - 2000))
    text = Reader(render(load(folder))).text
    assert "PASS" in text
    assert "Nothing was measured" in text


def test_a_fault_of_the_page_is_not_taken_for_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong in code shows as that; it does not leave a page without charts."""

    def faulty(*_arguments: Any) -> None:
        raise AttributeError("'Moment' object has no attribute 'answerd'")

    monkeypatch.setattr("loadcore.report.html.history.read_timeline", faulty)
    run = RUNS["healthy"].run(tmp_path / "run")
    with pytest.raises(AttributeError, match="answerd"):
        History.of(run)


@pytest.mark.parametrize("fault", [AttributeError, TypeError, KeyError, ValueError])
def test_a_fault_in_a_chart_is_not_taken_for_damage(
    fault: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is any other of the page: what it is made of was checked when it was read."""

    def faulty(*_arguments: Any) -> None:
        raise fault("a fault")

    monkeypatch.setattr("loadcore.report.html.page.tiles_of", faulty)
    run = RUNS["healthy"].run(tmp_path / "run")
    with pytest.raises(fault, match="a fault"):
        render(run)


@pytest.mark.parametrize("command", [True, 7, 1.5, ["loadcore"]])
def test_a_command_that_is_no_text_leaves_a_page(command: Any, tmp_path: Path) -> None:
    """The summary has nearly all of it: what `run.json` would add is listed as missing."""
    folder = RUNS["healthy"].run(tmp_path / "run").path
    document = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps(document | {"command": command}), encoding="utf-8")
    assert "command is not of type string or null" in Reader(render(load(folder))).text


def test_numbers_that_no_run_could_have_are_refused(tmp_path: Path) -> None:
    """One that is too large to be drawn."""
    run = RUNS["healthy"].run(tmp_path / "run")
    run.summary["client"]["workers"][0]["cpu_ratio"] = 10**400
    with pytest.raises(ResultsError, match="does not contain a run that can be shown"):
        render(run)


def test_many_requests_of_few_connections_have_no_exponent() -> None:
    """Large numbers are grouped, as everywhere."""
    moment = SimpleNamespace(connections=5, seconds=1, from_s=0, connect_p95_ns=None)
    history: Any = SimpleNamespace(moments=[moment], summary={"load": {"requests": {"sent_total": 5800}}})
    assert "(1\u2009160 requests each)" in sentences.connections(history)
