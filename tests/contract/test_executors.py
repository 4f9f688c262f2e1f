"""What every executor does, whatever carries its messages: this machine, agents in this process, a Dask cluster."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.cluster.placement import Cluster, ClusterPlacement, connected
from loadcore.cluster.policy import Policy
from loadcore.compiler import Options, compile_run
from loadcore.errors import RunError
from loadcore.processes import messages
from loadcore.processes.worker_handle import Gone, WorkerProcess
from loadcore.processes.workers import Workers
from loadcore.results.run_folder import RunFolder
from loadcore.results.write.manifest import sha256_of
from loadcore.scenario.http import get
from loadcore.scenario.load_models import iterations, users
from loadcore.scenario.scenario import Scenario
from tests.integration.clusters import cluster_of
from tests.integration.counting_target import Target, counting_target
from tests.unit.cluster.assigned import assigned
from tests.unit.cluster.nodes import FaultyLink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loadcore.plan.plan import Plan
    from loadcore.processes.executor import Executor

DRIVERS = ("local", "agents", "dask")
WITHIN_S = 90.0


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A target that counts."""
    with counting_target() as found:
        yield found


@pytest.fixture(scope="module")
def dask_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler with two nodes."""
    with cluster_of(2, tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster.address


@pytest.fixture(params=DRIVERS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Opens a plan on two workers: of this machine, or one on each of two nodes."""
    with ExitStack() as stack:
        yield lambda plan: stack.enter_context(_open(request, tmp_path, plan))


@contextmanager
def _open(request: pytest.FixtureRequest, tmp_path: Path, plan: Plan) -> Iterator[tuple[Executor, RunFolder]]:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    assignment = assigned(plan, folder)
    with ExitStack() as stack:
        if request.param == "local":
            executor: Executor = Workers.start(
                lambda worker: WorkerProcess(worker, folder.log(worker)), 2, lambda: None
            )
        else:
            if request.param == "agents":
                link = FaultyLink(tmp_path / "nodes", "a", "b")
                link.answers = {(node, "facts"): _facts(node, link) for node in ("a", "b")}
                stack.callback(link.close)
                placement = ClusterPlacement(link, Cluster("tcp://127.0.0.1:1", Path(), policy=Policy(lead_s=0.2)))
            else:
                address = request.getfixturevalue("dask_address")
                cluster = Cluster(address, Path(), nodes=2, policy=Policy(lead_s=0.2))
                placement = stack.enter_context(connected(cluster))
            assert placement.workers(1, whole=False, users=4) == 2
            executor = placement.open(assignment, lambda: None)
        yield stack.enter_context(executor), folder


def _facts(node: str, link: FaultyLink) -> dict[str, Any]:
    """Two nodes of one process are one machine, and must not look like it here."""
    return link.agents[node].do_facts() | {"machine": node}


def plan_of(target: Target, load: Any) -> Plan:
    """A plan of one step."""
    shop = Scenario("shop", base_url=target.url, load=load, steps=[get("/items")])
    return compile_run([shop], Options(seed=7, name="shop"), (), ())[0]


def armed(executor: Executor, plan: Plan, folder: RunFolder) -> messages.Go:
    """Brings an executor to the moment before the start."""
    order = assigned(plan, folder).order_for
    prepared = executor.prepare(order, lambda: None, WITHIN_S)
    assert [len(each.description["steps"]) for each in prepared] == [1, 1]
    executor.arm(lambda: None, WITHIN_S)
    lead_ns = int((executor.lead_s + 0.1) * 1e9)
    return messages.Go(time.monotonic_ns() + lead_ns, (time.time_ns() + lead_ns) // 1000)


def heard(executor: Executor, until: Callable[[list[Any]], bool] = lambda _said: False) -> list[tuple[int, Any]]:
    """What all workers say until none works any more, or until there is a message."""
    said: list[tuple[int, Any]] = []
    deadline = time.monotonic() + WITHIN_S
    while executor.working and not until([message for _, message in said]):
        assert time.monotonic() < deadline, said
        if (message := executor.next()) is not None:
            said.append(message)
    return said


def has_windows(said: list[Any]) -> bool:
    """Whether a worker has sent windows."""
    return any(isinstance(message, messages.WindowBatch) for message in said)


def test_a_run_to_its_end(opened: Any, target: Target) -> None:
    """All iterations are made once; every worker ends; the rows are in the folder as they were sealed."""
    plan = plan_of(target, iterations(total=101, users=4))
    before = target.total()
    executor, folder = opened(plan)
    executor.go(armed(executor, plan, folder))
    said = heard(executor)
    ends = {worker: message.end for worker, message in said if isinstance(message, messages.Done)}
    assert sorted(ends) == [0, 1]
    assert {end.reason for end in ends.values()} == {"finished"}
    collected = executor.collect(ends, folder)
    files = [facts for end in collected.values() for facts in end.files]
    assert sum(facts.rows for facts in files) == 101 == target.total() - before
    assert all(sha256_of(folder.path / facts.name) == facts.sha256 for facts in files)


def test_stop_lets_iterations_end(opened: Any, target: Target) -> None:
    """After `stop` no worker is interrupted, and all end."""
    plan = plan_of(target, users(4, duration="60s"))
    executor, folder = opened(plan)
    executor.go(armed(executor, plan, folder))
    heard(executor, has_windows)
    executor.stop()
    ends = [message.end.reason for _, message in heard(executor) if isinstance(message, messages.Done)]
    assert ends == ["stopped", "stopped"]


def test_interrupt_ends_now(opened: Any, target: Target) -> None:
    """After `interrupt` all end."""
    plan = plan_of(target, users(4, duration="60s"))
    executor, folder = opened(plan)
    executor.go(armed(executor, plan, folder))
    heard(executor, has_windows)
    executor.interrupt()
    ends = [message.end.reason for _, message in heard(executor) if isinstance(message, messages.Done)]
    assert ends == ["interrupted", "interrupted"]


def test_a_killed_worker_is_gone_and_the_other_continues(opened: Any, target: Target) -> None:
    """`kill` ends the worker that it names."""
    plan = plan_of(target, users(4, duration="60s"))
    executor, folder = opened(plan)
    executor.go(armed(executor, plan, folder))
    heard(executor, has_windows)
    executor.kill([1])
    said = heard(executor, lambda said: any(isinstance(message, Gone) for message in said))
    assert [worker for worker, message in said if isinstance(message, Gone)] == [1]
    assert executor.working == {0}


def test_who_gives_up_leaves_nothing(opened: Any, target: Target) -> None:
    """What `give_up` raises ends the start, and nothing is sent."""
    plan = plan_of(target, users(4, duration="60s"))
    before = target.total()
    executor, folder = opened(plan)

    def give_up() -> None:
        raise RunError("enough")

    with pytest.raises(RunError, match="enough"):
        executor.prepare(assigned(plan, folder).order_for, give_up, WITHIN_S)
    executor.close()
    assert target.total() == before
