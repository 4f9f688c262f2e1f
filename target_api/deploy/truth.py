"""What all replicas of a stack have received, those included that are gone or were killed."""

from pathlib import Path

from loadcore_target.app import LOADED, PROBES
from loadcore_target.route_table import RouteTable
from loadcore_target.shared.truth import TruthBook

PAGES = "gateway/*/shared/truth.page"


def received(folder: Path) -> dict[str, int]:
    """Requests received per route, summed over every replica that the stack ever had; probes are left out.

    Args:
        folder: The stack's.
    """
    table = RouteTable(LOADED, PROBES)
    totals: dict[str, int] = {}
    for page in sorted(folder.glob(PAGES)):
        book = TruthBook(page, table.labels)
        for label, is_probe, count in zip(table.labels, table.probe, book.received().values(), strict=True):
            if not is_probe:
                totals[label] = totals.get(label, 0) + count
        book.close()
    return totals
