"""Fetching one file over HTTP: resumed where it stopped, checked while it streams, whole or not there at all.

Knows ranges, retries and digests; does not know how the network is reached (``http``) nor what the file is
(``package_index``, ``starter``). RFC 9110 sections 13.1.5 (If-Range) and 14 (Range).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import aiohttp

from homeroom import text
from homeroom.errors import DigestMismatch, HomeroomError, NetworkFailure, SourceFailure
from homeroom.models.disk import PIECE, Lock, Sleep, disk_error, ensure_space, sync_folder
from homeroom.models.http import HOPELESS, HTTP_ERRORS, Client, failure, shown
from homeroom.models.store import DIGEST

LONGEST_PAUSE: Final = 30.0
WORTH_RETRYING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes that there will be (None: not known)."""


async def fetch(
    client: Client,
    url: str,
    target: Path,
    *,
    partial: Path,
    size: int | None,
    sha256: str,
    progress: Progress,
    spare: int = 0,
    sleep: Sleep = asyncio.sleep,
    waiting: Callable[[], None] | None = None,
) -> Path:
    """Fetch *url* to *target*, which appears only when all of it is there and its SHA-256 is *sha256*.

    What has arrived waits in ``partial/SHA256.part`` and is used by the next call, whatever ended this one.
    *size* is in bytes where it is known; *spare* more bytes are needed on the same disk afterwards. Two processes
    (or tasks) that fetch the same file do it once: the second waits, calls *waiting*, and finds it done.

    Raises NetworkFailure, SourceFailure (the server refuses), DigestMismatch (the part is deleted), DiskFull
    (the part is kept), StoreFailure.
    """
    assert DIGEST.fullmatch(sha256)
    _make(partial)
    async with Lock(partial / f"{sha256}.lock", sleep=sleep, waiting=waiting):
        if _is_there(target):
            return target
        with Part(partial, sha256) as part:
            inherited = part.size
            ensure_space(partial, max(0, (size or 0) - part.size) + spare)
            await part.recall(size, progress)
            await _fill(client, url, part, size, progress, sleep)
            if not part.good and inherited:
                # Bytes of an earlier run were not as they should be (a power cut): once more, from zero.
                part.clear()
                await _fill(client, url, part, size, progress, sleep)
            if not part.good:
                part.delete()
                raise DigestMismatch("models.digest", url=shown(url), expected=sha256, found=part.digest)
            part.finish(target)
    return target


class _Again(Exception):
    """An attempt failed in a way that another may mend; ``wait`` is what the server asked for, in seconds."""

    def __init__(self, failure: HomeroomError, wait: float | None = None) -> None:
        self.failure = failure
        self.wait = wait


async def _fill(client: Client, url: str, part: Part, size: int | None, progress: Progress, sleep: Sleep) -> None:
    """Ask until *part* is complete. Failures in a row are bounded; a piece more than ever starts a new row."""
    failures, best = 0, part.size
    while size is None or part.size != size:
        try:
            await _attempt(client, url, part, size, progress)
            return
        except _Again as again:
            failures = 1 if part.size >= best + PIECE else failures + 1
            best = max(best, part.size)
            if failures > client.network.retries:
                raise again.failure from None
            await sleep(min(LONGEST_PAUSE, 0.25 * 2**failures if again.wait is None else again.wait))


async def _attempt(client: Client, url: str, part: Part, size: int | None, progress: Progress) -> None:
    try:
        async with client.get(url, headers=part.request_headers(url)) as response:
            total = _accept(response, url, part, size)
            progress(part.size, total)
            async for piece in response.content.iter_any():
                if total is not None and part.size + len(piece) > total:
                    part.delete()
                    raise DigestMismatch("models.wrong_size", url=shown(url), expected=total, found=f">{total}")
                part.write(piece, total)
                progress(part.size, total)
    except HTTP_ERRORS as error:
        reason = failure(error, url)
        if isinstance(reason, SourceFailure) or reason.key in HOPELESS:
            raise reason from error
        raise _Again(reason) from error
    if total is not None and part.size < total:
        raise _Again(NetworkFailure("models.network", url=shown(url), reason=text.t("models.reason.cut")))


def _accept(response: aiohttp.ClientResponse, url: str, part: Part, size: int | None) -> int | None:
    """Make *part* ready for this answer's body and tell the file's size, or raise what the answer means."""
    status = response.status
    if status == 206 and part.size:
        span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
        total = int(span[3]) if span and span[3] != "*" else size
        if span is None or int(span[1]) != part.size or (size is not None and total != size):
            part.clear()
            raise _Again(SourceFailure("models.bad_range", url=shown(url)), wait=0)
        return total
    if status == 416:
        part.clear()
        raise _Again(SourceFailure("models.bad_range", url=shown(url)), wait=0)
    if status == 200:
        length = response.content_length if "Content-Encoding" not in response.headers else None
        if size is not None and length is not None and length != size:
            # A sign-in page, or another file: what has arrived before stays.
            raise DigestMismatch("models.wrong_size", url=shown(url), expected=size, found=length)
        part.clear()
        part.remember(url, response.headers)
        return size if size is not None else length
    refused = SourceFailure("models.refused", url=shown(url), status=status)
    if status in WORTH_RETRYING:
        asked = response.headers.get("Retry-After", "")
        raise _Again(refused, wait=float(asked) if asked.isdecimal() else None)
    raise refused


class Part:
    """The bytes of one file that have arrived, on disk, and their running SHA-256."""

    def __init__(self, folder: Path, sha256: str) -> None:
        self._folder = folder
        self._sha256 = sha256
        self._path = folder / f"{sha256}.part"
        self._mark = folder / f"{sha256}.mark"
        self._hash = hashlib.sha256()
        self.size = 0
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
            self.size = os.fstat(descriptor).st_size
        except OSError as error:
            raise disk_error(error, folder) from error

    def __enter__(self) -> Part:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    async def recall(self, size: int | None, progress: Progress) -> None:
        """Take the digest of what is here already, in pieces. More than *size* bytes cannot be right."""
        if size is not None and self.size > size:
            self.clear()
        there, self.size = self.size, 0
        try:
            self._file.seek(0)
            while self.size < there and (piece := self._file.read(PIECE)):
                self._hash.update(piece)
                self.size += len(piece)
                progress(self.size, size)
                await asyncio.sleep(0)
        except OSError as error:
            raise disk_error(error, self._folder) from error

    def request_headers(self, url: str) -> dict[str, str]:
        """Ask for what is missing. The digest is known beforehand, so bytes of another URL are as good."""
        headers = {"Accept-Encoding": "identity"}
        if self.size:
            headers["Range"] = f"bytes={self.size}-"
            try:
                mark = json.loads(self._mark.read_text(encoding="utf-8"))
                if mark["url"] == shown(url) and isinstance(mark["validator"], str):
                    headers["If-Range"] = mark["validator"]
            except (OSError, ValueError, KeyError, TypeError):  # not written, or by a hand that was cut off
                pass
        return headers

    def remember(self, url: str, headers: Mapping[str, str]) -> None:
        """Keep the server's validator for If-Range, which takes strong ones only."""
        etag = headers.get("ETag", "")
        validator = etag if etag.startswith('"') else headers.get("Last-Modified")
        try:
            if validator:
                self._mark.write_text(json.dumps({"url": shown(url), "validator": validator}), encoding="utf-8")
            else:
                self._mark.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, self._folder) from error

    def write(self, piece: bytes, total: int | None) -> None:
        rest = memoryview(piece)
        try:
            while rest:
                count = self._file.write(rest)
                self._hash.update(rest[:count])
                self.size += count
                rest = rest[count:]
        except OSError as error:
            raise disk_error(error, self._folder, needed=(total or 0) - self.size) from error

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    @property
    def good(self) -> bool:
        return self.digest == self._sha256

    def clear(self) -> None:
        """Forget every byte and start again."""
        if not self.size:
            return
        try:
            self._file.seek(0)
            self._file.truncate(0)
        except OSError as error:
            raise disk_error(error, self._folder) from error
        self._hash = hashlib.sha256()
        self.size = 0

    def delete(self) -> None:
        self._file.close()
        for path in (self._path, self._mark):
            with suppress(OSError):  # what cannot be deleted is cleared by the next run: its digest is wrong
                path.unlink()

    def finish(self, target: Path) -> None:
        """Give the complete file its name, so that a power cut finds all of it or none."""
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            self._path.replace(target)
            self._mark.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, target.parent) from error
        sync_folder(target.parent)


def _is_there(path: Path) -> bool:
    return path.is_file()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, folder) from error
