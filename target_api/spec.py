"""Written quantities: `20ms`, `1%`, `500/s`, `lognormal(20ms,0.3)`.

Every parser refuses a bare number where a unit is needed, and says what it expected.
"""

import math
import random
import re
from dataclasses import dataclass
from typing import Literal

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(r"(\d+)(B|KB|MB|KiB|MiB)")
_BYTES = {"B": 1, "KB": 1000, "MB": 1_000_000, "KiB": 1024, "MiB": 1 << 20}
_CALL = re.compile(r"([a-z]+)\((.*)\)")

_LARGEST_EXPONENT = 100.0
"""Of a lognormal draw: far beyond any delay, and still a number."""

Shape = Literal["constant", "uniform", "lognormal", "pareto", "bimodal"]


def parse_duration(text: str) -> float:
    """Seconds of `20ms`, `1.5s`, `2m`; a bare number is refused because its unit would be a guess."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write it with a unit, like 20ms, 1.5s or 2m")
    seconds = float(match[1]) * _SECONDS[match[2]]
    if not math.isfinite(seconds):
        raise ValueError("the duration has too many digits")
    return seconds


def parse_size(text: str) -> int:
    """Bytes of `512B`, `10KB`, `1MB` (powers of 1,000) or `64KiB`, `1MiB` (powers of 1,024)."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size; write it with a unit, like 512B, 10KB or 1MiB")
    return int(match[1]) * _BYTES[match[2]]


def parse_share(text: str) -> float:
    """A share between 0 and 1, written `1%` or `0.01`."""
    stripped = text.strip()
    try:
        value = float(stripped[:-1]) / 100 if stripped.endswith("%") else float(stripped)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r} is not a share; write 1% or 0.01, between 0% and 100%")
    return value


def parse_rate(text: str) -> float:
    """Requests per second of `500/s` or `30/m`."""
    amount, _, unit = text.strip().partition("/")
    try:
        value = float(amount) / {"s": 1, "m": 60}[unit]
    except (KeyError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{text!r} is not a rate; write it with a unit, like 500/s or 30/m")
    return value


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution of durations in seconds, drawn from with a seeded generator.

    Args:
        shape: Which family.
        a: Constant: the value. Uniform: the lower end. Lognormal: median. Pareto: minimum. Bimodal: the usual value.
        b: Uniform: the upper end. Lognormal: sigma of the logarithm. Pareto: alpha. Bimodal: the rare value.
        c: Bimodal: the share of the rare value.
        text: How it was written.
    """

    shape: Shape
    a: float
    b: float
    c: float
    text: str

    def draw(self, generator: random.Random) -> float:
        """One value in seconds."""
        if self.shape == "constant":
            return self.a
        if self.shape == "uniform":
            return generator.uniform(self.a, self.b)
        if self.shape == "lognormal":
            return self.a * math.exp(min(self.b * generator.gauss(0.0, 1.0), _LARGEST_EXPONENT))
        if self.shape == "pareto":
            return self.a * generator.paretovariate(self.b)
        return self.b if generator.random() < self.c else self.a


def parse_distribution(text: str) -> Distribution:
    """A distribution of durations.

    `20ms` · `constant(20ms)` · `uniform(10ms,30ms)` · `lognormal(20ms,0.3)` (median, sigma) · `pareto(10ms,2.5)`
    (minimum, alpha) · `bimodal(10ms,500ms,1%)` (usual, rare, share of rare).
    """
    match = _CALL.fullmatch(text.strip())
    if match is None:
        return Distribution("constant", parse_duration(text), 0.0, 0.0, text)
    name, arguments = match[1], [part.strip() for part in match[2].split(",")]
    try:
        return _build(name, arguments, text)
    except IndexError:
        raise ValueError(f"{text!r} has too few arguments for {name}") from None


def _build(name: str, arguments: list[str], text: str) -> Distribution:
    first = parse_duration(arguments[0])
    if name == "constant":
        return Distribution("constant", first, 0.0, 0.0, text)
    if name == "uniform":
        upper = parse_duration(arguments[1])
        if upper < first:
            raise ValueError(f"{text!r}: the upper end is below the lower end")
        return Distribution("uniform", first, upper, 0.0, text)
    if name in {"lognormal", "pareto"}:
        spread = float(arguments[1])
        if not (math.isfinite(spread) and spread > 0):
            raise ValueError(f"{text!r}: the spread must be a number above zero")
        return Distribution("lognormal" if name == "lognormal" else "pareto", first, spread, 0.0, text)
    if name == "bimodal":
        return Distribution("bimodal", first, parse_duration(arguments[1]), parse_share(arguments[2]), text)
    raise ValueError(f"{text!r}: unknown distribution {name!r}; known: constant, uniform, lognormal, pareto, bimodal")
