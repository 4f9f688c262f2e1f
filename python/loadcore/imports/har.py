"""HTTP archives (HAR 1.1 to 1.3): what browsers and proxies record."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from loadcore.imports.documents import ImportFailed, parsed
from loadcore.imports.draft import Call, Draft, Imported, Report, Think, plain
from loadcore.imports.logins import recognise_logins
from loadcore.imports.requests import Requests, add_file, address_of
from loadcore.imports.settle import settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.imports.requests import Address

MOST_ENTRIES: Final = 20_000
_STATIC_TYPES: Final = re.compile(
    r"(?:image|font|video|audio)/|text/css|(?:text|application)/(?:x-)?(?:java|ecma)script"
    r"|application/(?:wasm|font|x-font)"
    r"|application/vnd\.ms-fontobject|application/manifest",
    re.IGNORECASE,
)
_STATIC_NAMES: Final = re.compile(
    r"\.(?:css|m?js|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|otf|eot|mp[34]|webm|ogg|wasm|webmanifest)$",
    re.IGNORECASE,
)
_STATIC_KINDS: Final = frozenset({"image", "font", "stylesheet", "script", "media", "manifest", "texttrack", "ping"})
_SECOND_LEVEL: Final = frozenset({"co", "com", "org", "net", "gov", "ac", "edu", "or", "ne"})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SWITCHED: Final = 101
_SHORTEST_THINK: Final = 500
_LONGEST_THINK: Final = 60_000


@dataclass(slots=True)
class _Entry:
    """One recorded exchange."""

    method: str
    url: str
    address: Address
    request: dict[str, Any]
    response: dict[str, Any]
    kind: str
    started_ms: float | None
    took_ms: float

    @property
    def status(self) -> int:
        return _int(self.response.get("status"))

    @property
    def type(self) -> str:
        return str(_dict(self.response.get("content")).get("mimeType") or "")


def import_har(text: str, name: str, *, think: bool = False) -> Imported:
    """A scenario that sends what was recorded, with pauses as they were where `think` asks for them.

    Raises:
        ImportFailed: It is not an HTTP archive.
    """
    document = parsed(text)
    log = document.get("log")
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise ImportFailed("this is not a HAR: it has no log.entries", hint="export the recording as HAR with content")
    if len(entries) > MOST_ENTRIES:
        raise ImportFailed(f"the archive has more than {MOST_ENTRIES:,} entries", hint="record fewer at once")
    report = Report("requests")
    requests = Requests(report)
    draft = Draft(name)
    kept = _without_redirects(_of_the_site(list(_wanted(entries, report)), report), report)
    last: _Entry | None = None
    for entry in kept:
        call = _call(entry, requests)
        if call is None:
            report.left_out["requests whose method is not valid"] += 1
            continue
        if think and last is not None and (pause := _pause(last, entry)):
            draft.steps.append(Think(pause))
        draft.steps.append(call)
        report.taken += 1
        last = entry
    if not draft.steps:
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in report.left_out.most_common())
        raise ImportFailed(f"nothing of the archive can be sent: {reasons or 'it has no entries'}", hint="record again")
    recognise_logins(draft, report, requests)
    _tell_of_cookies(kept, report)
    if requests.correlator.found:
        report.note(f"{requests.correlator.found:,} values are taken from earlier responses")
    _comment(draft, report)
    return settle(Imported([draft], report), requests)


def _comment(draft: Draft, report: Report) -> None:
    """What was left out, above the scenario: it has no place of its own in the recording."""
    draft.comments += [f"left out: {reason} ({count:,})" for reason, count in report.left_out.most_common()]


def _wanted(entries: list[Any], report: Report) -> Iterator[_Entry]:
    """The entries that a load test sends, in the order of their start."""
    found: list[tuple[float, int, _Entry]] = []
    for index, each in enumerate(entries):
        entry = _entry(each)
        reason = "entries that are not requests of HTTP" if entry is None else _reason(entry)
        if entry is None or reason:
            report.left_out[reason] += 1
        else:
            found.append((entry.started_ms or 0.0, index, entry))
    timed = all(entry.started_ms is not None for *_, entry in found)
    for _, _, entry in sorted(found, key=lambda each: each[:2]) if timed else found:
        yield entry


def _entry(given: Any) -> _Entry | None:  # noqa: ANN401 - any JSON
    entry = _dict(given)
    request, response = _dict(entry.get("request")), _dict(entry.get("response"))
    url, method = request.get("url"), request.get("method")
    if not isinstance(url, str) or not isinstance(method, str):
        return None
    address = address_of(url)
    if address is None:
        return None
    kind = str(entry.get("_resourceType") or "").lower()
    took = entry.get("time")
    took_ms = float(took) if isinstance(took, int | float) and not isinstance(took, bool) else 0.0
    return _Entry(method, url, address, request, response, kind, _moment(entry.get("startedDateTime")), took_ms)


def _reason(entry: _Entry) -> str:
    """Why an entry is left out; empty if it is taken."""
    headers = _pairs(entry.request.get("headers"))
    is_preflight = entry.method.upper() == "OPTIONS" and _header(entry.request, "access-control-request-method")
    reasons = {
        "WebSockets": entry.kind == "websocket" or entry.status == _SWITCHED,
        "CONNECT requests of a proxy": entry.method.upper() == "CONNECT",
        "CORS preflights": bool(is_preflight),
        # An entry that has no response at all was written by a tool, as a request to make.
        "requests without a response (blocked, cached or aborted)": bool(entry.response) and entry.status <= 0,
        "static assets": entry.method.upper() in {"GET", "HEAD"} and _is_static(entry),
        "gRPC calls": any("application/grpc" in each for each in (entry.type, *(value for _, value in headers))),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _is_static(entry: _Entry) -> bool:
    if entry.kind in _STATIC_KINDS or _STATIC_TYPES.match(entry.type):
        return True
    is_data = entry.type.startswith(("application/json", "text/html"))
    return not is_data and _STATIC_NAMES.search(entry.address.path) is not None


def _of_the_site(entries: list[_Entry], report: Report) -> list[_Entry]:
    """Without what other sites were asked: analytics, advertisements, fonts."""
    if not entries:
        return []
    pages = [each for each in entries if each.kind == "document" or each.type.startswith("text/html")]
    counted: dict[str, int] = {}
    for each in pages[:1] or entries:
        counted[_site(each)] = counted.get(_site(each), 0) + 1
    site = max(counted, key=lambda each: counted[each])
    others = sorted({_host(each) for each in entries if _site(each) != site})
    if others:
        shown = ", ".join(others[:8]) + (", …" if len(others) > 8 else "")  # noqa: PLR2004 - a line of them
        gone = sum(_site(each) != site for each in entries)
        report.left_out[f"requests to other sites ({shown})"] += gone
    return [each for each in entries if _site(each) == site]


def _host(entry: _Entry) -> str:
    return urlsplit(entry.address.origin).hostname or ""


def _site(entry: _Entry) -> str:
    """The registrable domain, roughly: `shop.example.co.uk` belongs to `example.co.uk`."""
    host = _host(entry)
    labels = host.split(".")
    if labels[-1].isdigit() or ":" in host:
        return host
    return ".".join(labels[-3:] if len(labels) > 2 and labels[-2] in _SECOND_LEVEL else labels[-2:])  # noqa: PLR2004


def _without_redirects(entries: list[_Entry], report: Report) -> list[_Entry]:
    """Without the requests that follow a redirect: the engine makes them by itself."""
    kept: list[_Entry] = []
    awaited: set[str] = set()
    for entry in entries:
        bare = entry.url.partition("#")[0]
        followed = bare in awaited and entry.method in {"GET", "HEAD", "POST", "PUT"}
        awaited.discard(bare)
        target = entry.response.get("redirectURL") or _header(entry.response, "location")
        if entry.status in _REDIRECTS and isinstance(target, str) and target:
            awaited.add(urljoin(entry.url, target).partition("#")[0])
        if followed:
            report.left_out["requests that follow a redirect, which the engine makes itself"] += 1
        else:
            kept.append(entry)
    return kept


def _call(entry: _Entry, requests: Requests) -> Call | None:
    call = requests.call(entry.method, entry.address)
    if call is None:
        return None
    headers = [(name, value) for name, value in _pairs(entry.request.get("headers")) if name.lower() != "cookie"]
    browser = any(name.lower() in {"user-agent", ":authority"} and _is_browser(value) for name, value in headers)
    content_type = requests.headers(call, headers, browser=browser or None)
    _body(entry, call, requests, content_type)
    if entry.status >= 400:  # noqa: PLR2004 - the first status of an error
        call.expect = entry.status if entry.status <= 599 else None  # noqa: PLR2004
        call.comments.append(f"was answered with {entry.status} when it was recorded")
    requests.correlator.learn(call, _response_text(entry), _pairs(entry.response.get("headers")))
    return call


def _is_browser(value: str) -> bool:
    return value.startswith("Mozilla/") or "." in value


def _body(entry: _Entry, call: Call, requests: Requests, content_type: str | None) -> None:
    data = _dict(entry.request.get("postData"))
    text, params = data.get("text"), data.get("params")
    kind = str(content_type or data.get("mimeType") or "")
    if not isinstance(text, str):
        text = ""
    if text and data.get("encoding") == "base64":
        text = _from_base64(text) or "\0"
    if isinstance(params, list) and params and (not text or kind.startswith("multipart/")):
        _params(params, call, requests, multipart=kind.startswith("multipart/"))
    elif "\0" in text or "\ufffd" in text:
        requests.leave_body(call, "a binary body")
    elif text:
        requests.body(call, text, kind or None)
    elif _int(entry.request.get("bodySize")) > 0:
        requests.leave_body(call, "a body that the recording does not hold")


def _params(params: list[Any], call: Call, requests: Requests, *, multipart: bool) -> None:
    for each in params:
        param = _dict(each)
        name, value = str(param.get("name") or ""), str(param.get("value") or "")
        if param.get("fileName"):
            add_file(call, name, str(param["fileName"]), str(param.get("contentType") or "") or None)
        else:
            call.body.form.append((plain(name), requests.text(value, name)))
    call.body.multipart = multipart and not call.body.parts


def _response_text(entry: _Entry) -> str:
    content = _dict(entry.response.get("content"))
    text = content.get("text")
    if not isinstance(text, str):
        return ""
    return _from_base64(text) if content.get("encoding") == "base64" else text


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text).decode()
    except (binascii.Error, ValueError):
        return ""


def _pause(before: _Entry, entry: _Entry) -> int:
    if before.started_ms is None or entry.started_ms is None:
        return 0
    gap = round((entry.started_ms - before.started_ms - max(before.took_ms, 0.0)) / 100) * 100
    return min(gap, _LONGEST_THINK) if gap >= _SHORTEST_THINK else 0


def _tell_of_cookies(entries: list[_Entry], report: Report) -> None:
    """Says which cookies were set before the recording: no response of it can bring them."""
    known: set[str] = set()
    missing: dict[str, None] = {}
    for entry in entries:
        sent = _header(entry.request, "cookie")
        names = [each.partition("=")[0].strip() for each in sent.split(";")] if sent else []
        missing |= dict.fromkeys(name for name in names if name and name not in known)
        for name, value in _pairs(entry.response.get("headers")):
            if name.lower() == "set-cookie":
                known |= {line.partition("=")[0].strip() for line in value.split("\n")}
    if missing:
        shown = ", ".join(list(missing)[:6]) + (", …" if len(missing) > 6 else "")  # noqa: PLR2004 - a line of them
        report.note(f"cookies set before the recording are not sent ({shown}); log in as a step if they matter")


def _header(message: dict[str, Any], name: str) -> str:
    return next((value for key, value in _pairs(message.get("headers")) if key.lower() == name), "")


def _pairs(given: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - any JSON
    if not isinstance(given, list):
        return []
    pairs = [(each.get("name"), each.get("value")) for each in given if isinstance(each, dict)]
    return [(name, str(value)) for name, value in pairs if isinstance(name, str) and value is not None]


def _dict(given: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    return given if isinstance(given, dict) else {}


def _int(given: Any) -> int:  # noqa: ANN401 - any JSON
    try:
        return int(given)
    except (TypeError, ValueError, OverflowError):
        return 0


def _moment(given: Any) -> float | None:  # noqa: ANN401 - any JSON
    if not isinstance(given, str):
        return None
    try:
        return datetime.fromisoformat(given).timestamp() * 1000
    except (ValueError, OverflowError):
        return None
