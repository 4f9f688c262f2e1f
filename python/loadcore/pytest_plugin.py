"""Load tests as tests: fixtures, a marker, and failures that say what the run says.

pytest imports this module in every run of every project that has loadcore installed, so it imports nothing but pytest.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loadcore.results.open.run import Run

_OPTION = "--loadcore-report"


class Loads:
    """What the fixture `loadcore` gives: runs scenarios, and fails the test if a run does not pass.

    Args:
        folder: Where run folders go.
        defaults: Arguments of all runs of this test: those of its marker.
        pages: Where the page of each run is written to; None for no pages.
        name: The test's.
    """

    def __init__(self, folder: Path, defaults: dict[str, Any], pages: Path | None, name: str) -> None:
        self.folder = folder
        self.runs: list[Run] = []
        """All runs of this test."""
        self._defaults = defaults
        self._pages = pages
        self._name = name

    def run(self, scenario: Any, *, check: bool = True, allow_invalid: bool = False, **arguments: Any) -> Run:  # noqa: ANN401 - those of `loadcore.run`
        """Run a scenario as `loadcore.run` does, in a folder of this test.

        Args:
            scenario: As of `loadcore.run`.
            check: Whether the test fails if the run does not pass.
            allow_invalid: Whether a run passes whose client was the limit: where the machine is busy with other tests.
            arguments: As of `loadcore.run`.

        Raises:
            AssertionError: The run did not pass; it says why as `loadcore run` prints it.
        """
        __tracebackhide__ = True
        from loadcore.api import run  # noqa: PLC0415 - see above

        given: dict[str, Any] = {"out": self.folder / f"run-{len(self.runs) + 1}", "allow_invalid": allow_invalid}
        given |= {**self._defaults, **arguments}
        lenient = bool(given.pop("allow_invalid")) or allow_invalid
        made = run(scenario, **given)
        self.runs.append(made)
        if self._pages is not None:
            self._write_page(made)
        if check:
            made.assert_passed(allow_invalid=lenient)
        return made

    def _write_page(self, made: Run) -> None:
        from loadcore.report.html.page import render  # noqa: PLC0415 - see above

        assert self._pages is not None  # noqa: S101 - for the type checker
        self._pages.mkdir(parents=True, exist_ok=True)
        name = "".join(each if each.isalnum() or each in "._-" else "-" for each in self._name)
        (self._pages / f"{name}-{len(self.runs)}.html").write_text(render(made), encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's option."""
    parser.getgroup("loadcore").addoption(
        _OPTION, metavar="FOLDER", type=Path, help="Write the page of each run of the fixture loadcore there."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "loadcore(**arguments): a load test; the arguments are those of loadcore.run, and allow_invalid, for each of "
        "its runs",
    )


@pytest.fixture
def loadcore(request: pytest.FixtureRequest, tmp_path: Path) -> Loads:
    """Runs scenarios: `loadcore.run(scenario, …)`. A run that does not pass fails the test."""
    defaults: dict[str, Any] = {}
    for marker in reversed([*request.node.iter_markers("loadcore")]):
        if marker.args:
            pytest.fail(
                f"{request.node.nodeid}: arguments of the marker loadcore have names, as in users=5", pytrace=False
            )
        defaults |= marker.kwargs
    return Loads(tmp_path / "loadcore", defaults, request.config.getoption(_OPTION), request.node.name)


@pytest.fixture
def loadcore_target() -> Iterator[Callable[[Any], str]]:
    """A function that serves an ASGI application on a free port until the test ends, and returns its base URL."""
    from loadcore.testing import serve  # noqa: PLC0415 - see above

    with ExitStack() as served:
        yield lambda app: served.enter_context(serve(app))
