"""The options of a k6 script: scenarios, stages and thresholds. What its functions do is not converted."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from loadcore.imports.documents import ImportFailed, parsed
from loadcore.imports.draft import Call, Draft, Imported, Report, plain
from loadcore.imports.javascript import UNKNOWN, NotALiteral, Reader
from loadcore.imports.k6_load import load_of
from loadcore.imports.k6_thresholds import thresholds_of
from loadcore.imports.requests import Requests, address_of
from loadcore.imports.settle import settle

_OPTIONS: Final = re.compile(r"^\s*(?:export\s+)?(?:const|let|var)\s+options\s*(?::\s*\w+\s*)?=\s*", re.MULTILINE)
_CONSTANT: Final = re.compile(
    r"^\s*(?:export\s+)?(?:const|let|var)\s+([A-Za-z_$]\w*)\s*(?::\s*\w+\s*)?=\s*", re.MULTILINE
)
_URL: Final = re.compile(r"""["'`](https?://[^"'`$\s]+)""")
_CALLS: Final = re.compile(r"""\bhttp\.(get|post|put|patch|del|head|options)\(\s*([`"'])([^`"'\n]{1,100})\2""")
_MOST_CALLS: Final = 20
_TAKEN: Final = frozenset(
    {"vus", "duration", "iterations", "stages", "scenarios", "thresholds", "insecureSkipTLSVerify"}
)


def import_k6_options(text: str, name: str) -> Imported:
    """A scenario for each of the script's, with its load and thresholds, and a request to replace.

    Raises:
        ImportFailed: The script exports no options that can be read.
    """
    options = _options(text)
    report = Report("options")
    requests = Requests(report)
    scenarios = options.get("scenarios")
    given = scenarios if isinstance(scenarios, dict) and scenarios else {name: options}
    known = {each: value for each, value in given.items() if isinstance(value, dict)}
    drafts = [_draft(str(each), value, text, requests) for each, value in known.items()]
    if not drafts:
        raise ImportFailed("the options have no scenario that is written out", hint="replace variables by their values")
    stops = {draft.graceful_stop for draft in drafts}
    if len(stops) > 1:
        report.left_out["gracefulStop: it differs between scenarios, and is one for the whole run here"] += 1
        for draft in drafts:
            draft.graceful_stop = None
    imported = Imported(drafts, report)
    thresholds_of(options.get("thresholds"), {draft.name for draft in drafts}, imported)
    for option in sorted(options.keys() - _TAKEN):
        report.left_out[f"option {option[:40]}"] += 1
        imported.comments.append(f"left out: the option {option[:40]}")
    if options.get("insecureSkipTLSVerify") is True:
        for draft in drafts:
            draft.insecure = True
    report.note("what the functions of the script do is not converted: replace the request of each scenario")
    return settle(imported, requests)


def _options(text: str) -> dict[str, Any]:
    """The options of a script, or of a JSON file as `k6 run --config` takes it."""
    if text.lstrip().startswith("{"):
        document = parsed(text)
        inner = document.get("options")
        return inner if isinstance(inner, dict) else document
    found = _OPTIONS.search(text)
    if found is None:
        raise ImportFailed(
            "the script exports no options", hint="write export const options = { … }, or set the load by hand"
        )
    reader = Reader(text)
    for constant in _CONSTANT.finditer(text[: found.start()]):
        try:
            value = reader.at(constant.end())
        except NotALiteral:
            continue
        if value is not UNKNOWN:
            reader.known[constant[1]] = value
    try:
        options = reader.at(found.end())
    except NotALiteral:
        line = text.count("\n", 0, found.end()) + 1
        raise ImportFailed(
            f"{line}: the options end within a bracket", hint="check that the file is complete"
        ) from None
    if not isinstance(options, dict):
        raise ImportFailed("the options are not written out as an object", hint="replace the call by its result")
    return options


def _draft(name: str, given: dict[str, Any], text: str, requests: Requests) -> Draft:
    draft = Draft(re.sub(r"[\x00-\x1f\x7f]+", " ", name).strip() or "scenario")
    load_of(given, draft, requests.report)
    function = given.get("exec")
    shown = function if isinstance(function, str) else "default"
    call = Call("GET", plain("/"))
    call.comments.append(f"not converted: the function {shown[:60]} of the script; write its requests here")
    for method, _, url in list(dict.fromkeys(_CALLS.findall(text)))[:_MOST_CALLS]:
        call.comments.append(f"the script requests: {method.upper().replace('DEL', 'DELETE')} {url}")
    draft.steps = [call]
    own = re.sub(r"^\s*import\b.*$", "", text, flags=re.MULTILINE)
    address = next((each for each in map(address_of, _URL.findall(own)) if each is not None), None)
    if address is not None and urlsplit(address.origin).hostname:
        draft.base_url = address.origin
    return draft
