"""The body of a plain answer, read from its connection and written to its place by one thread, with no copy between.

Knows sockets, and which answers are bytes as they are; does not know what was asked for nor what a failure means
(``transfer``). Over TLS, through a proxy, in chunks or compressed, and under a bandwidth limit, bytes go another way (``sink``).
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Final

import aiohttp

from homeroom.models.disk import PIECE
from homeroom.models.download.pieces import Part
from homeroom.models.download.sink import SOON

_GLANCE: Final = 0.05
"""Seconds after which a thread that waits for bytes looks whether it is still wanted."""
_TELL: Final = 4 * PIECE
"""Bytes after which the event loop hears of them, where they come fast: each time costs both threads."""


def take_over(response: aiohttp.ClientResponse, timeout: float) -> Straight | None:
    """Take the connection of *response* away from the HTTP library; None, and nothing changed, where that cannot be.

    *timeout* is in seconds without a byte. Whether there is a proxy between is the caller's to know.
    """
    headers, connection = response.headers, response.connection
    length = response.content_length
    if connection is None or connection.transport is None or length is None:
        return None
    if response.url.scheme != "http" or "Transfer-Encoding" in headers or "Content-Encoding" in headers:
        return None
    # Other loops (uvloop, Windows') may have a read under way that pausing does not call back.
    if not isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop):
        return None
    transport = connection.transport
    pipe = transport.get_extra_info("socket")
    if pipe is None or transport.get_extra_info("ssl_object") is not None:
        return None
    source: socket.socket = pipe.dup()
    try:
        first = []
        while block := response.content.read_nowait():  # it resumes reading where that was paused, so pause afterwards
            first.append(block)
        if response.connection is not None:  # else that was all of it
            transport.pause_reading()
    except BaseException:
        source.close()
        raise
    response.close()  # of its own descriptor only: the connection lasts as long as the other one
    return Straight(source, b"".join(first), length, timeout)


class Straight:
    """A connection on which the rest of a body of *length* bytes comes, after *first*; ``pour`` it, once."""

    def __init__(self, source: socket.socket, first: bytes, length: int, timeout: float) -> None:
        self._source = source
        self._first = first
        self._length = length
        self._timeout = timeout
        self._unwanted = False

    async def pour(self, part: Part, pool: Executor, start: int, limit: int, wrote: Callable[[], None]) -> int:
        """Write the body into *part* from *start* up to *limit*; tell where it ended: before that where it was cut off.

        The connection is closed. *wrote* is called now and then, and at the end. Raises OSError (TimeoutError is one), and
        as ``Part.write``.
        """
        loop = asyncio.get_running_loop()

        def tell() -> None:
            loop.call_soon_threadsafe(wrote)

        end = min(limit, start + self._length)
        working = loop.run_in_executor(pool, self._pour, part, start, end, tell)
        try:
            return await asyncio.shield(working)
        finally:
            self._unwanted = True
            await asyncio.wait([working])
            wrote()

    def _pour(self, part: Part, at: int, end: int, tell: Callable[[], None]) -> int:
        told, told_at = at, time.monotonic()
        with self._source:
            for block in self._blocks(end - at):
                part.write([block], at)
                at += len(block)
                now = time.monotonic()
                if at - told >= _TELL or now - told_at > SOON:
                    told, told_at = at, now
                    tell()
        return at

    def _blocks(self, count: int) -> Iterator[memoryview]:
        """The next *count* bytes, or as many as come. Each block is good until the next one is asked for."""
        if self._first and count:
            yield memoryview(self._first)[:count]
        count -= len(self._first)
        buffer, held, failed = memoryview(bytearray(PIECE)), 0, None
        self._source.settimeout(_GLANCE)
        heard = gave = time.monotonic()
        while count > held and not self._unwanted:
            came = -1
            try:
                came = self._source.recv_into(buffer[held : min(count, PIECE)])
            except OSError as error:
                if not isinstance(error, TimeoutError) or time.monotonic() - heard >= self._timeout:
                    failed = error
            if not came or failed:
                break
            now = time.monotonic()
            if came > 0:
                heard, held = now, held + came
            if held == PIECE or (held and now - gave > SOON):
                yield buffer[:held]
                count, held, gave = count - held, 0, now
        if held:
            yield buffer[:held]
        if failed is not None:
            raise failed
