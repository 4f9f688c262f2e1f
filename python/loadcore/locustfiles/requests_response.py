"""The response of a plain request: a `requests.Response` of Locust whose parts are made when they are read."""

from __future__ import annotations

import datetime as dt
import http.client
import io
from typing import TYPE_CHECKING, Any

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
    from loadcore.locustfiles.crossing import Answer, StreamedAnswer
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


def _headers(response: PlainResponse) -> CaseInsensitiveDict[str]:
    fields: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    for raw_name, raw_value in response._answer.head:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def _raw(response: PlainResponse) -> ReadResponse:
    plain = response._known.plain
    raw = as_urllib3(response._answer, plain.method, plain.path_url)
    raw.read()
    return raw


def _meta(response: PlainResponse) -> dict[str, Any]:
    answer, plain = response._answer, response._known.plain
    return {
        "request_type": response._method,
        "response_time": answer.service_ns / 1e6,
        "name": response._wish.name,
        "context": response._context,
        "response": response,
        "exception": None,
        "start_time": response._start_time,
        "url": plain.url,
        "response_length": len(response._content),
    }


_LATER: dict[str, Callable[[PlainResponse], Any]] = {
    "_next": lambda _response: None,
    "_request_event": lambda response: response._session.request_event,
    "connection": lambda response: response._session.get_adapter(response.url),
    "cookies": lambda _response: RequestsCookieJar(),
    "elapsed": lambda response: dt.timedelta(microseconds=response._answer.service_ns / 1e3),
    "encoding": lambda response: get_encoding_from_headers(response.headers),
    "headers": _headers,
    "history": lambda _response: [],
    "raw": _raw,
    "reason": lambda response: http.client.responses.get(response.status_code, ""),
    "request": lambda response: response._known.plain.as_requests(response._wish),
    "request_meta": _meta,
    "url": lambda response: response._known.plain.url,
}


class PlainResponse(clients.ResponseContextManager):
    """Made with `__new__`: what `requests.Response()` sets up takes longer than the request."""

    _content_consumed = True
    _entered = False
    _catch_response = False
    _call: MeasuredCall | None = None

    def __getattr__(self, name: str) -> Any:
        later = _LATER.get(name)
        if later is None:
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message)
        value = self.__dict__[name] = later(self)
        return value

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        """Report the call. Most went well, and user code decided nothing."""
        own = self.__dict__
        if (
            kind is None
            and self._manual_result is None
            and own["status_code"] < HTTP_ERROR
            and "request_meta" not in own
        ):
            if self._call is not None:
                self._call.settle(is_error=False)
            self.report_success()
            return True
        return bool(super().__exit__(kind, error, trace))

    def report_success(self) -> None:
        """Report the call, without making what no one may ask for."""
        own = self.__dict__
        event = own["_session"].request_event
        if event.count_success(own["_method"], own["_wish"].name, own["_service_ns"] / 1e6, len(own["_content"])):
            event.tell(self.request_meta)
