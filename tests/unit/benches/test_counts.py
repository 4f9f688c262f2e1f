"""Counting: what strace and callgrind write is read right, and a gate that fails says so."""

import pytest

from benches.counts import instructions, locust_split, profile, syscalls
from benches.counts.cases import STATIC
from benches.counts.gates import Gate, per_request

STRACE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ------------------
 65.11    0.632811       57528        11         1 futex
 18.97    0.184372          17     10399           sendto
 15.01    0.145873          14     10450        51 recvfrom
  0.00    0.000145           2        64           socket
------ ----------- ----------- --------- --------- ------------------
100.00    0.963328          46     20924        52 total
"""


def test_strace_table_is_read_with_and_without_errors() -> None:
    """A call's number and its failures are read, and the last line is not taken for a call."""
    assert syscalls.parse(STRACE) == {
        "futex": (11, 1),
        "sendto": (10399, 0),
        "recvfrom": (10450, 51),
        "socket": (64, 0),
    }


def test_calls_are_added_up_over_names() -> None:
    """Receiving is all calls that receive; a call that was never made counts nothing."""
    calls = {"recvfrom": (10, 2), "read": (3, 1), "sendto": (9, 0)}
    assert syscalls.total(calls, syscalls.RECEIVING) == 13
    assert syscalls.failed(calls, syscalls.RECEIVING) == 3


def test_a_figure_over_its_limit_is_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine makes single runs too high: the least of the short and of the long ones count."""
    short, long = instructions.SHORT, instructions.LONG
    counted = iter(
        [short * 100 + 9_000, long * 100 + 70_000, short * 100, long * 100 + 60_000, short * 100, long * 100]
    )
    monkeypatch.setattr(instructions, "count", lambda *_, **__: next(counted))
    assert instructions.least(STATIC, "http://127.0.0.1", 101, rows=True) == 100
    assert next(counted, None) is None
    monkeypatch.setattr(instructions, "count", lambda *of, **_: of[2] * 100)
    assert instructions.least(STATIC, "http://127.0.0.1", 99, rows=True) == 100


@pytest.mark.parametrize("word", ["summary", "totals"])
def test_callgrind_sum_is_found(word: str) -> None:
    """Both names that versions of callgrind give the sum are known."""
    assert instructions.parse(f"version: 1\nevents: Ir\nfn=(1)\n1 2\n\n{word}: 153012345\n") == 153012345


def test_profile_without_sum_is_refused() -> None:
    """A profile that was cut short is not taken for an empty one."""
    with pytest.raises(ValueError, match="without its sum"):
        instructions.parse("version: 1\n")


def test_start_and_end_cancel_out() -> None:
    """A run of 1,000 more requests costs 2,000 more, whatever both cost to start."""
    assert per_request(102_000, 100_000, 1_000) == 2.0


def test_gate_is_judged_by_the_figure_it_prints() -> None:
    """A third decimal that is not shown cannot fail a gate; one that is can."""
    assert Gate("recv", 1.0104, 1.01).holds
    assert not Gate("recv", 1.011, 1.01).holds
    assert Gate("allocations", 0.0049, 0.0, digits=2).holds
    assert not Gate("allocations", 0.0051, 0.0, digits=2).holds


def test_failed_gate_names_figure_and_limit() -> None:
    """Who reads only this line knows what is wrong."""
    assert Gate("instructions", 2345.4, 2000, digits=0).line() == "FAIL instructions: 2345 (limit 2000)"


def test_annotated_profile_is_read_by_file_and_function() -> None:
    """Long paths are cut to what distinguishes files, and the total is not a function."""
    annotated = (
        "3,831 (100.0%)  PROGRAM TOTALS\n"
        "  222 (5.80%)  /home/me/loadcore/rust/loadcore-core/src/user/send.rs:user::send::{{closure}} [/x/run_plan]\n"
        "1,055 (1.44%)  /home/me/.cargo/registry/src/index.crates.io-19/tokio-1.54.1/src/task/mod.rs:tokio::poll\n"
    )
    assert profile.parse(annotated) == {
        ("user/send.rs", "user::send::{{closure}}"): 222,
        ("tokio-1.54.1/src/task/mod.rs", "tokio::poll"): 1055,
    }


def test_nginx_is_shown_beside_and_is_no_limit() -> None:
    """A figure with nginx as the server is shown, however large; without nginx its column is empty."""
    gate = Gate("instructions", 2_400.0, 2_540, digits=0, beside=3_310.0)
    assert gate.holds
    assert gate.row() == ["instructions", "2,400", "2,540", "3,310"]
    assert gate.line() == "ok   instructions: 2400 (limit 2540); 3310 with nginx"
    assert Gate("instructions", 2_400.0, 2_540, digits=0).row()[-1] == ""


def test_the_parts_of_a_request_add_up_to_all_of_it() -> None:
    """What a case takes beyond the one before is the next part's."""
    figures = {"loop": (10.0, 0.0), "ring": (25.0, 8.0), "http": (45.0, 9.0), "fast": (40.0, 9.5)}
    rows = locust_split.table(figures).rows
    assert rows == [["HttpUser", "10", "15", "20", "9", "54"], ["FastHttpUser", "10", "15", "15", "10", "50"]]
