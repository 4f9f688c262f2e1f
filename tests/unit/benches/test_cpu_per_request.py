"""CPU per request: what is made of single runs, and how clients' words are read."""

import pytest

from benches import build, clients, cpu_per_request, tools
from benches.cpu_per_request import Run, costs_us, page, ratios, rounds, start_costs
from benches.engine import FailedRunError
from benches.targets.target import Target

WRK = """\
Running 1s test @ http://127.0.0.1:33017/
  1 threads and 64 connections
  74543 requests in 1.07s, 11.09MB read
Requests/sec:  69811.13
"""


def one(client: str, number: int, requests: int, cpu_s: float, *, short: bool = False) -> Run:
    """A run of a client in a round."""
    seconds = 0.1 if short else 2.0
    return Run("nullsrv", 64, client, number, short, seconds, requests, cpu_s, seconds, 0.5, 0.1, 2**20)


RUNS = [
    # A start of 0.5 s, then 5 µs a request; the second round on a machine half as fast.
    one("ours", 0, 10_000, 0.55, short=True),
    one("ours", 0, 100_000, 1.0),
    one("ours", 1, 100_000, 1.5),
    one("wrk", 0, 20_000, 0.2, short=True),
    one("wrk", 0, 100_000, 1.0),
    one("wrk", 1, 100_000, 2.0),
]


def test_start_is_taken_away() -> None:
    """What a client costs before its first request is not a cost of a request."""
    assert start_costs(RUNS) == {"ours": pytest.approx(0.5), "wrk": pytest.approx(0.0)}
    assert costs_us(RUNS)["ours"] == {0: pytest.approx(5.0), 1: pytest.approx(10.0)}


def test_ratios_are_taken_within_rounds() -> None:
    """Both rounds say one half, though the second was twice as slow."""
    found = ratios(RUNS, "ours", "wrk")
    assert [found.low, found.median, found.high] == pytest.approx([0.5, 0.5, 0.5])


def test_page_names_every_client_and_the_number_of_rounds() -> None:
    """The cheapest client stands first; a reference that was not run leaves its column empty."""
    lines = [line for line in page(RUNS).splitlines() if line.startswith(("| ours", "| wrk"))]
    assert lines[0].startswith("| ours | 5.00 / 7.50 | 0.50 [0.50-0.50] |  | 50,000 | 500 |")
    assert lines[1].startswith("| wrk |")
    assert "2 rounds" in page(RUNS)


def test_wrk_is_read() -> None:
    """Requests; no errors where it names none."""
    assert clients.read_wrk(WRK) == clients.Count(74543, 0)


@pytest.mark.parametrize(
    ("line", "errors"),
    [("  Socket errors: connect 1, read 2, write 0, timeout 4\n", 7), ("  Non-2xx or 3xx responses: 12\n", 12)],
)
def test_errors_of_wrk_are_read(line: str, errors: int) -> None:
    """Both kinds of lines that wrk prints only when something went wrong."""
    assert clients.read_wrk(WRK + line).errors == errors


def test_wrk_that_says_nothing_is_refused() -> None:
    """A client that failed to start has not made 0 requests."""
    with pytest.raises(ValueError, match="did not say"):
        clients.read_wrk("unable to connect to 127.0.0.1:9 Connection refused\n")


def test_executables_are_found_among_cargos_messages() -> None:
    """Libraries, and messages about other things, are passed over."""
    messages = (
        '{"reason":"compiler-artifact","target":{"name":"loadcore-core"},"executable":null}\n'
        '{"reason":"compiler-artifact","target":{"name":"run_plan"},"executable":"/t/release/examples/run_plan"}\n'
        '{"reason":"build-finished","success":true}\n'
    )
    assert {name: str(path) for name, path in build.executables(messages).items()} == {
        "run_plan": "/t/release/examples/run_plan"
    }


def test_interval_knows_that_starts_are_uncertain() -> None:
    """A start of 0.4 to 0.6 s leaves the cost of a request open by as much, however equal the rounds are."""
    ours = [one("ours", number, 100_000, 1.0) for number in range(9)]
    ours += [one("ours", number, 10_000, 0.55 + 0.1 * (number - 4) / 4, short=True) for number in range(9)]
    found = ratios([*ours, *(one("wrk", number, 100_000, 1.0) for number in range(9))], "ours", "wrk")
    assert found.median == pytest.approx(0.5)
    assert found.low < 0.48
    assert found.high > 0.52


@pytest.fixture
def failing_wrk(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every run wrk fails and the bare loop does not."""

    def measure(client: clients.Client, _target: Target, _job: clients.Job, place: tuple[int, bool]) -> Run:
        if client.name == "wrk":
            raise FailedRunError("no wrk today")
        return one(client.name, place[0], 1000, 1.0, short=place[1])

    monkeypatch.setattr(cpu_per_request, "measure", measure)


BOTH: list[clients.Client] = [clients.Floor(), clients.Wrk()]
NOWHERE = Target("nullsrv", "http://127.0.0.1:9", 1)


@pytest.mark.usefixtures("failing_wrk")
def test_client_that_fails_is_left_out_by_name() -> None:
    """The others run on."""
    left_out: dict[str, str] = {}
    done = list(rounds(BOTH, NOWHERE, clients.Job(NOWHERE.url, 1, 1.0), 2, left_out))
    assert [run.client for run in done] == ["floor"] * 4
    assert left_out == {"wrk": "no wrk today"}


def test_client_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that fails, where that is allowed."""

    def missing(*_: object) -> Run:
        raise tools.MissingToolError("wrk is not installed")

    monkeypatch.setattr(cpu_per_request, "measure", missing)
    left_out: dict[str, str] = {}
    assert list(rounds([clients.Wrk()], NOWHERE, clients.Job(NOWHERE.url, 1, 1.0), 2, left_out)) == []
    assert left_out == {"wrk": "wrk is not installed"}


@pytest.mark.usefixtures("failing_wrk")
def test_client_that_fails_ends_the_bench() -> None:
    """Where nothing may be left out."""
    with pytest.raises(FailedRunError, match="no wrk today"):
        list(rounds(BOTH, NOWHERE, clients.Job(NOWHERE.url, 1, 1.0), 2))


@pytest.mark.usefixtures("failing_wrk")
@pytest.mark.parametrize(("seconds", "short"), [(0.1, 0), (0.2, 2)])
def test_start_is_measured_only_by_runs_that_are_much_shorter(seconds: float, short: int) -> None:
    """Two of the same length differ by chance alone."""
    done = list(rounds([clients.Floor()], NOWHERE, clients.Job(NOWHERE.url, 1, seconds), 2))
    assert sum(run.short for run in done) == short
