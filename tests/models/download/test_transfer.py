"""Several connections, redirects, other versions, and servers that lie about ranges."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Callable

import pytest

from homeroom.errors import DigestMismatch, SourceFailure
from homeroom.models.addresses import Token
from homeroom.models.download.fetching import Fetched, Pace, fetch
from homeroom.models.download.pieces import LENGTH
from homeroom.models.http import Client
from homeroom.models.remote import RemoteFile
from support.hub_server import HubServer
from support.pieces import SIZE, World, once, several_connections
from support.range_server import RangeServer

pytestmark = pytest.mark.usefixtures("no_proxy", "swift")


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
