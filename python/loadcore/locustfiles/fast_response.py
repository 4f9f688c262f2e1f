"""Responses of `FastHttpUser`: geventhttpclient's classes around an answer of the engine."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any, NamedTuple

from geventhttpclient.header import Headers
from locust.contrib import fasthttp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.locustfiles.crossing import Answer, Wish
    from loadcore.locustfiles.known_requests import Known
    from loadcore.locustfiles.measured_call import MeasuredCall


class RingMessage:
    """What `FastResponse` asks of geventhttpclient's response, whichever way its body comes."""

    version = "HTTP/1.1"
    headers_complete = True

    def __init__(self, answer: Answer, sent: str) -> None:
        self._answer = answer
        self._sent_request = sent
        self._headers_index = Headers()
        for name, value in answer.head:
            self._headers_index.add(name.decode("latin-1"), value.decode("latin-1"))

    @property
    def status_code(self) -> int:
        """The status."""
        return self._answer.status

    @property
    def status_message(self) -> str:
        """The usual words for the status."""
        return http.client.responses.get(self._answer.status, "")

    def get_code(self) -> int:
        """The status."""
        return self._answer.status

    def get_http_version(self) -> str:
        """The version of the protocol."""
        return self.version

    @property
    def headers(self) -> Any:
        """Names and values."""
        return self._headers_index.items()

    def info(self) -> Any:
        """The headers."""
        return self._headers_index

    def get(self, key: str, default: Any = None) -> Any:
        """A header."""
        return self._headers_index.get(key, default)

    def __getitem__(self, key: str) -> Any:
        """A header."""
        return self._headers_index[key]

    def __contains__(self, key: str) -> bool:
        """Whether there is such a header."""
        return key in self._headers_index

    @property
    def content_length(self) -> int | None:
        """The length that the headers say."""
        length = self.get("content-length")
        return None if length is None else int(length)

    length = content_length


class WholeMessage(RingMessage):
    """One of which all was read before."""

    message_complete = True

    def __init__(self, answer: Answer, sent: str) -> None:
        super().__init__(answer, sent)
        self._body = answer.body
        self._position = 0

    def read(self, length: int | None = None) -> bytes:
        """The next bytes of the body, decompressed."""
        body = self._body
        end = len(body) if length is None else min(len(body), self._position + length)
        piece = body[self._position : end]
        self._position = end
        return piece

    def readline(self, sep: bytes = b"\r\n") -> bytes:
        """The next line of the body, with what separates it."""
        found = self._body.find(sep, self._position)
        return self.read(None if found < 0 else found + len(sep) - self._position)

    def __iter__(self) -> Iterator[bytes]:
        """Pieces of the body."""
        while piece := self.read(4096):
            yield piece

    def release(self) -> None:
        """There is nothing to give back."""

    def should_close(self) -> bool:
        """The engine minds the connections."""
        return False


class Facts(NamedTuple):
    """What a plain response is made of."""

    answer: Answer
    session: Any
    known: Known
    wish: Wish
    payload: Any
    params: Any
    context: dict[str, Any] | None
    start_time: float


def meta_of(response: Any) -> dict[str, Any]:
    """What listeners get of a plain call."""
    answer, _, known, wish, _, _, context, start_time = response._made_of
    return {
        "request_type": known.method,
        "name": wish.name,
        "context": context or {},
        "response": response,
        "exception": None,
        "start_time": start_time,
        "url": known.plain.built_url,
        "response_length": len(response.content),
        "response_time": answer.service_ns / 1e6,
    }


class _Later:
    """What `FastResponse` has from the start is made here when it is read."""

    _made_of: tuple[Answer, Any, Known, Wish, Any, Any, dict[str, Any] | None, float]
    """Its facts. To name them takes longer than to make the response."""

    @property
    def _facts(self) -> Facts:
        return Facts._make(self._made_of)

    @property
    def headers(self) -> Any:
        """The headers of the response."""
        own = self.__dict__
        if "headers" not in own:
            own["headers"] = self._response._headers_index
        return own["headers"]

    @headers.setter
    def headers(self, headers: Any) -> None:
        self.__dict__["headers"] = headers

    @property
    def _response(self) -> WholeMessage:
        own = self.__dict__
        if "_message" not in own:
            own["_message"] = WholeMessage(self._facts.answer, self._sent_request)
        message: WholeMessage = own["_message"]
        return message

    @property
    def _sent_request(self) -> str:
        request = self.request
        lines = [f"{name}: {value}" for name, value in request.headers.items()]
        return "\r\n".join([f"{request.method} {request.url_split.request_uri} HTTP/1.1", *lines, "", ""])

    @property
    def request(self) -> Any:
        """The request, as geventhttpclient has it."""
        own = self.__dict__
        if "request" not in own:
            facts = self._facts
            plain = facts.known.plain
            own["request"] = facts.session.client._make_request(
                plain.built_url,
                method=facts.known.method,
                headers=fasthttp.Headers(dict(plain.headers)),
                payload=facts.payload,
                params=facts.params,
            )
        return own["request"]

    @request.setter
    def request(self, request: Any) -> None:
        self.__dict__["request"] = request

    @property
    def _request(self) -> Any:
        return self.request

    @property
    def status_code(self) -> int:
        """The status."""
        return self._made_of[0].status

    @property
    def content(self) -> bytes:
        """The body, decompressed."""
        own = self.__dict__
        if "_cached_content" not in own:
            own["_cached_content"] = self._made_of[0].body
        body: bytes = own["_cached_content"]
        return body


class PlainFastResponse(_Later, fasthttp.FastResponse):
    """The response of a plain call."""


class PlainFastManager(_Later, fasthttp.ResponseContextManager):
    """The response of a plain call with `catch_response=True`."""

    _catch_response = True
    _call: MeasuredCall

    @property
    def _request_event(self) -> Any:
        return self._facts.session.request_event

    @property
    def request_meta(self) -> dict[str, Any]:
        """What listeners get of the call."""
        own = self.__dict__
        if "request_meta" not in own:
            own["request_meta"] = meta_of(self)
        meta: dict[str, Any] = own["request_meta"]
        return meta

    @request_meta.setter
    def request_meta(self, meta: dict[str, Any]) -> None:
        self.__dict__["request_meta"] = meta

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        """Report the call. Most went well, and user code decided nothing."""
        own = self.__dict__
        if kind is None and self._manual_result is None and "request_meta" not in own and "error" not in own:
            self._call.settle(is_error=False)
            answer, session, known, *_ = self._made_of
            if known.count(session.request_event, answer):
                session.request_event.tell(self.request_meta)
            return True
        return bool(super().__exit__(kind, error, trace))


def as_fast_response(kind: type, answer: Answer, request: Any) -> Any:
    """An answer as `FastResponse`, with all its parts."""
    sent = sent_request(request)
    response = kind(WholeMessage(answer, sent), request=request, sent_request=sent)
    response._cached_content = response._response._body
    return response


def sent_request(request: Any) -> str:
    """What geventhttpclient says that it has sent."""
    return f"{request.method} {request.url_split.request_uri} HTTP/1.1\r\n\r\n"
