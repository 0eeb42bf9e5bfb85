"""A puller killed with SIGKILL at 200 random moments of one download, and resumed each time.

Nothing is lost, nothing is corrupt, and no byte comes twice but those that were on their way when it was killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from homeroom.models.download.pieces import LENGTH, read_journal
from support.range_server import RangeServer

KILLS_ON_THE_WAY = 160
KILLS_AT_THE_END = 40
CONNECTIONS = 4
RATE = 5_000_000
"""Bytes a second of each connection: slow enough for 160 lives."""
ON_ITS_WAY = 1 << 20
"""Bytes that may be in the pipe and in memory for each connection, on a busy machine; a piece has 8 MiB."""

NURSERY = """
import asyncio, os, sys
from pathlib import Path
from homeroom.models.download import transfer
from homeroom.models.download.fetching import Pace, fetch
from homeroom.models.http import Client, Network
from homeroom.models.download.rate import Swift
from homeroom.models.remote import RemoteFile
from support.swift import AlwaysSwift

folder, url, size, sha256, connections = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])

async def pull():
    async with Client(Network()) as client:
        await fetch(client, RemoteFile("m.gguf", url, size, sha256), blob=lambda it: folder / "blobs" / it,
                    partial=folder / "partial", progress=lambda here, total: None, pace=Pace(connections))

for line in sys.stdin:  # each line is a life: a process of its own, without the seconds that imports take
    transfer.Swift = AlwaysSwift if line == "straight\\n" else Swift
    child = os.fork()
    if not child:
        asyncio.run(pull())
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Puller:
    """Lives of one process after another, each of which pulls the same file."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ended: asyncio.Task[int] | None = None
        self._straight = itertools.cycle((False, True))
        """Whether the next life sends what comes straight to the disk. Both go on where the other one was killed."""
        self.pid = 0

    async def start(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"straight\n" if next(self._straight) else b"\n")
        self.pid = await self._line()
        self._ended = asyncio.create_task(self._line())

    async def _line(self) -> int:
        assert self._process.stdout is not None
        return int(await self._process.stdout.readline())

    @property
    def running(self) -> bool:
        return self._ended is not None and not self._ended.done()

    async def ended(self) -> int:
        assert self._ended is not None
        return await asyncio.wait_for(self._ended, 60)

    async def kill_when(self, reached: Callable[[], bool]) -> int:
        """Kill it at that moment, unless it ends before; how it ended."""
        while not reached() and self.running:
            await asyncio.sleep(0.001)
        if self.running:
            os.kill(self.pid, signal.SIGKILL)
        return await self.ended()


class World:
    def __init__(self, folder: Path, content: bytes) -> None:
        self.content = content
        self.digest = hashlib.sha256(content).hexdigest()
        self.partial = folder / "partial"
        self.part, self.journal = (self.partial / f"{self.digest}{suffix}" for suffix in (".part", ".journal"))
        self.blob, self.table = folder / "blobs" / self.digest, folder / "pieces" / self.digest

    def claims(self) -> list[tuple[int, int]]:
        """The bytes that the journal says are here."""
        found = read_journal(self.journal.read_bytes()) if self.journal.exists() else None
        arrived = () if found is None else found.arrived
        return [(piece * LENGTH, piece * LENGTH + count) for piece, count in enumerate(arrived) if count]

    def here(self) -> int:
        """How many bytes that is."""
        return sum(end - start for start, end in self.claims())

    def true(self) -> bool:
        """Whether the bytes that are claimed are here and right."""
        with self.part.open("rb") as file:
            for start, end in self.claims():
                file.seek(start)
                if file.read(end - start) != self.content[start:end]:
                    return False
        return True

    def put_back(self) -> None:
        """Undo the last two steps, as if they had not been reached."""
        if self.blob.exists():
            self.blob.replace(self.part)
        if self.table.exists():
            self.table.replace(self.journal)


@pytest.fixture
def world(tmp_path: Path, starter_path: Path) -> World:
    (tmp_path / "blobs").mkdir()
    return World(tmp_path, starter_path.read_bytes())


@pytest.fixture
async def server(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RangeServer]:
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with RangeServer(world.content) as server:
        server.behaviour.rate, server.block = RATE, 1 << 15
        yield server


@pytest.fixture
async def puller(server: RangeServer, world: World) -> AsyncIterator[Puller]:
    pull = [str(world.blob.parent.parent), server.url, str(len(world.content)), world.digest, str(CONNECTIONS)]
    pipe = asyncio.subprocess.PIPE
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    nursery = [sys.executable, "-c", NURSERY, *pull]
    process = await asyncio.create_subprocess_exec(*nursery, stdin=pipe, stdout=pipe, env=here)
    yield Puller(process)
    if process.returncode is None:
        process.kill()
    await process.wait()


def overlap(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each life is a fork")
async def test_killed_at_200_random_moments(server: RangeServer, puller: Puller, world: World) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance, size, clock = random.Random(seed), len(world.content), asyncio.get_running_loop().time
    # While it arrives: at moments given by how much has.
    for kill in range(KILLS_ON_THE_WAY):
        claimed, asked, sent = world.claims(), len(server.asked), server.sent
        here = world.here()
        moment = sent + chance.uniform(0, 1.9) * (size - here) / (KILLS_ON_THE_WAY + 1 - kill)
        await puller.start()
        ended = await puller.kill_when(partial(lambda moment: server.sent >= moment, moment))
        told = f"seed {seed}, kill {kill}"
        assert ended == -signal.SIGKILL and (kill % 10 or world.true()), told
        spans = [(one.start, one.end) for one in server.asked[asked:]]
        assert not any(overlap(span, one) for span in spans for one in claimed), f"{told}: what is here came again"
        lost = server.sent - sent - (world.here() - here)
        assert lost <= CONNECTIONS * ON_ITS_WAY, f"{told}: {lost} bytes were lost"
    # At the end: while it fetches and reads the rest, syncs, renames, and keeps its table.
    server.behaviour.rate = 0
    usual, kills = 0.0, 0
    while kills < KILLS_AT_THE_END:
        await puller.start()
        begun = clock()
        moment = begun + chance.uniform(0, usual) if usual else begun + 60
        killed = await puller.kill_when(partial(lambda moment: clock() >= moment, moment)) != 0
        usual, kills = usual or clock() - begun, kills + killed
        assert killed or world.blob.exists()
        assert world.blob.read_bytes() == world.content if world.blob.exists() else world.true(), f"seed {seed}"
        world.put_back()
    await puller.start()
    assert await puller.ended() == 0
    assert world.blob.read_bytes() == world.content and world.table.exists() and not list(world.partial.iterdir())
