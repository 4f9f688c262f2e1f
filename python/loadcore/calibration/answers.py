"""What the null target answers to each step: checks hold and extracts find something, as far as that is known."""

from __future__ import annotations

import contextlib
import json
import operator
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadcore.plan.document import ClaimPlan, ComparisonPlan, ExtractFromPlan, Range, StepPlan

FOUND: Final = "7"
"""What an extract finds where nothing says what it should: a word, a number and a part of a path in one."""
TOKEN: Final = {"access_token": "calibration", "token_type": "Bearer", "expires_in": 3600, "refresh_token": FOUND}

_SEGMENT: Final = re.compile(
    r"""\.(?P<name>[\w-]+)|\[\s*(?:'(?P<single>[^'\\]*)'|"(?P<double>[^"\\]*)"|(?P<index>\d{1,3})|(?P<all>\*))\s*\]|(?P<any>\.\*)"""
)
_GROUP: Final = re.compile(r"\((?:\?P<\w+>)?(?![?])(?:[^()\\]|\\.)*\)")
_WORDS: Final = (FOUND, "a", "0a1b2c3d", "2026-01-01", "https://127.0.0.1/")
_OWN_HEADERS: Final = {
    "content-length",
    "transfer-encoding",
    "connection",
    "content-encoding",
    "location",
    "set-cookie",
}
_WITHOUT_BODY: Final = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
_STATUSES: Final = (200, 201, 202, 204, 301, 400, 401, 403, 404, 409, 422, 429, 500, 503)
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LARGEST: Final = 1 << 20


@dataclass
class Answer:
    """A response in the making."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    document: Any = None
    """JSON, as far as paths ask for it."""
    texts: list[str] = field(default_factory=list)
    length: int = 0
    """The body's least length."""

    @property
    def body(self) -> str:
        """The body: the document with the strings in it, or only the strings."""
        text = " ".join(self.texts).ljust(self.length, "-")
        if self.document is None:
            return text or "ok"
        document = self.document
        if text:
            document = {**document, "text": text} if isinstance(document, dict) else [*document, text]
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))

    def to_bytes(self, method: str) -> bytes:
        """The whole response."""
        body = b"" if self.status in _WITHOUT_BODY else self.body.encode()
        kind = "text/plain" if self.document is None else "application/json"
        headers = {"Content-Type": kind, **self.headers, "Content-Length": str(len(body))}
        if self.status in _WITHOUT_BODY:
            del headers["Content-Length"]
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {self.status} {_phrase(self.status)}\r\n{lines}\r\n"
        return head.encode() + (b"" if method == "HEAD" else body)


def answer_to(step: StepPlan, sources: Sequence[tuple[ExtractFromPlan, object]] = ()) -> tuple[Answer, list[str]]:
    """The answer to a step, and what of it no answer could be made for: names of checks and variables.

    Args:
        step: A request.
        sources: What else is looked for in the response, and what should be found there.
    """
    answer = Answer(_status(step))
    # Checks with a fixed value come first: they decide what else fits in their place.
    checks = sorted(step.get("checks", ()), key=lambda check: "compare" not in check["claim"])
    tried = [
        *((f"check {check['name']}", _claimed(check["claim"], answer)) for check in checks),
        *((f"extract {each['variable']}", _given(each["from"], FOUND, answer)) for each in step.get("extracts", ())),
        *(("the token", _given(source, value, answer)) for source, value in sources),
    ]
    return answer, [what for what, is_there in tried if not is_there]


def _status(step: StepPlan) -> int:
    """A status that is expected and that the checks claim."""
    claims = [check["claim"]["ranges"] for check in step.get("checks", ()) if check["claim"]["kind"] == "status"]
    expected: Sequence[Range] = step.get("expect", [(200, 299)])
    named = [first for ranges in (expected, *claims) for first, _ in ranges]
    fitting = [status for status in (*_STATUSES, *named) if status >= HTTPStatus.OK and _within(status, expected)]
    return max(fitting, key=lambda status: sum(_within(status, ranges) for ranges in claims), default=200)


def _within(status: int, ranges: Sequence[Range]) -> bool:
    return any(first <= status <= last for first, last in ranges)


def _claimed(claim: ClaimPlan, answer: Answer) -> bool:
    """Makes a claim hold; False if it does not."""
    compare = claim.get("compare")
    match claim["kind"]:
        case "status":
            return _within(answer.status, claim["ranges"])
        case "header" | "json":
            value: object = FOUND if compare is None else _value_for(compare)
            source: ExtractFromPlan = (
                {"kind": "header", "name": claim["header"]}
                if claim["kind"] == "header"
                else {"kind": "json", "path": claim["path"]}
            )
            return value is not _NOTHING and _given(source, value, answer)
        case "contains":
            return _has_text(claim["text"], answer)
        case "regex":
            return _matches(claim["pattern"], answer)
        case "size":
            return _has_size(compare, answer)
        case _:
            return True


class _Nothing:
    """That no value is known."""


_NOTHING: Final = _Nothing()


def _value_for(compare: ComparisonPlan) -> object:
    """A value for which a comparison holds."""
    wanted = compare["value"]
    if isinstance(wanted, dict):
        wanted = json.loads(wanted["json"])
    if isinstance(wanted, str) and "{" in wanted:
        return _NOTHING  # It is another one in each request.
    candidates = [wanted]
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        candidates += [wanted + 1, wanted - 1]
    candidates += [FOUND, "a"]
    compared = _COMPARE.get(compare["operator"])
    for candidate in candidates if compared else ():
        with contextlib.suppress(TypeError):
            if compared is not None and compared(candidate, wanted):
                return candidate
    return _NOTHING


def _given(source: ExtractFromPlan, value: object, answer: Answer) -> bool:
    """Puts a value where it is looked for; False if there is no such place."""
    match source["kind"]:
        case "header":
            return _has_header(source["name"], value, answer)
        case "regex":
            return _matches(source["pattern"], answer)
        case _:
            return _has_value(source["path"], value, answer)


def _has_header(name: str, value: object, answer: Answer) -> bool:
    if name.lower() in _OWN_HEADERS:
        return name.lower() == "content-length"
    text = value if isinstance(value, str) else json.dumps(value)
    known = {each.lower(): held for each, held in answer.headers.items()}
    if name.lower() in known:
        return value == FOUND or known[name.lower()] == text
    if not text.isprintable() or not text.isascii():
        return False
    answer.headers[name] = text
    return True


def _has_text(text: str, answer: Answer) -> bool:
    if "{" in text.replace("{{", ""):
        return False
    text = text.replace("{{", "{").replace("}}", "}")
    if text in answer.body:
        return True
    answer.texts.append(text)
    if text in answer.body:
        return True
    answer.texts.pop()
    return False


def _has_size(compare: ComparisonPlan | None, answer: Answer) -> bool:
    if compare is None or not isinstance(wanted := compare["value"], int):
        return True
    compared = _COMPARE[compare["operator"]]
    if not compared(len(answer.body.encode()), wanted) and compare["operator"] in {">", ">=", "=="}:
        answer.length = min(wanted + 1, _LARGEST)
    return compared(len(answer.body.encode()), wanted)


def _matches(pattern: str, answer: Answer) -> bool:
    """Puts a string there that a regular expression finds, for those that hold their string but for some groups."""
    for word in _WORDS:
        text = _GROUP.sub(lambda _, word=word: word, pattern)  # type: ignore[misc]
        text = re.sub(r"\\s[*+]?", " ", text)
        text = re.sub(r"\\d\+?|\\w\+?|\[[^\]]*\][+*]?|\.[+*]\??", word, text)
        text = re.sub(r"\\(.)", r"\1", text.removeprefix("^").removesuffix("$"))
        try:
            found = re.search(pattern, text)
        except (re.error, RecursionError):
            return False
        if found is not None and _has_text(text.replace("{", "{{").replace("}", "}}"), answer):
            return re.search(pattern, answer.body) is not None
    return False


def _has_value(path: str, value: object, answer: Answer) -> bool:
    """Puts a value at a JSONPath; False for paths that name no single place, and where another value stands."""
    segments = _segments(path)
    if segments is None:
        return False
    holder: list[Any] = [answer.document]
    place: Any = holder
    key: str | int = 0
    for segment in segments:
        opened = _opened(place.get(key) if isinstance(place, dict) else place[int(key)], segment)
        if opened is None:
            return False
        place[key] = opened
        place, key = opened, segment
        if isinstance(place, list):
            place.extend([None] * (int(key) + 1 - len(place)))
    is_there = key in place if isinstance(place, dict) else place[int(key)] is not None
    if not is_there:
        place[key] = value
    elif place[key] is None or value not in (place[key], FOUND):
        return False  # JSON's null counts as missing.
    answer.document = holder[0]
    return isinstance(answer.document, dict | list)


def _opened(there: object, segment: str | int) -> dict[str, Any] | list[Any] | None:
    """The value there, if it can hold the segment; made if there is nothing; `None` if it cannot."""
    if there is None:
        return {} if isinstance(segment, str) else []
    fitting = dict if isinstance(segment, str) else list
    return there if isinstance(there, fitting) else None


def _segments(path: str) -> list[str | int] | None:
    """The names and indices of a path; the first of all for a wildcard. `None` for filters, slices and descendants."""
    if not path.startswith("$"):
        return None
    found: list[str | int] = []
    at = 1
    while at < len(path):
        match = _SEGMENT.match(path, at)
        if match is None:
            return None
        name = match["name"] or match["single"] or match["double"]
        if name is not None:
            found.append(name)
        elif match["any"]:
            found.append("any")
        else:
            found.append(int(match["index"] or 0))
        at = match.end()
    return found


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
