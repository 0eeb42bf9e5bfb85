"""Fetching one file over HTTP: in pieces, resumed where it stopped, checked while it arrives, whole or not there at all.

Knows when a file is what was published and what to do when it is not; does not know how pieces are fetched (``transfer``)
nor kept (``pieces``), how the network is reached (``http``), nor what the file is (``remote``, ``starter``).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homeroom.errors import DigestMismatch, StoreFailure
from homeroom.models.addresses import address
from homeroom.models.disk import Lock, Sleep, disk_error, ensure_space
from homeroom.models.download.pieces import LENGTH, Part, keep_table
from homeroom.models.download.prefix import STEP, Prefix
from homeroom.models.download.rate import Rate
from homeroom.models.download.transfer import Transfer, WholeNeeded
from homeroom.models.http import Client
from homeroom.models.remote import RemoteFile
from homeroom.models.store import DIGEST

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes that there will be (None: not known)."""

_TRIES: Final = 3
"""How often a whole file is read again as soon as a piece has come differently; after that, once at the end."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard a download pulls: ``connections`` at once, and ``rate`` bytes a second in all, 0 for no limit."""

    connections: int = 4
    rate: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole file on this disk. ``size`` in bytes."""

    path: Path
    sha256: str
    size: int


async def fetch(
    client: Client,
    file: RemoteFile,
    *,
    blob: Callable[[str], Path],
    partial: Path,
    progress: Progress,
    pace: Pace = Pace(),
    spare: int = 0,
    sleep: Sleep = asyncio.sleep,
    waiting: Callable[[], None] | None = None,
) -> Fetched:
    """Fetch *file* to ``blob(SHA-256)``, which appears only when all of it is there and is what was published.

    Where nobody publishes a digest, it is that of what arrived. What has arrived waits in *partial* and is used by the
    next call, whatever ended this one; *spare* more bytes are needed on the same disk afterwards. The digests of its
    pieces are kept in ``partial/../pieces/SHA-256``. Two processes (or tasks) that fetch the same file do it once: the
    second waits, calls *waiting*, and finds it done.

    Raises NetworkFailure, SourceFailure (the server refuses), DigestMismatch (what arrived is deleted), DiskFull (it
    is kept), StoreFailure.
    """
    key = _key(file)
    _make(partial)
    async with Lock(partial / f"{key}.lock", sleep=sleep, waiting=waiting):
        if file.sha256 is not None and _is_there(target := blob(file.sha256)):
            keep_table(_journal(partial, key), _table(partial, key))  # of a run that ended between its last two steps
            return Fetched(target, file.sha256, target.stat().st_size)
        return await _fetch(_Source(client, file, pace, spare, sleep, progress), blob, partial)


async def mend(
    client: Client,
    file: RemoteFile,
    path: Path,
    *,
    partial: Path,
    progress: Progress,
    pace: Pace = Pace(),
    sleep: Sleep = asyncio.sleep,
) -> int:
    """Make the file at *path* what *file* was published as, and tell how many pieces had to be fetched again for it.

    All of it is read. Where its download left the digests of its pieces, only those that have changed are fetched, in
    their place; else one after another is fetched and compared, until the whole is right. *progress* is told the bytes
    that are known to be right. *file* must have a digest and a size. Raises as ``fetch``, StoreFailure for no such file.
    """
    key = _key(file)
    assert file.sha256 is not None and file.size is not None
    if not _is_there(path):
        raise StoreFailure("download.no_blob", path=path)
    _make(partial)
    _make(partial.parent / "pieces")
    source = _Source(client, file, pace, 0, sleep, progress)
    async with Lock(partial / f"{key}.lock", sleep=sleep):
        try:
            return await _mend(source, path, _table(partial, key))
        except WholeNeeded:
            await _fetch(source, lambda _: path, partial)
            return max(1, -(-file.size // LENGTH))


@dataclass(frozen=True, slots=True)
class _Source:
    """What to fetch, how, and who is told. See ``fetch``."""

    client: Client
    file: RemoteFile
    pace: Pace
    spare: int
    sleep: Sleep
    progress: Progress


async def _fetch(source: _Source, blob: Callable[[str], Path], partial: Path) -> Fetched:
    key = _key(source.file)
    journal = _journal(partial, key)
    async with _opened(source, partial / f"{key}.part", journal) as download:
        part = download.part
        try:
            digest = await download.run()
        except DigestMismatch:
            if not part.here:
                part.delete()
            raise
        target = blob(digest)
        part.finish(target)
        keep_table(journal, _table(partial, digest))
        return Fetched(target, digest, part.here)


async def _mend(source: _Source, path: Path, table: Path) -> int:
    file = source.file
    async with _opened(source, path, table, in_place=True) as download:
        part = download.part
        if part.size != file.size or part.digests[-1:] != [file.sha256]:
            assert file.size is not None
            part.claim(file.size, address(file.url))
        await download.run()
        return download.refetched


def _key(file: RemoteFile) -> str:
    """What the file's part, journal and lock are called: its digest, else that of its address."""
    if file.sha256 is None:
        return hashlib.sha256(file.url.encode()).hexdigest()
    if not DIGEST.fullmatch(file.sha256):
        raise StoreFailure("store.bad_digest", digest=file.sha256[:80])
    return file.sha256


def _journal(partial: Path, key: str) -> Path:
    return partial / f"{key}.journal"


def _table(partial: Path, sha256: str) -> Path:
    return partial.parent / "pieces" / sha256


def _is_there(path: Path) -> bool:
    return path.is_file()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, folder) from error


@asynccontextmanager
async def _opened(source: _Source, path: Path, journal: Path, *, in_place: bool = False) -> AsyncIterator[_Download]:
    threads = source.pace.connections + 1  # one for each connection's writing, and one that reads and hashes
    # The pool ends before the part is closed: no thread may write into another file that gets its number.
    with Part(path, journal) as part, ThreadPoolExecutor(threads, "download") as pool:
        yield _Download(source, part, pool, in_place)


class _Download:
    """One file on its way: bytes come (``Transfer``) while those before them are read and hashed (``Prefix``)."""

    def __init__(self, source: _Source, part: Part, pool: ThreadPoolExecutor, in_place: bool) -> None:
        self.part = part
        self._source = source
        self._file = source.file
        self._pool = pool
        self._in_place = in_place
        self._prefix = Prefix(part)
        self._moving = asyncio.Event()
        self._filled = False
        self._transfer = Transfer(
            source.client,
            source.file,
            self._prefix,
            pool,
            connections=source.pace.connections,
            rate=Rate(source.pace.rate, sleep=source.sleep),
            spare=source.spare,
            sleep=source.sleep,
            in_place=in_place,
            moved=self._moved,
        )

    @property
    def refetched(self) -> int:
        """Pieces that were here and had to come again."""
        return self._prefix.lost

    async def run(self) -> str:
        """Have all of the file here and on the disk for certain, and tell its SHA-256."""
        part, expected = self.part, self._file.sha256
        self._take_up()
        ensure_space(part.path.parent, part.missing + self._source.spare)
        self._moved()
        await self._complete()
        found = self._prefix.digest
        if expected not in (None, found) and not await self._repair():
            if not self._in_place:
                self._prefix.begin(None, "")
            raise DigestMismatch("download.digest", url=address(self._file.url), expected=expected, found=found)
        if part.pieces:
            part.prove(part.pieces - 1, self._prefix.digest)
        await self._in_thread(part.sync)
        return self._prefix.digest

    def _take_up(self) -> None:
        """Keep what an earlier run has left, unless it is of no use."""
        part, file = self.part, self._file
        untold = file.sha256 is None and part.validator is None  # nothing would tell when parts do not fit together
        if part.size is None or file.size not in (None, part.size) or (part.here and untold):
            part.begin(file.size, address(file.url))

    def _moved(self) -> None:
        """Bytes have come, or have been read, or have to come again."""
        self._moving.set()
        self._source.progress(self._prefix.at if self._in_place else self.part.here, self.part.size)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def _complete(self) -> None:
        """Until nothing is missing and all has been read: a piece that is not what it was comes again."""
        while not self.part.whole or self._prefix.behind:
            self._filled = False
            filling = asyncio.create_task(self._transfer.fill())
            filling.add_done_callback(self._no_more)
            both = {filling, asyncio.create_task(self._follow())}
            try:
                done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
                for task in done:
                    task.result()
            finally:
                for task in both:
                    task.cancel()
                await asyncio.gather(*both, return_exceptions=True)

    def _no_more(self, _: asyncio.Task[None]) -> None:
        self._filled = True
        self._moving.set()

    async def _follow(self) -> None:
        """Read what has come, as far as there is no gap, for as long as more is to come."""
        while self._prefix.behind or not self._filled:
            if self._prefix.behind >= (1 if self._filled else STEP // 2):  # few steps: each has to be waited for
                await self._in_thread(self._prefix.advance)
                if self._in_place:
                    self._moved()
            else:
                self._moving.clear()
                await self._moving.wait()

    async def _repair(self) -> bool:
        """Fetch piece after piece a second time, until the whole is right; tell whether it is.

        A byte was spoilt on its way or on this disk, and nothing tells where. What an earlier run left comes first.
        Where the server sends no parts, all of it comes again.
        """
        part, prefix = self.part, self._prefix
        part.forget_digests()
        order = sorted(range(part.pieces), key=lambda piece: piece not in part.suspects)
        others, step = 0, self._source.pace.connections
        for group in (order[at : at + step] for at in range(0, len(order), step)):
            before = [await self._look(piece) for piece in group]
            for piece in group:
                prefix.lose(piece)
            await self._transfer.fill()
            if before != [await self._look(piece) for piece in group]:
                others += 1
                if others <= _TRIES and await self._is_right():
                    return True
            if self._transfer.ranges is False:
                break
        return (others > 0 or self._transfer.ranges is False) and await self._is_right()

    async def _look(self, piece: int) -> bytes:
        """What is here of *piece*, in 32 bytes."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.part.fingerprint, piece)

    async def _is_right(self) -> bool:
        """Read all of it again."""
        self.part.forget_digests()
        self._prefix.restart()
        await self._complete()
        return self._prefix.digest == self._file.sha256
