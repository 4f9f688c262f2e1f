"""How many replicas the autoscaler wants."""

from hypothesis import given
from hypothesis import strategies as st

from loadcore_target.deploy.autoscale import Autoscaler, Scaling


def test_up_at_once_and_down_after_calm() -> None:
    """One look at a high load is enough to add; only five agreeing ones in a row take away, and one at a time."""
    scaler = Autoscaler(Scaling(1, 4, target=4, over_s=0.5, calm=5))
    assert scaler.wanted(11, 1, now=0) == 3
    quiet = [scaler.wanted(0, 3, now=1 + second) for second in range(5)]
    assert quiet == [3, 3, 3, 3, 2]
    assert scaler.wanted(0, 2, now=6) == 2


def test_a_peak_begins_the_calm_anew() -> None:
    """A load that needs all replicas undoes the verdicts before it."""
    scaler = Autoscaler(Scaling(1, 4, target=4, over_s=0.5, calm=3))
    assert [scaler.wanted(load, 2, now=second) for second, load in enumerate([0, 0, 8, 0, 0, 0])] == [2, 2, 2, 2, 2, 1]


def test_the_load_is_averaged() -> None:
    """One look at a peak within four quiet seconds changes nothing."""
    scaler = Autoscaler(Scaling(1, 4, target=4))
    assert [scaler.wanted(load, 1, now=second) for second, load in enumerate([2, 2, 2, 8])] == [1, 1, 1, 1]


@given(
    loads=st.lists(st.integers(0, 10_000), min_size=1, max_size=50),
    least=st.integers(1, 4),
    room=st.integers(0, 4),
    target=st.floats(0.5, 100),
)
def test_bounds_hold(loads: list[int], least: int, room: int, target: float) -> None:
    """Whatever the load, the number of replicas stays between its bounds."""
    scaling = Scaling(least, least + room, target=target)
    scaler, replicas = Autoscaler(scaling), least
    for second, load in enumerate(loads):
        replicas = scaler.wanted(load, replicas, now=second)
        assert scaling.least <= replicas <= scaling.most
