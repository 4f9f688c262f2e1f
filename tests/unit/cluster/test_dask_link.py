"""What a node does with a question that comes through Dask."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from loadcore.cluster import dask_link

if TYPE_CHECKING:
    import pytest


class Refusing:
    """An agent that can do nothing."""

    def answer(self, _verb: str, _arguments: dict[str, Any]) -> None:
        """Fails."""
        raise ValueError("the disk is full")


def ask(worker: Any, verb: str = "prepare") -> dict[str, Any]:
    """Asks a node, with a secret."""
    return asyncio.run(dask_link.on_node(verb, {"secrets": {"SHOP_KEY": "hidden-value"}}, worker))


def test_failures_are_answers(capfd: pytest.CaptureFixture[str]) -> None:
    """Dask logs the arguments of what raises, and these may be secrets."""
    worker = SimpleNamespace(extensions={dask_link.PLUGIN: Refusing()})
    assert ask(worker) == {"refused": "the disk is full"}
    log = capfd.readouterr().err
    assert "ValueError: the disk is full" in log
    assert "hidden-value" not in log


def test_a_node_that_has_just_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its agent comes a moment later, and is waited for; one that never comes is an error."""
    worker = SimpleNamespace(extensions={})
    threading.Timer(0.2, worker.extensions.__setitem__, [dask_link.PLUGIN, Refusing()]).start()
    assert ask(worker) == {"refused": "the disk is full"}
    monkeypatch.setattr(dask_link, "AGENT_WITHIN_S", 0.1)
    assert ask(SimpleNamespace(extensions={})) == {"refused": "the agent did not start"}
