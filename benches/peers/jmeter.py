"""Apache JMeter: gets it from Maven Central, and runs a test plan of one request in its non-GUI mode."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benches import tools
from benches.clients import Count, Job
from benches.plans import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benches.processes import Finished

VERSION = "5.6.3"
REPOSITORY = "LOADCORE_BENCH_MAVEN_URL"
"""The environment variable with the base URL of a repository to use instead of Maven Central."""

_MODULES = ("ApacheJMeter", "ApacheJMeter_http", "ApacheJMeter_config")
_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>loadcore.benches</groupId>
  <artifactId>jmeter</artifactId>
  <version>1</version>
  <dependencies>{modules}</dependencies>
</project>
"""
_MODULE = (
    "<dependency><groupId>org.apache.jmeter</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
)
_SETTINGS = """\
<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0">
  <mirrors><mirror><id>benches</id><mirrorOf>*</mirrorOf><url>{url}</url></mirror></mirrors>
</settings>
"""

# What the GUI writes for a thread group with one HTTP request and its User-Agent, without what is at its default.
_PLAN = """\
<?xml version="1.0" encoding="UTF-8"?>
<jmeterTestPlan version="1.2" properties="5.0" jmeter="{version}">
<hashTree>
  <TestPlan guiclass="TestPlanGui" testclass="TestPlan" testname="bench"/>
  <hashTree>
    <ThreadGroup guiclass="ThreadGroupGui" testclass="ThreadGroup" testname="users">
      <intProp name="ThreadGroup.num_threads">{connections}</intProp>
      <intProp name="ThreadGroup.ramp_time">0</intProp>
      <boolProp name="ThreadGroup.scheduler">true</boolProp>
      <longProp name="ThreadGroup.duration">{seconds}</longProp>
      <boolProp name="ThreadGroup.same_user_on_next_iteration">true</boolProp>
      <stringProp name="ThreadGroup.on_sample_error">continue</stringProp>
      <elementProp name="ThreadGroup.main_controller" elementType="LoopController" testclass="LoopController">
        <intProp name="LoopController.loops">-1</intProp>
      </elementProp>
    </ThreadGroup>
    <hashTree>
      <HeaderManager guiclass="HeaderPanel" testclass="HeaderManager" testname="headers">
        <collectionProp name="HeaderManager.headers">
          <elementProp name="" elementType="Header">
            <stringProp name="Header.name">User-Agent</stringProp>
            <stringProp name="Header.value">{agent}</stringProp>
          </elementProp>
        </collectionProp>
      </HeaderManager>
      <hashTree/>
      <HTTPSamplerProxy guiclass="HttpTestSampleGui" testclass="HTTPSamplerProxy" testname="get">
        <stringProp name="HTTPSampler.protocol">http</stringProp>
        <stringProp name="HTTPSampler.domain">{host}</stringProp>
        <stringProp name="HTTPSampler.port">{port}</stringProp>
        <stringProp name="HTTPSampler.path">{path}</stringProp>
        <stringProp name="HTTPSampler.method">GET</stringProp>
        <boolProp name="HTTPSampler.use_keepalive">true</boolProp>
        <elementProp name="HTTPsampler.Arguments" elementType="Arguments">
          <collectionProp name="Arguments.arguments"/>
        </elementProp>
      </HTTPSamplerProxy>
      <hashTree/>
    </hashTree>
  </hashTree>
</hashTree>
</jmeterTestPlan>
"""
_SUMMARY = re.compile(r"^summary =\s+(\d+) in .* Err:\s+(\d+) ", re.MULTILINE)


def install(home: Path) -> str | None:
    """Puts JMeter into a folder, laid out as its own archive is; what went wrong, if something did."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing:
        return f"{' and '.join(missing)} missing: apt-get install default-jre-headless maven"
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as name:
        folder = Path(name)
        modules = "".join(_MODULE.format(module, VERSION) for module in _MODULES)
        (folder / "pom.xml").write_text(_POM.format(modules=modules), encoding="utf-8")
        command = ["mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DincludeScope=runtime"]
        if url := os.environ.get(REPOSITORY):
            (folder / "settings.xml").write_text(_SETTINGS.format(url=url), encoding="utf-8")
            command += ["--settings", "settings.xml"]
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        if done.returncode:
            return _reason(done.stdout + done.stderr)
        _lay_out(folder / "target" / "dependency", folder / "home")
        shutil.move(folder / "home", home)
    return None


def _reason(output: str) -> str:
    """The first error of Maven's, which says what it could not get."""
    lines = [line for line in output.splitlines() if "ERROR" in line]
    return lines[0] if lines else "Maven failed and said nothing"


def _lay_out(packages: Path, home: Path) -> None:
    """JMeter looks for its launcher in `bin`, for its own modules in `lib/ext`, for others' in `lib`."""
    (home / "bin").mkdir(parents=True)
    for folder in ("ext", "junit"):  # the latter stays empty; JMeter complains without it
        (home / "lib" / folder).mkdir(parents=True)
    for package in packages.glob("*.jar"):
        if package.name.startswith("ApacheJMeter_config"):
            with zipfile.ZipFile(package) as config:
                config.extractall(home, [name for name in config.namelist() if name.startswith("bin/")])
        elif package.name == f"ApacheJMeter-{VERSION}.jar":
            shutil.copy(package, launcher(home))
        else:
            shutil.copy(package, home / "lib" / ("ext" if package.name.startswith("ApacheJMeter") else ""))


def launcher(home: Path) -> Path:
    """What is started; there if JMeter is installed."""
    return home / "bin" / "ApacheJMeter.jar"


def launch(home: Path) -> list[str]:
    """The words that start it, with the memory that its own script gives it.

    Raises:
        MissingToolError: It is not installed, or there is no Java to run it.
    """
    jar = launcher(home)
    if not jar.exists():
        raise tools.MissingToolError("jmeter is not installed (Maven package org.apache.jmeter)")
    java = shutil.which("java")
    if java is None:
        raise tools.MissingToolError("jmeter needs a Java runtime: apt-get install default-jre-headless")
    return [java, "-Xms1g", "-Xmx1g", "-XX:MaxMetaspaceSize=256m", "-jar", str(jar)]


class JMeter:
    """JMeter without a GUI and without listeners, one thread for each connection.

    Args:
        home: Where it is installed.
    """

    name, shortest_s, stretch = "jmeter", 1.0, 4.0

    def __init__(self, home: Path) -> None:
        self._home = home

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job. It knows whole seconds only."""
        start = launch(self._home)
        address = urlsplit(job.url)
        with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
            text = _PLAN.format(
                version=VERSION,
                connections=job.connections,
                seconds=max(1, round(job.seconds)),
                agent=USER_AGENT,
                host=address.hostname,
                port=address.port,
                path=job.path,
            )
            (plan := Path(folder) / "plan.jmx").write_text(text, encoding="utf-8")
            options = ["--nongui", "--jmeterproperty", "jmeterengine.nongui.port=0"]
            options += ["--testfile", str(plan), "--jmeterlogfile", str(Path(folder) / "jmeter.log")]
            yield [*start, *options]

    def count(self, finished: Finished) -> Count:
        """What its last summary says.

        Raises:
            ValueError: It printed none.
        """
        summaries = _SUMMARY.findall(finished.output)
        if not summaries:
            raise ValueError(f"jmeter printed no summary: {finished.output[-500:]}{finished.errors[-500:]}")
        requests, errors = map(int, summaries[-1])
        return Count(requests - errors, errors)
