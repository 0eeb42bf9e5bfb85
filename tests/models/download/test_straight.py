"""Bytes that go straight from the connection to the disk: when they do, and what is left when they end early."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import random
import re
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from homeroom import text
from homeroom.errors import NetworkFailure
from homeroom.models.download import rate, transfer
from homeroom.models.download.fetching import Pace, fetch
from homeroom.models.download.pieces import LENGTH
from homeroom.models.download.straight import Straight, take_over
from homeroom.models.http import Client, Network
from homeroom.models.remote import RemoteFile
from support.range_server import RangeServer
from support.swift import AlwaysSwift

BODY = random.Random(5).randbytes(3 * LENGTH + 1_000_001)
DIGEST = hashlib.sha256(BODY).hexdigest()

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its event loop keeps its connections to itself")


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each answer that could go straight did. No environment's proxy is used."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    told: list[bool] = []

    def watched(response: aiohttp.ClientResponse, timeout: float) -> Straight | None:
        found = take_over(response, timeout)
        told.append(found is not None)
        return found

    monkeypatch.setattr(transfer, "take_over", watched)
    return told


class World:
    def __init__(self, folder: Path) -> None:
        self.blob, self.partial = folder / "blob", folder / "partial"
        self.here = 0

    def progress(self, here: int, total: int | None) -> None:
        self.here = here

    async def fetch(self, url: str, *, network: Network | None = None, connections: int = 4, limit: int = 0) -> None:
        async with Client(network or Network(timeout=5, retries=3)) as client:
            await fetch(
                client,
                RemoteFile("m.gguf", url, len(BODY), DIGEST),
                blob=lambda _: self.blob,
                partial=self.partial,
                progress=self.progress,
                pace=Pace(connections, limit),
            )

    def whole(self) -> bool:
        return self.blob.read_bytes() == BODY and not list(self.partial.iterdir())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
async def server() -> AsyncIterator[RangeServer]:
    async with RangeServer(BODY) as server:
        yield server


# ---- when


async def test_one_stream_goes_straight(server: RangeServer, world: World, taken: list[bool]) -> None:
    server.behaviour.ranges = False
    await world.fetch(server.url)
    assert world.whole() and taken == [True]


async def test_parts_go_straight_over_one_connection_that_is_swift(
    server: RangeServer, world: World, taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate, "SWIFT", 1e6)
    await world.fetch(server.url)
    assert world.whole() and taken and all(taken) and len(taken) == len(server.asked) - 1
    assert server.sent == len(BODY) and {asked.status for asked in server.asked} == {206}


async def test_slow_parts_come_over_several_connections_as_ever(
    server: RangeServer, world: World, taken: list[bool]
) -> None:
    server.behaviour.rate = 40_000_000
    await world.fetch(server.url)
    assert world.whole() and not taken and server.busiest > 1


async def test_a_swift_connection_that_slows_down_gets_company(
    server: RangeServer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate, "SWIFT", 25e6)  # slower than any machine that runs this, if it has one core to spare
    server.behaviour.rate, server.behaviour.from_the_byte = 10_000_000, LENGTH
    await world.fetch(server.url)
    assert world.whole() and server.busiest > 1


async def test_not_under_a_limit(server: RangeServer, world: World, taken: list[bool]) -> None:
    server.behaviour.ranges = False
    await world.fetch(server.url, limit=200_000_000)
    assert world.whole() and not taken


async def test_not_where_the_answer_has_a_digest(
    server: RangeServer, world: World, taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "Swift", AlwaysSwift)
    server.behaviour.digests = True
    await world.fetch(server.url)
    assert world.whole() and not taken


async def test_not_in_chunks(server: RangeServer, world: World, taken: list[bool]) -> None:
    server.behaviour.ranges = server.behaviour.length = False
    await world.fetch(server.url)
    assert world.whole() and not any(taken)


async def test_not_through_a_proxy(server: RangeServer, world: World, taken: list[bool]) -> None:
    """The server is its own proxy: it answers to the path alone."""
    server.behaviour.ranges = False
    proxy = server.url.rpartition("/")[0]
    await world.fetch(server.url, network=Network(timeout=5, retries=0, proxy=proxy))
    assert world.whole() and not taken


async def test_not_on_another_event_loop(tmp_path: Path) -> None:
    uvloop = pytest.importorskip("uvloop")
    world, told = World(tmp_path), []

    async def run() -> None:
        async with RangeServer(BODY) as server:
            server.behaviour.ranges = False
            async with Client(Network()) as client, client.get(server.url) as response:
                told.append(take_over(response, 1.0))
            await world.fetch(server.url)

    await asyncio.to_thread(lambda: uvloop.run(run()))
    assert world.whole() and told == [None]


@asynccontextmanager
async def raw(*blocks: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The address of a server that tells BODY's length, sends *blocks* and then nothing until it is hung up on."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        writer.writelines(blocks)
        with suppress(ConnectionError):
            await reader.read()
        hung_up.set()
        writer.close()

    hung_up = asyncio.Event()
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls) as listening:
        port = listening.sockets[0].getsockname()[1]
        yield f"http{'s' if tls else ''}://127.0.0.1:{port}/m.gguf"
        await asyncio.wait_for(hung_up.wait(), 5)


async def test_not_over_tls(tmp_path: Path, world: World, taken: list[bool]) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -days 2 -subj /CN=127.0.0.1"
    subprocess.run([*made.split(), "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with raw(BODY, tls=context) as url, Client(Network(ca=certificate)) as client, client.get(url) as response:
        assert take_over(response, 1.0) is None and await response.content.read() == BODY
    async with raw(BODY, tls=context) as url:
        await world.fetch(url, network=Network(ca=certificate))
    assert world.whole() and not taken


# ---- how it ends


async def test_a_server_that_falls_silent(world: World, taken: list[bool]) -> None:
    async with raw(BODY[: LENGTH + 77]) as url:
        begun = time.monotonic()
        with pytest.raises(NetworkFailure, match=re.escape(text.t("models.reason.timeout"))):
            await world.fetch(url, network=Network(timeout=0.3, retries=0))
        assert 0.3 <= time.monotonic() - begun < 2
    assert taken == [True] and world.here == LENGTH + 77, "what came is here"


async def test_few_bytes_now_and_then_are_no_silence(server: RangeServer, world: World, taken: list[bool]) -> None:
    server.behaviour.ranges, server.block = False, 1 << 20
    server.behaviour.rate, server.behaviour.from_the_byte = 10_000_000, 20 << 20
    await world.fetch(server.url, network=Network(timeout=0.4, retries=0))
    assert world.whole() and taken == [True]


async def test_a_connection_that_is_cut(server: RangeServer, world: World, taken: list[bool]) -> None:
    server.behaviour.ranges = False
    server.behaviour.cuts.append(LENGTH + 5)
    with pytest.raises(NetworkFailure):
        await world.fetch(server.url, network=Network(timeout=5, retries=0))
    assert taken == [True] and world.here == LENGTH + 5


def descriptors_now() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc")
async def test_a_cancelled_one_leaves_no_thread_and_no_descriptor(world: World, taken: list[bool]) -> None:
    async with raw(BODY[: LENGTH + 77]) as url:
        threads, descriptors = threading.active_count(), descriptors_now()
        task = asyncio.create_task(world.fetch(url))
        while world.here < LENGTH + 77:
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - begun < 0.25, "0.1 s on a machine with nothing else to do"
        await asyncio.sleep(0.05)  # the server's end
        gc.collect()
        assert threading.active_count() == threads and taken == [True]
        assert descriptors_now() <= descriptors
