"""The answers that costs are measured for: both servers send the same fields, and another id each time."""

from __future__ import annotations

import json
import re
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from benches import cpu_per_request, tools
from benches.answers import ANSWERS, API, CONSTANT, REALISTIC, UNIQUE, Answer
from benches.build import ROOT
from benches.cpu_per_request import Run
from benches.targets.nginx import nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

NULLSRV = ROOT / "rust" / "loadcore-core" / "examples" / "nullsrv"


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[str]:
    """nginx, as the benches run it."""
    try:
        with nginx() as target:
            yield target.url
    except tools.MissingToolError as error:
        pytest.skip(str(error))


def ask(server: str, answer: Answer) -> tuple[dict[str, str], bytes]:
    """Fields and body."""
    connection = HTTPConnection(urlsplit(server).netloc, timeout=60)
    connection.request("GET", answer.path)
    response = connection.getresponse()
    fields, body = dict(response.getheaders()), response.read()
    connection.close()
    return fields, body


def test_nginx_sends_the_fields_of_the_bare_server(server: str) -> None:
    """Thirteen of the same names, and the same 1 KiB of JSON."""
    source = (NULLSRV / "answer.rs").read_text(encoding="utf-8")
    found = re.search(r'const REALISTIC: &str = "(.+?)";', source, re.DOTALL)
    assert found is not None
    names = {*re.findall(r"([A-Z][A-Za-z-]+): ", found[1]), "Content-Length"}
    assert len(names) == 13
    for answer in (REALISTIC, API):
        fields, body = ask(server, answer)
        assert set(fields) == names
        assert fields["Content-Type"] == "application/json"
    assert body == (NULLSRV / "api.json").read_bytes()
    assert len(body) == 1024
    assert json.loads(body)["items"][0]["in_stock"] is True


@pytest.mark.parametrize("answer", [UNIQUE, REALISTIC, API], ids=lambda answer: answer.name)
def test_no_two_heads_are_the_same(server: str, answer: Answer) -> None:
    """A client that looks for heads it has seen finds none; all of them have one length."""
    ids = {ask(server, answer)[0]["X-Request-Id"] for _ in range(5)}
    assert len(ids) == 5
    assert {len(each) for each in ids} == {32}


def test_the_constant_head_has_no_id(server: str) -> None:
    """Only its Date moves, once a second."""
    assert "X-Request-Id" not in ask(server, CONSTANT)[0]


def test_each_answer_is_a_table_of_its_own() -> None:
    """Runs with different heads are never compared; a table's title says which head it is for."""
    runs = [
        Run("nullsrv", 64, client, number, False, 2.0, 1000, cost, 2.0, 0.5, 0.0, 1, answer)
        for answer in ANSWERS
        for client, cost in (("ours", 0.5), ("wrk", 1.0))
        for number in range(3)
    ]
    text = cpu_per_request.page(runs)
    for answer in ANSWERS.values():
        assert f"**nullsrv, {answer.title}, 64 connections**, 3 rounds" in text
    assert [len(cell) for cell in cpu_per_request.cells(runs).values()] == [6] * 4


def test_heads_that_change_are_measured_with_one_number_of_connections() -> None:
    """The constant head with each of them."""
    assert cpu_per_request.jobs(["constant", "api"], [1, 64]) == [("constant", 1), ("constant", 64), ("api", 64)]
    assert cpu_per_request.jobs(["unique"], [1]) == [("unique", 64)]
