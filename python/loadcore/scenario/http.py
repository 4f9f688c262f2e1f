"""Requests, and how a run speaks HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack, cast

from loadcore.scenario.checks import Check, Claim, StatusClass
from loadcore.scenario.place import Place, here
from loadcore.scenario.step import Step, declares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from loadcore.scenario.auth import Anonymous, Auth
    from loadcore.scenario.checks import Source
    from loadcore.scenario.values import Env, Fields, Text

Expected: TypeAlias = int | StatusClass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of one request. An expired request is aborted and recorded.

    Timeouts(connect="5s", total="30s")                   the defaults
    Timeouts(first_byte="2s", total="10s")
    """

    connect: str = "5s"
    """Resolve and connect, TLS handshake included."""
    first_byte: str | None = None
    """From send to the first byte of the response."""
    total: str = "30s"
    """From send to the last byte of the response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a response may be at most. A response over a limit is an outcome of its own, never a success."""

    head: str = "64KiB"
    """Status line and headers."""
    header_count: int = 256
    """Header lines."""
    body: str = "1GiB"
    """Body."""
    kept_body: str = "4MiB"
    """As much of a body is kept for checks and extracts, of each request under way; a larger one fails them."""
    chunk_extensions: str = "16KiB"
    """All chunk extensions of one response."""
    trailers: str = "16KiB"
    """Trailers."""
    interim_count: int = 16
    """Interim (1xx) responses before the final one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How `https` targets are verified."""

    ca_file: str | Path | None = None
    """PEM file of the authorities to trust in place of the system's, relative to the file in which this is written."""
    insecure: bool = False
    """Accept any certificate. The summary says so loudly."""
    server_name: str | None = None
    """Name sent as SNI and looked for in the certificate, in place of the URL's host."""
    resumption: Literal["resume", "full"] = "resume"
    """Whether later connections of a user resume its TLS session, or every handshake is a full one."""
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """How a run speaks HTTP: one set of settings for all scenarios of a file.

    Http(reuse="request", timeouts=Timeouts(total="10s"))
    """

    version: Literal["1.1"] = "1.1"
    """The version of HTTP to speak. TLS offers this one and no other."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """Deadlines of every request that has none of its own."""
    reuse: Literal["user", "iteration", "request"] = "user"
    """Connections are kept by each user over its iterations, opened for each iteration, or for each request."""
    limits: Limits = field(default_factory=Limits)
    """What a response may be at most."""
    tls: Tls = field(default_factory=Tls)
    """How `https` targets are verified."""
    max_redirects: int = 10
    """Redirects followed by a request, 0 to 10. Credentials never go to another origin."""
    cookies: bool | Literal["user", "iteration"] = True
    """Whether each user keeps cookies: for as long as it lives (`True` or "user"), starting over with each iteration
    ("iteration"), or not at all (`False`). An arrival of an open model is a separate visitor and starts without cookies
    in any case. Cookies that steps of `on_start` received stay."""
    user_agent: str | None = "loadcore"
    """Sent with every request; None sends none."""
    upstream_header: str | None = None
    """A response header with the time that the target's upstream took, and its unit:
    "X-Backend-Time=s". Without one they are milliseconds. `Server-Timing` is read in any case, and so are headers that
    tell an upstream's time by their names, as Envoy's, Kong's and nginx's do."""
    trace_sample: str | None = None
    """The share of requests that carry a `traceparent` (W3C Trace Context): "1%". Without one, none do. A request that
    sets the header itself keeps its own."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a multipart body."""

    content: str | Path | bytes
    filename: str | None
    content_type: str | None
    place: Place | None = field(default_factory=here, compare=False, repr=False)


def upload(content: str | Path | bytes, /, *, filename: str | None = None, content_type: str | None = None) -> Upload:
    """A file for a multipart body. Its content is sent as it is; it is read when the plan is made and is part of it.

        pdf = upload("report.pdf", content_type="application/pdf")
        post("/documents", data={"title": "Report"}, files={"file": pdf})

    Args:
        content: The path, relative to the file in which this is written, or the bytes themselves.
        filename: What the file is called in the body; it may hold `{variables}`. By default the path's last part.
        content_type: Its `Content-Type`, which may hold `{variables}`.
    """
    return Upload(content, filename, content_type)


File: TypeAlias = "Upload | Path | bytes | tuple[str, bytes] | tuple[str, bytes, str]"
"""A file of a multipart body."""


class RequestOptions(TypedDict, total=False):
    """What a request may say beyond its method and URL, in httpx's words.

    What is sent may hold `{variables}`: also names of query parameters, form fields, parts, files, and members of JSON,
    but not names of headers, and not bytes. A secret may replace any string: `env("NAME")`.
    """

    name: str
    """The step's name in results. By default method and path as written: `GET /items/{item_id}`."""
    params: Mapping[str, Text | Sequence[Text] | None]
    """Further query parameters, percent-encoded. One whose value is None is left out."""
    headers: Fields
    """Headers; they win over the scenario's. A `Host` is sent in place of the URL's host."""
    cookies: Mapping[str, Text]
    """Cookies of this request, beside those that the user keeps."""
    json: Any
    """A JSON body: anything that `json.dumps` takes, and `env("NAME")`. `"{id:json}"` puts a variable in as JSON rather
    than as text."""
    data: Fields
    """An `application/x-www-form-urlencoded` body; with `files`, the other fields of the form."""
    files: Mapping[str, File | Sequence[File]]
    """A `multipart/form-data` body: `upload("report.pdf")`, a path, bytes, or a tuple of a file name, bytes and, if
    wanted, their type."""
    content: str | Env | bytes
    """A body: a string, or bytes, which are sent as they are."""
    auth: Auth | Anonymous
    """In place of the scenario's; `anonymous` for none."""
    timeout: str | Timeouts
    """In place of the run's: how long connecting may take, and then the response."""
    follow_redirects: bool
    """Whether redirects are followed. By default up to the run's `max_redirects`."""
    expect: Expected | Sequence[Expected]
    """Statuses that are not errors: `201`, `"2xx"`, `["2xx", 404]`. By default everything below 400. A redirect
    that is expected is the answer, and not followed."""
    checks: Sequence[Claim | Check]
    """Claims about the response. They are counted; they do not make the request an error."""
    extract: Mapping[str, Source]
    """Variables to set from the response."""
    content_type: str
    """The `Content-Type` of `content`, in place of a header."""
    query: Fields
    """Older word for `params`."""
    form: Fields
    """Older word for `data`."""
    text: str | Env
    """Older word for a string as `content`."""
    multipart: Mapping[str, str | Env | Upload]
    """Older word for `files` and `data` in one."""
    timeouts: Timeouts
    """Older word for `timeout`."""
    max_redirects: int
    """How many redirects are followed, in place of the run's."""


@dataclass(frozen=True, slots=True)
class Request(Step):
    """One exchange with the target, as declared."""

    method: str
    url: str
    options: RequestOptions
    """The options besides method and URL: a copy, so that later changes to the caller's lists do not matter."""
    place: Place | None = field(default_factory=here, compare=False, repr=False)


def request(method: str, url: str, /, **options: Unpack[RequestOptions]) -> Request:
    """A request with any method: for those that have no function of their own."""
    declares(method.lower() if method in _VERBS else "request")
    return Request(method, url, cast("RequestOptions", _copy(options)))


def get(url: str, /, **options: Unpack[RequestOptions]) -> Request:
    """A GET request.

        get("/items", params={"limit": 20}, checks=[response.status == 200])
        get("{next}", extract={"next": response.json("$.next").default("")})

    Args:
        url: A path with query, relative to the scenario's `base_url`; an absolute URL; or a variable that holds either,
            such as a link out of a response.
        options: See `RequestOptions`.
    """
    return request("GET", url, **options)


def head(url: str, /, **options: Unpack[RequestOptions]) -> Request:
    """A HEAD request, as `get`."""
    return request("HEAD", url, **options)


def options(url: str, /, **options: Unpack[RequestOptions]) -> Request:
    """An OPTIONS request, as `get`."""
    return request("OPTIONS", url, **options)


def post(url: str, /, **options: Unpack[RequestOptions]) -> Request:
    """A POST request, as `get`."""
    return request("POST", url, **options)


def put(url: str, /, **options: Unpack[RequestOptions]) -> Request:
    """A PUT request, as `get`."""
    return request("PUT", url, **options)


def patch(url: str, /, **options: Unpack[RequestOptions]) -> Request:
    """A PATCH request, as `get`."""
    return request("PATCH", url, **options)


def delete(url: str, /, **options: Unpack[RequestOptions]) -> Request:
    """A DELETE request, as `get`."""
    return request("DELETE", url, **options)


_VERBS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
_MOST_DEEP = 201
"""Anything nested deeper is not a request; the compiler says so."""


def _copy(value: object, depth: int = 0) -> object:
    """A copy of the containers, so that a declaration cannot change after it was made."""
    match value:
        case dict() if depth < _MOST_DEEP:
            return {name: _copy(member, depth + 1) for name, member in value.items()}
        case list() if depth < _MOST_DEEP:
            return [_copy(member, depth + 1) for member in value]
        case _:
            return value
