"""What an earlier run left, bytes that were spoilt on their way or on the disk, and a disk that is full."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest

from homeroom.errors import DigestMismatch, HomeroomError, NetworkFailure, SourceFailure
from homeroom.models.download.pieces import LENGTH
from homeroom.models.download.prefix import Examined, examine
from support.disks import small_disk
from support.pieces import PIECES, SIZE, World, flip, pieces
from support.range_server import RangeServer

pytestmark = pytest.mark.usefixtures("no_proxy", "swift")


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
