"""A file in pieces: several connections, lies about ranges, spoilt bytes, and what an earlier run left."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from homeroom.errors import DigestMismatch, HomeroomError, NetworkFailure, SourceFailure
from homeroom.models.addresses import Token
from homeroom.models.download import transfer
from homeroom.models.download.fetching import Fetched, Pace, fetch, mend
from homeroom.models.download.pieces import LENGTH
from homeroom.models.download.prefix import Examined, examine
from homeroom.models.download.rate import Swift
from homeroom.models.http import Client, Network
from homeroom.models.remote import RemoteFile
from support.disks import small_disk
from support.hub_server import HubServer
from support.range_server import RangeServer
from support.swift import AlwaysSwift

PIECES = 5
SIZE = 4 * LENGTH + 1_234_567


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def body(gemma_path: Path) -> bytes:
    with gemma_path.open("rb") as file:
        return file.read(SIZE)


@pytest.fixture(scope="module")
def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture
async def server(body: bytes) -> AsyncIterator[RangeServer]:
    async with RangeServer(body) as server:
        yield server


@pytest.fixture(autouse=True, params=[Swift, AlwaysSwift], ids=["measured", "straight"])
def swift(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it twice: connections as they are, and each answer straight to the disk over one connection."""
    monkeypatch.setattr(transfer, "Swift", request.param)


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


@pytest.fixture
def world(tmp_path: Path, body: bytes, digest: str) -> World:
    return World(tmp_path, body, digest)


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


# ---- several connections


@several_connections
async def test_pieces_come_over_several_connections_and_each_byte_once(server: RangeServer, world: World) -> None:
    server.behaviour.rate = 40_000_000
    assert await world.fetch(server.url) == Fetched(world.blob, world.digest, SIZE)
    assert world.whole() and once(server) and server.busiest == 4
    assert world.seen[-1] == (SIZE, SIZE)


async def test_one_connection_asks_for_one_part_at_a_time(server: RangeServer, world: World) -> None:
    await world.fetch(server.url, connections=1)
    assert world.whole() and once(server) and server.busiest == 1


@pytest.mark.parametrize("known", [True, False])
async def test_size_and_digest_that_nobody_publishes(server: RangeServer, world: World, known: bool) -> None:
    fetched = await world.fetch(server.url, size=None, known=known)
    assert fetched == Fetched(world.blob, world.digest, SIZE) and world.whole() and once(server)


@pytest.mark.parametrize("size", [None, SIZE])
async def test_without_digest_nor_validator_parts_are_not_put_together(
    server: RangeServer, world: World, size: int | None
) -> None:
    """The file could be replaced between two of them; that its size is known tells nothing."""
    server.behaviour.etag = ""
    await world.fetch(server.url, size=size, known=False)
    assert world.whole() and [asked.status for asked in server.asked] == [206, 200]


async def test_a_server_without_ranges_sends_one_stream(server: RangeServer, world: World) -> None:
    server.behaviour.ranges = False
    await world.fetch(server.url)
    assert world.whole() and len(server.asked) == 1


@several_connections
async def test_a_server_that_allows_fewer_connections_gets_fewer(server: RangeServer, world: World) -> None:
    server.behaviour.most_connections, server.behaviour.rate = 2, 40_000_000
    await world.fetch(server.url)
    assert world.whole() and server.busiest == 2 and 503 in {asked.status for asked in server.asked}


async def test_connections_that_are_cut_go_on_where_they_stopped(server: RangeServer, world: World) -> None:
    server.behaviour.cuts = deque([3_000_000, 100_000, 2_000_000, 0, 5_000_000, 700_000])
    await world.fetch(server.url)
    assert world.whole() and server.sent == SIZE


async def test_a_limit_holds_for_all_connections_together(server: RangeServer, world: World) -> None:
    file = RemoteFile("m.gguf", server.url, SIZE, world.digest)
    begun = time.monotonic()
    async with Client(world.network) as client:
        await fetch(
            client,
            file,
            blob=lambda _: world.blob,
            partial=world.partial,
            progress=world.progress,
            pace=Pace(4, SIZE),
        )
    assert 0.7 < time.monotonic() - begun < 3 and world.whole()


async def test_several_at_once_fetch_it_once(server: RangeServer, world: World) -> None:
    await asyncio.gather(*(world.fetch(server.url) for _ in range(4)))
    assert world.whole() and once(server)


# ---- redirects


async def test_signed_addresses_that_expire_are_asked_for_anew(world: World, body: bytes) -> None:
    async with HubServer() as hub:
        address = hub.publish("org/repo", "m.gguf", body)
        hub.behaviour.signature_lasts, hub.behaviour.token = 2, "s3cret"
        await world.fetch(address, connections=2, token=Token(hub.url, "s3cret"))
        assert world.whole()
        assert len(hub.requests("hub")) > 1 and {asked.status for asked in hub.requests("files")} == {206, 403}
        assert all(asked.authorization == "Bearer s3cret" for asked in hub.requests("hub"))
        assert not any(asked.authorization for asked in hub.requests("files")), "the token is for the hub alone"


async def test_a_lasting_address_is_asked_for_once(world: World, body: bytes) -> None:
    async with HubServer() as hub:
        await world.fetch(hub.publish("org/repo", "m.gguf", body), connections=1)
        assert world.whole() and len(hub.requests("hub")) == 1


async def test_a_gated_file_says_what_to_do(world: World, body: bytes) -> None:
    async with HubServer() as hub:
        address = hub.publish("org/repo", "m.gguf", body)
        hub.behaviour.gated = True
        with pytest.raises(SourceFailure, match="gated") as told:
            await world.fetch(address)
        assert "HF_TOKEN" in (told.value.next or "")


# ---- another version


async def test_a_file_that_changes_in_the_middle_is_begun_anew(server: RangeServer, world: World, body: bytes) -> None:
    """Half of it is of the old version when the new one takes its place."""
    server.content, server.behaviour.etag = bytes(SIZE), '"old"'
    server.behaviour.rate, server.behaviour.from_the_byte = 20_000_000, 2 * LENGTH
    task = asyncio.create_task(world.fetch(server.url, connections=1, size=None, known=False))
    while not (world.seen and world.seen[-1][0] > 2 * LENGTH):
        await asyncio.sleep(0.005)
    server.content, server.behaviour.etag, server.behaviour.rate = body, '"new"', 0
    fetched = await task
    assert fetched.sha256 == world.digest and world.whole()


async def test_a_version_that_never_stays_the_same(server: RangeServer, world: World) -> None:
    async def change() -> None:
        number = 0
        while True:
            number += 1
            server.behaviour.etag = f'"{number}"'
            await asyncio.sleep(0.001)

    changing = asyncio.create_task(change())
    server.behaviour.rate = 200_000_000
    try:
        with pytest.raises(SourceFailure, match="again and again"):
            await world.fetch(server.url, size=None, known=False)
        await world.fetch(server.url)  # a digest tells what validators cannot
    finally:
        changing.cancel()
    assert world.blob.read_bytes() == world.body


# ---- lies


LIES: list[Callable[[RangeServer], None]] = [
    lambda server: setattr(server.behaviour, "most", 3_000_001),
    lambda server: setattr(server.behaviour, "more", True),
    lambda server: setattr(server.behaviour, "length", False),
    lambda server: setattr(server.behaviour, "shift", 1),
    lambda server: server.behaviour.whole.extend([False, False, True]),
    lambda server: server.behaviour.statuses.extend([200, 503, 429, 500, 200, 502]),
]


@pytest.mark.parametrize("lie", LIES, ids=["less", "more", "no length", "shifted", "all of it", "busy"])
async def test_an_answer_that_is_not_what_was_asked_for(
    server: RangeServer, world: World, lie: Callable[[RangeServer], None]
) -> None:
    lie(server)
    await world.fetch(server.url)
    assert world.whole()


@pytest.mark.parametrize("size", [None, 0])
async def test_a_file_without_bytes(server: RangeServer, world: World, size: int | None) -> None:
    server.content = b""
    nothing = hashlib.sha256().hexdigest()
    world.digest = nothing
    fetched = await world.fetch(server.url, size=size)
    assert fetched == Fetched(world.blob.with_name(nothing), nothing, 0) and fetched.path.read_bytes() == b""


async def test_parts_that_are_never_parts(server: RangeServer, world: World) -> None:
    server.behaviour.whole = deque([False, False] + [True] * 99)
    await world.fetch(server.url)
    assert world.whole()


async def test_another_size_than_was_published(server: RangeServer, world: World) -> None:
    await world.leave(server, LENGTH)
    server.behaviour.total = SIZE + 1
    with pytest.raises(DigestMismatch, match=str(SIZE + 1)) as told:
        await world.fetch(server.url)
    assert told.value.next and world.part.stat().st_size == LENGTH, "what came before stays"


# ---- what an earlier run left


async def test_the_next_run_asks_for_nothing_that_is_here(server: RangeServer, world: World) -> None:
    await world.leave(server, 2 * LENGTH + 3_000_000)
    await world.fetch(server.url)
    assert world.whole() and server.spans[0][0] == 2 * LENGTH + 3_000_000 and server.sent == SIZE - server.spans[0][0]
    assert world.seen[-1] == (SIZE, SIZE)


async def test_holes_in_the_middle_are_filled(server: RangeServer, world: World) -> None:
    """A later piece is here, an earlier one is not: the journal knows both."""
    server.behaviour.rate, server.behaviour.from_the_byte = 10_000_000, 0
    task = asyncio.create_task(world.fetch(server.url))
    while not (world.seen and world.seen[-1][0] > 3 * LENGTH):
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    here, begun = world.seen[-1][0], server.sent
    server.behaviour.rate = 0
    server.asked.clear()
    await world.fetch(server.url)
    assert world.whole() and server.sent <= SIZE - here and begun >= here


@pytest.mark.parametrize("place", [0, LENGTH + 5, 2 * LENGTH - 1])
async def test_a_piece_that_changed_since_comes_again_alone(server: RangeServer, world: World, place: int) -> None:
    """A power cut: the journal has reached the disk, what it tells of has not."""
    await world.leave(server, 2 * LENGTH + 3_000_000)
    flip(world.part, place)
    await world.fetch(server.url, connections=1)
    assert world.whole() and sorted(pieces(server)) == sorted([place // LENGTH, 2, 3, 4])


async def test_bytes_without_a_digest_that_changed_are_suspected_first(server: RangeServer, world: World) -> None:
    await world.leave(server, 2 * LENGTH + 3_000_000)
    flip(world.part, 2 * LENGTH + 7)
    await world.fetch(server.url, connections=1)
    assert world.whole()
    # A cut may come before the last whole piece has been read and so has a digest: then that one is suspected too.
    assert sorted(pieces(server)) in ([2, 2, 3, 4], [1, 2, 2, 3, 4])


async def test_a_line_of_the_journal_that_is_garbled_costs_its_piece(server: RangeServer, world: World) -> None:
    await world.leave(server, 2 * LENGTH + 3_000_000)
    journal = world.part.with_suffix(".journal")
    lines = journal.read_bytes().split(b"\n")
    lines[1] = bytes(len(lines[1]))
    journal.write_bytes(b"\n".join(lines))
    await world.fetch(server.url, connections=1)
    assert world.whole() and sorted(pieces(server)) == [0, 2, 3, 4]


async def test_a_run_that_ended_between_its_last_two_steps(server: RangeServer, world: World) -> None:
    await world.fetch(server.url)
    world.table.replace(world.part.with_suffix(".journal"))
    server.asked.clear()
    await world.fetch(server.url)
    assert world.whole() and not server.asked


# ---- spoilt on the way


async def test_an_answer_with_a_digest_of_its_own_is_checked_on_arrival(server: RangeServer, world: World) -> None:
    server.behaviour.digests = True
    server.behaviour.flips = {LENGTH + 77: 1, 4 * LENGTH + 1: 2}
    await world.fetch(server.url, connections=2)
    assert world.whole() and sorted(pieces(server)) == [0, 1, 1, 2, 3, 4, 4, 4]


async def test_an_answer_that_is_always_spoilt_is_given_up(server: RangeServer, world: World) -> None:
    server.behaviour.digests, server.behaviour.flips = True, {LENGTH + 77: 99}
    with pytest.raises(SourceFailure, match="damaged") as told:
        await world.fetch(server.url)
    assert told.value.next and world.part.stat().st_size > LENGTH


@pytest.mark.parametrize("ranges", [True, False])
async def test_a_byte_that_nothing_tells_of_is_found_by_fetching_again(
    server: RangeServer, world: World, ranges: bool
) -> None:
    server.behaviour.flips, server.behaviour.ranges = {LENGTH + 77: 1}, ranges
    await world.fetch(server.url, connections=1)
    assert world.whole()
    assert server.sent == (SIZE + 2 * LENGTH if ranges else 2 * SIZE), "no more than has to be"


async def test_what_is_wrong_at_its_source_is_fetched_twice_and_deleted(server: RangeServer, world: World) -> None:
    server.behaviour.flips = {2 * LENGTH: 99}
    with pytest.raises(DigestMismatch, match="fetched twice") as told:
        await world.fetch(server.url)
    assert told.value.next and sorted(pieces(server)) == sorted([*range(5)] * 2)
    assert not world.blob.exists() and not list(world.partial.iterdir())


# ---- mending


async def test_a_byte_that_changed_on_the_disk_costs_one_piece(server: RangeServer, world: World) -> None:
    await world.fetch(server.url)
    assert examine(world.blob, world.digest, world.table) == Examined(whole=True)
    place = 3 * LENGTH + 99
    flip(world.blob, place)
    assert examine(world.blob, world.digest, world.table) == Examined(whole=False, damaged=3 * LENGTH)
    server.asked.clear()
    inode = world.blob.stat().st_ino
    assert await world.mend(server.url) == 1
    assert world.whole() and pieces(server) == [3] and world.blob.stat().st_ino == inode
    assert world.seen[-1] == (SIZE, SIZE)


async def test_several_bytes_cost_their_pieces(server: RangeServer, world: World) -> None:
    await world.fetch(server.url)
    flip(world.blob, 0, 3 * LENGTH - 1, 3 * LENGTH, SIZE - 1)
    server.asked.clear()
    assert await world.mend(server.url) == 4
    assert world.whole() and sorted(pieces(server)) == [0, 2, 3, 4]


async def test_an_end_that_was_cut_off_or_added(server: RangeServer, world: World) -> None:
    await world.fetch(server.url)
    with world.blob.open("r+b") as file:
        file.truncate(3 * LENGTH + 5)
    assert examine(world.blob, world.digest, world.table) == Examined(whole=False, damaged=3 * LENGTH)
    server.asked.clear()
    await world.mend(server.url)
    assert world.whole() and {0, 1, 2}.isdisjoint(pieces(server))
    with world.blob.open("ab") as file:
        file.write(b"more")
    server.asked.clear()
    await world.mend(server.url)
    assert world.whole() and not server.asked


async def test_a_whole_file_is_only_read(server: RangeServer, world: World) -> None:
    await world.fetch(server.url)
    server.asked.clear()
    assert await world.mend(server.url) == 0
    assert world.whole() and not server.asked


async def test_without_a_table_pieces_come_until_the_whole_is_right(server: RangeServer, world: World) -> None:
    await world.fetch(server.url)
    world.table.unlink()
    flip(world.blob, 77)
    assert examine(world.blob, world.digest, world.table) == Examined(whole=False)
    server.asked.clear()
    assert await world.mend(server.url) < PIECES
    assert world.whole() and 0 in pieces(server)


async def test_a_table_of_another_file_is_not_believed(server: RangeServer, world: World) -> None:
    await world.fetch(server.url)
    lines = world.table.read_text().splitlines()
    world.table.write_text("\n".join([*lines[:-1], lines[-1][:13] + "0" * 64]) + "\n")
    flip(world.blob, 77)
    assert examine(world.blob, world.digest, world.table) == Examined(whole=False)
    await world.mend(server.url)
    assert world.whole()


async def test_a_server_without_parts_mends_by_a_whole_file(server: RangeServer, world: World) -> None:
    """What is here stays until the other is whole."""
    await world.fetch(server.url)
    flip(world.blob, LENGTH)
    damaged = world.blob.read_bytes()
    server.behaviour.ranges, server.behaviour.cuts = False, deque([-1, LENGTH, 0, 0, 0, 0])
    with pytest.raises(NetworkFailure):
        await world.mend(server.url)
    assert world.blob.read_bytes() == damaged
    server.behaviour.cuts.clear()
    assert await world.mend(server.url) == PIECES
    assert world.whole()


# ---- a full disk, a flat memory

PULL = """
import asyncio, json, sys
from pathlib import Path
from homeroom.errors import HomeroomError
from homeroom.models.download.fetching import Pace, fetch
from homeroom.models.http import Client, Network
from homeroom.models.remote import RemoteFile

async def main():
    folder, url, size, sha256 = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    (folder / "blobs").mkdir(exist_ok=True)
    async with Client(Network()) as client:
        before = peak()
        try:
            await fetch(client, RemoteFile("m", url, size or None, sha256), blob=lambda it: folder / "blobs" / it,
                        partial=folder / "partial", progress=lambda here, total: None, pace=Pace(4))
        except HomeroomError as error:
            print(json.dumps({"code": error.code, "next": error.next, "part": part(folder, sha256)}))
            return
        print(json.dumps({"grown": peak() - before}))

def peak():
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)

def part(folder, sha256):
    path = folder / "partial" / (sha256 + ".part")
    return path.stat().st_blocks * 512 if path.exists() else 0

asyncio.run(main())
"""


async def pull(before: tuple[str, ...], folder: Path, url: str, size: int, sha256: str) -> dict[str, object]:
    """The result of a fetch by a process of its own."""
    command = [*before, sys.executable, "-c", PULL, str(folder), url, str(size), sha256]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return dict(json.loads(out))


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
@pytest.mark.parametrize("told_before", [True, False])
async def test_a_disk_that_is_full(server: RangeServer, world: World, tmp_path: Path, told_before: bool) -> None:
    """20 MB for a file of 35: told before, where the size is known, else in the middle, and what came is kept."""
    under = small_disk(tmp_path / "disk", 20)
    if under is None:
        pytest.skip("nobody may mount a small disk here")
    server.behaviour.ranges = told_before
    server.behaviour.length = told_before
    size = SIZE if told_before else 0
    told = await pull(under, tmp_path / "disk", server.url, size, world.digest)
    assert told["code"] == "disk_full" and "HOMEROOM_HOME" in str(told["next"])
    assert bool(server.asked) != told_before
    assert told_before or int(str(told["part"])) > 16_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
async def test_memory_is_flat(server: RangeServer, world: World, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    told = await pull((), tmp_path / "own", server.url, SIZE, world.digest)
    assert 0 < int(str(told["grown"])) < 25e6, "four connections hold a few blocks each, whatever the file's size"


async def test_every_error_of_a_download_says_what_to_type(server: RangeServer, world: World) -> None:
    from homeroom.messages.download import MESSAGES

    for key in MESSAGES:
        if not key.endswith(".next"):
            facts = {"url": "u", "status": 1, "found": 1, "expected": 2, "path": "p"}
            assert HomeroomError(key, **facts).next
