"""Causes and effects are reported once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from loadcore.judge.finding import Finding
from loadcore.judge.folding import CAUSES, told

LAG = Finding(
    subject="client",
    severity="invalid",
    rule="lag",
    message="p95 34.4 ms, of which the client added up to 28.8 ms: without its own delay 5.6 ms",
    advice="leave cores to the workers",
    value=5.1,
)
QUOTA = Finding(
    subject="client",
    severity="note",
    rule="throttled",
    message="the control group's CPU quota stopped the client for 6.1 s of 8.0 s",
    advice="raise the quota",
    first_s=0,
    last_s=7,
)
CPU = replace(QUOTA, severity="invalid", rule="cpu", message="worker 0 used 98% of its core", advice="more workers")
OTHERS = replace(
    QUOTA,
    subject="other programs",
    rule="foreign_cpu",
    message="other programs used 96%",
    advice="stop the other programs",
)
ROWS = replace(QUOTA, subject="results", severity="invalid", rule="rows", message="7 rows are missing", advice="disk")


def test_a_throttled_client_is_told_once_the_effect_with_its_cause() -> None:
    """One sentence has the corrected figure, the cause with its seconds, and the remedy of the cause."""
    (found,) = told([QUOTA, LAG])

    assert found.text == (
        "the client was the bottleneck: p95 34.4 ms, of which the client added up to 28.8 ms: without its own delay "
        "5.6 ms; the control group's CPU quota stopped the client for 6.1 s of 8.0 s"
    )
    assert (found.rule, found.severity, found.value, found.advice) == ("lag", "invalid", 5.1, "raise the quota")
    assert (found.first_s, found.last_s) == (0, 7)


def test_a_cause_that_decides_by_itself_leads() -> None:
    """The engine's full core is why the times are off."""
    (found,) = told([CPU, replace(LAG, severity="suspect")])

    assert (found.rule, found.severity, found.advice) == ("cpu", "invalid", "more workers")
    assert found.message == f"{CPU.message}; {LAG.message}"


def test_other_programs_keep_their_sentence_and_give_the_remedy() -> None:
    """They are another subject: the client keeps its delay, and the remedy is theirs."""
    effect, cause = told([LAG, OTHERS])

    assert (effect.message, effect.advice, cause) == (LAG.message, "stop the other programs", OTHERS)


def test_one_full_core_is_not_told_by_three_rules() -> None:
    """A quota explains the full cores of the client; what decides is never dropped for what does not."""
    wait = replace(QUOTA, rule="core_wait")

    assert told([QUOTA, wait]) == [QUOTA]
    assert told([wait, CPU]) == [CPU]
    assert told([QUOTA, CPU]) == [CPU]


def test_what_has_another_cause_stays() -> None:
    """Missing rows are reported beside a client that was late."""
    assert [each.rule for each in told([QUOTA, LAG, ROWS])] == ["lag", "rows"]
    assert told([QUOTA, ROWS]) == [QUOTA, ROWS]


FINDINGS = st.builds(
    replace,
    st.just(QUOTA),
    rule=st.sampled_from([*CAUSES, "rows", "sent"]),
    severity=st.sampled_from(["invalid", "suspect", "note"]),
    subject=st.sampled_from(["client", "other programs"]),
)


@given(st.lists(FINDINGS, unique_by=lambda each: each.rule), st.booleans())
def test_folding_never_changes_the_verdict(findings: list[Finding], is_late: bool) -> None:
    """The gravest word stays, nothing is reported twice, and folding again changes nothing more."""
    before = [*findings, *([LAG] if is_late else [])]
    after = told(before)

    assert {"invalid"} & {each.severity for each in before} == {"invalid"} & {each.severity for each in after}
    assert len({each.rule for each in after}) == len(after)
    assert bool(after) is bool(before)
