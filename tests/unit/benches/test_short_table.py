"""The short table in the README: from runs to what is claimed."""

import pytest

from benches import results, short_table
from benches.cpu_per_request import Run


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results that were measured somewhere."""

    def load(_name: str) -> tuple[list[dict[str, str]], dict[str, str]]:
        return [], {"day": "2026-11-24"}

    monkeypatch.setattr(results, "load", load)


def runs(client: str, costs: list[float], connections: int = 64) -> list[Run]:
    """A run for each cost in seconds, of as many requests."""
    return [
        Run("nullsrv", connections, client, number, short=False, seconds=1.0, requests=1000, cpu_s=cost, wall_s=1.0,
            server_cpu_s=0.5, foreign_cores=0.1, max_rss_bytes=1)
        for number, cost in enumerate(costs)
    ]  # fmt: skip


WRK = runs("wrk", [1.0, 1.0, 1.0])


def line(text: str, name: str) -> list[str]:
    """The cells of a client's line."""
    return next(each for each in text.splitlines() if each.startswith(f"| {name}"))[2:-2].split(" | ")


def test_only_what_is_cheaper_for_certain_is_bold() -> None:
    """An interval that reaches 1 claims nothing, whatever its median."""
    text = short_table.text([*WRK, *runs("floor", [0.5, 0.6, 0.7]), *runs("loadcore bench", [0.7, 0.8, 1.1])], [], [])
    assert line(text, "bare epoll client")[2] == "**0.60 [0.50-0.70]**"
    assert line(text, "`loadcore bench`")[2] == "0.80 [0.70-1.10]"


def test_what_was_not_measured_is_empty_and_wrk_has_no_line() -> None:
    """A cell for each number of connections."""
    text = short_table.text([], [*WRK, *runs("hey", [5.0])], [])
    assert line(text, "hey") == ["hey", "", "5.00 [5.00-5.00]", "", ""]
    assert "| wrk |" not in text
    assert "Measured on 2026-11-24;" in text


def test_own_figures_come_from_their_own_bench() -> None:
    """Where both benches have them."""
    text = short_table.text([*WRK, *runs("floor", [0.5])], [*WRK, *runs("floor", [0.9])], [])
    assert "0.50 [0.50-0.50]" in text
    assert "0.90" not in text


def test_scenario_says_how_many_times_as_many() -> None:
    """Requests per second of CPU: the inverse of cost."""
    login = [*runs("loadcore run", [1.0]), *runs("k9", [2.5]), *runs("k6", [15.0])]
    text = short_table.text([*WRK, *runs("floor", [0.5])], [], login)
    assert "2.5 [2.5-2.5] times as many as k9-load and 15.0 [15.0-15.0] times as many as k6" in text


def test_nothing_measured_is_nothing_said() -> None:
    """The table on the page stays."""
    assert short_table.text([], [], []) == ""
