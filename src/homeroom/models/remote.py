"""The header of a GGUF file that is elsewhere: read by Range, so that a few MB travel and never a weight.

Knows ranges, redirects to signed addresses, servers without ranges and what their lies look like; does not know how an
address is found (``hubs``) nor what a header holds (``gguf``). RFC 9110 section 14 (Range), 15.5.17 (416).

The reader of headers is synchronous and works in a thread; each time it lacks bytes it waits for the event loop to fetch
them. So nothing is parsed twice, and no more is fetched than the reader asks for.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import aiohttp
from yarl import URL

from homeroom import text
from homeroom.errors import BadModelFile, HomeroomError, NetworkFailure, SourceFailure, UnknownModel
from homeroom.models.addresses import Token, address
from homeroom.models.disk import Sleep
from homeroom.models.facts import ModelFacts
from homeroom.models.gguf import Header, read_header
from homeroom.models.gguf_reader import THRIFTY_PIECE
from homeroom.models.http import HOPELESS, HTTP_ERRORS, Client, failure
from homeroom.models.inspect import facts_from, model_stem, shard_names

FIRST_PIECE: Final = THRIFTY_PIECE
SMALL_PIECE: Final = 1 << 14
"""The first piece of each further shard of a split model: it holds a short table, and there may be hundreds of them."""
MOST_TRAFFIC: Final = 32 << 20
"""Bytes that may travel for one model. The largest real headers need about 8 MB of this."""
SECONDS: Final = 120.0
"""Time for one model, however many pieces."""
AT_ONCE: Final = 4
"""Shards of a split model that are read at the same time."""
_RETRIES: Final = 2
_LONGEST_PAUSE: Final = 10.0
_WORTH_RETRYING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file that can be fetched; ``size`` and ``sha256`` as whoever lists it says, None where nobody does."""

    name: str
    """Its path in the repository, or the last part of its address."""
    url: str
    size: int | None = None
    sha256: str | None = None
    token: Token | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RemoteHeader:
    """The headers of one model's files, in order, and what it took to read them."""

    headers: tuple[Header, ...]
    urls: tuple[str, ...]
    """As they were asked for: not where redirects led, which is signed and soon over."""
    file_bytes: tuple[int, ...]
    etags: tuple[str | None, ...]
    sha256: tuple[str | None, ...]
    traffic_bytes: int


class Traffic:
    """Counts the bytes of bodies that arrive, and ends it where they are too many."""

    def __init__(self, limit: int = MOST_TRAFFIC, progress: Callable[[int], None] | None = None) -> None:
        self.spent = 0
        self._limit = limit
        self._progress = progress

    def add(self, count: int, url: str) -> None:
        self.spent += count
        if self.spent > self._limit:
            raise SourceFailure("hubs.too_much", url=address(url), limit=text.size(self._limit))
        if self._progress is not None:
            self._progress(self.spent)


def files_at(url: str, token: Token | None = None) -> tuple[RemoteFile, ...]:
    """The file at *url*, or all shards of the split model that it is a part of, by their names.

    Raises UnknownModel for an address without a file name.
    """
    parts = urlsplit(url)
    folder, _, last = parts.path.rpartition("/")
    name = unquote(last)
    if name in ("", ".", "..") or not name.isprintable() or "/" in name or "\\" in name:
        raise UnknownModel("hubs.no_file_name", url=address(url))
    siblings = shard_names(name)
    if siblings == (name,):
        return (RemoteFile(name, url, token=token),)
    return tuple(
        RemoteFile(one, urlunsplit(parts._replace(path=f"{folder}/{quote(one)}")), token=token) for one in siblings
    )


async def inspect_remote(
    client: Client,
    files: Sequence[RemoteFile],
    name: str | None = None,
    *,
    traffic: Traffic | None = None,
    seconds: float = SECONDS,
    sleep: Sleep = asyncio.sleep,
) -> tuple[ModelFacts, RemoteHeader]:
    """The facts of the model in *files* (all its shards in order), and their headers. ``facts.paths`` is empty.

    Raises BadModelFile as ``inspect``, and what ``read_headers`` raises.
    """
    remote = await read_headers(client, files, traffic=traffic, seconds=seconds, sleep=sleep)
    facts = facts_from(
        remote.headers,
        [address(url) for url in remote.urls],
        name=name or model_stem(files[0].name.rpartition("/")[2]),
        sha256=files[0].sha256 if len(files) == 1 else None,
    )
    return facts, remote


async def read_headers(
    client: Client,
    files: Sequence[RemoteFile],
    *,
    traffic: Traffic | None = None,
    seconds: float = SECONDS,
    sleep: Sleep = asyncio.sleep,
) -> RemoteHeader:
    """The headers of *files*, of which only what is needed travels, some at the same time.

    Raises BadModelFile (what is there is no whole GGUF), UnknownModel (not there), SourceFailure (the server refuses,
    lies, or sends too much), NetworkFailure (not reached, cut off, too slow).
    """
    traffic = traffic or Traffic()
    places = asyncio.Semaphore(AT_ONCE)

    async def one(file: RemoteFile) -> tuple[Header, _Source]:
        async with places:
            piece = FIRST_PIECE if file is files[0] else SMALL_PIECE
            return await _read(_Source(client, file, traffic, sleep), shown=address(file.url), piece=piece)

    tasks = [asyncio.ensure_future(one(file)) for file in files]
    try:
        async with asyncio.timeout(seconds):
            results = await asyncio.gather(*tasks)
    except TimeoutError:
        raise NetworkFailure("hubs.slow", url=address(files[0].url), seconds=round(seconds)) from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return RemoteHeader(
        headers=tuple(header for header, _ in results),
        urls=tuple(file.url for file in files),
        file_bytes=tuple(source.total for _, source in results),
        etags=tuple(source.etag for _, source in results),
        sha256=tuple(file.sha256 for file in files),
        traffic_bytes=traffic.spent,
    )


async def _read(source: _Source, *, shown: str, piece: int) -> tuple[Header, _Source]:
    try:
        first = await source.fetch(0, piece)
        stream = _Stream(shown, first, source.total, source.fetch, asyncio.get_running_loop())
        try:
            header = await asyncio.to_thread(read_header, stream, thrifty=True, leaps=source.ranges, piece=piece)
        finally:
            stream.close()
    finally:
        await source.close()
    return header, source


class _Stream:
    """What the thread that reads a header sees: a file of *size* bytes, which begins with *first*."""

    def __init__(
        self,
        name: str,
        first: bytes,
        size: int,
        fetch: Callable[[int, int], Awaitable[bytes]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.name = name
        self._first = first
        self._size = size
        self._at = 0
        self._fetch = fetch
        self._loop = loop
        self._closed = False
        self._pending: Future[bytes] | None = None

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset if whence == io.SEEK_SET else self._size + offset
        return self._at

    def read(self, size: int) -> bytes:
        """Exactly *size* bytes, fewer only at the file's end."""
        size = min(size, self._size - self._at)
        if size <= 0:
            return b""
        known = self._first[self._at : self._at + size]
        if len(known) < size:
            known += self._wait_for(self._at + len(known), size - len(known))
        self._at += len(known)
        return known

    def _wait_for(self, start: int, count: int) -> bytes:
        if self._closed:
            raise BadModelFile("gguf.unreadable", path=self.name, reason=text.t("models.reason.cut"))
        self._pending = asyncio.run_coroutine_threadsafe(self._call(start, count), self._loop)
        return self._pending.result()

    async def _call(self, start: int, count: int) -> bytes:
        return await self._fetch(start, count)

    def close(self) -> None:
        """End the thread's wait: nobody wants its result any more."""
        self._closed = True
        if self._pending is not None:
            self._pending.cancel()


class _Again(Exception):
    """An attempt failed in a way that another may mend; ``wait`` is what the server asked for, in seconds."""

    def __init__(self, failure: HomeroomError, wait: float | None = None) -> None:
        self.failure = failure
        self.wait = wait


class _Source:
    """One file at one address: its pieces, its size (known after the first piece) and its validator."""

    def __init__(self, client: Client, file: RemoteFile, traffic: Traffic, sleep: Sleep) -> None:
        self.total = -1
        self.etag: str | None = None
        self.ranges = True
        self._client = client
        self._file = file
        self._traffic = traffic
        self._sleep = sleep
        self._where = file.url
        self._open = AsyncExitStack()
        self._body: aiohttp.StreamReader | None = None
        self._position = 0

    async def close(self) -> None:
        """Give up the connection of a server without ranges in the middle of what it sends."""
        with suppress(*HTTP_ERRORS):
            await self._open.aclose()

    async def fetch(self, start: int, count: int) -> bytes:
        """*count* bytes from *start*; fewer only where the file ends."""
        got = bytearray()
        failures = 0
        while len(got) < count and (self.total < 0 or start + len(got) < self.total):
            before = len(got)
            try:
                if self._body is None:
                    await self._attempt(start, count, got)
                else:
                    await self._read_on(self._body, start, count, got)
            except _Again as again:
                failures = 1 if len(got) > before else failures + 1
                if failures > _RETRIES or not self.ranges:
                    raise again.failure from None
                pause = 0.5 * 2**failures if again.wait is None else again.wait
                await self._sleep(min(_LONGEST_PAUSE, pause))
        return bytes(got)

    async def _attempt(self, start: int, count: int, got: bytearray) -> None:
        """Ask once for what is missing of *count* bytes from *start*, and put into *got* what comes."""
        at, end = start + len(got), start + count
        token = self._file.token if self._where == self._file.url else None
        headers = {"Range": f"bytes={at}-{end - 1}", "Accept-Encoding": "identity"}
        try:
            async with AsyncExitStack() as stack:
                response = await stack.enter_async_context(self._client.get(self._where, headers=headers, token=token))
                until = self._check(response, at)
                if response.status == 416:
                    return
                self._where = str(response.url)
                if response.status == 200:
                    self.ranges, self._body, self._open = False, response.content, stack.pop_all()
                    await self._read_on(self._body, start, count, got)
                    return
                await self._take(response.content, min(end, self.total, until) - at, got)
        except HTTP_ERRORS as error:
            raise self._failed(error) from error
        except SourceFailure as error:
            raise told(error, self._file.url) from None

    async def _read_on(self, body: aiohttp.StreamReader, start: int, count: int, got: bytearray) -> None:
        """A server without ranges sends the file from its first byte: what lies before *start* is let go by."""
        end = min(start + count, self.total)
        passed = bytearray()
        try:
            while self._position < start:
                passed.clear()
                self._position += await self._take(body, min(start - self._position, FIRST_PIECE), passed)
            self._position += await self._take(body, end - self._position, got)
        except HTTP_ERRORS as error:
            raise self._failed(error) from error

    async def _take(self, body: aiohttp.StreamReader, count: int, got: bytearray) -> int:
        """Add up to *count* bytes of *body* to *got*, and leave the rest unread. How many they were."""
        taken = 0
        while taken < count:
            piece = await body.read(min(count - taken, FIRST_PIECE))
            if not piece:
                break
            got += piece
            taken += len(piece)
            self._traffic.add(len(piece), self._file.url)
        if taken < count:
            raise _Again(self._cut())
        return taken

    def _cut(self) -> NetworkFailure:
        return NetworkFailure("hubs.network", url=address(self._file.url), reason=text.t("models.reason.cut"))

    def _failed(self, error: Exception) -> Exception:
        found = told(error, self._file.url)
        return found if isinstance(found, SourceFailure) or found.key in HOPELESS else _Again(found)

    def _check(self, response: aiohttp.ClientResponse, at: int) -> int:
        """Learn the file's size from *response* and tell where what it sends ends, or raise what is wrong with it."""
        url, status = address(self._file.url), response.status
        if status == 403 and self._where != self._file.url:
            self._where = self._file.url  # a signed address does not last
            raise _Again(refusal(response, url), wait=0)
        if status == 416:
            size = re.fullmatch(r"bytes \*/(\d{1,18})", response.headers.get("Content-Range", "").strip())
            if size is not None and int(size[1]) == 0 and at == 0:
                return self._learn(0, response)
            raise SourceFailure("hubs.bad_range", url=url)
        if status not in (200, 206):
            refused = refusal(response, url)
            if status in _WORTH_RETRYING:
                raise _Again(refused, wait=retry_after(response))
            raise refused
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise SourceFailure("hubs.encoded", url=url)
        if response.content_type in ("text/html", "multipart/byteranges"):
            raise SourceFailure("hubs.not_a_file", url=url, kind=response.content_type)
        if status == 200:
            if at != 0 or self.total >= 0:
                raise SourceFailure("hubs.bad_range", url=url)
            return self._learn(response.content_length, response)
        span = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if span is None or int(span[1]) != at or int(span[2]) < at:
            raise SourceFailure("hubs.bad_range", url=url)
        self._learn(None if span[3] == "*" else int(span[3]), response)
        return int(span[2]) + 1

    def _learn(self, total: int | None, response: aiohttp.ClientResponse) -> int:
        """The file's size (also the answer) and validator, which stay what they were at first."""
        url, etag = address(self._file.url), response.headers.get("ETag")
        if total is None:
            total = self._file.size if self.total < 0 else self.total
        if total is None:
            raise SourceFailure("hubs.no_size", url=url)
        if self._file.size is not None and total != self._file.size:
            raise SourceFailure("models.wrong_size", url=url, expected=self._file.size, found=total)
        if self.total < 0:
            self.total, self.etag = total, etag
        elif total != self.total or (etag and self.etag and etag != self.etag):
            raise SourceFailure("hubs.changed", url=url)
        return total


_DAY: Final = 86_400.0
_SAID_OF_HUBS: Final = {"models.network", "models.bad_answer", "models.redirects", "models.bad_url"}
"""Messages of the network that speak of package indexes; ``hubs`` has the same with another way out."""


def told(error: Exception, url: str) -> HomeroomError:
    """What an exception of the HTTP library (or of ``Client``) means for the model at *url*, in words that fit a hub."""
    found = error if isinstance(error, HomeroomError) else failure(error, url)
    if "url" in found.facts:
        found.facts["url"] = address(url)
    if found.key in _SAID_OF_HUBS:
        return type(found)(found.key.replace("models.", "hubs."), **found.facts)
    return found


def retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Seconds that the server asks to wait, where it says so in seconds."""
    asked = response.headers.get("Retry-After", "").strip()
    return float(asked) if re.fullmatch(r"\d{1,6}", asked) else None


def refusal(response: aiohttp.ClientResponse, where: str) -> HomeroomError:
    """What a status other than 200 and 206 means, of what the user knows as *where*. ``X-Error-Code`` is what Hugging
    Face adds to it."""
    status = response.status
    code = response.headers.get("X-Error-Code", "")
    if code == "GatedRepo":
        return SourceFailure("hubs.gated", url=where, page=_page(response.url))
    if status == 401 and response.headers.get("X-Error-Message", "").startswith("Invalid credentials"):
        return SourceFailure("hubs.bad_token", url=where)
    if code in ("RepoNotFound", "EntryNotFound", "RevisionNotFound") or status in (404, 410):
        return UnknownModel("hubs.not_there", url=where)
    if status in (401, 403):
        return SourceFailure("hubs.forbidden", url=where, status=status)
    if status == 429:
        wait = retry_after(response)
        told = text.duration(60 if wait is None else min(wait, _DAY))
        return SourceFailure("hubs.busy", url=where, wait=f"> {told}" if (wait or 0) > _DAY else told)
    return SourceFailure("hubs.refused", url=where, status=status)


def _page(url: URL) -> str:
    """The page of the repository of Hugging Face that *url*, of its API or of a file, belongs to."""
    found = re.match(r"(?:/api/models)?(/[^/]+/[^/]+)/(?:tree|resolve)/", url.path)
    return str(url.origin()) + found[1] if found else address(str(url))
