"""HTTP settings to their plans."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loadcore.compiler.problems import MOST_32, MOST_63
from loadcore.engine import MAX_REDIRECTS
from loadcore.scenario.http import Http, Limits, Timeouts, Tls
from loadcore.wording.kinds import shown
from loadcore.wording.units import parse_duration, parse_percent, parse_size

if TYPE_CHECKING:
    from loadcore.compiler.problems import Problems
    from loadcore.plan.document import HttpPlan, LimitsPlan, TimeoutsPlan, TlsPlan, UpstreamHeaderPlan
    from loadcore.scenario.place import Place

_VERSION: Final = "1.1"
_UNITS_NS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000}
_HEADER_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,48}"


def compile_http(http: Http, place: Place | None, problems: Problems) -> HttpPlan:
    """The plan of the HTTP settings."""
    if not isinstance(http, Http):
        problems.add(place, f"http is {shown(http)}: it must be Http(…)")
        http = Http()
    plan: HttpPlan = {
        "version": _version(http.version, place, problems),
        "timeouts": compile_timeouts(http.timeouts, place, problems),
        "reuse": problems.member(place, "reuse", http.reuse, ("user", "iteration", "request")),
        "limits": _limits(http.limits, place, problems),
        "tls": _tls(http.tls, place, problems),
        "max_redirects": compile_redirects(http.max_redirects, place, problems),
        "cookies": _cookies(http.cookies, place, problems),
    }
    if http.user_agent is not None:
        plan["user_agent"] = problems.text(place, "user_agent", http.user_agent)
    if http.upstream_header is not None:
        instead: UpstreamHeaderPlan = {"name": "", "unit_ns": 1}
        header = problems.parse(place, "upstream_header", parse_upstream_header, http.upstream_header, instead)
        plan["upstream_header"] = header
    if http.trace_sample is not None and (
        share := problems.parse(place, "trace_sample", parse_percent, http.trace_sample, 0.0)
    ):
        plan["trace_sample"] = share
    return plan


def _version(version: object, place: Place | None, problems: Problems) -> str:
    if version != _VERSION:
        written = repr(version) if isinstance(version, str) else shown(version)
        problems.add(place, f"version is {written}: only HTTP/1.1 is supported", f'write version="{_VERSION}"')
    return _VERSION


def parse_upstream_header(text: object) -> UpstreamHeaderPlan:
    """A header that holds a time, and the unit of its numbers: `X-Backend-Time=s`.

    Raises:
        ValueError: It is neither a header's name nor one with a unit.
    """
    name, separator, unit = text.partition("=") if isinstance(text, str) else ("", "", "")
    if not re.fullmatch(_HEADER_NAME, name):
        raise ValueError('expected the name of a header, as in "X-Backend-Time=s"')
    if separator and unit not in _UNITS_NS:
        raise ValueError(f'"{unit}" is not a unit of time: write "{name}=s", "{name}=ms" or "{name}=us"')
    return {"name": name, "unit_ns": _UNITS_NS[unit or "ms"]}


def _cookies(cookies: object, place: Place | None, problems: Problems) -> bool | str:
    if isinstance(cookies, bool) or cookies == "iteration":
        return cookies
    if cookies != "user":
        hint = 'write cookies="iteration" for a new jar in each iteration, or cookies=False for none'
        problems.add(place, f'cookies is {cookies!r}: it must be True, False, "user" or "iteration"', hint)
    return True


def compile_timeouts(
    timeouts: Timeouts | str, place: Place | None, problems: Problems, word: str = "timeouts"
) -> TimeoutsPlan:
    """The plan of a request's deadlines. A duration alone is how long connecting, and then the response, may take."""
    if isinstance(timeouts, str) and word == "timeout":
        length = _deadline("timeout", timeouts, place, problems)
        return {"connect_ns": length, "total_ns": length}
    if not isinstance(timeouts, Timeouts):
        either = 'a duration such as "10s", or Timeouts(…)' if word == "timeout" else "Timeouts(…)"
        hint = 'write timeout="10s"' if word == "timeout" else 'write Timeouts(total="10s")'
        problems.add(place, f"{word} is {shown(timeouts)}: it must be {either}", hint)
        timeouts = Timeouts()
    plan: TimeoutsPlan = {
        "connect_ns": _deadline("connect timeout", timeouts.connect, place, problems),
        "total_ns": _deadline("total timeout", timeouts.total, place, problems),
    }
    if timeouts.first_byte is not None:
        plan["first_byte_ns"] = _deadline("first-byte timeout", timeouts.first_byte, place, problems)
    return plan


def _deadline(what: str, text: str, place: Place | None, problems: Problems) -> int:
    length = problems.parse(place, f"the {what}", parse_duration, text, 1)
    if length == 0:
        problems.add(place, f"a {what} must be longer than 0s")
    return length


def compile_redirects(number: object, place: Place | None, problems: Problems) -> int:
    """How many redirects are followed."""
    return problems.whole(place, "max_redirects", number, least=0, most=MAX_REDIRECTS)


def _limits(limits: Limits, place: Place | None, problems: Problems) -> LimitsPlan:
    if not isinstance(limits, Limits):
        problems.add(place, f"limits is {shown(limits)}: it must be Limits(…)")
        limits = Limits()

    def size(what: str, text: str, most: int = MOST_32) -> int:
        return problems.whole(place, what, problems.parse(place, what, parse_size, text, 1), most=most)

    return {
        "head_bytes": size("the limit of the head", limits.head),
        "header_count": problems.whole(place, "header_count", limits.header_count, most=2**16 - 1),
        "body_bytes": size("the limit of the body", limits.body, most=MOST_63),
        "kept_body_bytes": size("the limit of the kept body", limits.kept_body),
        "chunk_extension_bytes": size("the limit of chunk extensions", limits.chunk_extensions),
        "trailer_bytes": size("the limit of trailers", limits.trailers),
        "interim_count": problems.whole(place, "interim_count", limits.interim_count, least=0, most=2**8 - 1),
    }


def _tls(tls: Tls, place: Place | None, problems: Problems) -> TlsPlan:
    if not isinstance(tls, Tls):
        problems.add(place, f"tls is {shown(tls)}: it must be Tls(…)")
        tls = Tls()
    plan: TlsPlan = {
        "insecure": problems.flag(tls.place, "insecure", tls.insecure),
        "resumption": problems.member(tls.place, "resumption", tls.resumption, ("resume", "full")),
    }
    if tls.ca_file is not None:
        path = (tls.place.folder if tls.place else Path.cwd()) / tls.ca_file
        if not path.is_file():
            problems.add(tls.place, f"{path} does not exist")
        plan["ca_file"] = str(path)
    if tls.server_name is not None:
        plan["server_name"] = problems.text(tls.place, "server_name", tls.server_name)
    return plan
