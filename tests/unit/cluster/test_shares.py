"""Which node gets which workers."""

from hypothesis import given
from hypothesis import strategies as st

from loadcore.cluster.shares import deal, numbered

CORES = st.lists(st.integers(1, 128).map(float), min_size=1, max_size=40)


@given(CORES, st.integers(1, 5000))
def test_all_workers_are_dealt_and_no_more(cores: list[float], most: int) -> None:
    """The sum is exact: one for each core, or as many as there can be."""
    assert sum(deal(cores, None, most)) == min(most, sum(map(int, cores)))


@given(CORES, st.integers(1, 5000))
def test_a_node_keeps_its_proportion(cores: list[float], most: int) -> None:
    """No node has a whole worker more or less than its share of the cores says."""
    dealt, total = deal(cores, None, most), sum(cores)
    of_all = min(most, total)
    assert all(abs(count - each * of_all / total) < 1 for count, each in zip(dealt, cores, strict=True))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=9))
def test_numbers_are_disjoint_and_complete(counts: list[int]) -> None:
    """Every worker is on one node."""
    numbers = [worker for workers in numbered(counts) for worker in workers]
    assert numbers == list(range(sum(counts)))


def test_as_many_on_each_as_were_asked_for() -> None:
    """A number of workers is one of each node."""
    assert deal([2, 8], 3, 100) == [3, 3]
