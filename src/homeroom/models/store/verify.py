"""Reading every byte of the store's models again, against the digest that its publisher gave.

Knows what is whole, missing, cut off or changed; mends nothing but links. Fetching the damaged piece again is a pull.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from homeroom import text
from homeroom.errors import HomeroomError, StoreFailure, UnknownModel
from homeroom.models.download.pieces import LENGTH
from homeroom.models.download.prefix import examine
from homeroom.models.store import Broken, Store, by_name
from homeroom.models.store.links import linked
from homeroom.models.store.manifest import Manifest, StoredFile

if TYPE_CHECKING:
    from homeroom.models.starter import Progress

State = Literal["whole", "damaged", "missing", "broken"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one file of a model; ``reason`` is a sentence in the current language."""

    state: State
    path: Path
    reason: str
    at: int | None = None
    """Where the first damaged piece begins, where its download has left the digests of its pieces."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One model as it was found. ``bytes`` are those of all its files, 0 where its manifest does not say."""

    name: str
    bytes: int
    faults: tuple[Fault, ...] = ()
    mended: bool = False
    """The names of its shards were not in their place, and are again."""

    @property
    def state(self) -> State:
        return self.faults[0].state if self.faults else "whole"


class _Untold:
    """A Progress that nobody sees."""

    def begin(self, label: str, total_bytes: int | None) -> None: ...

    def advance(self, count: int) -> None: ...

    def done(self) -> None: ...


def verify(store: Store, names: Iterable[str] | None = None, *, progress: Progress) -> tuple[Checked, ...]:
    """Read the models called *names*, by default all, and tell of each whether it is whole; a shared file is read once.

    What is damaged is remembered (``Store.mark``): it is no model until it is mended. Raises UnknownModel.
    """
    paths = store.manifests() if names is None else [_there(store, name) for name in names]
    known: dict[tuple[str, int], Fault | None] = {}
    checked = [_check(store, path, known, progress) for path in dict.fromkeys(paths)]
    return tuple(sorted((one for one in checked if one is not None), key=lambda one: by_name(one.name)))


def _there(store: Store, name: str) -> Path:
    path = store.manifest(name)
    if not path.exists():
        raise UnknownModel("models.unknown", model=name)
    return path


def _check(store: Store, path: Path, known: dict[tuple[str, int], Fault | None], progress: Progress) -> Checked | None:
    """The model of the manifest at *path*; None for one that was deleted meanwhile."""
    said = store.load(path)
    if said is None:
        return None
    if isinstance(said, Broken):
        return Checked(said.name, 0, (Fault("broken", path, said.reason),))
    new = [file for file in said.files if (file.sha256, file.bytes) not in known]
    if new:
        # Of a model whose weights were read with another's only notes are left: nobody waits for those.
        progress = progress if any(file.role == "model" for file in new) else _Untold()
        progress.begin(text.t("store.checking", name=said.name), sum(file.bytes for file in new))
        for file in new:
            known[file.sha256, file.bytes] = _read(store, file, progress)
        progress.done()
    faults = [fault for file in said.files if (fault := known[file.sha256, file.bytes]) is not None]
    mended = not faults and _mend_links(store, said, faults)
    if faults and not path.exists():
        return None
    return Checked(said.name, sum(file.bytes for file in said.files), tuple(faults), mended)


def _mend_links(store: Store, manifest: Manifest, faults: list[Fault]) -> bool:
    """Whether the names of the shards had to be made again; where that fails it is one of the *faults*."""
    folder = store.links(manifest)
    if folder is None or all(linked(folder / file.name, store.blob(file.sha256)) for file in manifest.model_files):
        return False
    try:
        with store.alone():
            store.relink(manifest)
    except HomeroomError as error:
        faults.append(Fault("broken", folder, error.message))
        return False
    return True


def _read(store: Store, file: StoredFile, progress: Progress) -> Fault | None:
    path, here = store.blob(file.sha256), 0
    if not path.exists():
        return Fault("missing", path, text.t("store.fault.missing", path=path))

    def advance(at: int) -> None:
        nonlocal here
        progress.advance(at - here)
        here = at

    _forget_what_is_cached(path)
    try:
        found = examine(path, file.sha256, store.pieces(file.sha256), progress=advance)
    except StoreFailure as error:  # a bad sector, too
        store.mark(file.sha256, damaged=True)
        return Fault("damaged", path, error.message)
    good = found.whole and here == file.bytes
    store.mark(file.sha256, damaged=not good)
    if good:
        return None
    if here != file.bytes:
        sizes = {"found": f"{here:,}", "expected": f"{file.bytes:,}"}
        return Fault("damaged", path, text.t("store.fault.size", path=path, **sizes))
    if found.damaged is None:
        return Fault("damaged", path, text.t("store.fault.changed", path=path))
    first, last = found.damaged, min(found.damaged + LENGTH, file.bytes) - 1
    told = text.t("store.fault.piece", path=path, first=f"{first:,}", last=f"{last:,}")
    return Fault("damaged", path, told, at=first)


def _forget_what_is_cached(path: Path) -> None:
    """Ask the system to drop what it remembers of the file, so that what is read is what the disk holds."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError), path.open("rb", buffering=0) as file:  # whoever reads it will tell
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
