"""GGUF models in folders that the user names: read where they are, never written.

Knows names of files and of shards; does not know what is inside a file (``gguf``) nor homeroom's own store (``store``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SHARD: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
DEEPEST_FOLDER: Final = 8
MOST_FILES: Final = 2000
MOST_FOLDERS: Final = 20_000


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


def folder_models(folders: tuple[Path, ...]) -> list[FolderModel]:
    """The GGUF models under *folders*, sorted by name; a file that two folders reach counts once.

    Goes ``DEEPEST_FOLDER`` levels down and stops at ``MOST_FILES`` or ``MOST_FOLDERS``. Shards count as one model, and
    only when all of them are there; projector files (``mmproj``) are no models. What cannot be read is passed over.
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
    for seen, (root, names, files) in enumerate(os.walk(folder)):
        if seen == MOST_FOLDERS:
            return
        if len(Path(root).relative_to(folder).parts) >= DEEPEST_FOLDER:
            names.clear()
        names.sort()
        for name in sorted(files):
            if name.lower().endswith(".gguf"):
                yield Path(root, name)
                count += 1
                if count == MOST_FILES:
                    return
