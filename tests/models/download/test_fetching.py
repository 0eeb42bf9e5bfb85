"""One file over HTTP, from a real server on loopback that misbehaves in every way that servers do."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import signal
import ssl
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.errors import DigestMismatch, DiskFull, NetworkFailure, SettingsError, SourceFailure, StoreFailure
from homeroom.models.addresses import shown
from homeroom.models.disk import Lock
from homeroom.models.download.fetching import Fetched, fetch
from homeroom.models.http import Client, Credentials, Network
from homeroom.models.remote import RemoteFile
from support.index_server import IndexServer

BODY = random.Random(2).randbytes(5_000_000)
DIGEST = hashlib.sha256(BODY).hexdigest()
MIB = 1 << 20


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture
async def server() -> AsyncIterator[IndexServer]:
    async with IndexServer() as server:
        server.add("pkg", BODY, "a.bin")
        yield server


class World:
    """A folder to fetch into, and a clock that only counts what was slept."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.folder = folder
        self.network = network
        self.target = folder / "a.bin"
        self.part = folder / "partial" / f"{DIGEST}.part"
        self.part.parent.mkdir()
        self.slept: list[float] = []
        self.seen: list[int] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    async def fetch(self, url: str, *, size: int | None = len(BODY), sha256: str = DIGEST, spare: int = 0) -> Path:
        async with Client(self.network) as client:
            fetched = await fetch(
                client,
                RemoteFile("a.bin", url, size, sha256),
                blob=lambda _: self.target,
                partial=self.part.parent,
                progress=lambda count, total: self.seen.append(count),
                spare=spare,
                sleep=self.sleep,
            )
        assert fetched == Fetched(self.target, sha256, self.target.stat().st_size)
        return fetched.path

    async def leave(self, server: IndexServer, count: int) -> None:
        """Leave a part of *count* bytes behind, as a run that was cut off does."""
        server.behaviour.cuts = deque([count, 0, 0, 0])
        with pytest.raises(NetworkFailure):
            await self.fetch(server.file("a.bin"))
        assert self.part.stat().st_size == count
        server.asked.clear()

    def whole(self) -> bool:
        """The target is there, byte for byte, and nothing else."""
        return self.target.read_bytes() == BODY and not list(self.part.parent.iterdir())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, Network(timeout=5, retries=3))


async def test_a_file_arrives_whole_and_leaves_nothing_beside_it(server: IndexServer, world: World) -> None:
    assert await world.fetch(server.file("a.bin")) == world.target
    assert world.whole()
    assert world.seen[0] == 0 and world.seen[-1] == len(BODY) and world.seen == sorted(world.seen)


async def test_a_size_that_is_not_known_beforehand(server: IndexServer, world: World) -> None:
    server.behaviour.length = False
    await world.fetch(server.file("a.bin"), size=None)
    assert world.whole()


@pytest.mark.parametrize(("etag", "modified"), [(True, False), (False, True), (False, False)])
async def test_a_cut_connection_goes_on_where_it_stopped(
    server: IndexServer, world: World, etag: bool, modified: bool
) -> None:
    server.behaviour.cuts = deque([100_000, 1_500_000, 1_500_000, 700_000])
    server.behaviour.etag, server.behaviour.modified = etag, modified
    await world.fetch(server.file("a.bin"))
    assert world.whole()
    assert server.offsets == [0, 100_000, 1_600_000, 3_100_000, 3_800_000], "no byte was asked for twice"
    assert ("If-Range" in server.asked[1].headers) == (etag or modified)


async def test_the_next_run_goes_on_where_the_last_one_stopped(server: IndexServer, world: World) -> None:
    server.behaviour.cuts = deque([3_000_000, 0, 0, 0])
    with pytest.raises(NetworkFailure) as told:
        await world.fetch(server.file("a.bin"))
    assert "127.0.0.1" in told.value.message and told.value.next
    assert not world.target.exists() and world.part.stat().st_size == 3_000_000
    await world.fetch(server.file("a.bin"))
    assert world.whole() and server.offsets[-1] == 3_000_000


async def test_failures_without_progress_are_bounded_and_wait_longer_each_time(
    server: IndexServer, world: World
) -> None:
    server.behaviour.cuts = deque([0] * 50)
    with pytest.raises(NetworkFailure):
        await world.fetch(server.file("a.bin"))
    assert len(server.asked) == 1 + 3
    assert world.slept == sorted(world.slept) and len(set(world.slept)) == 3


async def test_progress_starts_a_new_row_of_failures(server: IndexServer, world: World) -> None:
    server.behaviour.cuts = deque([10, 10, 10, MIB, 10, 10])  # six failures, never four in a row
    await world.fetch(server.file("a.bin"))
    assert world.whole()


async def test_a_server_that_ignores_ranges_and_always_cuts_is_given_up(server: IndexServer, world: World) -> None:
    server.behaviour.ranges, server.behaviour.cuts = False, deque([2 * MIB] * 50)
    with pytest.raises(NetworkFailure):
        await world.fetch(server.file("a.bin"))
    assert len(server.asked) <= 6


async def test_a_server_that_ignores_ranges_starts_again_cleanly(server: IndexServer, world: World) -> None:
    server.behaviour.ranges, server.behaviour.cuts = False, deque([2_000_000])
    await world.fetch(server.file("a.bin"))
    assert world.whole() and server.offsets == [0, 2_000_000]


async def test_a_file_that_changed_meanwhile_is_taken_from_its_start(server: IndexServer, world: World) -> None:
    old = bytes(len(BODY))
    server.add("pkg", old, "a.bin")
    server.behaviour.cuts = deque([2_000_000, 0, 0, 0])
    with pytest.raises(NetworkFailure):
        await world.fetch(server.file("a.bin"))
    server.add("pkg", BODY, "a.bin")
    await world.fetch(server.file("a.bin"))
    assert world.whole()
    assert [asked.status for asked in server.asked[-1:]] == [200], "If-Range saw the change: nothing was mixed"


async def test_a_wrong_content_range_is_never_mixed_in(server: IndexServer, world: World) -> None:
    server.behaviour.wrong_range, server.behaviour.cuts = True, deque([2_000_000])
    await world.fetch(server.file("a.bin"))
    assert world.whole() and server.offsets == [0, 2_000_000, 2_000_000, 0], "asked once more, then for all of it"


async def test_a_part_that_is_too_long_is_no_obstacle(server: IndexServer, world: World) -> None:
    await world.leave(server, 2_000_000)
    with world.part.open("ab") as file:
        file.write(b"more" * 1_000_000)
    await world.fetch(server.file("a.bin"))
    assert world.whole() and server.offsets == [2_000_000]


async def test_a_part_that_lost_its_end_goes_on_from_there(server: IndexServer, world: World) -> None:
    await world.leave(server, 2_000_000)
    os.truncate(world.part, 1_500_000)
    await world.fetch(server.file("a.bin"))
    assert world.whole() and server.offsets == [1_500_000]


@pytest.mark.parametrize("garbage", [b"", b"{}", b"\0" * 4000, b"[" * 5000, b'{"size": -1}'])
async def test_without_its_journal_a_part_is_worth_nothing(server: IndexServer, world: World, garbage: bytes) -> None:
    await world.leave(server, 2_000_000)
    world.part.with_suffix(".journal").write_bytes(garbage)
    await world.fetch(server.file("a.bin"))
    assert world.whole() and server.offsets == [0]


async def test_a_complete_part_needs_no_request(server: IndexServer, world: World) -> None:
    (world.folder / "a.bin").mkdir()  # in its place, so that the last step fails
    with pytest.raises(StoreFailure):
        await world.fetch(server.file("a.bin"))
    server.asked.clear()
    (world.folder / "a.bin").rmdir()
    await world.fetch(server.file("a.bin"))
    assert world.whole() and not server.asked


async def test_what_is_there_already_is_not_fetched(server: IndexServer, world: World) -> None:
    world.target.write_bytes(BODY)
    await world.fetch(server.file("a.bin"))
    assert not server.asked


async def test_spoilt_bytes_of_an_earlier_run_are_fetched_again(server: IndexServer, world: World) -> None:
    await world.leave(server, 2_000_000)
    with world.part.open("r+b") as file:
        file.write(bytes(1000))
    await world.fetch(server.file("a.bin"))
    assert world.whole() and server.offsets == [2_000_000, 0]


async def test_what_is_not_as_published_is_deleted(server: IndexServer, world: World) -> None:
    server.add("pkg", BODY[:-1] + b"!", "a.bin")
    with pytest.raises(DigestMismatch) as told:
        await world.fetch(server.file("a.bin"))
    assert DIGEST in told.value.message and told.value.next
    assert not world.target.exists() and not list(world.part.parent.iterdir())
    assert len(server.asked) == 2, "its bytes might have been spoilt on the way"


async def test_a_sign_in_page_costs_nothing(server: IndexServer, world: World) -> None:
    await world.leave(server, 2_000_000)
    server.add("pkg", b"<html>please sign in</html>", "a.bin")
    server.behaviour.ranges = False
    with pytest.raises(DigestMismatch, match="27 bytes"):
        await world.fetch(server.file("a.bin"))
    assert world.part.read_bytes() == BODY[:2_000_000]


async def test_a_body_without_end_is_stopped(server: IndexServer, world: World) -> None:
    server.add("pkg", BODY * 3, "a.bin")
    server.behaviour.length = False
    with pytest.raises(DigestMismatch):
        await world.fetch(server.file("a.bin"))
    assert not list(world.part.parent.iterdir())


async def test_a_busy_server_is_asked_again_when_it_says(server: IndexServer, world: World) -> None:
    server.behaviour.statuses, server.behaviour.retry_after = deque([503, 429]), "7"
    await world.fetch(server.file("a.bin"))
    assert world.whole() and world.slept == [7.0, 7.0]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_refusal_is_not_asked_again(server: IndexServer, world: World, status: int) -> None:
    server.behaviour.statuses = deque([status])
    with pytest.raises(SourceFailure, match=f"HTTP {status}"):
        await world.fetch(server.file("a.bin"))
    assert len(server.asked) == 1


async def test_nobody_there(world: World) -> None:
    with pytest.raises(NetworkFailure, match="connection refused") as told:
        await world.fetch("http://user:s3cret@127.0.0.1:9/a.bin?token=t0ken")
    assert "s3cret" not in str(told.value) and "t0ken" not in str(told.value)


async def test_a_server_that_falls_silent(server: IndexServer, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    world = World(tmp_path / "w", Network(timeout=0.2, retries=0))
    server.behaviour.rate = 100_000
    with pytest.raises(NetworkFailure, match="no answer in time"):
        await world.fetch(server.file("a.bin"))
    assert world.part.stat().st_size > 0


async def test_redirects_end(server: IndexServer, world: World) -> None:
    server.behaviour.redirects = 3
    await world.fetch(f"{server.origin}/hop/3/a.bin")
    assert world.whole()
    world.target.unlink()
    with pytest.raises(SourceFailure, match="without end"):
        await world.fetch(f"{server.origin}/hop/99/a.bin", sha256="0" * 64)


# ---- cancelled, killed, at once


async def test_a_cancelled_fetch_keeps_its_part_and_lets_go(server: IndexServer, world: World) -> None:
    server.behaviour.rate = 5_000_000
    task = asyncio.create_task(world.fetch(server.file("a.bin")))
    while not (world.seen and world.seen[-1] > MIB):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    kept = world.part.stat().st_size
    assert not world.target.exists() and MIB < kept < len(BODY)
    server.behaviour.rate = 0
    await world.fetch(server.file("a.bin"))
    assert world.whole() and server.offsets == [0, kept]


async def test_two_at_once_fetch_it_once(server: IndexServer, world: World) -> None:
    server.behaviour.rate = 20_000_000
    await asyncio.gather(*(world.fetch(server.file("a.bin")) for _ in range(3)))
    assert world.whole() and len(server.asked) == 1


async def test_a_lock_falls_free_when_its_owner_is_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys, pathlib\n"
        "from homeroom.models.disk import Lock\n"
        "async def hold():\n"
        "    async with Lock(pathlib.Path(sys.argv[1]), sleep=asyncio.sleep):\n"
        "        print('held', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(hold())\n"
    )
    path = tmp_path / "a.lock"
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(path), stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None and await owner.stdout.readline() == b"held\n"
    waited: list[str] = []

    async def wait() -> None:
        async with Lock(path, sleep=asyncio.sleep, waiting=lambda: waited.append("told")):
            waited.append("held")

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0.15)
    assert waited == ["told"]
    owner.kill()
    assert await owner.wait() == -signal.SIGKILL
    await asyncio.wait_for(waiter, 5)
    assert waited == ["told", "held"] and not path.exists()


# ---- a full disk


async def test_a_file_that_cannot_fit_is_not_begun(server: IndexServer, world: World) -> None:
    with pytest.raises(DiskFull) as told:
        await world.fetch(server.file("a.bin"), spare=1 << 60)
    assert not server.asked and told.value.next and "HOMEROOM_HOME" in told.value.next
    assert int(str(told.value.facts["needed_bytes"])) == len(BODY) + (1 << 60)


# ---- who may see what


async def test_credentials_go_to_their_own_origin_only(server: IndexServer, world: World) -> None:
    async with IndexServer() as other:
        other.add("pkg", BODY, "a.bin")
        server.behaviour.elsewhere = other.file("a.bin")
        await world.fetch(f"{server.origin}/hop/1/a.bin".replace("://", "://user:s3cret@"))
        assert world.whole() and "Authorization" not in other.asked[0].headers


async def test_an_index_s_credentials_serve_its_files(server: IndexServer, tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    server.behaviour.password = "me@home:p/w:x"
    known = (
        Credentials(f"{server.origin}/files/simple", "me@home", "p/w:x"),
        Credentials(f"{server.origin}/other/files", "not", "this"),
        Credentials("http://127.0.0.2:1/simple", "not", "this"),
    )
    world = World(tmp_path / "w", Network(credentials=known))
    await world.fetch(server.file("a.bin"))
    assert world.whole()
    assert "p/w" not in repr(world.network)


async def test_netrc_is_read(
    server: IndexServer, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.behaviour.password = "me:s3cret"
    for url in (server.file("a.bin"), server.file("a.bin").replace("://", "://me@")):
        await world.fetch(url)
        assert world.whole()
        world.target.unlink()
    server.behaviour.password = "t0ken:"
    netrc.unlink()
    await world.fetch(server.file("a.bin").replace("://", "://t0ken@"))
    assert world.whole()


@given(user=st.text(min_size=1), password=st.text(min_size=4), query=st.text().filter(lambda text: "@" not in text))
def test_an_address_is_shown_without_its_secrets(user: str, password: str, query: str) -> None:
    """Whatever the signs, also those that a careful hand would have quoted."""
    assert shown(f"https://{user}:{password}@index.example/simple/") == "https://****@index.example/simple/"
    assert shown(f"https://index.example/simple/?{query}") == "https://index.example/simple/"


def test_a_token_in_the_path_is_not_shown() -> None:
    assert shown("https://index.example/aB3dE6gH9jK2mN5pQ8sT/simple") == "https://index.example/****/simple"
    assert shown("https://index.example/pypi-local-mirror/simple").endswith("/pypi-local-mirror/simple")
    assert shown("file:///srv/aB3dE6gH9jK2mN5pQ8sT") == "file:///srv/aB3dE6gH9jK2mN5pQ8sT"


# ---- proxies and certificates


async def test_a_proxy_is_used_and_its_refusal_told(server: IndexServer, tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if asked[-1].startswith(b"CONNECT"):
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(BODY) + BODY)
        await writer.drain()
        writer.close()

    (tmp_path / "w").mkdir()
    listening = await asyncio.start_server(proxy, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        world = World(tmp_path / "w", Network(proxy=f"http://me:s3cret@127.0.0.1:{port}", retries=0))
        await world.fetch("http://index.example/files/a.bin")
        assert world.whole()
        assert asked[0].startswith(b"GET http://index.example/files/a.bin ")
        assert b"Proxy-Authorization: Basic" in asked[0]
        world.target.unlink()
        with pytest.raises(NetworkFailure, match="HTTP 407") as told:
            await world.fetch("https://index.example/files/a.bin", sha256="0" * 64)
        assert "s3cret" not in str(told.value)


async def test_a_proxy_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    world = World(tmp_path / "w", Network(proxy="socks5://127.0.0.1:1", retries=5))
    with pytest.raises(NetworkFailure, match="not an HTTP proxy"):
        await world.fetch("http://index.example/files/a.bin")
    assert not world.slept, "asking again mends nothing"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem"
    certificate = "-days 2 -out cert.pem -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        f"openssl req -x509 {key} {certificate}".split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return folder / "cert.pem", context


async def test_certificates(tmp_path: Path, authority: tuple[Path, ssl.SSLContext]) -> None:
    certificate, context = authority
    async with IndexServer(tls=context) as server:
        server.add("pkg", BODY, "a.bin")
        for name, network in {
            "ca": Network(ca=certificate),
            "host": Network(trusted_hosts=frozenset({"127.0.0.1"})),
            "port": Network(trusted_hosts=frozenset({f"127.0.0.1:{server.port}"})),
        }.items():
            (tmp_path / name).mkdir()
            world = World(tmp_path / name, network)
            await world.fetch(server.file("a.bin"))
            assert world.whole()
        (tmp_path / "w").mkdir()
        world = World(tmp_path / "w", Network(retries=5))
        with pytest.raises(NetworkFailure, match="certificate") as told:
            await world.fetch(server.file("a.bin"))
        assert "PIP_CERT" in str(told.value) and not world.slept


def test_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no\.pem"):
        Client(Network(ca=tmp_path / "no.pem"))
