"""The folder of a split model's shards under their publisher's names, in which the engine finds them.

llama.cpp opens the first shard and derives the names of the others from it (``llama_split_path``), while the store keeps
each file under its digest. Knows links; does not know manifests (``store``).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from homeroom.errors import StoreFailure
from homeroom.models.disk import disk_error, sync_folder
from homeroom.models.store.manifest import StoredFile


def link_folder(split: Path, files: Sequence[StoredFile]) -> Path:
    """The folder in *split* that belongs to these shards, and to no others."""
    said = "".join(f"{file.sha256} {file.name}\n" for file in files)
    return split / hashlib.sha256(said.encode()).hexdigest()


def link(folder: Path, blobs: Sequence[Path], names: Sequence[str]) -> None:
    """Make *folder* hold each of *blobs* under its name, on the disk for certain; what is right already stays.

    Hard links, else symbolic ones. Raises StoreFailure where the disk has neither, DiskFull.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for blob, name in zip(blobs, names, strict=True):
            if not linked(folder / name, blob):
                (folder / name).unlink(missing_ok=True)
                _link(blob, folder / name)
    except OSError as error:
        raise disk_error(error, folder) from error
    for changed in (folder, folder.parent, folder.parent.parent):
        sync_folder(changed)


def linked(path: Path, blob: Path) -> bool:
    """Whether *path* is the very file *blob*."""
    try:
        return os.path.samestat(path.stat(), blob.stat())
    except OSError:
        return False


def unlink(folder: Path) -> None:
    """Delete *folder* and the links in it, but nothing that they lead to. One that cannot be deleted stays for the next."""
    with suppress(OSError):
        for path in [*folder.iterdir()]:
            path.unlink()
        folder.rmdir()


def _link(blob: Path, path: Path) -> None:
    try:
        path.hardlink_to(blob)
    except OSError as error:
        if disk_error(error, path.parent).code == "disk_full":
            raise
        try:  # relative, so that the whole store may be moved
            path.symlink_to(Path("..", "..", blob.parent.name, blob.name))
        except OSError as second:
            if disk_error(second, path.parent).code == "disk_full":
                raise
            raise StoreFailure("store.no_links", folder=path.parent, reason=second.strerror or second) from second
