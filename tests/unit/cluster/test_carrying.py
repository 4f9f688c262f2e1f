"""Who carries on a lost share, and from when on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadcore.cluster.carrying import MARGIN_S, begins_ns, carriers


def test_not_before_the_lease_has_ended() -> None:
    """A full second after the lost node's workers must have ended, and after the other node can be ready."""
    assert begins_ns(103.2, 100.0, 109.0, 5.0, 3.0) == 15_000_000_000
    assert begins_ns(103.2, 100.0, 90.0, 5.0, 3.0) == 7_000_000_000


@given(now=st.floats(0, 1e5), lease=st.floats(-50, 50), end_within=st.floats(0, 10), lead=st.floats(0, 10))
def test_it_is_never_too_early(now: float, lease: float, end_within: float, lead: float) -> None:
    """Whatever the times are."""
    start = 3.25
    begins = begins_ns(start + now, start, start + now + lease, end_within, lead)
    assert begins % 1_000_000_000 == 0
    assert start + begins / 1e9 >= max(start + now + lead, start + now + lease + end_within + MARGIN_S) - 1e-6


def test_the_least_loaded_node_gets_the_next_worker() -> None:
    """By workers for each core, those just dealt among them."""
    assert carriers([4, 5, 6], {"a": (2, 2.0), "b": (8, 16.0)}) == {"b": [4, 5, 6]}
    assert carriers([4, 5], {"a": (2, 2.0), "b": (2, 2.0)}) == {"a": [4], "b": [5]}
