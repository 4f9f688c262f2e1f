"""A machine on which nothing is too small."""

from __future__ import annotations

from loadcore.machine.host import Limits

ROOMY = Limits(
    files_soft=20_000,
    files_hard=20_000,
    port_low=32_768,
    port_high=60_999,
    tcp_tw_reuse=2,
    somaxconn=4096,
    tcp_max_syn_backlog=4096,
    memory_bytes=8 << 30,
    processes=10_000,
    cores=4.0,
    cpu_pressure=0.0,
)
