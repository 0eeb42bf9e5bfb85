"""Deleting from the store: a model that the user is done with, and what no model needs.

Knows what needs what and who is in the middle of a pull; does not know why. A manifest goes first, for certain, and then
what it named: a power cut leaves files too many, never a model with files too few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from homeroom.errors import DiskFull, StoreFailure, UnknownModel
from homeroom.models.disk import Lock, disk_error, note_in, sync_folder
from homeroom.models.store import Store
from homeroom.models.store.links import unlink
from homeroom.models.store.manifest import DIGEST, LARGEST_MANIFEST, Manifest, digests_in

FRESH: Final = timedelta(hours=24)
"""A download that changed within this time may well be gone on with: Ctrl-C is how a pull is interrupted for the night."""
Kind = Literal["blob", "part", "links", "note"]
_PART: Final = re.compile(r"(?P<digest>[0-9a-f]{64})\..+|.+\.tmp")


@dataclass(frozen=True, slots=True)
class Removed:
    """A model that is gone. ``freed`` and ``kept_shared`` (what others still need) are bytes."""

    name: str
    freed: int
    kept_shared: int


@dataclass(frozen=True, slots=True)
class Unneeded:
    """Something in the store that no model needs; ``bytes`` are those that deleting it frees.

    ``blob``: a file that no manifest names. ``part``: of a download that nobody goes on with. ``links``: the names of the
    shards of a model that is gone. ``note``: what was remembered of one.
    """

    kind: Kind
    path: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted, or with a dry run would be."""

    items: tuple[Unneeded, ...]
    busy: bool
    """Somebody is fetching a model: whatever that pull may need was left."""
    left: int = 0
    """Bytes of downloads that were left because something of them is younger than ``FRESH``."""

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.items)


def remove(store: Store, name: str) -> Removed:
    """Delete the model called *name*, sound or broken, and those of its files that nobody else needs.

    Raises UnknownModel; StoreFailure where a file cannot be deleted (Windows, while an engine has it open), or where
    another manifest cannot be read, so that nobody knows what it needs.
    """
    path = store.manifest(name)
    if not path.exists():
        raise UnknownModel("models.unknown", model=name)
    with _alone(store):
        others = [other for other in store.manifests() if other != path]
        shared = frozenset[str]().union(*(_needs(store, other) for other in others))
        mine, said = _needs(store, path, of_itself=True), store.load(path)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, path) from error
        sync_folder(path.parent)
        _forget(store.folder / "used" / path.stem)
        folder = store.links(said) if isinstance(said, Manifest) else None
        if folder is not None and folder not in _link_folders(store, others):
            unlink(folder)
        wanted = _wanted(store)
        freed = kept = 0
        for digest in sorted(mine):
            size = _size(store.blob(digest))
            with _free(store, digest) as free:
                if digest in shared or wanted is None or digest in wanted or not free:
                    kept += size
                else:
                    _delete(store, digest, name)
                    freed += size
    return Removed(said.name if isinstance(said, Manifest) else name, freed, kept)


def prune(store: Store, now: datetime, *, dry_run: bool = False, everything: bool = False) -> Pruned:
    """Delete what no model needs: files without a manifest, downloads that nobody goes on with, links and notes.

    A download that has changed within ``FRESH`` of *now* stays unless *everything* is to go. While somebody fetches a
    model all files and downloads stay. Only what has a name of this store's own making is touched. Raises StoreFailure as
    ``remove``.
    """
    if not store.folder.is_dir():
        return Pruned((), busy=False)
    fresh = None if everything else now
    if dry_run:
        return _unneeded(store, fresh)
    with _alone(store):
        sync_folder(store.folder / "manifests")  # a manifest whose end was not yet for certain may not come back
        found = _unneeded(store, fresh)
        gone = tuple(item for item in found.items if _prune(store, item))
    return Pruned(gone, found.busy, found.left)


def _unneeded(store: Store, now: datetime | None) -> Pruned:
    """Without *now* downloads of any age.

    In this order: a file that is there before a pull is seen to be over has a manifest by now, if ever.
    """
    blobs = [path for path in _files(store, "blobs") if DIGEST.fullmatch(path.name.removeprefix("sha256-"))]
    parts = [path for path in _files(store, "partial") if path.suffix != ".lock" and _PART.fullmatch(path.name)]
    busy = any(_pulls(store))
    manifests = store.manifests()
    needed = frozenset[str]().union(*(_needs(store, path) for path in manifests))
    items: list[Unneeded] = []
    left = 0
    if not busy:
        lost = [path for path in blobs if path.name.removeprefix("sha256-") not in needed]
        items += [Unneeded("blob", path, _size(path)) for path in lost]
        known = {path.name.removeprefix("sha256-") for path in blobs} & needed
        notes = [*_files(store, "damaged"), *_files(store, "pieces")]
        items += [Unneeded("note", path, _size(path)) for path in notes if path.name not in known]
        fresh = _fresh(parts, now) if now is not None else frozenset()
        items += [Unneeded("part", path, _arrived(path)) for path in parts if path not in fresh]
        left = sum(map(_arrived, fresh))
    folders = _link_folders(store, manifests)
    stale = [path for path in _entries(store, "split") if path not in folders and DIGEST.fullmatch(path.name)]
    items += [Unneeded("links", path, _only_here(path)) for path in stale]
    stems = {path.stem for path in manifests}
    items += [Unneeded("note", path, _size(path)) for path in _files(store, "used") if path.name not in stems]
    return Pruned(tuple(items), busy, left)


def _fresh(parts: list[Path], now: datetime) -> frozenset[Path]:
    """Those of *parts* that a pull may go on with: all files of a download of which one has changed lately."""
    ages = {path: abs(now.timestamp() - _changed(path)) for path in parts}
    named = {path: match["digest"] for path in parts if (match := _PART.fullmatch(path.name))}
    lately = {named[path] for path, age in ages.items() if age < FRESH.total_seconds()} - {None}
    return frozenset(path for path, digest in named.items() if digest in lately)


def _prune(store: Store, item: Unneeded) -> bool:
    """Delete *item* unless somebody has begun to fetch it; whether it is gone."""
    if item.kind == "links":
        unlink(item.path)
        return not item.path.exists()
    match = re.match(r"(?:sha256-)?([0-9a-f]{64})", item.path.name)
    if match is None:
        return _forget(item.path)
    with _free(store, match[1]) as free:
        return free and _forget(item.path)


def _needs(store: Store, path: Path, *, of_itself: bool = False) -> frozenset[str]:
    """The digests that the manifest at *path* names, also where it is broken or of a later version."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_MANIFEST + 1)
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        if of_itself:
            return frozenset()
        raise StoreFailure("store.unreadable", path=path, reason=error.strerror or error) from error
    if len(raw) > LARGEST_MANIFEST and not of_itself:
        raise StoreFailure("store.unreadable", path=path, reason=f"> {LARGEST_MANIFEST} B")
    said = store.load(path)
    spelled = {file.sha256 for file in said.files} if isinstance(said, Manifest) else set()
    return digests_in(raw) | spelled


def _link_folders(store: Store, manifests: list[Path]) -> set[Path | None]:
    return {store.links(said) for path in manifests if isinstance(said := store.load(path), Manifest)}


def _delete(store: Store, digest: str, name: str) -> None:
    try:
        store.blob(digest).unlink(missing_ok=True)
    except PermissionError as error:
        raise StoreFailure("store.in_use", name=name, path=store.blob(digest)) from error
    except OSError as error:
        raise disk_error(error, store.blob(digest)) from error
    _forget(store.pieces(digest))
    store.mark(digest, damaged=False)


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """As ``Store.alone``; but a disk that has no room for a lock, which then nobody holds, is to be given some."""
    with ExitStack() as stack:
        with suppress(DiskFull):
            stack.enter_context(store.alone())
        yield


@contextmanager
def _free(store: Store, digest: str) -> Iterator[bool]:
    """Whether nobody is fetching that file; then nobody can begin to inside the block."""
    lock, taken = Lock(store.lock(digest)), False
    try:
        free = taken = lock.take()
    except DiskFull:  # as above
        free = True
    try:
        yield free
    finally:
        if taken:
            lock.release()


def _wanted(store: Store) -> frozenset[str] | None:
    """The digests of the files that pulls in progress may need; None where one of them does not say."""
    wanted: set[str] = set()
    for path in _pulls(store):
        said = digests_in(note_in(path)) | ({path.stem} if DIGEST.fullmatch(path.stem) else set())
        if not said:
            return None
        wanted |= said
    return frozenset(wanted)


def _pulls(store: Store) -> Iterator[Path]:
    """The lock of each pull, or of each file of one, that is in progress."""
    locks = [path for path in _files(store, "partial") if path.suffix == ".lock" and path.stem != "store"]
    return (path for path in locks if _held(path))


def _held(path: Path) -> bool:
    """Whether somebody holds the lock at *path*; one left by a process that died is deleted."""
    lock = Lock(path)
    try:
        free = lock.take()
    except StoreFailure:  # a disk that cannot be written: who knows
        return True
    if free:
        lock.release()
    return not free


def _entries(store: Store, folder: str) -> list[Path]:
    try:
        return sorted((store.folder / folder).iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise disk_error(error, store.folder / folder) from error


def _files(store: Store, folder: str) -> list[Path]:
    return [path for path in _entries(store, folder) if path.is_symlink() or path.is_file()]


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _changed(path: Path) -> float:
    """When, in seconds of the epoch; long ago for what is gone."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _arrived(path: Path) -> int:
    """Bytes of a download, which is as long as it will be and has holes where nothing has arrived yet."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return min(status.st_size, getattr(status, "st_blocks", status.st_size) * 512)


def _only_here(folder: Path) -> int:
    """Bytes of the files in *folder* that have no other name."""
    with suppress(OSError):
        return sum(status.st_size for path in folder.iterdir() if (status := path.lstat()).st_nlink == 1)
    return 0


def _forget(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # told by being there still
        return False
    return True
