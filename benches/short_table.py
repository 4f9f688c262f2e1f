"""The short table in the repository's README: CPU per request of each client by wrk's, from what was kept last."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benches import answers, cpu_per_request, results
from benches.cpu_per_request import CONNECTIONS, Run, ratios

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.statistics import Estimate

BEGIN, END = "<!-- cost: begin -->", "<!-- cost: end -->"
SERVER = "nullsrv"
NAMES = {
    "floor": "bare epoll client",
    "engine, row log": "loadcore's engine, every request as a row",
    "loadcore bench": "`loadcore bench`, the whole of it",
    "k9": "k9-load, plan file",
    "locust": "Locust, FastHttpUser",
}
"""What clients are called outside the benches; others by their own names."""
LEFT_OUT = ("engine",)
"""Clients whose figures say nothing that others' do not."""


def kept(name: str) -> list[Run]:
    """The runs of a bench, as kept last; none if it was not run."""
    return [Run(**row) for row in results.load(name)[0]] if (results.FOLDER / f"{name}.arrow").exists() else []


def cells(runs: Sequence[Run]) -> dict[tuple[str, int], Estimate]:
    """Ratios to wrk, by client and number of connections."""
    found = dict[tuple[str, int], "Estimate"]()
    for (server, answer, connections), cell in cpu_per_request.cells(runs).items():
        if (server, answer) != (SERVER, answers.CONSTANT.name):
            continue
        names = {one.client for one in cell}
        if "wrk" in names:
            found |= {(name, connections): ratios(cell, name, "wrk") for name in names - {"wrk", *LEFT_OUT}}
    return found


def text(own: Sequence[Run], peers: Sequence[Run], login: Sequence[Run]) -> str:
    """The table and what has to be known to read it; own clients' figures from their own bench where they are."""
    found = {**cells(peers), **cells(own)}
    if not found:
        return ""
    clients = sorted({client for client, _ in found}, key=lambda name: _order(name, found))
    lines = [
        [NAMES.get(client, client), *(_cell(found.get((client, connections))) for connections in CONNECTIONS)]
        for client in clients
    ]
    heads = [f"{connections:,} connection{'s' if connections > 1 else ''}" for connections in CONNECTIONS]
    parts = [_conditions([*own, *peers]), results.Table(["CPU per request ÷ wrk's", *heads], lines).markdown()]
    parts.append("Bold: the whole interval lies below 1, so that client is cheaper than wrk.")
    if login:
        parts.append(_scenario(login))
    return "\n\n".join(parts)


def _order(client: str, found: dict[tuple[str, int], Estimate]) -> float:
    return statistics.median(ratio.median for (name, _), ratio in found.items() if name == client)


def _cell(ratio: Estimate | None) -> str:
    if ratio is None:
        return ""
    return f"**{ratio.text()}**" if round(ratio.high, 2) < 1 else ratio.text()


def _conditions(runs: Sequence[Run]) -> str:
    rounds = min(len({one.round for one in runs if one.client == name}) for name in {one.client for one in runs})
    foreign = statistics.median(one.foreign_cores for one in runs if not one.short)
    name = "cpu_per_request" if (results.FOLDER / "cpu_per_request.arrow").exists() else "peers"
    machine = results.load(name)[1]
    where = [f"{what} {machine[what]}" for what in ("revision", "processor", "kernel") if what in machine]
    return (
        f"Measured on {', '.join([machine.get('day', 'a day unknown'), *where])}; over loopback, against a bare epoll "
        f"server that answers with 156 bytes and the same head each time; {rounds} rounds, median ratio and its 95 % "
        f"interval; other programs kept {foreign:.2f} cores busy."
    )


def _scenario(runs: Sequence[Run]) -> str:
    ours = "loadcore run"
    told = [
        f"{ratios(runs, client, ours).text(1)} times as many as {name}"
        for client, name in (("k9", "k9-load"), ("k6", "k6"))
        if client in {one.client for one in runs}
    ]
    what = "In a scenario (a login, three calls with its token, checks)"
    return f"{what} `{ours}` makes, per second of CPU, {' and '.join(told)}."
