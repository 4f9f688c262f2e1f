"""What a Locust file did with Locust and with loadcore, side by side."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benches.locustfiles.scripted_server import masked

OWN_HOSTS = ("shop.test:8000", "localhost", "127.0.0.1", "0.0.0.0")
_DONE = "bench: all tasks are done"
_NOT_BEGUN = (107, 113)
"""What Locust refuses before it has users raises, or measures nothing."""
_EXIT_CODES = {0: 0, 1: 99, 2: 99}
"""Those of Locust as loadcore's; a file may choose any other itself."""


@dataclass
class Comparison:
    """One file.

    Attributes:
        name: Repository and path.
        unfit: Why it does not run by itself on Locust.
        differences: What differs, in words.
        left: How many requests were meant for hosts beside the one that was given.
    """

    name: str
    unfit: str | None = None
    differences: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    calls: int = 0

    def line(self) -> str:
        """One line of the table."""
        said = f"- {self.unfit}" if self.unfit else "DIFFERS" if self.differences else "same"
        return f"{self.name}: {said} ({self.calls} calls)"


def compare(name: str, result: dict[str, Any]) -> Comparison:
    """Compare what a sandbox found."""
    compared = Comparison(name, unfit=result.get("unfit"))
    runs = {(run["class"], run["program"]): run for run in result["runs"]}
    for each in sorted({user for user, _ in runs}):
        locust, loadcore = runs[each, "locust"], runs[each, "loadcore"]
        different = _differences(locust, loadcore, follows_a_shape=result.get("follows_a_shape", False))
        compared.differences += [f"{each}: {said}" for said in different]
        compared.calls += len(locust["log"])
        for entry in locust["log"] + loadcore["log"]:
            if not entry["host"].startswith(OWN_HOSTS):
                compared.left[entry["host"]] = compared.left.get(entry["host"], 0) + 1
    return compared


def _differences(locust: dict[str, Any], loadcore: dict[str, Any], *, follows_a_shape: bool) -> list[str]:
    found = []
    if follows_a_shape or not all(_DONE in run["output"] for run in (locust, loadcore)):
        # Time ran out, sooner or later: what both had time for is the same.
        return _until_time_ran_out(locust, loadcore) + _exit_code(locust, loadcore)
    for what, of in (("calls", _calls), ("hops", _hops), ("calls per user", _per_user), ("statistics", _statistics)):
        first, second = of(locust), of(loadcore)
        if first != second:
            only = [f"{count} x {key} only with Locust" for key, count in (first - second).items()]
            only += [f"{count} x {key} only with loadcore" for key, count in (second - first).items()]
            found.append(f"{what}: {'; '.join(only[:4])}{' ...' if len(only) > 4 else ''}")
    if locust["statistics"] is None:
        found.append(f"Locust wrote no statistics: {locust['output'].strip()[-300:]}")
    return found + _exit_code(locust, loadcore)


def _until_time_ran_out(locust: dict[str, Any], loadcore: dict[str, Any]) -> list[str]:
    """Each user of one run begins like one of the other run, as far as the shorter of the two goes."""
    if bool(locust["log"]) != bool(loadcore["log"]):
        return [f"{len(locust['log'])} requests, and with loadcore {len(loadcore['log'])}"]
    first, second = _users(locust), _users(loadcore)
    if not first:
        return []
    found = []
    for users, others, told in ((second, first, "loadcore"), (first, second, "Locust")):
        for user in users:
            alike = max(_alike(user, other) for other in others)
            nearest = max(others, key=lambda other: _alike(user, other))
            if alike < min(len(user), len(nearest)):
                found.append(f"call {alike} of a user with {told}: {user[alike]}, and with the other {nearest[alike]}")
    return found[:1]


def _alike(user: list[Any], other: list[Any]) -> int:
    """With how many calls both begin."""
    pairs = enumerate(zip(user, other, strict=False))
    return next((number for number, (a, b) in pairs if a != b), min(len(user), len(other)))


def _users(run: dict[str, Any]) -> list[list[tuple[str, ...]]]:
    """The calls of each user."""
    users: dict[int, list[tuple[str, ...]]] = {}
    for entry in run["log"]:
        if not entry["hop"]:
            users.setdefault(entry["user"], []).append(_call(entry))
    return list(users.values())


def _exit_code(locust: dict[str, Any], loadcore: dict[str, Any]) -> list[str]:
    expected = _EXIT_CODES.get(locust["code"], locust["code"])
    is_empty = not locust["statistics"] and loadcore["code"] in _NOT_BEGUN
    if is_empty or loadcore["code"] == expected:
        return []
    return [f"exit code {loadcore['code']}, and Locust's is {locust['code']}: {loadcore['output'].strip()[-300:]}"]


def _sequence(run: dict[str, Any]) -> list[tuple[str, ...]]:
    return [_call(entry) for entry in run["log"] if not entry["hop"]]


def _call(entry: dict[str, Any]) -> tuple[str, ...]:
    return tuple(entry[key] for key in ("method", "host", "target", "kind", "body"))


def _calls(run: dict[str, Any]) -> Counter[tuple[str, ...]]:
    return Counter(_sequence(run))


def _hops(run: dict[str, Any]) -> Counter[tuple[str, ...]]:
    return Counter((entry["method"], entry["host"]) for entry in run["log"] if entry["hop"])


def _per_user(run: dict[str, Any]) -> Counter[tuple[str, ...]]:
    """How many users have how many calls."""
    users = Counter(entry["user"] for entry in run["log"] if not entry["hop"])
    return Counter((f"{calls} calls",) for calls in users.values())


def _statistics(run: dict[str, Any]) -> Counter[tuple[str, ...]]:
    """Calls and failures by method and name, as the program says."""
    counted: Counter[tuple[str, ...]] = Counter()
    for entry in run["statistics"] or ():
        name = masked(entry["name"].encode()).decode()
        counted[entry["method"], name, "calls"] += entry["num_requests"]
        counted[entry["method"], name, "failures"] += entry["num_failures"]
    return counted
