"""A package index on loopback for tests: PEP 503 and PEP 691 pages, files by range, and every way to misbehave.

``async with IndexServer() as index: index.add("pkg", Path("a.whl")); ... index.url``. It runs in the test's own
event loop. ``index.asked`` is what was asked for, in order.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from html import escape
from pathlib import Path

from aiohttp import web

PIECE = 1 << 18


@dataclass
class Asked:
    """One request for a file: the first byte asked for (0 without Range), the status, the body bytes written."""

    path: str
    offset: int
    status: int
    headers: dict[str, str]
    sent: int = 0


@dataclass
class Behaviour:
    """How the server treats the requests that follow."""

    json: bool = True
    """Whether it speaks PEP 691 to those who accept it."""
    base: bool = False
    """Whether the HTML page has relative links under a ``<base>``."""
    redirects: int = 0
    """How many redirects stand before each file."""
    elsewhere: str = ""
    """Where the last redirect leads, in place of this server's own file."""
    cuts: deque[int] = field(default_factory=deque)
    """After how many bytes of the body the next requests for a file are cut off, in order; -1 is not at all."""
    statuses: deque[int] = field(default_factory=deque)
    """What the next requests for a file are answered with, in order; 200 is to serve it."""
    page_status: int = 200
    retry_after: str = ""
    ranges: bool = True
    wrong_range: bool = False
    length: bool = True
    etag: bool = True
    modified: bool = False
    rate: float = 0
    """Bytes a second, 0 for as fast as it goes."""
    advertised: str | None = None
    """The digest that the page claims; None for the true one, an empty string for none."""
    yanked: bool = False
    password: str = ""
    """What ``user:password`` must be presented; empty for open."""


class IndexServer:
    """Pages under ``/simple/``, files under ``/files/``."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.behaviour = Behaviour()
        self.asked: list[Asked] = []
        self.pages: list[tuple[str, str]] = []
        """Path and Authorization header of every page that was asked for."""
        self._packages: dict[str, list[str]] = {}
        self._files: dict[str, Path | bytes] = {}
        self._digests: dict[str, str] = {}
        self._tls = tls

    async def __aenter__(self) -> IndexServer:
        application = web.Application()
        application.router.add_get("/simple/{package}/", self._page)
        application.router.add_get("/hop/{left}/{name}", self._hop)
        application.router.add_get("/files/{name}", self._file)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/simple"

    def with_credentials(self, who: str) -> str:
        return self.url.replace("://", f"://{who}@")

    def file(self, name: str) -> str:
        return f"{self.origin}/files/{name}"

    def add(self, package: str, content: Path | bytes, name: str = "") -> None:
        """Publish a file (or put another in its place)."""
        name = name or (content.name if isinstance(content, Path) else "file.bin")
        self._files[name] = content
        with _opened(content) as pieces:
            digest = hashlib.sha256()
            for piece in pieces:
                digest.update(piece)
        self._digests[name] = digest.hexdigest()
        listed = self._packages.setdefault(package, [])
        if name not in listed:
            listed.append(name)

    @property
    def sent(self) -> int:
        return sum(one.sent for one in self.asked)

    @property
    def offsets(self) -> list[int]:
        return [one.offset for one in self.asked]

    def _refuse(self, request: web.Request) -> web.Response | None:
        wanted = self.behaviour.password
        if not wanted or request.headers.get("Authorization") == f"Basic {base64.b64encode(wanted.encode()).decode()}":
            return None
        return web.Response(status=401)

    async def _page(self, request: web.Request) -> web.Response:
        self.pages.append((request.path, request.headers.get("Authorization", "")))
        does = self.behaviour
        if (refusal := self._refuse(request)) is not None:
            return refusal
        if does.page_status != 200:
            return web.Response(status=does.page_status)
        package = request.match_info["package"]
        if package not in self._packages:
            return web.Response(status=404)
        files = []
        for name in self._packages[package]:
            digest = self._digests[name] if does.advertised is None else does.advertised
            start = f"hop/{does.redirects}" if does.redirects else "files"
            files.append((name, f"{start}/{name}", digest))
        if does.json and "application/vnd.pypi.simple.v1+json" in request.headers.get("Accept", ""):
            return web.Response(
                text=_json_page(package, files, does), content_type="application/vnd.pypi.simple.v1+json"
            )
        return web.Response(text=_html_page(files, does, self.origin), content_type="text/html")

    async def _hop(self, request: web.Request) -> web.Response:
        left, name = int(request.match_info["left"]), request.match_info["name"]
        last = self.behaviour.elsewhere or f"/files/{name}?signature=s3cr3t%2F%2B"
        return web.Response(status=302, headers={"Location": last if left <= 1 else f"../{left - 1}/{name}"})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        does = self.behaviour
        asked = Asked(request.path, 0, 200, dict(request.headers))
        self.asked.append(asked)
        if (refusal := self._refuse(request)) is not None:
            asked.status = 401
            return refusal
        status = does.statuses.popleft() if does.statuses else 200
        if status != 200:
            asked.status = status
            return web.Response(status=status, headers={"Retry-After": does.retry_after} if does.retry_after else {})
        name = request.match_info["name"]
        content = self._files.get(name)
        if content is None:
            asked.status = 404
            return web.Response(status=404)
        return await self._send(request, asked, name, content)

    async def _send(self, request: web.Request, asked: Asked, name: str, content: Path | bytes) -> web.StreamResponse:
        does = self.behaviour
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        etag, modified = f'"{self._digests[name][:16]}"', formatdate(1_700_000_000, usegmt=True)
        headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        if does.etag:
            headers["ETag"] = etag
        if does.modified:
            headers["Last-Modified"] = modified
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        fresh = request.headers.get("If-Range", etag) in (etag, modified)
        if span is not None:
            asked.offset = int(span[1])
        start, end = 0, size
        if span is not None and does.ranges and fresh:
            start, end = asked.offset, min(size, int(span[2]) + 1) if span[2] else size
            if start >= size:
                asked.status = 416
                return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
            asked.status = 206
            headers["Content-Range"] = f"bytes {start + (7 if does.wrong_range else 0)}-{end - 1}/{size}"
        response = web.StreamResponse(status=asked.status, headers=headers)
        if does.length:
            response.content_length = end - start
        await response.prepare(request)
        cut = does.cuts.popleft() if does.cuts else -1
        try:
            async for piece in _paced(content, start, end, cut, does.rate):
                await response.write(piece)
                asked.sent += len(piece)
        except ConnectionError:  # the client has gone away, or was killed
            return response
        if cut >= 0:
            await asyncio.sleep(0.02)  # let what was written reach the other end
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write_eof()
        return response


def _json_page(package: str, files: list[tuple[str, str, str]], does: Behaviour) -> str:
    """PEP 691, for files of (name, path, digest)."""
    listed = [
        {
            "filename": name,
            "url": f"../../{path}",
            "hashes": {"sha256": digest} if digest else {},
            "yanked": does.yanked,
        }
        for name, path, digest in files
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": package, "files": listed})


def _html_page(files: list[tuple[str, str, str]], does: Behaviour, origin: str) -> str:
    """PEP 503, for files of (name, path, digest)."""
    head = f'<base href="{origin}/">' if does.base else ""
    body = ""
    for name, path, digest in files:
        address = ("" if does.base else "../../") + path + (f"#sha256={digest}" if digest else "")
        yanked = ' data-yanked="bad"' if does.yanked else ""
        body += f'<a href="{address}"{yanked} data-requires-python="&gt;=3.9">{escape(name)}</a><br>'
    return f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"


@contextmanager
def _opened(content: Path | bytes, start: int = 0) -> Iterator[Iterator[bytes]]:
    if isinstance(content, bytes):
        yield (content[at : at + PIECE] for at in range(start, len(content), PIECE))
        return
    with content.open("rb") as file:
        file.seek(start)
        yield iter(lambda: file.read(PIECE), b"")


async def _paced(content: Path | bytes, start: int, end: int, cut: int, rate: float) -> AsyncIterator[bytes]:
    left = end - start if cut < 0 else min(cut, end - start)
    with _opened(content, start) as pieces:
        for piece in pieces:
            piece = piece[:left]
            left -= len(piece)
            if piece:
                yield piece
            if not left:
                return
            if rate:
                await asyncio.sleep(len(piece) / rate)
