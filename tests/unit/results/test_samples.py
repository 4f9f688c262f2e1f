"""What failures looked like, gathered from all workers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loadcore.api import load
from loadcore.results.run_folder import RunFolder
from loadcore.results.samples import MOST, ReceivedResponse, Sample, Samples, SentRequest, read
from tests.unit.results.numbers import START

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = Sample(
    scenario="shop",
    section="main",
    step="GET /items",
    kind="status",
    what="503",
    reason="expected a status below 400, got 503",
    user=3,
    iteration=1,
    ended_ns=5,
    request=SentRequest("http://127.0.0.1:8080", "GET /items HTTP/1.1", (("Host", "127.0.0.1:8080"),), 0),
    response=ReceivedResponse("HTTP/1.1 503 Busy", 503, (("Retry-After", "1"),), "später", 7, cut=False),
)
NOT_SENT = replace(SAMPLE, kind="outcome", what="connect_refused", request=None, response=None, ended_ns=1)


def test_one_of_each_class_is_kept_whoever_had_it(tmp_path: Path) -> None:
    """The first worker's counts; all of them are in the order in which they happened."""
    samples = Samples(tmp_path / "samples.jsonl")
    for worker, sample in ((0, SAMPLE), (1, replace(SAMPLE, user=4)), (1, NOT_SENT), (0, replace(NOT_SENT, user=9))):
        samples.add(worker, sample)

    assert list(samples) == [NOT_SENT, SAMPLE]
    assert read(tmp_path / "samples.jsonl") == [SAMPLE, NOT_SENT]


def test_samples_are_bounded(tmp_path: Path) -> None:
    """Classes without end do not fill the memory."""
    samples = Samples(tmp_path / "samples.jsonl")
    for status in range(2 * MOST):
        samples.add(0, replace(SAMPLE, what=str(status)))

    assert len(list(samples)) == len(read(tmp_path / "samples.jsonl")) == MOST


def test_a_disk_that_takes_nothing_costs_no_sample(tmp_path: Path) -> None:
    """What cannot be written is still there at the end."""
    samples = Samples(tmp_path / "missing" / "samples.jsonl")
    samples.add(0, SAMPLE)

    assert list(samples) == [SAMPLE]


def test_a_killed_run_keeps_the_samples_it_had(tmp_path: Path) -> None:
    """Whole lines are read, the half one at the end is not."""
    folder = RunFolder(tmp_path)
    folder.start.write_text(START.to_json())
    Samples(folder.samples).add(0, SAMPLE)
    with folder.samples.open("a") as file:
        file.write('{"scenario": "shop", "sec')

    run = load(tmp_path)

    assert run.state == "killed"
    assert run.samples == (SAMPLE,)
    assert run.summary["samples"] == [SAMPLE.to_dict()]
