"""Filling the gaps of a file over HTTP: several connections, each with a few pieces at a time, until nothing is missing.

Knows answers, retries and which connection fetches what; does not know whether the bytes are right (``download``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from homeroom import text
from homeroom.errors import DigestMismatch, HomeroomError, NetworkFailure, SourceFailure
from homeroom.models.addresses import address
from homeroom.models.disk import PIECE, Sleep, ensure_space
from homeroom.models.download.pieces import LENGTH, Span
from homeroom.models.download.prefix import Prefix
from homeroom.models.download.ranges import (
    EXPIRED,
    WORTH_RETRYING,
    Body,
    body,
    content_digest,
    request_headers,
    retry_after,
    validator_of,
)
from homeroom.models.download.rate import Rate, Swift
from homeroom.models.download.sink import Sink
from homeroom.models.download.straight import take_over
from homeroom.models.http import HOPELESS, HTTP_ERRORS, Client, failure
from homeroom.models.remote import RemoteFile, refusal

LONGEST_PAUSE: Final = 30.0
MOST_PIECES: Final = 8
"""Pieces that one request asks for at most."""
_MOST_SWIFT: Final = 4 * MOST_PIECES
"""The same of a connection that goes straight: it is a new one for each request."""
_MOST_CHANGES: Final = 2
"""How often a server may say that the file has changed before it is not believed any more."""
_SAID_OF_HUBS: Final = {
    "models.bad_answer": "hubs.bad_answer",
    "models.bad_url": "hubs.bad_url",
    "models.redirects": "hubs.redirects",
}
"""Messages that speak of package indexes, and those that are right for any file."""


class _Again(Exception):
    """An attempt failed in a way that another may mend; ``wait`` is what the server asked for, in seconds."""

    def __init__(self, failure: HomeroomError, wait: float | None = None) -> None:
        self.failure = failure
        self.wait = wait


class _Changed(Exception):
    """The server has another version of the file than the one that is here in part, of *total* bytes if that is known."""

    def __init__(self, total: int | None) -> None:
        self.total = total


class WholeNeeded(Exception):
    """A file that must keep what it has cannot be filled: the server sends no parts, or not of this version."""


class Transfer:
    """Fetches what is missing of *file*. Raises NetworkFailure, SourceFailure, DigestMismatch, DiskFull, StoreFailure.

    *pool* is where writing is done. *moved* is called when bytes have been written, or have to come again. With *in_place*
    what is here is never given up for a whole file that is yet to come: WholeNeeded is raised.
    """

    def __init__(
        self,
        client: Client,
        file: RemoteFile,
        prefix: Prefix,
        pool: Executor,
        *,
        connections: int,
        rate: Rate,
        spare: int,
        sleep: Sleep,
        in_place: bool,
        moved: Callable[[], None],
    ) -> None:
        self.ranges: bool | None = None
        """Whether the server sends parts; None until it has been asked for one."""
        self._client = client
        self._file = file
        self._prefix = prefix
        self._part = prefix.part
        self._pool = pool
        self._connections = connections
        self._rate = rate
        self._spare = spare
        self._sleep = sleep
        self._in_place = in_place
        self._moved = moved
        self._shown = address(file.url)
        self._where: str | None = None
        """Where redirects led; what is signed does not last."""
        self._digests = False
        """Whether its answers carry digests: then one piece a request, so that one piece is what a wrong one costs."""
        self._allowed = connections
        self._failures = 0
        self._best = 0
        self._misfits = 0
        self._changes = 0
        self._swift = Swift()
        self._wake = asyncio.Event()

    async def fill(self) -> None:
        """Ask until nothing is missing. Failures in a row are bounded; a block more than ever starts a new row."""
        self._failures, self._best = 0, self._part.here
        while not self._part.whole:
            try:
                await self._work()
            except _Changed as changed:
                self._changes += 1
                most = _MOST_CHANGES + (self._client.network.retries if self._file.sha256 else 0)
                if self._changes > most:
                    raise SourceFailure("download.changed", url=self._shown) from None
                self._begin(changed.total)

    def _begin(self, total: int | None, validator: str | None = None) -> None:
        """Start anew a file of *total* bytes, unless its size has been published."""
        if self._in_place:
            raise WholeNeeded
        self._prefix.begin(total if self._file.size is None else self._file.size, self._shown, validator)
        ensure_space(self._part.path.parent, self._part.missing + self._spare)
        self._moved()

    async def _work(self) -> None:
        """Keep the connections busy until nothing is missing that none of them fetches."""
        active: dict[asyncio.Task[None], range] = {}
        try:
            while True:
                while len(active) < self._most and (span := self._next(active)) is not None:
                    if self._swift.proven:
                        self._swift.begin(span.end - span.start)
                    pieces = range(span.start // LENGTH, -(-span.end // LENGTH))
                    task = asyncio.create_task(self._fetch(span))
                    task.add_done_callback(lambda _: self._wake.set())
                    active[task] = pieces
                if not active:
                    return
                await self._news()
                for task in [task for task in active if task.done()]:
                    del active[task]
                    await self._judge(task, others=len(active))
        finally:
            for task in active:
                task.cancel()
            await asyncio.gather(*active, return_exceptions=True)

    @property
    def _most(self) -> int:
        """How many connections there may be now."""
        return self._allowed if self.ranges and not self._swift.proven and self._swift.left is None else 1

    async def _news(self) -> None:
        """Wait until a connection has something to tell, or the one there is turns out not to be swift."""
        try:
            async with asyncio.timeout(self._swift.left):
                await self._wake.wait()
        except TimeoutError:
            self._swift.give_up()
        self._wake.clear()

    def _next(self, active: dict[asyncio.Task[None], range]) -> Span | None:
        """What a free connection should ask for: much in the middle of a file, little where it ends."""
        part = self._part
        if part.size is None or self.ranges is False:
            if active or part.whole:
                return None
            if part.here:
                self._begin(part.size)
            return Span(0, LENGTH if part.size is None else part.size)
        one = self._digests or self.ranges is None
        most, connections = (_MOST_SWIFT, 1) if self._swift.proven else (MOST_PIECES, self._connections)
        fair = 1 if one else part.missing // (2 * connections * LENGTH)
        taken = {piece for pieces in active.values() for piece in pieces}
        return part.next_span(taken, max(1, min(most, fair)))

    async def _judge(self, task: asyncio.Task[None], others: int) -> None:
        """Take a connection's result: one that fails beside others is one too many, the last one waits and tries again."""
        try:
            task.result()
        except _Again as again:
            self._swift.give_up()
            if others:
                self._allowed = others
                return
            progress = self._part.here >= self._best + PIECE
            self._failures = 1 if progress else self._failures + 1
            self._best = max(self._best, self._part.here)
            if self._failures > self._client.network.retries:
                raise again.failure from None
            pause = 0.25 * 2**self._failures if again.wait is None else again.wait
            await self._sleep(min(LONGEST_PAUSE, pause))
        else:
            self._swift.end()
            self._allowed = min(self._allowed + 1, self._connections)

    # ---- one request

    async def _fetch(self, span: Span) -> None:
        where = self._where
        if where is not None:
            if await self._ask(where, span, remembered=True):
                return
            self._where = None
        await self._ask(self._file.url, span, remembered=False)

    async def _ask(self, url: str, span: Span, *, remembered: bool) -> bool:
        """Fetch what an answer has of *span*; False where a *remembered* address is no longer good."""
        whole = span.start == 0 and span.end == self._part.size and not self._in_place
        asked = None if whole or self.ranges is False else span
        headers = request_headers(asked, self._part.validator if self._trusted else None)
        try:
            async with self._client.get(url, headers=headers, token=self._file.token) as response:
                if remembered and response.status in EXPIRED:
                    return False
                held = self._accept(response, asked)
                self._where = None if _same_place(str(response.url), self._file.url) else str(response.url)
                if response.status != 416:
                    await self._take(response, held, span)
        except HTTP_ERRORS as error:
            found = self._told(failure(error, self._file.url))
            if isinstance(found, SourceFailure) or found.key in HOPELESS:
                raise found from error
            raise _Again(found) from error
        except SourceFailure as error:
            raise self._told(error) from None
        return True

    @property
    def _trusted(self) -> bool:
        """Whether validators mean something: servers of one host may differ in them, and then the digest decides."""
        return self._changes <= _MOST_CHANGES

    def _told(self, error: HomeroomError) -> HomeroomError:
        if "url" in error.facts:
            error.facts["url"] = self._shown
        return type(error)(_SAID_OF_HUBS.get(error.key, error.key), **error.facts)

    def _accept(self, response: aiohttp.ClientResponse, asked: Span | None) -> Body:
        """Make the part ready for this answer's body and tell what it holds, or raise what the answer means."""
        if response.status not in (200, 206, 416):
            raise self._refused(response)
        held = body(response.status, response.headers, asked)
        if held is None:
            self._misfits += 1
            if self._misfits > 1:
                self.ranges = False
            raise _Again(SourceFailure("download.bad_range", url=self._shown), wait=0)
        self._misfits = 0
        self._compare_size(held.total)
        found = validator_of(response.headers)
        if response.status == 206:
            self._same_version(held, found)
            first_or_only = self.ranges is None or self._connections == 1
            if first_or_only and held.end is not None and asked is not None and self._plain(response):
                self._swift.begin(min(held.end, asked.end) - held.start)
            self.ranges, self._digests = True, content_digest(response.headers) is not None
            self._wake.set()
        else:
            self._from_the_start(held, found, asked, response.content_type)
        return held

    def _refused(self, response: aiohttp.ClientResponse) -> Exception:
        status, url = response.status, self._shown
        if status in (401, 403) and (self._file.token is not None or "X-Error-Code" in response.headers):
            return refusal(response, url)  # a hub, which has more to say
        refused = SourceFailure("download.refused", url=url, status=status)
        return _Again(refused, retry_after(response.headers)) if status in WORTH_RETRYING else refused

    def _compare_size(self, total: int | None) -> None:
        if total is None:
            return
        if self._file.size is not None and total != self._file.size:
            # A sign-in page, or another file: what has arrived before stays.
            raise DigestMismatch("download.wrong_size", url=self._shown, expected=self._file.size, found=total)
        if self._part.size is not None and total != self._part.size:
            raise _Changed(total)

    def _same_version(self, held: Body, found: str | None) -> None:
        part = self._part
        if (found is None and self._file.sha256 is None) or (part.size is None and held.total is None):
            self.ranges = False  # nothing would tell when parts do not fit together
            raise _Again(SourceFailure("download.bad_range", url=self._shown), wait=0)
        if part.size is None:
            self._begin(held.total, found)
        elif part.validator is None or part.url != self._shown:
            part.identify(self._shown, found)
        elif found is not None and found != part.validator and self._trusted:
            raise _Changed(held.total)

    def _from_the_start(self, held: Body, found: str | None, asked: Span | None, kind: str) -> None:
        """The answer is all of the file. To a request for a part: the server sends none, or has another version."""
        if self._file.sha256 is None and self._file.size is None and kind == "text/html":
            raise SourceFailure("hubs.not_a_file", url=self._shown, kind=kind)
        if asked is not None:
            if self.ranges and self._trusted:
                raise _Changed(held.total)
            if self.ranges:
                self.ranges = False
                raise _Again(SourceFailure("download.bad_range", url=self._shown), wait=0)
            self.ranges = False
        self._begin(held.total, found)

    # ---- its bytes

    async def _take(self, response: aiohttp.ClientResponse, held: Body, span: Span) -> None:
        """Write what the answer holds, or as much of it as was asked for."""
        limit, partial = held.end, response.status == 206
        if partial:
            limit = min(held.end or span.end, span.end)
        elif self._part.size is not None:
            limit = self._part.size
        # A connection that bytes are taken from is not used again: with the next answer a slow server would have one more.
        last_or_swift = not partial or self._swift.proven
        wait = self._client.network.timeout
        if limit is not None and last_or_swift and self._plain(response) and (straight := take_over(response, wait)):
            end = await straight.pour(self._part, self._pool, held.start, limit, self._moved)
        else:
            end = await self._drink(response, held, span, limit)
        if limit is not None and end < limit:
            raise _Again(NetworkFailure("models.network", url=self._shown, reason=text.t("models.reason.cut")))
        if limit is None:
            self._part.identify(self._shown, self._part.validator, end)

    def _plain(self, response: aiohttp.ClientResponse) -> bool:
        """Whether nothing is to be done with the answer's bytes but to write them."""
        plain = response.url.scheme == "http" and "Content-Digest" not in response.headers and self._rate.unlimited
        return plain and self._client.direct(response.url)

    async def _drink(self, response: aiohttp.ClientResponse, held: Body, span: Span, limit: int | None) -> int:
        """Write the answer's bytes up to *limit*, in blocks: one is written while the next one comes. Tell where they ended."""
        partial = response.status == 206
        digest = content_digest(response.headers) if partial and limit == held.end else None
        sink = Sink(self._part, self._pool, held.start, limit, self._moved, digest)
        try:
            async for chunk, _ in response.content.iter_chunks():
                if limit is not None and sink.end + len(chunk) > limit:
                    if not partial:
                        await sink.flush()
                        raise self._too_long(limit)
                    chunk = chunk[: limit - sink.end]
                await self._rate.take(len(chunk))
                await sink.put(chunk)
                if partial and sink.end == limit:
                    break
        finally:
            await sink.flush()
        if sink.spoilt:
            for piece in range(span.start // LENGTH, -(-span.end // LENGTH)):
                self._prefix.lose(piece)
            self._moved()
            raise _Again(SourceFailure("download.spoilt", url=self._shown), wait=0)
        return sink.end

    def _too_long(self, limit: int) -> DigestMismatch:
        self._begin(limit)
        return DigestMismatch("download.wrong_size", url=self._shown, expected=limit, found=f">{limit}")


def _same_place(one: str, other: str) -> bool:
    """Whether two addresses are the same but for credentials."""
    a, b = urlsplit(one), urlsplit(other)
    return (a.hostname, a.port, a.path, a.query) == (b.hostname, b.port, b.path, b.query)
