"""One file on loopback, sent in parts, and every way to get a part wrong.

``async with RangeServer(content) as server: ... server.url``; ``server.asked`` is what was asked for, in order. Redirects to
signed addresses are ``hub_server``'s.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

BLOCK: Final = 1 << 18


@dataclass
class Asked:
    """One request: the bytes from ``start`` to before ``end``, the answer's status, and the bytes of its body that were sent."""

    start: int
    end: int
    headers: dict[str, str]
    status: int = 200
    sent: int = 0


@dataclass
class Behaviour:
    """How the requests that follow are treated."""

    ranges: bool = True
    etag: str = '"one"'
    flips: dict[int, int] = field(default_factory=dict)
    """Bytes that arrive wrong: where they are, and how many times more."""
    digests: bool = False
    """Whether answers tell the digest of what they should be (RFC 9530)."""
    cuts: deque[int] = field(default_factory=deque)
    """After how many bytes the next answers are cut off; -1 is not at all."""
    statuses: deque[int] = field(default_factory=deque)
    """What the next requests are answered with; 200 is to serve them."""
    most_connections: int = 0
    """More at once are answered with 503; 0: any number."""
    whole: deque[bool] = field(default_factory=deque)
    """Whether the next requests are answered with all of the file, although a part was asked for."""
    shift: int = 0
    """Added to the first byte of each Content-Range."""
    total: int = 0
    """Told as the file's size in place of the true one."""
    most: int = 0
    """The most bytes that one answer has; 0: as many as asked for."""
    more: bool = False
    """Whether each answer goes on to the file's end, whatever was asked for."""
    length: bool = True
    rate: float = 0
    """Bytes a second of each connection, 0 for as fast as it goes."""
    from_the_byte: int = -1
    """Where the rate begins to hold."""


class RangeServer:
    """``url`` serves ``content``, which may be replaced."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.behaviour = Behaviour()
        self.asked: list[Asked] = []
        self.block = BLOCK
        """Bytes that are written at a time."""
        self.busiest = 0
        """The most answers that were under way at once."""
        self._busy = 0

    async def __aenter__(self) -> RangeServer:
        application = web.Application()
        application.router.add_get("/{name}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/m.gguf"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def sent(self) -> int:
        return sum(one.sent for one in self.asked)

    @property
    def spans(self) -> list[tuple[int, int]]:
        return [(one.start, one.end) for one in self.asked]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        does, size = self.behaviour, len(self.content)
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        asked = Asked(0, size, dict(request.headers))
        if found:
            asked.start, asked.end = int(found[1]), min(size, int(found[2]) + 1)
        self.asked.append(asked)
        status = does.statuses.popleft() if does.statuses else 200
        if does.most_connections and self._busy >= does.most_connections:
            status = 503
        if status != 200:
            asked.status = status
            return web.Response(status=status)
        if found and does.ranges and asked.start >= len(self.content):
            asked.status = 416
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(self.content)}"}, text="no")
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        try:
            return await self._send(request, asked, ranged=found is not None)
        finally:
            self._busy -= 1

    async def _send(self, request: web.Request, asked: Asked, *, ranged: bool) -> web.StreamResponse:
        does, content = self.behaviour, self.content
        size = len(content)
        fresh = request.headers.get("If-Range", does.etag) == does.etag
        start, end = 0, size
        headers = {"ETag": does.etag} if does.etag else {}
        if ranged and does.ranges and fresh and not (does.whole and does.whole.popleft()):
            start, end = asked.start, size if does.more else asked.end
            end = min(end, start + does.most) if does.most else end
            asked.status = 206
            headers["Content-Range"] = f"bytes {start + does.shift}-{end - 1 + does.shift}/{does.total or size}"
            if does.digests:
                assert request.headers["Want-Content-Digest"] == "sha-256=1"
                digest = base64.b64encode(hashlib.sha256(content[start:end]).digest()).decode()
                headers["Content-Digest"] = f"md5=:AAAA:, sha-256=:{digest}:"
        response = web.StreamResponse(status=asked.status, headers=headers)
        if does.length:
            response.content_length = end - start
        await response.prepare(request)
        cut = does.cuts.popleft() if does.cuts else -1
        stop = end if cut < 0 else min(end, start + cut)
        try:
            for at in range(start, stop, self.block):
                block = self._spoil(content[at : min(stop, at + self.block)], at)
                await response.write(block)
                asked.sent += len(block)
                if does.rate and at >= does.from_the_byte:
                    await asyncio.sleep(len(block) / does.rate)
        except ConnectionError:  # the client has heard enough
            return response
        if cut >= 0:
            await asyncio.sleep(0.02)  # let what was written reach the other end
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write_eof()
        return response

    def _spoil(self, block: bytes, at: int) -> bytes:
        flips = self.behaviour.flips
        for place in [place for place in flips if at <= place < at + len(block) and flips[place]]:
            flips[place] -= 1
            spoilt = bytearray(block)
            spoilt[place - at] ^= 0x10
            block = bytes(spoilt)
        return block
