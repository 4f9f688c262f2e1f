"""Names and passwords of the seeded users, known to gateways and feeders alike."""

import csv
from typing import TextIO


def username(index: int) -> str:
    """Name of the seeded user number `index`, like `user-0007`."""
    return f"user-{index:04d}"


def password(index: int) -> str:
    """Password of the seeded user number `index`, like `password-0007`."""
    return f"password-{index:04d}"


def write_csv(count: int, file: TextIO) -> None:
    """Writes `username,password` rows for a feeder."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("username", "password"))
    writer.writerows((username(index), password(index)) for index in range(count))
