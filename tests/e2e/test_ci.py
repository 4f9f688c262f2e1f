"""A run in CI: its documents, the composite action, and the job of GitLab, each as its system runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import yaml
from junitparser import JUnitXml

from tests.e2e.command import environment, loadcore
from tests.e2e.small_target import small_target

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "integrations/github/action.yml"
JOB = ROOT / "integrations/gitlab/loadcore.gitlab-ci.yml"
_SCENARIO = """
from loadcore import Scenario, get, users
shop = Scenario("shop", load=users(2, duration="300ms"), steps=[get("/slow")])
"""


def test_one_run_writes_every_document_and_talks_to_github(tmp_path: Path) -> None:
    """All documents are of the same requests; stdout holds the report and no command of the log."""
    with small_target() as url:
        names = {"junit": "j.xml", "markdown": "m.md", "gitlab-metrics": "g.txt", "benchmark": "b.json"}
        tables = {"csv": "r.csv", "parquet": "r.parquet"}
        options = [word for name, file in {**names, **tables}.items() for word in (f"--{name}", file)]
        github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "step.md")}
        arguments = (
            "bench",
            f"{url}/slow",
            "-n",
            "4",
            "-c",
            "2",
            "--workers",
            "1",
            "--threshold",
            "response.p50 < 1us",
        )
        ran = loadcore(*arguments, *options, "--no-strict-client", "--json", cwd=tmp_path, environ=github)
    assert ran.returncode == 99, ran.stderr
    summary = json.loads(ran.stdout)
    assert "::error title=bench%3A response.p50 < 1us::measured " in ran.stderr
    assert (tmp_path / "step.md").read_text() == (tmp_path / "m.md").read_text()
    (suite,) = JUnitXml.fromfile(str(tmp_path / "j.xml"))
    assert suite.failures >= 1
    rows = pl.read_csv(tmp_path / "r.csv")
    assert rows.height == pl.read_parquet(tmp_path / "r.parquet").height == summary["load"]["requests"]["rows"] == 4
    assert rows["outcome"].unique().to_list() == ["ok"]
    again = loadcore("report", "latest", "--junit", "again.xml", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, "")
    assert (tmp_path / "again.xml").read_text() == (tmp_path / "j.xml").read_text()
    for script in (
        "loadcore report latest --parquet /dev/stdout | cat > piped.parquet",
        "echo before > notes.md; loadcore report latest --markdown /dev/stdout >> notes.md",
    ):
        printed = _shell(script, tmp_path, {}, "bash")
        assert (printed.returncode, printed.stderr) == (0, "wrote /dev/stdout\n")
    assert (tmp_path / "piped.parquet").read_bytes() == (tmp_path / "r.parquet").read_bytes()
    assert (tmp_path / "notes.md").read_text() == "before\n" + (tmp_path / "m.md").read_text()


def test_documents_without_a_place_are_refused_before_the_run(tmp_path: Path) -> None:
    """A folder that is not there, one file for two documents, and documents of one run where there are several."""
    (tmp_path / "shop.py").write_text(_SCENARIO)
    for options, told in (
        (("--junit", "no/j.xml"), "the folder no does not exist"),
        (("--junit", "x", "--csv", "x"), "name the same file"),
        (("--markdown", "-"), "--markdown /dev/stdout"),
        (("--junit", "x", "--runs", "2", "--base-url", "http://127.0.0.1:1"), "--runs 2 makes several"),
    ):
        refused = loadcore("run", "shop.py", *options, cwd=tmp_path)
        assert (refused.returncode, refused.stdout) == (2, ""), options
        assert told in refused.stderr
    assert not (tmp_path / "runs").exists()


def _shell(script: str, cwd: Path, variables: Mapping[str, str], shell: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a CI system does: in a shell that ends with the first command that fails."""
    programs = cwd / "programs"
    programs.mkdir(exist_ok=True)
    for name, line in (("loadcore", f'exec "{sys.executable}" -m loadcore "$@"'), ("python", 'echo "$@" > asked.txt')):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    environ = environment(variables)
    environ["PATH"] = f"{programs}:{environ['PATH']}"
    command = (
        [shell, "--noprofile", "--norc", "-eo", "pipefail", "-c", script] if shell == "bash" else [shell, "-ec", script]
    )
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=60, check=False)


def _validate(path: Path, schema: str) -> None:
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("path", "schema"), [(ACTION, "vendor.github-actions"), (JOB, "vendor.gitlab-ci")], ids=["github", "gitlab"]
)
def test_the_files_are_what_their_systems_take(path: Path, schema: str) -> None:
    """By the schemas that their makers publish."""
    _validate(path, schema)


def test_the_action_runs_a_scenario_and_gives_its_exit_code(tmp_path: Path) -> None:
    """Its steps as GitHub runs them: inputs come as variables, outputs go to a file."""
    steps: list[dict[str, Any]] = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    (tmp_path / "shop.py").write_text(_SCENARIO)
    output = tmp_path / "output"
    installed = _shell(steps[0]["run"], tmp_path, {"INSTALL": "loadcore==9"}, "bash")
    assert installed.returncode == 0
    assert (tmp_path / "asked.txt").read_text().split()[-1] == "loadcore==9"
    with small_target() as url:
        arguments = f"--base-url {url} --threshold 'response.p50 < 1us' --no-strict-client --workers 1 --tag 'a=$(id)'"
        inputs = {
            "SCENARIO": "shop.py",
            "ARGUMENTS": arguments,
            "RESULTS": "out/load test",
            "GITHUB_OUTPUT": str(output),
        }
        ran = _shell(steps[1]["run"], tmp_path, inputs, "bash")
    assert (ran.returncode, output.read_text()) == (99, "artifact=out-load-test\nexit-code=99\n"), ran.stderr
    assert steps[2]["with"]["name"] == "${{ steps.run.outputs.artifact }}"
    made = {each.name for each in (tmp_path / "out/load test").iterdir()}
    manifest = json.loads((tmp_path / "out/load test/run/manifest.json").read_text())
    assert manifest["tags"] == {"a": "$(id)"}
    assert made == {"run", "report.html", "junit.xml", "summary.md", "benchmark.json"}


def test_the_job_of_gitlab_runs_a_scenario(tmp_path: Path) -> None:
    """Its script in a shell, and its reports are where it says."""
    job: dict[str, Any] = yaml.safe_load(JOB.read_text())[".loadcore"]
    (tmp_path / "scenario.py").write_text(_SCENARIO)
    with small_target() as url:
        variables = {**job["variables"], "LOADCORE_BASE_URL": url, "LOADCORE_STRICT_CLIENT": "false"}
        ran = _shell("\n".join(job["script"]), tmp_path, {**variables, "LOADCORE_WORKERS": "1"}, "sh")
    assert ran.returncode == 0, ran.stderr
    for report in job["artifacts"]["reports"].values():
        assert (tmp_path / report.replace("$RESULTS", "load-test")).is_file()
