"""The response of a plain request: a `requests.Response` of Locust whose parts are made when they are read."""

from __future__ import annotations

import datetime as dt
import http.client
import io
from typing import TYPE_CHECKING, Any, NamedTuple

from locust import clients
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3._collections import HTTPHeaderDict
from urllib3.exceptions import ProtocolError
from urllib3.response import HTTPResponse

from loadcore.locustfiles.streamed_body import StreamedBody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loadcore.locustfiles.calls import Calls
    from loadcore.locustfiles.crossing import Answer, StreamedAnswer, Wish
    from loadcore.locustfiles.known_requests import Known
    from loadcore.locustfiles.measured_call import MeasuredCall

HTTP_ERROR = 400


class OriginalMessage:
    """What `requests` asks of the response of `http.client`: its headers, to find cookies in them."""

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.msg = http.client.HTTPMessage()
        for name, value in headers:
            self.msg[name.decode("latin-1")] = value.decode("latin-1")

    def isclosed(self) -> bool:
        """All of it was read."""
        return True

    def close(self) -> None:
        """There is nothing to close."""


class ReadResponse(HTTPResponse):
    """A response of urllib3 whose body was read and decompressed before."""

    def _init_decoder(self) -> None:
        """The body is not compressed any more, whatever its headers say."""


class StreamedMessage(OriginalMessage):
    """The same, of a response whose body is read while it comes."""

    def __init__(self, headers: Sequence[tuple[bytes, bytes]], body: StreamedBody) -> None:
        super().__init__(headers)
        self._body = body

    def isclosed(self) -> bool:
        """Whether all of it was read, or is not wanted."""
        return self._body.closed

    def close(self) -> None:
        """Reading has failed, or no more is wanted."""
        self._body.close()


class StreamedResponse(HTTPResponse):
    """A response of urllib3 whose body is read while it comes: urllib3 decompresses it."""

    def stream(self, amt: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:
        """Pieces as they come. None is waited for that others would fill up, whatever frames the body."""
        if amt == 0:
            return
        while not self.closed or self._decoded_buffer or (self._decoder and self._decoder.has_unconsumed_tail):
            if piece := self.read1(amt, decode_content=decode_content):
                yield piece

    def read_chunked(self, amt: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:
        """The same: where chunks began and ended is not known any more."""
        return self.stream(amt, decode_content)


def as_urllib3(answer: Answer, method: str | None, url: str | None, **options: Any) -> ReadResponse:
    """An answer as urllib3 has it."""
    return ReadResponse(
        body=io.BytesIO(answer.body),
        original_response=OriginalMessage(answer.head),
        **_common(answer, method, url),
        **{"preload_content": False, **options},
    )


def as_streamed_urllib3(calls: Calls, answer: StreamedAnswer, method: str, url: str) -> StreamedResponse:
    """An answer whose head has come as urllib3 has it."""
    body = StreamedBody(calls, answer, broken_off)
    original = StreamedMessage(answer.head, body)
    return StreamedResponse(
        body=body, original_response=original, preload_content=False, **_common(answer, method, url)
    )


def broken_off() -> ProtocolError:
    """What urllib3 says of a body that ends too soon."""
    return ProtocolError("Response ended prematurely")


def _common(answer: Answer, method: str | None, url: str | None) -> dict[str, Any]:
    fields = HTTPHeaderDict()
    for name, value in answer.head:
        fields.add(name.decode("latin-1"), value.decode("latin-1"))
    return {
        "headers": fields,
        "status": answer.status,
        "version": 11,
        "reason": http.client.responses.get(answer.status, ""),
        "decode_content": False,
        "enforce_content_length": False,
        "request_method": method,
        "request_url": url,
    }


class Facts(NamedTuple):
    """What a plain response is made of."""

    answer: Answer
    known: Known
    wish: Wish
    session: Any
    context: dict[str, Any] | None
    start_time: float


def _headers(response: PlainResponse) -> CaseInsensitiveDict[str]:
    fields: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    for raw_name, raw_value in response._facts.answer.head:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _raw(response: PlainResponse) -> ReadResponse:
    answer, known, *_ = response._made_of
    raw = as_urllib3(answer, known.plain.method, known.plain.path_url)
    raw.read()
    return raw


def _meta(response: PlainResponse) -> dict[str, Any]:
    answer, known, wish, _, context, start_time = response._made_of
    return {
        "request_type": known.method,
        "response_time": answer.service_ns / 1e6,
        "name": wish.name,
        "context": context or {},
        "response": response,
        "exception": None,
        "start_time": start_time,
        "url": known.plain.url,
        "response_length": len(response._content),
    }


class _Later:
    """An attribute that is made when it is read, and is an ordinary one from then on."""

    __slots__ = ("_make", "_name")

    def __init__(self, make: Callable[[PlainResponse], Any]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, response: Any, owner: type | None = None) -> Any:
        if response is None:
            return self
        value = response.__dict__[self._name] = self._make(response)
        return value


class PlainResponse(clients.ResponseContextManager):
    """Made with `__new__`: what `requests.Response()` sets up takes longer than the request."""

    _made_of: tuple[Answer, Known, Wish, Any, dict[str, Any] | None, float]
    """Its facts. To name them takes longer than to make the response."""
    _content_consumed = True
    _entered = False
    _catch_response = False
    _call: MeasuredCall | None = None
    _next = None

    _content: Any = _Later(lambda response: response._facts.answer.body)
    _request_event: Any = _Later(lambda response: response._facts.session.request_event)
    connection: Any = _Later(lambda response: response._facts.session.get_adapter(response.url))
    cookies: Any = _Later(lambda _response: RequestsCookieJar())
    elapsed: Any = _Later(lambda response: dt.timedelta(microseconds=response._facts.answer.service_ns / 1e3))
    encoding: Any = _Later(lambda response: get_encoding_from_headers(response.headers))
    headers: Any = _Later(_headers)
    history: Any = _Later(lambda _response: [])
    raw: Any = _Later(_raw)
    reason: Any = _Later(lambda response: http.client.responses.get(response.status_code, ""))
    request: Any = _Later(lambda response: response._facts.known.plain.as_requests(response._facts.wish))
    request_meta: Any = _Later(_meta)
    url: Any = _Later(lambda response: response._facts.known.plain.url)

    @property
    def _facts(self) -> Facts:
        return Facts._make(self._made_of)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        """Report the call. Most went well, and user code decided nothing."""
        if (
            kind is None
            and self._manual_result is None
            and self.status_code < HTTP_ERROR
            and "request_meta" not in self.__dict__
        ):
            if self._call is not None:
                self._call.settle(is_error=False)
            answer, known, _, session, *_ = self._made_of
            if known.count(session.request_event, answer):
                session.request_event.tell(self.request_meta)
            return True
        return bool(super().__exit__(kind, error, trace))
