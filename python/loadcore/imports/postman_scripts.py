"""The two things that scripts of a collection mostly do: keep a value of the response, and expect a status."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from loadcore.imports.correlation import member
from loadcore.imports.draft import Extract
from loadcore.imports.names import identifier

if TYPE_CHECKING:
    from loadcore.imports.draft import Call, Report

_LONGEST: Final = 200_000
_PATH: Final = r"""((?:\??\.[A-Za-z_]\w*|(?:\?\.)?\[\d+\]|(?:\?\.)?\[(?:"[^"\n]*"|'[^'\n]*')\])*)"""
_SET: Final = re.compile(
    r"""(?:pm\.(?:environment|globals|collectionVariables|variables)\.set|postman\.set(?:Environment|Global)Variable)"""
    r"""\(\s*["']([^"'\n]{1,100})["']\s*,\s*([^;\n]+?)\s*\)\s*(?:;|$)""",
    re.MULTILINE,
)
_ASSIGNED: Final = re.compile(r"(?:var|let|const)\s+([A-Za-z_$]\w*)\s*=\s*([^;\n]+?)\s*(?:;|$)", re.MULTILINE)
_JSON: Final = re.compile(r"(?:pm\.response\.json\(\)|JSON\.parse\((?:responseBody|pm\.response\.text\(\))\))" + _PATH)
_NAMED: Final = re.compile(r"([A-Za-z_$]\w*)" + _PATH)
_HEADER: Final = re.compile(r"""(?:pm\.response\.headers\.get|postman\.getResponseHeader)\(["']([\w-]+)["']\)""")
_PART: Final = re.compile(r"""\.([A-Za-z_]\w*)|\[(\d+)\]|\[(?:"([^"]*)"|'([^']*)')\]""")
_STATUS: Final = re.compile(
    r"pm\.response\.to\.have\.status\((\d{3})\)|pm\.expect\(pm\.response\.code\)\.to\.(?:equal|eql|be\.equal)\((\d{3})\)"
    r"|responseCode\.code\s*===?\s*(\d{3})"
)


def names_set(items: list[Any], depth: int = 0) -> set[str]:
    """The names of variables that scripts set from a response, anywhere in a collection."""
    found: set[str] = set()
    for each in items if depth < 20 else ():  # noqa: PLR2004 - as deep as folders are read
        if isinstance(each, dict):
            found |= set(_extracts(_script(each.get("event"), "test")))
            if isinstance(each.get("item"), list):
                found |= names_set(each["item"], depth + 1)
    return found


def apply_scripts(call: Call, events: Any, report: Report) -> None:  # noqa: ANN401 - any JSON
    """Takes over what the scripts of a request do, where it is one of the patterns, and says that the rest is not."""
    script = _script(events, "test")
    extracts = _extracts(script)
    for name, extract in extracts.items():
        call.extract[identifier(name)] = extract
    statuses = {int(status) for found in _STATUS.findall(script) for status in found if status}
    if len(statuses) == 1:
        call.expect = statuses.pop()
    rest = re.sub(r"\s+", "", _STATUS.sub("", _SET.sub("", _ASSIGNED.sub("", script))))
    if re.search(r"pm\.expect|pm\.test|\.set\(|setNextRequest|sendRequest|if\(|tests\[", rest) and not (
        rest.count("pm.test") == 1 and "pm.expect" not in rest and call.expect is not None
    ):
        kept = " (what it sets from the response is taken over)" if extracts else ""
        call.comments.append(f"left out: a test script{kept}; see checks=")
        report.left_out["test scripts, or parts of them"] += 1
    if _script(events, "prerequest").strip():
        call.comments.append("left out: a script before the request")
        report.left_out["scripts before a request"] += 1


def _script(events: Any, kind: str) -> str:  # noqa: ANN401 - any JSON
    lines: list[str] = []
    for each in events if isinstance(events, list) else ():
        script = each.get("script") if isinstance(each, dict) and each.get("listen") == kind else None
        code = script.get("exec") if isinstance(script, dict) else None
        lines += [str(line) for line in code] if isinstance(code, list) else [str(code)] if code else []
    text = "\n".join(lines)[:_LONGEST]
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


def _extracts(script: str) -> dict[str, Extract]:
    known: dict[str, str] = {}
    for name, expression in _ASSIGNED.findall(script):
        path = _path(expression, known)
        if path is not None:
            known[name] = path
    found: dict[str, Extract] = {}
    for name, expression in _SET.findall(script):
        header = _HEADER.fullmatch(expression)
        path = _path(expression, known)
        if header:
            found[name] = Extract("header", header[1])
        elif path is not None and path != "$":
            found[name] = Extract("json", path)
    return found


def _path(expression: str, known: dict[str, str]) -> str | None:
    """The JSONPath of an expression; None if it is not one of the response."""
    expression = re.sub(r"\.toString\(\)$", "", expression.strip())
    direct = _JSON.fullmatch(expression)
    if direct:
        return "$" + _steps(direct[1])
    named = _NAMED.fullmatch(expression)
    if named and named[1] in known:
        return known[named[1]] + _steps(named[2])
    return None


def _steps(path: str) -> str:
    parts = _PART.findall(path.replace("?.", ".").replace(".[", "["))
    return "".join(f"[{index}]" if index else member(name or double or single) for name, index, double, single in parts)
