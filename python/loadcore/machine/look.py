"""Where to look for the target on this machine."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadcore.errors import UsageError
from loadcore.machine.kernel_files import text_of

_PROC = Path("/proc")


@dataclass(frozen=True)
class Look:
    """Where to look for the target: what the user gave, or else the processes that listen at its address."""

    base_urls: tuple[str, ...] = ()
    pid: int | None = None
    """A process of the target, on this machine."""
    group: str | None = None
    """The control group of the target, on this machine."""
    metrics: str | None = None
    """The URL of metrics in Prometheus' format, or of a query of Prometheus that counts cores."""

    @property
    def is_here(self) -> bool:
        """Whether every target has an address of this machine."""
        return bool(self.base_urls) and all(_is_own(url) for url in self.base_urls)

    @property
    def sight(self) -> str:
        """What can be looked at: `metrics`, `group`, `processes` or `none`."""
        if self.metrics is not None:
            return "metrics"
        if self.group is not None:
            return "group"
        return "processes" if self.pid is not None or self.is_here else "none"

    def check(self) -> None:
        """Look there once.

        Raises:
            ValueError: There is nothing to be seen.
        """
        if self.pid is not None and not text_of(_PROC / str(self.pid) / "stat"):
            raise ValueError(f"process {self.pid} does not exist on this machine")
        from loadcore.machine.target_meters import check_metrics, group_folders  # noqa: PLC0415 - rarely needed

        if self.group is not None:
            group_folders(self.group)
        if self.metrics is not None:
            check_metrics(self.metrics)

    def to_dict(self) -> dict[str, Any]:
        """What of it a run's record holds."""
        return {"is_here": self.is_here, "sight": self.sight}


def look_at(
    pid: int | None = None, group: str | None = None, metrics: str | None = None, *, written: str = "target_{}"
) -> Look | None:
    """Where to look for the target, after one look there; None if nothing is given.

    Args:
        pid: See `Look`.
        group: See `Look`.
        metrics: See `Look`.
        written: How whoever gave them writes their names.

    Raises:
        UsageError: More than one is given, or there is nothing to be seen there.
    """
    given = {"pid": pid, "cgroup": group, "metrics": metrics}
    names = [written.format(name) for name, value in given.items() if value is not None]
    if not names:
        return None
    if len(names) > 1:
        hint = "use the one that covers the CPU of the whole target"
        raise UsageError(f"{' and '.join(names)} exclude each other", hint=hint)
    look = Look(pid=pid, group=group, metrics=metrics)
    try:
        look.check()
    except ValueError as problem:
        raise UsageError(f"{names[0]}: {problem}") from None
    return look


def _is_own(url: str) -> bool:
    """Whether a URL has an address or a name of this machine. Names are not looked up, but for `localhost`."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # It has none, and is refused elsewhere.
        return False
    if host == "localhost":
        return True
    address = _address_of(host)
    if address is not None and address.is_loopback:
        return True
    import socket  # noqa: PLC0415 - a target on loopback does without

    if address is None:
        return host == socket.gethostname()
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004 - the version of IP
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def _address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
