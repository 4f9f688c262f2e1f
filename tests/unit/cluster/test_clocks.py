"""How far a node's clock is known."""

import itertools
import random

import pytest

from loadcore.cluster.clocks import offset_to


class Network:
    """A node with a clock of its own, behind a network with some jitter."""

    def __init__(self, offset_ns: int, seed: int, drift: float = 0.0) -> None:
        self.now_ns = 1_000_000_000
        self.offset_ns, self.drift = offset_ns, drift
        self._random = random.Random(seed)

    def clock(self) -> int:
        """Ours."""
        return self.now_ns

    def ask(self) -> int:
        """A round trip: the way there and the way back take different times."""
        self.now_ns += self._random.randrange(50_000, 5_000_000)
        there = int(self.now_ns * (1 + self.drift)) + self.offset_ns
        self.now_ns += self._random.randrange(50_000, 5_000_000)
        return there


@pytest.mark.parametrize(("offset_s", "seed"), [*itertools.product([0, 500, -12345], range(5))])
def test_the_truth_is_within_the_bound(offset_s: int, seed: int) -> None:
    """Whatever the network does, the error is no larger than what is claimed."""
    network = Network(offset_s * 1_000_000_000, seed)
    found = offset_to(network.ask, 20, network.clock)
    assert abs(found.ns - offset_s * 1_000_000_000) <= found.bound_ns
    assert found.bound_ns < 3_000_000


def test_more_questions_do_not_make_it_worse() -> None:
    """The quickest answer counts."""
    network, other = Network(7, 3), Network(7, 3)
    few, many = offset_to(network.ask, 2, network.clock), offset_to(other.ask, 50, other.clock)
    assert many.bound_ns <= few.bound_ns


def test_a_drifting_clock_is_known_at_the_time_of_asking() -> None:
    """Fifty parts in a million are less than the bound within the second that the questions take."""
    network = Network(0, 1, drift=50e-6)
    found = offset_to(network.ask, 20, network.clock)
    assert abs(found.ns - int(network.now_ns * 50e-6)) <= found.bound_ns + 5_000
