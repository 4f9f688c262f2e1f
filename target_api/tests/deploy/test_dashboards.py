"""Dashboards and alerts: their shape, their grammar, and that each query finds something while load runs."""

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from loadcore_target.deploy.monitoring import RULES
from loadcore_target.deploy.topology import FOLDER
from loadcore_target.tests.deploy.stack import RunningStack, stack
from loadcore_target.tests.running import wait_until

DASHBOARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (FOLDER / "grafana/dashboards").glob("*.json")
}
PANELS = {f"{name}: {panel['title']}": panel for name, board in DASHBOARDS.items() for panel in board["panels"]}
RULE_EXPRESSIONS = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
_INTERVAL = "10s"


def queries() -> Iterator[tuple[str, str]]:
    """Every query of every panel, variables and annotation, with what it belongs to; Grafana's macros filled in."""
    for name, board in DASHBOARDS.items():
        for variable in board["templating"]["list"]:
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable.get("definition", ""))
            if found:
                yield f"{name} ${variable['name']}", filled(f"count by ({found.group(2)}) ({found.group(1)})")
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']} ({target['legendFormat']})", filled(target["expr"])


def filled(expression: str) -> str:
    """A query as Grafana would send it with everything selected."""
    return re.sub(r"\$(job|instance)\b", ".+", expression.replace("$__rate_interval", _INTERVAL))


@pytest.mark.parametrize("panel", PANELS.values(), ids=list(PANELS))
def test_panels_follow_the_rules(panel: dict[str, Any]) -> None:
    """A panel has title, description, unit and queries; rates use Grafana's interval, data the chosen source."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    for target in [panel, *panel["targets"]]:
        assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in panel["targets"]:
        assert target["legendFormat"]
        ranges = re.findall(r"\[([^\]]+)\]", target["expr"])
        assert set(ranges) <= {"$__rate_interval"}
        assert bool(ranges) == ("rate(" in target["expr"])


@pytest.mark.parametrize("board", DASHBOARDS.values(), ids=list(DASHBOARDS))
def test_dashboards_can_be_placed(board: dict[str, Any]) -> None:
    """Names and numbers are unique, panels do not overlap, and each variable that is used is declared."""
    assert re.fullmatch(r"loadcore-[a-z-]+", board["uid"])
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells
        assert place["x"] + place["w"] <= 24
        cells |= own
    declared = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)\}?", json.dumps(panels)))
    assert used == declared


def test_provisioning_finds_the_dashboards() -> None:
    """The folder that Grafana reads is the one that compose mounts, and its data source is compose's Prometheus."""
    [provider] = yaml.safe_load((FOLDER / "grafana/provisioning/dashboards/files.yaml").read_text())["providers"]
    [source] = yaml.safe_load((FOLDER / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    grafana = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["grafana"]
    mounted = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    assert mounted["./grafana/dashboards"] == provider["options"]["path"]
    assert source["url"] == "http://prometheus:9090"
    assert source["isDefault"]


def test_queries_are_promql() -> None:
    """Each query of the dashboards and of the alert rules parses."""
    parser = pytest.importorskip("promql_parser", reason="promql-parser is not installed")
    for expression in (*(query for _, query in queries()), *RULE_EXPRESSIONS.values()):
        assert parser.parse(expression) is not None
    with pytest.raises(ValueError, match="unclosed"):
        parser.parse("sum(rate(up[5s])")


class Load:
    """A few users who do everything that a dashboard shows: good answers, errors, refusals."""

    def __init__(self, running: RunningStack) -> None:
        self._running = running
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(user,)) for user in range(3)]

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """It continues for as long as the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()

    def _work(self, user: int) -> None:
        token = self._running.log_in(user)
        bearer = {"Authorization": f"Bearer {token}"}
        fault = {**bearer, "X-Fault": json.dumps({"error_rate": "100%", "error_code": 503})}
        login = f"grant_type=password&username=user-{user:04d}&password=password-{user:04d}"
        order = json.dumps({"item_id": 1, "quantity": 1})
        rounds: list[tuple[str, str, str | None, dict[str, str]]] = [
            ("GET", "/items?limit=5", None, bearer),
            ("GET", "/items/1", None, bearer),
            ("GET", "/proxy/stub/hello?delay=5ms", None, bearer),
            ("POST", "/orders", order, {**bearer, "Content-Type": "application/json"}),
            ("POST", "/auth/token", login, {"Content-Type": "application/x-www-form-urlencoded"}),
            ("GET", "/users/me", None, fault),
        ]
        connection = http.client.HTTPConnection(urlsplit(self._running.url).netloc, timeout=60)
        while not self._over.wait(0.01):
            for method, path, body, headers in rounds:
                connection.request(method, path, body, headers)
                connection.getresponse().read()
        connection.close()


@pytest.fixture(scope="module", name="running")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Two replicas behind HAProxy with a Prometheus, under load, with a rate limit that is passed now and then."""
    folder = tmp_path_factory.mktemp("monitoring")
    arguments = ("--replicas", "2", "--proxy", "haproxy", "--monitoring", "--users", "3", "--items", "10")
    with (
        stack(folder, *arguments, environment={"GATEWAY_RATE_LIMIT_USER": "10/second"}) as running,
        Load(running).going_on(),
    ):
        yield running


def test_every_query_finds_something_under_load(running: RunningStack) -> None:
    """A misspelt metric or label gives no error but no series, too: each query must return at least one."""
    empty = dict(queries())

    def all_found() -> bool:
        for name, query in list(empty.items()):
            if running.query(query):
                del empty[name]
        return not empty

    try:
        wait_until(all_found, "every query has a series", timeout_s=90)
    except AssertionError:
        pytest.fail(f"no series: {json.dumps(empty, indent=1)}")
    assert running.query("no_such_metric") == []


def test_an_alert_fires(running: RunningStack) -> None:
    """One request in six fails, so the alert on server errors is pending and then fires; that on latency is not."""
    wait_until(lambda: bool(running.query('ALERTS{alertname="GatewayErrorsHigh", alertstate="firing"}')), "it fires")
    assert running.query('ALERTS{alertname="BalancerNoReplica"}') == []
