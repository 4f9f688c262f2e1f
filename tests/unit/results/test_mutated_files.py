"""A run folder whose JSON was changed gives one of our errors, or a report. Never a traceback."""

from __future__ import annotations

import copy
import json
import math
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from loadcore.api import load
from loadcore.cli.app import main
from loadcore.errors import LoadcoreError
from loadcore.results import run_facts, shape
from loadcore.results.sum.summary import schema
from tests.unit.processes.scripted import Follower, healthy, supervise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = ("summary.json", "manifest.json", "run.json")
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just({"a": {"b": []}}),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    folder: Path = tmp_path_factory.mktemp("mutated") / "run"
    supervise(folder, [healthy(0), healthy(1)], Follower())
    return folder


def is_json(value: object) -> bool:
    """Whether JSON has this value: its numbers are finite."""
    return not isinstance(value, float) or math.isfinite(value)


def places(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value of a document."""
    members = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [at, *(place for key, member in members for place in places(member, (*at, key)))]


def mutated(document: Any, place: tuple[Any, ...], junk: Any, *, gone: bool) -> Any:
    """The document with another value at a place, or without it."""
    if not place:
        return junk
    changed = copy.deepcopy(document)
    within = changed
    for key in place[:-1]:
        within = within[key]
    if gone:
        del within[place[-1]]
    else:
        within[place[-1]] = junk
    return changed


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("sealed", [True, False])
def test_a_changed_document_is_told_or_shown(whole: Path, data: st.DataObject, sealed: bool) -> None:
    """One value of another kind, or none, in any of the three documents, of a finished and of a killed run."""
    name = data.draw(st.sampled_from(FILES))
    original = {each: (whole / each).read_text(encoding="utf-8") for each in FILES}
    document = json.loads(original[name])
    place = data.draw(st.sampled_from(places(document)))
    changed = mutated(document, place, data.draw(JUNK), gone=data.draw(st.booleans()))
    try:
        (whole / name).write_text(json.dumps(changed), encoding="utf-8")
        if not sealed:
            (whole / "manifest.json").unlink(missing_ok=True)
            (whole / "summary.json").unlink(missing_ok=name != "summary.json")
        # A page has more to read, and takes longer: some of them are enough.
        page = ["--html", str(whole.parent / "page.html")] if data.draw(st.integers(0, 7)) == 0 else []
        for options in ([], ["--json"], page):
            assert main(["report", str(whole), *options]) in {0, 104}, (name, place, options)
        try:
            run = load(whole)
            assert isinstance(run.verify(), list)
            assert repr(run)
            assert isinstance(run.steps, dict)
        except LoadcoreError:
            pass
    finally:
        for each, text in original.items():
            (whole / each).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("junk", [[], [None], {}, True, 1.5])
@pytest.mark.parametrize("member", ["planned_iterations", "users", "name", "model"])
def test_what_was_started_is_told_where_it_does_not_fit(
    whole: Path, tmp_path: Path, member: str, junk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A killed run is summed up from `run.json`: what is of another kind there is reported, and never half shown."""
    killed = tmp_path / "run"
    shutil.copytree(whole, killed)
    for gone in ("manifest.json", "summary.json"):
        (killed / gone).unlink()
    document = json.loads((killed / "run.json").read_text(encoding="utf-8"))
    document["description"]["scenarios"][0][member] = junk
    (killed / "run.json").write_text(json.dumps(document), encoding="utf-8")

    code = main(["report", str(killed)])

    shown = capsys.readouterr()
    assert (code, shown.out) == (104, "")
    assert str(killed) in shown.err
    assert "bug" not in shown.err


@pytest.mark.parametrize(
    ("place", "junk", "said"),
    [
        (("thresholds", 0, "expression"), 7, "thresholds[0].expression is not of type string"),
        (("loads", "shop", "kind"), [], "loads.shop.kind is not of type string"),
        (("description", "steps", 0, "section"), "elsewhere", "description.steps[0].section is not a known word"),
        (("machine", "cores"), "two", "machine.cores is not of type integer or null"),
        (("limits", "cores"), {}, "limits.cores is not of type number or null"),
        (("needed",), [["shop", "GET /", "id"]], "needed[0][2] is not of type array"),
        (("nodes",), [{"name": "a"}], "nodes[0] has no `address`"),
        (("supervisor", "pid"), "1", "supervisor.pid is not of type integer"),
        (("workers",), 2**40, "workers is above"),
        (("target",), None, "target is not of type object"),
    ],
)
def test_the_part_that_is_damaged_is_named(
    whole: Path, tmp_path: Path, place: tuple[str | int, ...], junk: Any, said: str
) -> None:
    """However deep in `run.json` it is, and before anything is computed of it."""
    killed = tmp_path / "run"
    shutil.copytree(whole, killed)
    for gone in ("manifest.json", "summary.json"):
        (killed / gone).unlink()
    document = json.loads((killed / "run.json").read_text(encoding="utf-8"))
    document.setdefault("loads", {}).setdefault("shop", {"kind": "users"})
    (killed / "run.json").write_text(json.dumps(mutated(document, place, junk, gone=False)), encoding="utf-8")
    with pytest.raises(LoadcoreError, match=re.escape(said)):
        load(killed)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", ["summary.json", "run.json"])
def test_what_is_no_number_of_json_is_told(
    whole: Path, tmp_path: Path, name: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also in a key that no version has: `--json` could not write it."""
    changed = tmp_path / "run"
    shutil.copytree(whole, changed)
    if name == "run.json":
        (changed / "manifest.json").unlink()
        (changed / "summary.json").unlink()
    text = (changed / name).read_text(encoding="utf-8")
    (changed / name).write_text(text.replace("{", f'{{"later": {number},', 1), encoding="utf-8")

    code = main(["report", str(changed), "--json"])

    assert code == 104
    assert f"{number} is not a finite number" in capsys.readouterr().err


@pytest.mark.parametrize("number", [True, 1.0])
def test_true_is_not_one(whole: Path, number: object) -> None:
    """Python takes them for the same, and JSON does not."""
    document = json.loads((whole / "summary.json").read_text(encoding="utf-8"))
    assert (shape.fault(document | {"schema_version": number}, schema()) is None) == (number is not True)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "3", '"x"', "{", "[" * 100_000, "\ufeff{}", "\x00", '{"files": 5}']
)
@pytest.mark.parametrize("name", FILES)
def test_a_foreign_document_is_told(whole: Path, name: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Something else by that name: what it is, and exit code 104 where nothing can be shown."""
    original = (whole / name).read_text(encoding="utf-8")
    try:
        (whole / name).write_text(text, encoding="utf-8")
        code = main(["report", str(whole)])
    finally:
        (whole / name).write_text(original, encoding="utf-8")

    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    assert "bug" not in shown.err
    assert code == (104 if name == "summary.json" else 0)
    assert name != "summary.json" or "summary.json" in shown.err


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize(("name", "schema"), [("summary.json", schema), ("run.json", run_facts.schema)])
def test_the_shape_is_that_of_the_schema(
    whole: Path, data: st.DataObject, name: str, schema: Callable[[], dict[str, Any]]
) -> None:
    """What is found is what a JSON Schema validator finds, but for keys of later versions, which are left alone."""
    document = json.loads((whole / name).read_text(encoding="utf-8"))
    place = data.draw(st.sampled_from(places(document)))
    changed = mutated(document, place, data.draw(JUNK.filter(is_json)), gone=data.draw(st.booleans()))
    validator = Draft202012Validator(
        json.loads(json.dumps(schema()).replace('"additionalProperties": false', '"x": 0'))
    )

    assert shape.fault(document, schema()) is None
    assert (shape.fault(changed, schema()) is None) == validator.is_valid(changed)
