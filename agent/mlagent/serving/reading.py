"""Bytes to requests: llhttp (httptools) reads HTTP/1.1, and what is here refuses what is too long, or not for us."""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import httptools

from mlagent.serving.crowd import Crowd
from mlagent.serving.faults import Busy, Refused
from mlagent.serving.message import Request
from mlagent.serving.target import path_of

HEAD_BYTES, HEAD_FIELDS, TARGET_BYTES = 32 << 10, 100, 8 << 10
_OFFERS = (b"connection", b"upgrade", b"http2-settings")


class Reader:
    """Reads one connection; `came` is called with each request that is whole.

    `coming` is the request whose body comes in; `busy` is set from the first byte of a request to its last; `held` are
    the bytes of bodies in memory, which whoever answers gives back.
    """

    def __init__(
        self, crowd: Crowd, body_limit: int, came: Callable[[Request], None], wanted: Callable[[], None]
    ) -> None:
        """`wanted` is called where a client waits to be told that its body is wanted."""
        self._crowd, self._limit, self._came, self._wanted = crowd, body_limit, came, wanted
        self._parser: Any = httptools.HttpRequestParser(self)
        self.busy, self.held = False, 0
        self.begun = 0.0
        self.coming: Request | None = None
        self._chunks: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Read on; Refused where it is no request for us: nothing more can be read then."""
        parts = [memoryview(data)]
        while parts:  # no recursion: a client may offer upgrades by the thousand
            parts += self._fed(parts.pop())

    def _fed(self, data: memoryview) -> Sequence[memoryview]:
        """Read one piece; what is to be read after it, the last one first."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return data[upgrade.args[0] :], memoryview(self._not_upgraded())
        except httptools.HttpParserCallbackError as error:
            raise (error.__context__ or error) from None
        except httptools.HttpParserError as error:
            raise Refused(400, f"this is no HTTP/1.1 request: {error}") from None
        return ()

    def release(self, held: int) -> None:
        """So many bytes are no longer needed."""
        self.held -= held
        self._crowd.held -= held

    def drop(self) -> Request | None:
        """Forget what came in so far; the request that it was, if its head was whole."""
        dropped, self.coming, self._chunks, self.busy = self.coming, None, [], False
        return dropped

    # httptools calls these, in this order

    def on_message_begin(self) -> None:
        """A request begins."""
        self.begun, self.busy = perf_counter(), True
        self._target, self._size, self._length = b"", 0, 0
        self._headers: dict[bytes, bytes] = {}
        self._chunks = []

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._target += url
        if len(self._target) > TARGET_BYTES:
            raise Refused(414, f"the request's target is longer than {TARGET_BYTES} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field of the head."""
        headers = self._headers
        self._size += len(name) + len(value)
        if self._size > HEAD_BYTES or len(headers) >= HEAD_FIELDS:
            raise Refused(431, f"the head is longer than {HEAD_BYTES} bytes or {HEAD_FIELDS} fields")
        name = name.lower()
        if name in headers:
            if name == b"host":
                raise Refused(400, "the head has more than one Host")
            value = headers[name] + b", " + value
        headers[name] = value

    def on_headers_complete(self) -> None:
        """The head is whole: refuse what cannot be answered before its body is read."""
        headers, parser = self._headers, self._parser
        version, method = parser.get_http_version(), parser.get_method().decode()
        keep = version == "1.1" and parser.should_keep_alive()
        self.coming = Request(method, path_of(self._target), headers, self.begun, keep=keep)
        if version not in ("1.0", "1.1"):
            raise Refused(400, f"HTTP/{version} is not spoken here: ask in HTTP/1.1")
        if b"host" not in headers and version == "1.1":
            raise Refused(400, "the head has no Host")
        if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise Refused(400, "of the transfer encodings only 'chunked' is known here")
        self._hold(int(headers.get(b"content-length", b"0")), 0)
        if b"expect" in headers:
            if headers[b"expect"].lower() != b"100-continue":
                raise Refused(417, "of expectations only '100-continue' is known here")
            self._wanted()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._length += len(body)
        self._hold(self._length, len(body))
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._parser.should_upgrade():
            return  # the parser says so itself, when it is out of here
        request, chunks = self.coming, self._chunks
        self.coming, self.busy, self._chunks = None, False, []
        if request:
            request.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            self._came(request)

    def _hold(self, length: int, more: int) -> None:
        """Take `more` bytes into memory, of a body of at least `length`."""
        if length > self._limit:
            raise Refused(413, f"the body is over the limit of {self._limit} bytes: send fewer rows at a time")
        if not self._crowd.room(more or length):
            raise Busy(1, "the bodies of other requests take all the memory that bodies may take")
        self.held += more
        self._crowd.held += more

    def _not_upgraded(self) -> bytes:
        """The head to go on with, in the same HTTP, for a client that offers another protocol (Java's offer h2c).

        llhttp stops behind such a head.
        """
        request, version = self.coming, self._parser.get_http_version().encode()
        if request is None or request.method == "CONNECT":
            raise Refused(400, "no other protocol than HTTP/1.1 is spoken here")
        self._parser = httptools.HttpRequestParser(self)
        fields = [name + b": " + value for name, value in request.headers.items() if name not in _OFFERS]
        return b"\r\n".join([b"%s %s HTTP/%s" % (request.method.encode(), self._target, version), *fields, b"", b""])
