"""Command lines of curl: written by hand, or by a browser's "Copy as cURL"."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from loadcore.imports.curl_options import HARMLESS, LETTERS, LETTERS_WITH_VALUE, WITH_VALUE
from loadcore.imports.curl_variables import Variables
from loadcore.imports.documents import ImportFailed
from loadcore.imports.draft import Auth, Call, Draft, Imported, Remark, Report, plain
from loadcore.imports.requests import Requests, add_file, address_of
from loadcore.imports.settle import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_COMMANDS: Final = 10_000


@dataclass(slots=True)
class _Command:
    """What one command line says."""

    line: int
    urls: list[str] = field(default_factory=list)
    method: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    form: list[tuple[str, str]] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    body_file: str | None = None
    json: bool = False
    get: bool = False
    head: bool = False
    insecure: bool = False
    user: str | None = None
    bearer: str | None = None
    cookie: str | None = None
    timeout: str | None = None
    left_out: list[str] = field(default_factory=list)


def import_curl(text: str, name: str) -> Imported:
    """A scenario with a step for each command.

    Raises:
        ImportFailed: No curl command was found, or a quote is not closed.
    """
    report = Report("commands")
    requests = Requests(report)
    draft = Draft(name)
    variables = Variables(requests.secrets)
    variables.learn(text.replace("\r\n", "\n"))
    commands = [_parsed(words, line) for words, line in _commands(text, variables)]
    within = len(_WITHIN.findall(_tamed(text, variables)))
    if not commands and within:
        raise ImportFailed(
            f"all {within} curl commands here are within $(…), which only a shell can run",
            hint="write each out on a line of its own, with its URL",
        )
    if not commands:
        raise ImportFailed("this holds no curl command", hint='each command begins with "curl"')
    if within:
        report.left_out["commands within $(…)"] += within
    for command in commands:
        _add(command, draft, requests, variables)
    if not report.taken:
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in report.left_out.most_common())
        raise ImportFailed(f"none of the commands can be sent: {reasons}", hint="write out their URLs")
    if variables.bases:
        names = ", ".join(f"${each}" for each in list(variables.bases)[:5])
        report.note(f"the file has no value for {names}: --base-url takes its place")
    if variables.changed:
        names = ", ".join(f"${each}" for each in list(variables.changed)[:5])
        report.note(f"the script gives {names} several values: the scenario has the first of each")
    if any(each.insecure for each in commands):
        draft.insecure = True
    return settle(Imported([draft], report), requests)


def _commands(text: str, variables: Variables) -> Iterator[tuple[list[str], int]]:
    """The words of each command that is curl, and its line."""
    found = 0
    for words, line in _split(_tamed(text.replace("\r\n", "\n"), variables)):
        for start, word in enumerate(words):
            if PurePosixPath(word.lower().replace("\\", "/")).name in {"curl", "curl.exe"}:
                found += 1
                if found > _MOST_COMMANDS:
                    raise ImportFailed(f"there are more than {_MOST_COMMANDS:,} commands", hint="import fewer at once")
                yield words[start + 1 :], line
                break
            if "=" not in word and word not in {"$", "time", "sudo", "command", "exec", "env", "!"}:
                break


def _split(text: str) -> Iterator[tuple[list[str], int]]:
    """Commands by their words, as a shell would split them, and their lines."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    line = began = 1
    try:
        for token in lexer:
            if token and set(token) <= {";", "&", "|", "\n"}:
                if words:
                    yield words, began
                words = []
            elif token != _CONTINUED:
                began = began if words else line
                words.append(token)
            line += 1 if token == _CONTINUED else token.count("\n")
    except ValueError as error:
        what = "a quote does not close" if "quotation" in str(error) else "a backslash ends the file"
        raise ImportFailed(f"line {began if words else line}: {what}", hint="copy the whole command") from None
    if words:
        yield words, began


_WITHIN = re.compile(r"(?:\$\(|`)\s*curl(?:\.exe)?\s")
_CONTINUED = "\x01"
_ANSI = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_QUOTED = re.compile(r"\$'(?:[^'\\]|\\.)*'|'[^']*'|\"(?:[^\"\\]|\\.)*\"|[\^`]\n|\\.|(?<!\S)#[^\n]*", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b", "0": "\0"}


def _tamed(text: str, variables: Variables) -> str:
    """The text without comments and variables, with `$'…'` as plain quotes, and a mark where a line is continued."""
    pieces: list[str] = []
    position = 0
    for found in _QUOTED.finditer(text):
        pieces.append(variables.filled(text[position : found.start()], quoted=False))
        quoted = _ANSI.fullmatch(found[0])
        if quoted:
            pieces.append(shlex.quote(_ESCAPE.sub(_unescaped, quoted[1])))
        elif found[0].endswith("\n") and len(found[0]) == 2:  # noqa: PLR2004 - a mark and the end of its line
            pieces.append(f" {_CONTINUED} ")
        elif found[0].startswith('"'):
            # shlex keeps the backslash of `\$`, which a shell takes away.
            pieces.append(re.sub(r"\\([$`])", r"\1", variables.filled(found[0], quoted=True)))
        elif not found[0].startswith("#"):
            pieces.append(found[0])
        position = found.end()
    return "".join([*pieces, variables.filled(text[position:], quoted=False)])


def _unescaped(found: re.Match[str]) -> str:
    four, eight, two, octal, one = found.groups()
    if one is not None:
        return _NAMED.get(one, one)
    number = int(octal, 8) if octal else int(four or eight or two, 16)
    return chr(number) if number <= sys.maxunicode else "\ufffd"


def _parsed(words: list[str], line: int) -> _Command:
    command = _Command(line)
    left = list(words)
    while left:
        word = left.pop(0)
        for option, value in _options(word, left):
            _take(command, option, value)
    return command


def _options(word: str, left: list[str]) -> Iterator[tuple[str, str]]:
    """What a word says: an URL, a long option, or short ones written together."""
    if not word.startswith("-") or word == "-":
        if re.fullmatch(r"\d?>+.*|<.*", word):
            if word in {">", ">>", "<", "2>"} and left:
                left.pop(0)
            return
        yield "--url", word
    elif word.startswith("--"):
        name, equals, attached = word.partition("=")
        if name in WITH_VALUE:
            yield name, attached if equals else (left.pop(0) if left else "")
        else:
            yield name, ""
    else:
        for position, letter in enumerate(word[1:], 1):
            if f"-{letter}" in LETTERS_WITH_VALUE:
                rest = word[position + 1 :]
                yield LETTERS_WITH_VALUE[f"-{letter}"], rest or (left.pop(0) if left else "")
                return
            yield LETTERS.get(letter, f"-{letter}"), ""


def _take(command: _Command, option: str, value: str) -> None:
    taker = _TAKERS.get(option)
    if taker is not None:
        taker(command, value)
    elif option not in HARMLESS:
        command.left_out.append(option)


def _header(command: _Command, value: str) -> None:
    if value.startswith("@"):
        command.left_out.append("--header @file")
        return
    name, colon, content = value.partition(":")
    if not colon and value.endswith(";"):
        name = value[:-1]
    if name.strip().lower() == "cookie":
        command.cookie = content.strip()
    elif content.strip() or not colon:
        command.headers.append((name, content.strip()))


def _data(command: _Command, value: str, *, files: bool = True) -> None:
    if files and value.startswith("@"):
        command.body_file = value
        return
    command.data.append(value)


def _urlencode(command: _Command, value: str) -> None:
    from urllib.parse import quote  # noqa: PLC0415 - rarely needed

    name, equals, content = value.partition("=")
    if not equals and "@" in value:
        command.body_file = value
    elif not equals:
        command.data.append(quote(value, safe=""))
    else:
        command.data.append(f"{name}={quote(content, safe='')}" if name else quote(content, safe=""))


def _json(command: _Command, value: str) -> None:
    command.json = True
    _data(command, value)


def _set(name: str) -> Callable[[_Command, str], None]:
    def taker(command: _Command, value: str) -> None:
        setattr(command, name, value)

    return taker


def _flag(name: str) -> Callable[[_Command, str], None]:
    def taker(command: _Command, _: str) -> None:
        setattr(command, name, True)

    return taker


def _form(command: _Command, value: str, *, files: bool = True) -> None:
    name, _, content = value.partition("=")
    command.form.append((name, content if files else f"\0{content}"))


_TAKERS: Final[dict[str, Callable[[_Command, str], None]]] = {
    "--url": lambda command, value: command.urls.append(value),
    "--request": _set("method"),
    "--header": _header,
    "--data": _data,
    "--data-ascii": _data,
    "--data-binary": _data,
    "--data-raw": lambda command, value: _data(command, value, files=False),
    "--data-urlencode": _urlencode,
    "--url-query": lambda command, value: command.query.append(value),
    "--json": _json,
    "--form": _form,
    "--form-string": lambda command, value: _form(command, value, files=False),
    "--user": _set("user"),
    "--oauth2-bearer": _set("bearer"),
    "--cookie": _set("cookie"),
    "--user-agent": lambda command, value: command.headers.append(("User-Agent", value)),
    "--referer": lambda command, value: command.headers.append(("Referer", value)),
    "--max-time": _set("timeout"),
    "--get": _flag("get"),
    "--head": _flag("head"),
    "--insecure": _flag("insecure"),
}


def _add(command: _Command, draft: Draft, requests: Requests, variables: Variables) -> None:
    """Adds the requests of a command to the scenario."""
    if not command.urls:
        draft.steps.append(Remark(f"left out: line {command.line}, a curl command without a URL"))
        requests.report.left_out["commands without a URL"] += 1
    taken = False
    for url in command.urls:
        path = variables.without_base(url)
        call = _call(command, url if path is None else f"http://localhost{path}", requests)
        if call is not None and path is not None:
            del requests.origins[id(call)]
        if call is None:
            draft.steps.append(Remark(f"left out: line {command.line}, {url[:200]!r} is not a URL of HTTP"))
            requests.report.left_out["URLs that are not of HTTP"] += 1
        else:
            draft.steps.append(call)
            taken = True
    requests.report.taken += taken


def _call(command: _Command, url: str, requests: Requests) -> Call | None:
    data = "&".join(command.data) if not command.json else "".join(command.data)
    query = [*command.query, *([data] if command.get and data else [])]
    if query:
        bare, _, fragment = url.partition("#")
        url = bare + ("&" if "?" in bare else "?") + "&".join(query) + (f"#{fragment}" if fragment else "")
    address = address_of(url if "://" in url else f"http://{url}")
    call = None if address is None else requests.call(_method(command), address)
    if call is None:
        return None
    headers = list(command.headers)
    content_type = requests.headers(call, headers)
    if command.json:
        content_type = content_type or "application/json"
    if command.data and not command.get:
        requests.body(call, data, content_type or "application/x-www-form-urlencoded")
    if command.body_file is not None:
        requests.leave_body(call, f"the body, which is the file {command.body_file.lstrip('@')}")
    if command.form:
        _multipart(command, call, requests)
    _credentials(command, call, requests)
    if command.timeout and re.fullmatch(r"\d{1,6}(?:\.\d{1,3})?", command.timeout) and float(command.timeout) > 0:
        call.timeout = f"{command.timeout}s"
    for option in dict.fromkeys(command.left_out):
        call.comments.append(f"left out: {option}")
        requests.report.left_out[option.partition(",")[0].partition(" @")[0]] += 1
    return call


def _method(command: _Command) -> str:
    if command.method:
        return command.method
    if command.head:
        return "HEAD"
    return "POST" if (command.data or command.form or command.body_file) and not command.get else "GET"


def _credentials(command: _Command, call: Call, requests: Requests) -> None:
    if command.user is not None:
        user, _, password = command.user.partition(":")
        call.auth = requests.basic(user, password)
    if command.bearer:
        call.auth = Auth("bearer", [requests.secrets.hide(command.bearer, "API_TOKEN", "the bearer token")])
    if command.cookie and "=" in command.cookie:
        call.headers.append(("Cookie", requests.secrets.hide(command.cookie, "COOKIE", "the Cookie header")))
        requests.report.note("COOKIE holds one session, which all users share; a login as a step gives each its own")
        for pair in command.cookie.split(";"):
            value = pair.partition("=")[2].strip()
            if len(value) >= 16:  # noqa: PLR2004 - a session, not a flag
                requests.secrets.hide(value, "COOKIE_VALUE")
    elif command.cookie:
        command.left_out.append("--cookie, a file: each user keeps the cookies it receives")


def _multipart(command: _Command, call: Call, requests: Requests) -> None:
    for name, content in command.form:
        if content.startswith(("@", "<")):
            filename, *attributes = content[1:].split(";")
            types = [each.partition("=")[2] for each in attributes if each.strip().startswith("type=")]
            add_file(call, name, filename.strip('"'), types[0] if types else None)
        else:
            call.body.form.append((plain(name), requests.secrets.text(content.removeprefix("\0"), name)))
    call.body.multipart = not call.body.parts
