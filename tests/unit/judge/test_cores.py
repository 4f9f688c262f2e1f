"""Who had the cores that the client needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadcore.judge import lag
from loadcore.judge.health import ClientHealth, Counted
from loadcore.judge.seconds import MachineSecond, WorkerSecond

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding

PACED = Counted(unpaced=False)
MS = 1_000_000


def second_of(number: int, foreign: float = 0.0, client: float = 0.1, stopped: float = 0.0) -> MachineSecond:
    """A second of a machine with two cores, both usable."""
    return MachineSecond(number, 1.0, foreign, 2.0, client, 2.0, stopped)


def found(workers: list[WorkerSecond], machine: list[MachineSecond], counted: Counted = PACED) -> dict[str, Finding]:
    """The findings about these seconds, by rule."""
    health = ClientHealth()
    for worker, seen in zip(workers, machine, strict=True):
        health.see(worker)
        health.see_machine(seen)
    return {each.rule: each for each in health.spoils(counted)}


def idle(count: int) -> list[WorkerSecond]:
    """A worker that has little to do."""
    return [WorkerSecond(second, 0, 0.1, 0.004) for second in range(count)]


def test_a_core_that_client_and_others_fill_together_is_full() -> None:
    """The engine has 82 % of its only core and waits for the rest: that is named, and who had the rest."""
    workers = [WorkerSecond(second, 0, 0.816, 0.17) for second in range(4)]
    machine = [MachineSecond(second, 1.0, 0.4, 2.0, 0.83, 1.0) for second in range(4)]

    full = found(workers, machine, Counted())["core_wait"]

    assert (full.subject, full.severity) == ("client", "note")
    assert "needed a whole core for 4 s in a row and had 82% of one" in full.message
    assert full.value == pytest.approx(0.986)


@pytest.mark.parametrize("counted", [Counted(), Counted(unpaced=False, fell_behind=True)])
def test_a_client_that_fills_its_cores_and_is_asked_for_more_was_the_limit(counted: Counted) -> None:
    """All processes count, with all their threads: in a loop without pauses, or where arrivals were not started."""
    cores = found(idle(3), [second_of(second, client=1.9) for second in range(3)], counted)["cores"]

    assert (cores.subject, cores.severity) == ("client", "invalid")
    assert "95% of the 2 cores they may use, for 3 s in a row" in cores.message


@pytest.mark.parametrize("engine", [0.1, 0.95])
def test_a_client_that_did_what_was_asked_is_only_noted(engine: float) -> None:
    """Full cores without an effect spoil nothing."""
    workers = [WorkerSecond(second, 0, engine, 0.0) for second in range(3)]
    said = found(workers, [second_of(second, client=1.9) for second in range(3)])

    assert {each.severity for each in said.values()} == {"note"}
    assert "cores" in said


def test_a_quota_that_stops_the_client_is_named_with_its_seconds() -> None:
    """In a run of two seconds as well; that its cores are full is the same cause."""
    said = found(idle(8), [second_of(second, client=2.0, stopped=0.77) for second in range(8)], Counted())

    assert list(said) == ["throttled"]
    assert said["throttled"].message == "the control group's CPU quota stopped the client for 6.2 s of 8.0 s"
    assert said["throttled"].advice.startswith("raise the quota")
    assert (said["throttled"].first_s, said["throttled"].last_s) == (0, 7)
    assert list(found(idle(2), [second_of(second, stopped=0.5) for second in range(2)])) == ["throttled"]


def test_stops_of_both_cores_at_once_are_no_longer_than_the_time() -> None:
    """The kernel adds up what each core was stopped."""
    said = found(idle(3), [second_of(second, stopped=1.8) for second in range(3)])

    assert "3.0 s of 3.0 s" in said["throttled"].message


def test_a_quota_that_hardly_stops_the_client_is_not_told() -> None:
    """One period of a hundred changes nothing."""
    assert found(idle(10), [second_of(second, stopped=0.01) for second in range(10)]) == {}


def test_other_programs_are_noted_and_not_held_against_the_result() -> None:
    """Foreign CPU counts where threads waited for a core: by the machine's pressure, or by the engine's own wait."""
    pressed = [WorkerSecond(second, 0, 0.3, 0.0, pressure=35.0) for second in range(3)]
    waiting = [WorkerSecond(second, 0, 0.3, 0.035) for second in range(3)]
    for workers in (pressed, waiting):
        said = found(workers, [second_of(second, foreign=1.2) for second in range(3)], Counted())
        assert list(said) == ["foreign_cpu"]
        note = said["foreign_cpu"]
        assert (note.subject, note.severity, note.value, note.first_s, note.last_s) == (
            "other programs",
            "note",
            0.6,
            0,
            2,
        )


def test_a_busy_machine_on_which_no_thread_waits_is_no_note() -> None:
    """Other programs on cores that the client does not want disturb nothing."""
    assert found(idle(5), [second_of(second, foreign=1.2) for second in range(5)]) == {}


def test_cores_that_others_fill_keep_a_client_waiting_however_little_it_needs() -> None:
    """A thread that wants 1 % of a core waits for 1 % of the time at most, and each of its requests for long."""
    workers = [WorkerSecond(second, 0, 0.01, 0.012, pressure=12.0) for second in range(3)]

    said = found(workers, [second_of(second, foreign=1.95, client=0.04) for second in range(3)])

    assert list(said) == ["foreign_cpu"]


def test_the_hypervisor_is_named_for_what_it_took() -> None:
    """Stolen time is not that of programs on this machine."""
    workers = [WorkerSecond(second, 0, 0.3, 0.0, steal=0.12) for second in range(3)]
    said = found(workers, [second_of(second) for second in range(3)])

    assert list(said) == ["steal"]
    assert "12%" in said["steal"].message


def test_a_core_that_is_full_in_some_seconds_and_shared_in_others() -> None:
    """What an engine thread had and what it waited for add up to a core throughout: neither alone does."""
    shares = ((0.97, 0.02), (0.84, 0.15), (0.92, 0.08), (0.92, 0.07), (0.86, 0.12))
    workers = [WorkerSecond(second, 0, had, waited) for second, (had, waited) in enumerate(shares)]
    machine = [MachineSecond(second, 1.0, 0.4, 2.0, 0.95, 1.0) for second in range(5)]

    full = found(workers, machine, Counted())["core_wait"]

    assert full.subject == "client"
    assert "needed a whole core for 5 s in a row and had 92% of one" in full.message


LATE = lag.findings([lag.Delayed(None, None, 4000, (4 * MS, 5 * MS, 8 * MS), (4 * MS, 5 * MS, 6 * MS))])


@pytest.mark.parametrize(
    ("engine", "words", "remedy"),
    [
        (WorkerSecond(1, 0, 0.44, 0.09), "used 44% of a core and waited for it 9% of the time", "more workers"),
        (WorkerSecond(1, 0, 0.02, 0.01), "requests that are due at the same moment wait", "one after another"),
    ],
)
def test_a_delay_without_another_cause_is_the_clients_own_work(engine: WorkerSecond, words: str, remedy: str) -> None:
    """What is late although the core was free is late because of what came before it."""
    health = ClientHealth()
    health.see(WorkerSecond(0, 0, 0.01, 0.0))
    health.see(engine)

    own, late = health.spoils(PACED, LATE)

    assert (own.rule, own.subject, own.severity, late.rule) == ("own_work", "client", "note", "lag")
    assert words in own.message
    assert remedy in own.advice


def test_a_core_that_others_had_is_not_the_clients_own_work() -> None:
    """A thread that waited for its core most of the time did not work, however short it was for that."""
    health = ClientHealth()
    health.see(WorkerSecond(0, 0, 0.12, 0.05))
    health.see(WorkerSecond(1, 0, 0.01, 0.88))

    cause, late = health.spoils(PACED, LATE)

    assert (cause.rule, cause.subject, cause.severity, late.rule) == ("core_wait", "other programs", "note", "lag")
    assert "used 1% of a core and waited for it 88% of the time: other programs" in cause.message
    assert "fewer other programs" in cause.advice


def test_a_delay_with_another_cause_has_only_that() -> None:
    """A client that others kept from its core is not told of its own work."""
    health = ClientHealth()
    for second in range(3):
        health.see(WorkerSecond(second, 0, 0.3, 0.2))
        health.see_machine(second_of(second, foreign=1.2))

    assert [each.rule for each in health.spoils(PACED, LATE)] == ["foreign_cpu", "lag"]
