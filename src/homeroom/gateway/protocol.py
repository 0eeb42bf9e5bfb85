"""HTTP parsing with a bound on the header, which uvicorn's own protocol does not have.

A request line and header over the limit is answered with 431 in JSON and the connection is closed, as is (404) a request for
something else than a path.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from homeroom.errors import HomeroomError, NotServed, TooLarge
from homeroom.gateway.dialects import error_bytes

LINGER_SECONDS: Final = 1.0
HEADER_SECONDS: Final = 30
"""A connection that has sent no whole header by then is closed: it takes a place and asks nothing."""


def protocol_with_limit(limit: int) -> type[HttpToolsProtocol]:
    """The protocol class for uvicorn, with at most *limit* bytes of request line and header."""

    class BoundedProtocol(HttpToolsProtocol):
        _head = 0
        _in_head = True
        _refused = False
        _patience: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._patience = self.loop.call_later(HEADER_SECONDS, transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            self._in_head = True
            self._stop_waiting()
            self._patience = self.loop.call_later(HEADER_SECONDS, self.transport.close)
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._in_head = False
            self._stop_waiting()
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > limit:
                self._refuse(TooLarge("gateway.header_too_large", limit=limit), 431)
                return
            if not self.url.startswith(b"/"):  # a proxy's or a tunnel's form, which would hide what is asked for
                method, url = (part.decode("latin-1")[:200] for part in (self.parser.get_method(), self.url))
                self._refuse(NotServed("gateway.not_served", method=method, path=url), 404)
                return
            super().on_headers_complete()

        def _stop_waiting(self) -> None:
            if self._patience is not None:
                self._patience.cancel()

        def on_body(self, body: bytes) -> None:
            if not self._refused:
                super().on_body(body)

        def on_message_complete(self) -> None:
            if not self._refused:
                super().on_message_complete()

        def data_received(self, data: bytes) -> None:
            if self._refused:
                return
            super().data_received(data)
            # The parser holds an unfinished header in memory; data comes in pieces of at most 256 kB.
            self._head = self._head + len(data) if self._in_head else 0
            if self._in_head and self._head > limit and not self._refused:
                self._refuse(TooLarge("gateway.header_too_large", limit=limit), 431)

        def _refuse(self, error: HomeroomError, status: int) -> None:
            self._refused = True
            self.transport.write(error_bytes(error, status))
            # What is still on its way is read and dropped for a moment: closing on it would reset the connection, and the
            # client would never see the answer.
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.loop.call_later(LINGER_SECONDS, self.transport.close)

    return BoundedProtocol
