"""The text report, block by block and as a whole."""

from __future__ import annotations

import json

import pytest
from rich.cells import cell_len

from loadcore.report import json as json_report
from loadcore.report import tables, text
from loadcore.report.glyphs import ASCII, UNICODE, Glyphs
from loadcore.report.layout import Page, Role
from loadcore.report.step_table import step_table
from tests.unit.report.example import NO_TIMES, failed_run, step, times

WHOLE = """\
 checkout.py - http://127.0.0.1:8080 - 1,000 users - 2m00s - run 01JD9K3V7Q

 XX FAIL   2 of 4 thresholds crossed: errors.rate < 1%, response.p95 < 250ms

 THRESHOLDS               measured
 XX errors.rate < 1%          3.9%  crossed
 XX response.p95 < 250ms     388ms  crossed
 OK throughput > 400/s     4,269/s
 OK users.lost == 0              0

 STEP             requests  req/s  errors     p50     p95    p99    max
 GET /             170,212  1,418    0.1%  8.00ms  61.0ms  120ms  410ms
 GET /items/{id}   171,004  1,425    0.4%  11.0ms   144ms  302ms  1.10s
 POST /checkout    171,115  1,426   11.2%  24.0ms   712ms  1.40s  3.10s
 all               512,331  4,269    3.9%  12.0ms   388ms  741ms  3.10s
 response time: due to last byte; closed loop: a slow target gets less load

 AUTH              requests  req/s  errors     p50     p95     p99     max
 POST /auth/token     1,000   8.33      0%  21.0ms  35.0ms  61.0ms  92.0ms

 CHECKS         step   failed       of
 status == 200  GET /     170  170,212

 ERRORS            count  step             seen
 http_503         19,165  POST /checkout   1:06 - 1:59
 timeout_headers     688  GET /items/{id}  1:24 - 1:59
 connect_reset       170  GET /            1:41

 CLIENT OK cpu 56.0% - lag p99 90us - files 540/65,536 - 2 workers
 LOAD     171,115 iterations - 151,262 completed - 19,830 failed
          23 interrupted - users peak 1,000
          513,331 requests sent - 513,331 rows
"""


def test_a_run_that_passed_with_doubts_is_headed_by_them() -> None:
    """SUSPECT, why, and then the thresholds; the remedy is in the block of the client."""
    summary = failed_run()
    doubt = "p99 31.6 ms, of which the client added 1.6 ms: without its own delay 30.0 ms"
    summary["verdict"] |= {"status": "pass", "reasons": [], "suspect": [doubt]}
    summary["findings"] = [
        {"subject": "client", "severity": "suspect", "message": doubt, "advice": "leave cores to the workers"}
    ]
    summary["client"]["verdict"] = "suspect"
    shown = text.render(summary)

    assert f"? SUSPECT   {doubt[:40]}" in shown
    assert shown.index("30.0 ms") < shown.index("2 of 4 thresholds hold") < shown.index("THRESHOLDS")
    assert "PASS" not in shown
    assert "CLIENT ?" in shown
    assert "leave cores to the workers" in shown


def test_a_run_that_failed_tells_its_doubts_after_its_reasons() -> None:
    """A crossed threshold keeps the head of the report."""
    summary = failed_run()
    summary["verdict"]["suspect"] = ["p99 31.6 ms, of which the client added 1.6 ms"]
    shown = text.render(summary)

    assert shown.index("FAIL") < shown.index("suspect: p99 31.6 ms")


def test_the_whole_report_answers_in_order() -> None:
    """Verdict first, then thresholds, steps, logins apart, checks, errors, the client, and what was sent."""
    assert text.render(failed_run(), Page(80, ASCII)) == WHOLE.rstrip("\n")


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_no_line_is_wider_than_the_page(width: int, glyphs: Glyphs) -> None:
    """The report keeps to the width it is given."""
    lines = text.render(failed_run(), Page(width, glyphs)).splitlines()
    assert [line for line in lines if cell_len(line) > width] == []


def test_colour_changes_nothing_but_colour() -> None:
    """Without the marks of the painter a coloured report is the plain one."""
    painted = text.render(failed_run(), Page(80, UNICODE, lambda words, _role: f"\x01{words}\x02"))
    assert painted.replace("\x01", "").replace("\x02", "") == text.render(failed_run(), Page(80, UNICODE))


def test_ascii_reports_hold_nothing_else() -> None:
    """A stream that cannot carry Unicode gets none, names included."""
    summary = failed_run()
    summary["name"] = "Prüfung.py"
    assert text.render(summary, Page(80, ASCII)).isascii()


def test_a_pass_says_how_many_thresholds_hold() -> None:
    """A verdict without reasons still says what it rests on."""
    summary = failed_run()
    summary["verdict"] = {"status": "pass", "reasons": []}
    summary["thresholds"] = [threshold | {"state": "pass"} for threshold in summary["thresholds"]]
    assert text.verdict(summary, Page(80, UNICODE)) == [" ✓ PASS   4 of 4 thresholds hold"]


def test_every_reason_is_told() -> None:
    """Reasons after the first follow it, long ones wrapped."""
    summary = failed_run()
    summary["verdict"] = {
        "status": "invalid",
        "reasons": [
            "worker 1 was lost: it was killed by signal 9",
            "the client was the bottleneck: worker 0 used up to 97% of its core",
        ],
    }
    assert text.verdict(summary, Page(60, UNICODE)) == [
        " ✗ INVALID   worker 1 was lost: it was killed by signal 9",
        "             the client was the bottleneck: worker 0 used up",
        "             to 97% of its core",
    ]


def test_no_data_is_neither_good_nor_zero() -> None:
    """A threshold without data is marked as such and shows no number."""
    summary = failed_run()
    summary["verdict"] = {"status": "no_data", "reasons": ["response.p95 < 250ms has no data"]}
    summary["thresholds"] = [
        {"expression": "response.p95 < 250ms", "state": "no_data", "value": None, "limit": 1, "unit": "ns"}
    ]
    page = Page(80, UNICODE)
    assert text.verdict(summary, page) == [" ? NO DATA   response.p95 < 250ms has no data"]
    assert text.thresholds(summary, page)[1] == " ? response.p95 < 250ms         -  no data"


@pytest.mark.parametrize(
    ("status", "begin"),
    [("interrupted", " ? INTERRUPTED   ended by Ctrl-C"), ("running", " ? STILL RUNNING   ended by Ctrl-C")],
)
def test_a_run_without_its_end_does_not_read_as_a_pass(status: str, begin: str) -> None:
    """It has a word of its own, before the reason."""
    summary = failed_run()
    summary["verdict"] |= {"status": status, "reasons": ["ended by Ctrl-C"]}

    assert text.verdict(summary, Page(80, UNICODE)) == [begin]


def test_a_verdict_says_what_to_do_where_it_knows() -> None:
    """Advice follows the reasons."""
    summary = failed_run()
    summary["verdict"] |= {"reasons": ["connection refused"], "advice": ["loadcore target up"]}

    assert text.verdict(summary, Page(80, ASCII)) == [
        " XX FAIL   connection refused",
        "           -> loadcore target up",
    ]


def test_errors_are_named_for_programs_and_put_in_words_for_people() -> None:
    """Each kind of outcome once, below the table."""
    summary = failed_run()
    for entry in summary["errors"]:
        entry["cause"] = "the connection attempt was reset" if entry["outcome"] == "connect_reset" else None

    assert tables.errors(summary, Page(80, ASCII))[-1] == " connect_reset: the connection attempt was reset"


RATE = {"count": 50, "per_ns": 1_000_000_000}
OPEN = {
    "name": "buy",
    "model": "open",
    "load": {"kind": "arrival_rate", "rate": RATE, "duration_ns": 10**9, "max_users": 500, "arrivals": "even"},
    "base_url": "http://127.0.0.1:8080",
    "planned_iterations": 100,
    "iterations": {"due": 100, "started": 97, "completed": 97, "failed": 0, "dropped": 3, "interrupted": 0},
    "users": {"planned": 500, "peak": 7, "lost": 0},
}


def test_an_open_run_says_its_rate_and_what_became_of_arrivals() -> None:
    """The rate is in the title; due, dropped and users are in the load."""
    summary = failed_run()
    summary["load"]["scenarios"] = [OPEN]

    assert "50.0/s, at most 500 users" in text.title(summary, Page(120, ASCII))[0]
    assert text.load(summary, Page(120, ASCII))[0] == (
        " LOAD     100 arrivals due - 97 started - 97 completed - 3 dropped (no user was free) - users peak 7 of 500"
    )


def test_a_load_that_was_changed_is_not_all_that_the_title_says() -> None:
    """The planned load and a word of it, at the scenario that was changed; a run that was not changed has none."""
    summary = failed_run()
    summary["load"]["scenarios"].append(OPEN)
    assert "changed" not in " ".join(text.title(summary, Page(120, ASCII)))
    summary["load"]["orders"] = [{"at_s": 12.0, "scenario": "buy", "change": "rate 300/s"}]
    title = " ".join(text.title(summary, Page(120, ASCII)))
    assert "checkout: 1,000 users - buy: 50.0/s, at most 500 users, changed while it ran" in title


def test_a_mixed_run_says_which_load_and_which_loop_is_whose() -> None:
    """Every scenario has its load in the title, and the note about closed loops names those it is about."""
    summary = failed_run()
    summary["load"]["scenarios"].append(OPEN)
    report = text.render(summary, Page(80, ASCII))

    assert "checkout: 1,000 users\n buy: 50.0/s, at most 500 users - 2m00s" in report
    assert "closed loop in checkout: a slow target gets less load" in " ".join(report.split())


def test_an_open_loop_is_not_called_closed() -> None:
    """The note about closed loops stands only where users wait for the target."""
    summary = failed_run()
    summary["load"]["scenarios"][0]["model"] = "open"
    assert "closed loop" not in text.render(summary)
    assert "response time: due to last byte" in text.render(summary)


def test_a_report_shows_every_step_and_a_live_view_the_telling_ones() -> None:
    """The report is the last word; a view that is redrawn has room for the slowest and those with errors."""
    summary = failed_run()
    summary["steps"] = [
        step(f"GET /{index}", 100, int(index == 1), times(1, index, index, index)) for index in range(1, 31)
    ]
    lines = tables.steps(summary, "main", "STEP", Page(80, ASCII))
    assert [line.split()[1] for line in lines[1:31]] == [f"/{index}" for index in range(1, 31)]

    rows = [tables.step_row(each["name"], each) for each in summary["steps"]]
    folded = step_table("STEP", rows, None, Page(80, ASCII))
    assert [line.split()[1] for line in folded[1:7]] == ["/1", "/26", "/27", "/28", "/29", "/30"]
    assert folded[-1] == " +24 more in the report"


def test_a_run_of_a_millisecond_has_no_rate() -> None:
    """Two requests in 1 ms are not two thousand a second; in a tenth of a second a rate begins to be one."""
    entry = step("GET /", 2, 0, NO_TIMES)

    assert tables.step_row("GET /", entry | {"requests_per_s": 2000.0}).requests_per_s is None
    assert tables.step_row("GET /", entry | {"requests_per_s": 20.0}).requests_per_s == 20.0


def test_requests_that_were_not_sent_have_no_rate() -> None:
    """A rate of refused connections is nothing to boast of."""
    summary = failed_run()
    summary["steps"] = [step("GET /", 500, 500, NO_TIMES) | {"not_sent": 500}]
    assert tables.steps(summary, "main", "STEP", Page(80, ASCII))[1].split() == [
        "GET",
        "/",
        "500",
        "-",
        "100%",
        *"----",
    ]


def test_steps_of_several_scenarios_bear_their_names() -> None:
    """Two scenarios may have steps of one name."""
    summary = failed_run()
    summary["steps"] = [step("GET /", 1, 0, NO_TIMES), step("GET /", 1, 0, NO_TIMES) | {"scenario": "browse"}]
    lines = tables.steps(summary, "main", "STEP", Page(80, ASCII))
    assert [line.split("  ")[0] for line in lines[1:3]] == [" checkout: GET /", " browse: GET /"]


def test_bad_news_is_painted_as_bad() -> None:
    """Errors, lost users and dropped iterations are marked for the eye."""
    summary = failed_run()
    summary["load"]["scenarios"][0]["users"]["lost"] = 7
    summary["load"]["scenarios"][0]["iterations"]["dropped"] = 9
    bad: list[str] = []

    def note(words: str, role: Role) -> str:
        if role is Role.BAD:
            bad.append(words.strip())
        return words

    text.render(summary, Page(80, UNICODE, note))
    assert {"✗ FAIL", "11.2%", "7 users lost", "9 dropped (no user was free)", "http_503"} <= set(bad)


@pytest.mark.parametrize(("not_sent", "role"), [(2, Role.WARNING), (3, Role.BAD)])
def test_what_the_end_cut_off_before_it_was_sent_is_no_bad_news(not_sent: int, role: Role) -> None:
    """Requests that were never sent are bad news only where they are more than those that the end cut off."""
    summary = failed_run()
    summary["load"]["requests"] |= {"not_sent": not_sent, "interrupted": 2}
    painted: dict[str, Role] = {}
    text.render(summary, Page(80, UNICODE, lambda words, role: painted.setdefault(words.strip(), role) and words))
    assert painted[f"{not_sent} not sent"] is role


def test_a_locustfile_has_no_iterations_to_tell_of() -> None:
    """Locust's users run tasks without end: the load line tells of users alone, not of 0 iterations."""
    summary = failed_run()
    (scenario,) = summary["load"]["scenarios"]
    scenario |= {"load": {"kind": "script"}, "iterations": dict.fromkeys(scenario["iterations"], 0)}
    report = text.render(summary, Page(80, ASCII))
    assert "LOAD     users peak 1,000" in report
    assert "completed" not in report


def test_all_checks_that_hold_take_one_line() -> None:
    """Checks without failures are only counted."""
    summary = failed_run()
    summary["checks"] = [summary["checks"][1]]
    assert tables.checks(summary, Page(80, ASCII)) == [" CHECKS   151,950 made, all hold"]


def test_files_and_the_next_command_are_named() -> None:
    """The end of the report says where the rows are and what to type."""
    assert text.files("runs/01JD", {"requests-0.arrow": 9_130_000}, ["loadcore report runs/01JD"], Page(80, ASCII)) == [
        " FILES    runs/01JD - requests-0.arrow 9.1 MB",
        " NEXT     loadcore report runs/01JD",
    ]


def test_the_next_command_is_never_cut() -> None:
    """On a page narrower than the command it is whole, so that it can be copied."""
    command = "loadcore report runs/01M8FKBQAVDBB3MA671DYSMQCZ --json"
    assert text.files("runs/x", {}, [command], Page(40, ASCII))[-1] == f" NEXT     {command}"


def test_json_is_the_summary_and_refuses_what_is_no_number() -> None:
    """The JSON report reads back as the summary, and never holds NaN."""
    assert json.loads(json_report.render(failed_run())) == failed_run()
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_report.render({"error_rate": float("nan")})


def test_a_client_that_was_the_limit_says_what_to_do() -> None:
    """The remedy follows the client's numbers, once for all findings that it helps against."""
    summary = failed_run()
    advice = "leave cores to the workers: fewer other programs, more workers, or the target elsewhere"
    summary["findings"] = [
        {"severity": "invalid", "message": f"worker {worker} was late", "advice": advice} for worker in range(2)
    ]
    summary["client"]["verdict"] = "client_limited"
    assert text.client(summary, Page(80, ASCII)) == [
        " CLIENT XX cpu 56.0% - lag p99 90us - files 540/65,536 - 2 workers",
        "          -> leave cores to the workers: fewer other programs, more workers, or",
        "             the target elsewhere",
    ]


def test_what_was_due_is_told_of_what_was_planned() -> None:
    """A worker that was lost takes its arrivals along; what is left must not look like the whole."""
    summary = failed_run()
    (scenario,) = summary["load"]["scenarios"]
    scenario |= {"model": "open", "planned_iterations": 1250}
    scenario["iterations"] |= {"due": 875, "started": 875}
    summary["verdict"]["notes"] = ["1 of 2 workers was lost after 1.0 s: 50% of the load is missing from then on"]
    report = text.render(summary, Page(100, UNICODE))

    assert "875 of 1 250 arrivals due · 875 started" in report.replace("\u2009", " ")
    assert "1 of 2 workers was lost after 1.0 s" in report.split("THRESHOLDS")[0]


def test_what_the_columns_hide_is_told_below_them() -> None:
    """Requests without an answer, hops and repeats, and what the end of the run cut off, each in one sentence."""
    summary = failed_run()
    first = summary["steps"][0]
    first |= {"unanswered": 37, "not_sent": 30, "hops": 132, "repeats": 3, "interrupted": 2, "judged": 1_000}
    lines = " ".join(text.render(summary, Page(200, UNICODE)).split())

    assert "37 requests got no response: 30 were never sent and are not in the percentiles, 7 are in the" in lines
    assert "requests include 132 followed redirects and 3 401s that were tried again;" in lines
    assert "2 requests were cut off by their user or the run's end: not errors, and not in the percentiles" in lines


def test_what_limited_the_target_stands_before_the_client() -> None:
    """What explains most with its remedy, three findings at most; the client's notes are its own."""
    summary = failed_run()
    about = {"subject": "target", "severity": "note", "rule": "stalls", "advice": "look for pauses"}
    summary["findings"] = [{**about, "message": f"no answer for {number}.0 s"} for number in range(1, 5)]
    summary["bottleneck"] = {"subject": "target", "rule": "stalls", "message": "the target was the bottleneck: …"}
    lines = [line.strip() for line in text.render(summary).splitlines()]
    first = lines.index("TARGET   was the bottleneck: no answer for 1.0 s")

    assert lines[first + 1 : first + 4] == ["→ look for pauses", "no answer for 2.0 s", "no answer for 3.0 s"]
    assert lines[first + 4].startswith("CLIENT")
    assert "no answer for 4.0 s" not in " ".join(lines)
    del summary["bottleneck"]
    assert "TARGET   no answer for 1.0 s" in text.render(summary)
    summary["findings"].append({**about, "rule": "backlog", "message": "98/s of 150/s were answered"})
    summary["bottleneck"] = {"subject": "target", "rule": "backlog", "message": ""}
    assert "TARGET   was the bottleneck: 98/s of 150/s were answered" in text.render(summary)


@pytest.mark.parametrize(
    ("duration_s", "waiting", "told"),
    [
        (122.7, 261, "ended 2.7 s after the planned end, at which 261 requests were still under way"),
        (120.5, 1, "ended 0.5 s after the planned end, at which a request was still under way"),
        (120.1, 261, None),
        (122.7, 0, None),
    ],
)
def test_a_run_that_ends_late_says_why(duration_s: float, waiting: int, told: str | None) -> None:
    """What was under way at the planned end is waited for; the report says so where it took long."""
    summary = failed_run() | {"duration_s": duration_s}
    summary["load"]["scenarios"][0] |= {
        "steady_from_s": 0.0,
        "steady_s": 120.0,
        "rates": {"in_flight_at_end": waiting},
    }
    shown = " ".join("\n".join(text.load(summary, Page(100, ASCII))).split())
    assert ("after the planned end" in shown) is (told is not None)
    assert told is None or told in shown


@pytest.mark.parametrize(("steady_s", "told"), [(1.0, False), (2.0, True)])
def test_the_users_of_a_run_of_one_second_were_not_counted(steady_s: float, told: bool) -> None:
    """They are counted at the end of each second, when those of such a run leave: one of two would be "the peak"."""
    summary = failed_run()
    summary["load"]["scenarios"] = [{**OPEN, "steady_s": steady_s}]
    assert ("users peak" in text.load(summary, Page(120, ASCII))[0]) is told


def test_numbers_of_no_unit_have_no_exponent() -> None:
    """They have three digits, and from a thousand on all of them."""
    found = [text.quantity(value, None, UNICODE) for value in (0.1234, 999.9, 12345.6, 7)]
    assert found == ["0.123", "1\u2009000", "12\u2009346", "7"]
