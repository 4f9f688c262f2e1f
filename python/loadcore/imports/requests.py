"""A request of any file as a call: its URL taken apart, headers that matter, credentials out, the body by its type."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from loadcore.imports.correlation import Correlator
from loadcore.imports.draft import Auth, Body, Call, Part, Report, Template, plain, templated
from loadcore.imports.names import is_id, templated_path
from loadcore.imports.secrets import Secrets, names_secret

if TYPE_CHECKING:
    from loadcore.imports.draft import Json

LARGEST_BODY: Final = 64 * 1024
"""Characters. A larger body is not something to read in a scenario."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BY_ENGINE: Final = frozenset({
    "host", "content-length", "connection", "proxy-connection", "transfer-encoding", "keep-alive", "te", "upgrade",
    "accept-encoding", "expect", "trailer",
})  # fmt: skip
_OF_BROWSERS: Final = frozenset({
    "accept-language", "cache-control", "pragma", "dnt", "priority", "upgrade-insecure-requests", "referer", "origin",
    "user-agent", "if-none-match", "if-modified-since", "alt-used", "x-client-data", "purpose", "save-data", "rtt",
    "downlink", "ect", "device-memory", "viewport-width", "x-devtools-emulate-network-conditions-client-id",
})  # fmt: skip
_VARIABLE: Final = re.compile(r"(?<!\{)\{[a-z]")
_NAMED_VALUE: Final = re.compile(r"""(["']?\b([\w-]{2,40})["']?\s*[:=>]\s*["']?)([^"'\s&<>,;]{3,})""", re.IGNORECASE)
_LONG_SEGMENT: Final = 12
_URL_SAFE: Final = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Address:
    """A URL, taken apart."""

    origin: str
    path: str
    query: str
    user: str | None = None
    password: str | None = None


def address_of(url: str) -> Address | None:
    """The parts of an absolute URL; None if it cannot be requested."""
    if any(ord(each) <= ord(" ") or each == "\x7f" for each in url.strip()):
        url = quote(url.strip(), safe=_URL_SAFE + '?#[]{}"<>|^\\`')
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or parts.netloc.endswith(":"):
        return None
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return None
    if re.search(r"[\s{}\"'<>\\^`|]", host):
        return None
    found = (unquote(name), unquote(password)) if at else (None, None)
    return Address(f"{parts.scheme}://{host}", parts.path or "/", parts.query, *found)


def path_of(path: str) -> Template:
    """A path as a request has it."""
    return plain(quote(path, safe=_URL_SAFE))


@dataclass(slots=True)
class Requests:
    """Makes the calls of one file."""

    report: Report
    secrets: Secrets = field(default_factory=Secrets)
    origins: dict[int, str] = field(default_factory=dict)
    """The origin of each call, by its identity, until `settle` knows which one is the base URL."""
    correlator: Correlator = field(default_factory=Correlator)

    def call(self, method: str, address: Address) -> Call | None:
        """A call without headers and body; None for a method that is not one."""
        method = method.strip()
        if not _TOKEN.fullmatch(method):
            return None
        path = self.path(address.path)
        call = Call(method, path)
        readable = templated_path(address.path)
        if readable is not None and not _VARIABLE.search(path):
            call.name = f"{method} {readable}"
        for name, value in parse_qsl(address.query, keep_blank_values=True, max_num_fields=None):
            if not name:
                call.comments.append("left out: a query parameter without a name")
                self.report.left_out["parameters without a name"] += 1
                continue
            secret = names_secret(name) or name.lower() in {"key", "code"}
            found = self.correlator.find(value, name) if value else None
            hidden = self.secrets.hide(value, name) if secret and value and found is None else None
            call.params.append((plain(name), found or hidden or self.secrets.text(value, name)))
        if address.user is not None:
            call.auth = self.basic(address.user, address.password or "")
        self.origins[id(call)] = address.origin
        return call

    def path(self, path: str) -> Template:
        """A path; segments that came from a response are variables."""
        segments = [self._segment(each) for each in path.split("/")]
        return Template("/".join(segments))

    def _segment(self, segment: str) -> Template:
        found = self.correlator.find(unquote(segment)) if is_id(segment) or len(segment) >= _LONG_SEGMENT else None
        return found or self.secrets.swept(path_of(segment))

    def text(self, value: str, name: str) -> Template:
        """A value of a request: from a response, a credential, or as it is."""
        found = self.correlator.find(value, name) if value else None
        return found or self.secrets.text(value, name)

    def basic(self, user: str, password: str) -> Auth:
        """Basic authentication, its credentials out."""
        if not user:
            what = f"Basic {base64.b64encode(f':{password}'.encode()).decode()}"
            return Auth("api_key", [self.secrets.hide(what, "AUTHORIZATION")], {"header": plain("Authorization")})
        hidden = self.secrets.hide(password, "API_PASSWORD", "the password") if password else Template("")
        return Auth("basic", [self.secrets.hide(user, "API_USER", "the user name"), hidden])

    def headers(self, call: Call, headers: list[tuple[str, str]], *, browser: bool | None = None) -> str | None:
        """Gives a call its headers, and its authentication; the content type is returned."""
        if browser is None:
            browser = any(name.lower().startswith(("sec-fetch-", "sec-ch-")) for name, _ in headers)
        content_type = None
        for given, value in headers:
            name = given.strip()
            lower = name.lower()
            if lower == "content-type":
                content_type = value.strip()
            elif lower == "authorization":
                call.auth = self.authorization(value.strip())
            elif not _is_left(lower, browser=browser):
                if _TOKEN.fullmatch(name):
                    call.headers.append((name, self.header(name, value)))
                else:
                    call.comments.append(f"left out: the header {name[:60]!r}, which is not a name of one")
                    self.report.left_out["headers whose names are not valid"] += 1
        return content_type

    def header(self, name: str, value: str) -> Template:
        """The value of a header: one line."""
        value = re.sub(r"[\x00-\x08\x0a-\x1f\x7f]+", " ", value).strip()
        if not value.isascii():
            value = quote(value, safe="".join(chr(each) for each in range(32, 127)))
        return self.text(value, name)

    def authorization(self, value: str) -> Auth:
        """What an `Authorization` header says, its credentials out."""
        scheme, _, rest = value.partition(" ")
        rest = rest.strip()
        found = self.correlator.find(rest)
        if found is not None and scheme.lower() == "bearer":
            return Auth("bearer", [found])
        if scheme.lower() == "bearer" and rest:
            return Auth("bearer", [self.secrets.hide(rest, "API_TOKEN", "the token of the Authorization header")])
        if scheme.lower() == "basic" and rest:
            try:
                user, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError, ValueError):
                pass
            else:
                self.secrets.names.setdefault(rest, "API_PASSWORD")
                return self.basic(user, password)
        hidden = self.secrets.hide(value, "AUTHORIZATION", "the whole Authorization header")
        return Auth("api_key", [hidden], {"header": plain("Authorization")})

    def body(self, call: Call, text: str, content_type: str | None) -> None:
        """Gives a call its body, by its type: JSON and forms as data, all else as it is."""
        kind = (content_type or "").partition(";")[0].strip().lower()
        if len(text) > LARGEST_BODY:
            self.leave_body(call, f"a body of {len(text):,} characters")
        elif (kind == "application/json" or text.lstrip()[:1] in {"{", "["}) and (value := _json(text)) is not None:
            call.body = Body(json=self.json(value[0]), has_json=True)
            if kind != "application/json" and (other := _clean(content_type)):
                call.headers.append(("Content-Type", Template(other)))
        elif kind == "application/x-www-form-urlencoded" and self._form(call, text):
            pass
        elif kind.startswith("multipart/"):
            self.leave_body(call, "a multipart body whose parts the file does not have")
        elif text:
            call.body = Body(content=self._content(text), content_type=_clean(content_type))

    def leave_body(self, call: Call, what: str) -> None:
        """Says that a body was left out."""
        call.comments.append(f"left out: {what}; add it as json=, data=, files= or content=")
        self.report.left_out["bodies that the file does not have, or too large"] += 1

    def json(self, value: Any, name: str = "") -> Json:  # noqa: ANN401, PLR0911 - any JSON, each kind its own way
        """JSON of a body, its credentials out."""
        match value:
            case str():
                return self.text(value, name)
            case bool() | None:
                return value
            case int() if found := self.correlator.find(str(value), name, how="json"):
                return found
            case int() | float() if name and names_secret(name):
                return self.secrets.hide(str(value), name)
            case list():
                return [self.json(each, name) for each in value]
            case dict():
                return {plain(str(key)): self.json(each, str(key)) for key, each in value.items()}
        return templated(value)

    def _content(self, text: str) -> Template:
        """A body that stays a string: credentials of JSON-like and form-like fields are found by their names."""

        def hidden(found: re.Match[str]) -> str:
            before, name, value = found.groups()
            if not names_secret(name):
                return found[0]
            return before + self.secrets.hide(value.replace("{{", "{").replace("}}", "}"), name)

        return Template(_NAMED_VALUE.sub(hidden, self.secrets.text(text)))

    def _form(self, call: Call, text: str) -> bool:
        try:
            pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
        except ValueError:
            return False
        if not all(name for name, _ in pairs):
            return False
        call.body = Body(form=[(plain(name), self.text(value, name)) for name, value in pairs])
        return True


def add_file(call: Call, name: str, filename: str, content_type: str | None) -> None:
    """Adds a file that is not part of what is imported: a placeholder, so that the scenario runs at once."""
    shown = filename.replace("\\", "/").rpartition("/")[2] or "file"
    call.body.parts.append(Part(plain(name), shown, _clean(content_type), b"a placeholder"))
    call.comments.append(f"the file {shown} is not in what was imported: write upload(PATH) in place of the bytes")


def _json(text: str) -> tuple[Any] | None:
    try:
        value = json.loads(text)
        templated(value)
    except (ValueError, RecursionError):
        return None
    return (value,)


def _is_left(lower: str, *, browser: bool) -> bool:
    if lower.startswith(":") or lower in _BY_ENGINE:
        return True
    return browser and (lower in _OF_BROWSERS or lower.startswith(("sec-", "sec_")))


def _clean(content_type: str | None) -> str | None:
    if content_type is None:
        return None
    return plain(re.sub(r"[^\x20-\x7e]+", " ", content_type).strip()) or None
