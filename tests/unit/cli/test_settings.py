"""Who decides a setting: default, file, scenario, environment, flag."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import typer

from loadcore.cli import option_groups
from loadcore.cli.option_groups import takes
from loadcore.cli.prepare import load_file, prepare
from loadcore.cli.settings import Setting, Settings, gather, refuse_mistyped_variables
from loadcore.errors import ConfigError
from loadcore.scenario.load_models import arrival_rate, users

if TYPE_CHECKING:
    from pathlib import Path

    from loadcore.cli.prepare import Prepared

SILENT = """
from loadcore import Scenario, get
shop = Scenario("shop", steps=[get("/")])
"""
TALKING = """
import os
from loadcore import Scenario, get, users
THRESHOLDS = ["errors.rate < 5%"]
shop = Scenario("shop", base_url="http://127.0.0.1:" + os.environ.get("PORT", "1"), load=users(5, duration="7s"),
                warm_up="1s", steps=[get("/")])
"""


@takes(option_groups.Load, option_groups.Judging, option_groups.Processes)
def command(context: typer.Context) -> int:
    """Keeps what it was given."""
    GATHERED.append(gather(context))
    return 0


GATHERED: list[Settings] = []
APP = typer.Typer()
APP.command()(command)


def gathered(*arguments: str) -> Settings:
    """The settings of a command with these arguments."""
    APP(args=list(arguments), standalone_mode=False)
    return GATHERED.pop()


def prepared(tmp_path: Path, text: str, insisted: dict[str, object], suggested: dict[str, object]) -> Prepared:
    """The file with settings of a user and of a configuration."""
    path = tmp_path / "shop.py"
    path.write_text(text, encoding="utf-8")
    settings = Settings(
        flags={name: Setting(value, f"--{name}") for name, value in insisted.items()},
        file={name: Setting(value, "loadcore.toml") for name, value in suggested.items()},
    )
    return prepare(load_file(str(path), settings), settings)


def test_a_file_fills_in_what_the_scenario_does_not_say(tmp_path: Path) -> None:
    """Load, target, warm-up and thresholds of a configuration hold for a scenario without any."""
    suggested = {
        "users": 9,
        "duration": "3s",
        "base_url": "http://127.0.0.1:9",
        "warm_up": "1s",
        "thresholds": ["throughput > 1/s"],
    }
    found = prepared(tmp_path, SILENT, {}, suggested)
    assert found.scenarios[0].load == users(9, duration="3s")
    assert found.target == "http://127.0.0.1:9"
    assert found.plan.document["warm_up_ns"] == 1_000_000_000
    assert [rule.expression for rule in found.rules] == ["throughput > 1/s", "errors.rate < 1%"]
    assert found.sources["load of shop"].source == "loadcore.toml"


def test_the_scenario_replaces_the_file(tmp_path: Path) -> None:
    """What a scenario says is not changed by a configuration."""
    suggested = {"users": 9, "base_url": "http://127.0.0.1:9", "warm_up": "3s", "thresholds": ["throughput > 1/s"]}
    found = prepared(tmp_path, TALKING, {}, suggested)
    assert found.scenarios[0].load == users(5, duration="7s")
    assert found.target == "http://127.0.0.1:1"
    assert found.plan.document["warm_up_ns"] == 1_000_000_000
    assert [rule.expression for rule in found.rules] == ["errors.rate < 5%"]
    assert {name: setting.source for name, setting in found.sources.items()} == {
        "load of shop": "shop.py",
        "base_url": "shop.py",
        "warm_up": "shop.py",
        "seed": "random",
        "thresholds": "shop.py",
    }


def test_the_user_replaces_both(tmp_path: Path) -> None:
    """What is given on the command line or in the environment holds, whoever said something else."""
    insisted = {
        "rate": "50/s",
        "base_url": "http://127.0.0.1:7",
        "warm_up": "2s",
        "thresholds": ["users.lost == 0"],
        "seed": 4,
    }
    found = prepared(tmp_path, TALKING, insisted, {"seed": 1, "base_url": "http://127.0.0.1:9"})
    assert found.scenarios[0].load == arrival_rate("50/s", duration="7s")
    assert found.target == "http://127.0.0.1:7"
    assert found.plan.document["warm_up_ns"] == 2_000_000_000
    assert [rule.expression for rule in found.rules] == [
        "users.lost == 0",
        "errors.rate < 1%",
        "answered >= 99% of asked",
    ]
    assert found.plan.seed == 4
    assert found.sources["load of shop"].source == "shop.py, --rate"


def test_without_thresholds_the_default_one_holds(tmp_path: Path) -> None:
    """Some claim is always judged."""
    found = prepared(tmp_path, SILENT, {"base_url": "http://127.0.0.1:7"}, {})
    assert [rule.expression for rule in found.rules] == ["errors.rate < 1%"]
    assert found.sources["thresholds"].source == "default"


def test_abort_on_is_judged_beside_the_thresholds(tmp_path: Path) -> None:
    """A threshold that ends the run does not take the place of the scenario's own."""
    found = prepared(tmp_path, TALKING, {"abort_on": ["errors.rate < 50%"]}, {})
    assert [(rule.expression, rule.abort_after_ns) for rule in found.rules] == [
        ("errors.rate < 5%", None),
        ("errors.rate < 50%", 5_000_000_000),
    ]


def test_env_reaches_the_scenario_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--env outranks the environment, which outranks a configuration."""
    monkeypatch.setenv("PORT", "2")
    assert prepared(tmp_path, TALKING, {}, {"env": {"PORT": "3"}}).target == "http://127.0.0.1:2"
    assert prepared(tmp_path, TALKING, {"env": ["PORT=4"]}, {}).target == "http://127.0.0.1:4"
    assert os.environ["PORT"] == "4"


def test_a_value_knows_the_option_or_the_variable_it_came_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Defaults of the parser are not taken for something the user wants."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADCORE_WARM_UP", "1s")
    monkeypatch.setenv("LOADCORE_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("LOADCORE_THRESHOLD", "users.lost == 0")
    settings = gathered("-u", "5", "--seed", "7")
    assert settings.flags == {"users": Setting("5", "--users"), "seed": Setting(7, "--seed")}
    assert settings.environment == {
        "warm_up": Setting("1s", "LOADCORE_WARM_UP"),
        "base_url": Setting("http://127.0.0.1:9", "LOADCORE_HOST"),
        "thresholds": Setting(["users.lost == 0"], "LOADCORE_THRESHOLD"),
    }


def test_an_option_takes_the_place_of_a_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of another load model, too: what the environment says is changed, not contradicted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADCORE_USERS", "5")
    (tmp_path / "shop.py").write_text(TALKING, encoding="utf-8")
    settings = gathered("--rate", "50/s")
    found = prepare(load_file("shop.py", settings), settings)
    assert found.scenarios[0].load == arrival_rate("50/s", duration="7s")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('duration = "30"', "duration: 30 has no unit"),
        ('users = "a"', 'users: "a" is not a number of users'),
        ('rate = "5"', "rate: 5 has no unit"),
        ("workers = 0", "workers: 0 is not a whole number"),
        ('users = 5\nrate = "5/s"', "users and rate exclude each other"),
        ('host = "http://a.test"\nbase_url = "http://b.test"', "`host` and `base_url` are the same setting"),
    ],
)
def test_a_file_s_quantities_are_read_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    """A duration without a unit is refused wherever it stands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loadcore.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        gathered()
    assert message in str(caught.value)
    assert "loadcore.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LOADCORE_USER", "LOADCORE_USERS"),
        ("LOADCORE_DURATON", "LOADCORE_DURATION"),
        ("LOADCORE_THRESHOLDS", "LOADCORE_THRESHOLD"),
        ("LOADCORE_WORKER", "LOADCORE_WORKERS"),
    ],
)
def test_a_mistyped_variable_is_refused(name: str, meant: str) -> None:
    """As an unknown key of a file is, with what was meant."""
    with pytest.raises(ConfigError, match=f"{name} is not a setting, did you mean {meant}\\?"):
        refuse_mistyped_variables({name: "5", "PATH": "/bin"})


@pytest.mark.parametrize(
    "name",
    ["LOADCORE_USERS", "LOADCORE_ENV", "LOADCORE_PASSWORD", "LOADCORE_TOKEN", "LOADCORE_USERNAME", "USER", "HOSTS"],
)
def test_settings_and_variables_of_ones_own_are_not(name: str) -> None:
    """What begins like a setting and resembles none is a scenario's own."""
    refuse_mistyped_variables({name: "5"})
