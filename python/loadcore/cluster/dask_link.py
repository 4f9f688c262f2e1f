"""The nodes of a Dask cluster. The only module that imports Dask.

Nothing here is a task: `Client.run` goes past Dask's scheduling, which would start a task of a lost worker again on
another one, and so double its load.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

import distributed
from distributed import Worker, WorkerPlugin

from loadcore.cluster.agent import NodeAgent, default_cache
from loadcore.cluster.link import Link
from loadcore.cluster.relay import PEER_WITHIN_S, Peers
from loadcore.errors import LoadcoreError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from concurrent.futures import Future

    from loadcore.cluster.certificates import Certificates

TOPIC = "loadcore"
CONNECT_WITHIN_S = 10.0
AGENT_WITHIN_S = 5.0
PLUGIN = "loadcore-agent"
PEER = "loadcore_peer"
"""What a node is asked by another one."""


class DaskPeers(Peers):
    """From one Dask worker to others, without the scheduler.

    Args:
        worker: The one.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker: Any = worker

    def ask(self, node: str, verb: str, arguments: Mapping[str, Any]) -> Future[Any]:
        """Ask the agent of another node."""
        return asyncio.run_coroutine_threadsafe(self._ask(node, verb, arguments), self._worker.loop.asyncio_loop)

    async def _ask(self, node: str, verb: str, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
        asked = getattr(self._worker.rpc(node), PEER)(verb=verb, arguments=dict(arguments))
        return answer_of(await asyncio.wait_for(asked, PEER_WITHIN_S))


class AgentPlugin(WorkerPlugin):
    """Puts an agent into a Dask worker."""

    name = PLUGIN
    idempotent = True

    def setup(self, worker: Worker) -> None:
        """Make the agent."""
        address = worker.address

        def say(said: dict[str, Any]) -> None:
            worker.log_event(TOPIC, {"node": address, **said})

        self._agent = NodeAgent(say, default_cache(), address, DaskPeers(worker))
        worker.extensions[PLUGIN] = self._agent

        async def of_peer(verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
            return await on_node(verb, arguments, worker)

        worker.handlers[PEER] = of_peer

    def teardown(self, worker: Worker) -> None:
        """The worker ends: so do its processes."""
        del worker
        self._agent.close()


async def on_node(verb: str, arguments: dict[str, Any], dask_worker: Worker) -> dict[str, Any]:
    """Runs on the node: asks its agent.

    Failures are returned and not raised: Dask would log the arguments with them, secrets among these.
    """
    try:
        agent = await agent_of(dask_worker)
        if verb in {"clock", "renew", "gather"}:  # So quick that a thread would only make them later.
            return {"answer": agent.answer(verb, arguments)}
        return {"answer": await asyncio.to_thread(agent.answer, verb, arguments)}
    except LoadcoreError as refused:
        return {"refused": str(refused)}
    except Exception as problem:  # noqa: BLE001 - told to the driver, whatever it was
        traceback.print_exception(problem)
        return {"refused": str(problem) or type(problem).__name__}


def answer_of(said: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what the verb gives
    """What an agent answers.

    Raises:
        RunError: It refuses.
    """
    if "refused" in said:
        raise RunError(said["refused"])
    return said["answer"]


async def agent_of(worker: Worker) -> NodeAgent:
    """The agent of a node, which gets it a moment after it has joined."""
    deadline = time.monotonic() + AGENT_WITHIN_S
    while PLUGIN not in worker.extensions:
        if time.monotonic() > deadline:
            raise RunError("the agent did not start")
        await asyncio.sleep(0.05)
    agent: NodeAgent = worker.extensions[PLUGIN]
    return agent


class DaskLink(Link):
    """A link to the workers of a Dask scheduler, in a thread of its own.

    Args:
        address: The scheduler: `tcp://host:port` or `tls://host:port`.
        certificates: Whose certificates prove who this driver is; needed for `tls://`.

    Raises:
        RunError: The scheduler cannot be reached, or refuses.
    """

    def __init__(self, address: str, certificates: Certificates | None = None) -> None:
        self.is_private = address.startswith("tls://")
        self._address = address
        self._security = None if certificates is None else _security(certificates)
        self._loop = asyncio.new_event_loop()
        self._client: Any = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="cluster", daemon=True)
        self._thread.start()
        try:
            self._run(self._connect()).result(CONNECT_WITHIN_S * 2)
        except Exception as problem:
            self.close()
            raise RunError(
                f"cannot reach the scheduler at {address}: {_reason(problem)}",
                hint="start one with `loadcore cluster scheduler`; over tls:// its certificates must be of the same CA",
            ) from problem

    async def _connect(self) -> None:
        client: Any = distributed.Client
        self._client = await client(
            self._address, security=self._security, asynchronous=True, timeout=CONNECT_WITHIN_S, set_as_default=False
        )

    def install(self) -> None:
        """Put an agent into each node.

        Raises:
            RunError: A node does not take it.
        """
        try:
            self._run(self._install()).result(30)
        except Exception as problem:
            raise RunError(
                f"the nodes of {self._address} do not take the agent: {_reason(problem)}",
                hint="install the same version of `loadcore[cluster]` on every node",
            ) from problem

    async def _install(self) -> None:
        if self._client is not None:
            await self._client.register_plugin(AgentPlugin())

    def nodes(self) -> list[str]:
        """The addresses of the workers."""
        return sorted(self._run(self._nodes()).result(CONNECT_WITHIN_S))

    async def _nodes(self) -> list[str]:
        if self._client is None:
            return []
        scheduler: Any = self._client.scheduler
        info = await scheduler.identity(n_workers=-1)
        return [*info["workers"]]

    def call(self, node: str, verb: str, timeout_s: float, **arguments: Any) -> Future[Any]:  # noqa: ANN401
        """Ask the agent of a node."""
        return self._run(self._ask(node, verb, timeout_s, arguments))

    async def _ask(self, node: str, verb: str, timeout_s: float, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
        if self._client is None:
            raise RunError("the link is closed")
        asked = self._client.run(on_node, verb, arguments, workers=[node])
        return answer_of((await asyncio.wait_for(asked, timeout_s))[node])

    def listen(self, message: Callable[[str, dict[str, Any]], None], lost: Callable[[str, str], None]) -> None:
        """Hear the agents, and which nodes leave; also whether the scheduler is there."""

        def heard(event: tuple[float, dict[str, Any]]) -> None:
            message(event[1]["node"], event[1])

        def changed(event: tuple[float, dict[str, Any]]) -> None:
            if event[1].get("action") == "remove-worker":
                lost(event[1]["worker"], "it left the cluster")

        async def subscribe() -> None:
            if self._client is not None:
                self._client.subscribe_topic(TOPIC, heard)
                self._client.subscribe_topic("all", changed)
                self._watching = asyncio.create_task(self._watch(lost))

        self._run(subscribe()).result(CONNECT_WITHIN_S)

    async def _watch(self, lost: Callable[[str, str], None]) -> None:
        """The client itself would wait a minute for a scheduler that is gone."""
        while self._client is not None:
            await asyncio.sleep(0.2)
            if self._client is None or self._client.status != "running":
                lost("", f"the scheduler at {self._address} is gone")
                return

    def close(self) -> None:
        """Leave the cluster."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                self._run(_leave(client)).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


async def _leave(client: Any) -> None:  # noqa: ANN401 - Dask is not typed everywhere
    """End a client. A scheduler would tell one that still listens of its end, and print a traceback."""
    for topic in (TOPIC, "all"):
        with contextlib.suppress(ValueError):  # It never listened.
            client.unsubscribe_topic(topic)
    await client.close(timeout=2)


def _security(certificates: Certificates) -> Any:  # noqa: ANN401 - Dask is not typed everywhere
    security: Any = distributed.Security
    return security(
        tls_ca_file=str(certificates.authority),
        tls_client_cert=str(certificates.certificate),
        tls_client_key=str(certificates.key),
        require_encryption=True,
    )


def _reason(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines() or [type(problem).__name__]
    return lines[0]
