"""A file that arrives in pieces, and the folders of the store that it arrives in."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from pathlib import Path

import pytest

from homeroom.errors import NetworkFailure
from homeroom.models.addresses import Token
from homeroom.models.download.fetching import Fetched, Pace, fetch, mend
from homeroom.models.download.pieces import LENGTH
from homeroom.models.download.rate import Swift
from homeroom.models.http import Client, Network
from homeroom.models.remote import RemoteFile
from support.range_server import RangeServer

PIECES = 5
SIZE = 4 * LENGTH + 1_234_567

several_connections = pytest.mark.parametrize("swift", [Swift], indirect=True)


class World:
    """A store's folders, and a clock that only counts what was slept."""

    def __init__(self, folder: Path, body: bytes, digest: str) -> None:
        self.body, self.digest = body, digest
        self.partial = folder / "partial"
        self.blob = folder / "blobs" / digest
        self.blob.parent.mkdir()
        self.part = self.partial / f"{digest}.part"
        self.table = folder / "pieces" / digest
        self.network = Network(timeout=5, retries=3)
        self.seen: list[tuple[int, int | None]] = []
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    def progress(self, here: int, total: int | None) -> None:
        self.seen.append((here, total))

    async def fetch(
        self, url: str, *, connections: int = 4, size: int | None = SIZE, known: bool = True, token: Token | None = None
    ) -> Fetched:
        file = RemoteFile("m.gguf", url, size, self.digest if known else None, token)
        async with Client(self.network) as client:
            return await fetch(
                client,
                file,
                blob=lambda sha256: self.blob.with_name(sha256),
                partial=self.partial,
                progress=self.progress,
                pace=Pace(connections),
                sleep=self.sleep,
            )

    async def mend(self, url: str) -> int:
        file = RemoteFile("m.gguf", url, SIZE, self.digest)
        async with Client(self.network) as client:
            return await mend(client, file, self.blob, partial=self.partial, progress=self.progress, sleep=self.sleep)

    async def leave(self, server: RangeServer, count: int) -> None:
        """Leave the first *count* bytes behind, as a run that was cut off does."""
        cuts = [LENGTH] * (count // LENGTH) + [count % LENGTH]
        server.behaviour.cuts = deque([*cuts, 0, 0, 0, 0, 0])
        with pytest.raises(NetworkFailure):
            await self.fetch(server.url, connections=1)
        server.behaviour.cuts.clear()
        server.asked.clear()

    def whole(self) -> bool:
        """The blob is there, byte for byte, with its table of pieces, and nothing is left beside them."""
        tables = list(self.table.parent.iterdir())
        return self.blob.read_bytes() == self.body and tables == [self.table] and not list(self.partial.iterdir())


def flip(path: Path, *places: int) -> None:
    with path.open("r+b") as file:
        for place in places:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1]))


def pieces(server: RangeServer) -> list[int]:
    """Which pieces were asked for, in order."""
    return [piece for start, end in server.spans for piece in range(start // LENGTH, -(-end // LENGTH))]


def once(server: RangeServer) -> bool:
    """Whether each byte of the file was asked for exactly once."""
    spans = sorted(server.spans)
    return spans[0][0] == 0 and spans[-1][1] == SIZE and all(a[1] == b[0] for a, b in itertools.pairwise(spans))
