"""The reference page names what there is."""

import re

from loadcore_target.cli import serve_parser
from loadcore_target.faults import FaultProgram
from loadcore_target.observe.metrics import Metrics
from loadcore_target.settings import Settings
from loadcore_target.tests.running import REPOSITORY

_PAGE = (REPOSITORY / "docs" / "reference" / "gateway.md").read_text()


def test_every_metric_is_listed_and_no_other() -> None:
    """The metric names of the page are those that a scrape shows."""
    text = Metrics().render([], draining=False).decode()
    shown = set(re.findall(r"^# TYPE (\w+) (?!.*_created)", text, re.MULTILINE))
    shown = {name for name in shown if not name.endswith("_created")}
    listed = set(re.findall(r"`(gateway_\w+)", _PAGE))

    assert listed == shown


def test_every_knob_is_listed() -> None:
    """Each field of the fault program stands on the page."""
    assert [name for name in FaultProgram.model_fields if f"`{name}`" not in _PAGE] == []


def test_every_listed_variable_is_a_setting() -> None:
    """The page names no environment variable that does not exist."""
    listed = {name.lower() for name in re.findall(r"`GATEWAY_(\w+?)`", _PAGE) if "__" not in name}

    assert len(listed) > 20
    assert listed <= set(Settings.model_fields)


def test_every_option_is_listed() -> None:
    """Each command line option stands on the page."""
    options = re.findall(r"--[a-z-]+", serve_parser().format_help())

    assert {option for option in options if option not in _PAGE} == {"--help"}
