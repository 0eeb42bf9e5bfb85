"""Where the bytes of one answer go: gathered to blocks, written in a thread while the next ones come.

Knows when to write and that all of an answer may have a digest; does not know where an answer comes from (``transfer``).
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Final

from homeroom.models.disk import PIECE
from homeroom.models.download.pieces import Part

SOON: Final = 0.02
"""Seconds after which bytes are written however few they are, so that a kill costs a slow connection next to nothing."""


class Sink:
    """The bytes of *part* from *start* on, up to *limit* if that is known; *wrote* is called when some have been written.

    *digest* is what all of them should have: where they do not, the last block is not written, so
    that the piece is never whole, and ``spoilt`` is set.
    """

    def __init__(
        self, part: Part, pool: Executor, start: int, limit: int | None, wrote: Callable[[], None], digest: bytes | None
    ) -> None:
        self.end = start
        self.spoilt = False
        self._part = part
        self._pool = pool
        self._limit = limit
        self._wrote = wrote
        self._expected = digest
        self._hash = hashlib.sha256()
        self._held: list[bytes] = []
        self._held_from = start
        self._wrote_at = 0.0
        self._writing: asyncio.Future[None] | None = None

    async def put(self, chunk: bytes) -> None:
        self._held.append(chunk)
        self.end += len(chunk)
        if self.end - self._held_from >= PIECE or time.monotonic() - self._wrote_at > SOON:
            await self._write()

    async def flush(self) -> None:
        """Write what is held, and wait until all is written."""
        if self.end > self._held_from:
            await self._write()
        await self._settle()

    async def _write(self) -> None:
        await self._settle()
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._pool, self._store, self._held, self._held_from)
        self._held, self._held_from, self._wrote_at = [], self.end, time.monotonic()

    async def _settle(self) -> None:
        if self._writing is not None:
            await asyncio.shield(self._writing)  # it goes on when this task is cancelled, and is waited for by flush
            self._writing = None
            self._wrote()

    def _store(self, chunks: Sequence[bytes], start: int) -> None:
        if self._expected is not None:
            for chunk in chunks:
                self._hash.update(chunk)
            end = start + sum(map(len, chunks))
            if end == self._limit and self._hash.digest() != self._expected:
                self.spoilt = True
                return
        self._part.write(chunks, start)
