"""The agent of a node by itself: whose run it works on, and what it keeps."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.cluster.agent import NodeAgent
from loadcore.cluster.node_run import NodeRun
from loadcore.compiler import Options, compile_run
from loadcore.errors import LoadcoreError
from loadcore.machine import client_limits
from loadcore.machine.host import read_limits
from loadcore.processes import messages
from loadcore.scenario.http import get
from loadcore.scenario.load_models import iterations
from loadcore.scenario.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

WITHIN_S = 90.0


@pytest.fixture
def said() -> list[dict[str, Any]]:
    """What the agent has said."""
    return []


@pytest.fixture
def agent(tmp_path: Path, said: list[dict[str, Any]]) -> Iterator[NodeAgent]:
    """An agent with a folder of its own."""
    found = NodeAgent(said.append, tmp_path / "cache" / "node")
    yield found
    found.close()


def prepare(agent: NodeAgent, run: str, lease_s: float = WITHIN_S, secrets: Mapping[str, str] = {}) -> None:
    """Hands out a run of one worker."""
    shop = Scenario("shop", base_url="http://127.0.0.1:9", load=iterations(total=1, users=1), steps=[get("/items")])
    plan = compile_run([shop], Options(seed=7, name="shop"), (), ())[0].to_json()
    order = messages.Prepare(plan="", share=0, shares=1, run_dir="", worker=0, metadata={})._asdict()
    agent.do_prepare(run, plan, [order], "0", {}, lease_s, secrets)


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something, up to a deadline."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_node_that_leaves_blames_no_worker(
    agent: NodeAgent, said: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workers end with it, and are not reported as lost by themselves: else no node would carry on their share."""

    def mind_the_lease(run: NodeRun) -> None:
        if run._closed.is_set():
            wait_until(lambda: all(thread.name != "reports" for thread in threading.enumerate()))

    monkeypatch.setattr(NodeRun, "_mind_the_lease", mind_the_lease)
    prepare(agent, "run")
    wait_until(lambda: any(each["said"] for each in said))
    agent.close()
    wait_until(lambda: all(thread.name != "node-run" for thread in threading.enumerate()))
    assert [kind for each in said for _, kind, _ in each["said"] if kind == "gone"] == []


def test_secrets_belong_to_one_run(agent: NodeAgent) -> None:
    """The workers have them; the node does not, or a later run would use an old value."""
    prepare(agent, "one", secrets={"SHOP_KEY_OF_ONE": "hidden-value"})
    assert agent._run is not None
    pid = agent._run._handles[0].pid
    if (environment := Path(f"/proc/{pid}/environ")).exists():
        assert b"SHOP_KEY_OF_ONE=hidden-value" in environment.read_bytes()
    assert "SHOP_KEY_OF_ONE" not in os.environ
    assert agent.do_facts(["SHOP_KEY_OF_ONE"])["missing"] == ["SHOP_KEY_OF_ONE"]


def test_a_node_is_busy_until_its_rows_were_fetched(agent: NodeAgent, said: list[dict[str, Any]]) -> None:
    """Workers that have ended do not free it: another run would take the rows away."""
    prepare(agent, "one")
    agent.do_kill("one", [0])
    wait_until(lambda: any(kind == "gone" for batch in said for _, kind, _ in batch["said"]))
    assert agent.do_facts()["busy_with"] == "one"
    with pytest.raises(LoadcoreError, match="works on the run one"):
        prepare(agent, "two")
    agent.do_forget("one")
    assert agent.do_facts()["busy_with"] is None


def test_rows_of_a_dead_driver_go_with_the_next_run(agent: NodeAgent) -> None:
    """They would fill the disk, and the old run would be heard for ever."""
    prepare(agent, "one", lease_s=0.0)
    first = agent._run
    assert first is not None
    wait_until(lambda: agent.do_facts()["busy_with"] is None)
    assert first.folder.is_dir()
    prepare(agent, "two")
    assert not first.folder.exists()
    assert first._closed.is_set()


def test_a_node_says_what_it_has_no_room_for(agent: NodeAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own limits, with what to do about them; another run's question is refused."""
    prepare(agent, "one")
    few = replace(read_limits(), files_hard=200)
    monkeypatch.setattr(client_limits, "read_limits", lambda: few)
    assert agent.do_room("one", [10], {}) == []
    (problem,) = agent.do_room("one", [500], {})
    assert problem["message"].startswith("open files: a worker needs 564, the limit is 200")
    assert "ulimit" in problem["hint"]
    with pytest.raises(LoadcoreError, match="does not work on the run two"):
        agent.do_room("two", [10], {})


def test_other_users_cannot_read_what_was_sent(agent: NodeAgent) -> None:
    """Data files may hold passwords."""
    assert agent._cache.stat().st_mode & 0o077 == 0
