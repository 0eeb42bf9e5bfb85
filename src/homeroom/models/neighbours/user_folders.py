"""Models in the folders that the user names with the setting ``model_folders``: any GGUF, at any depth within reason.

Links are followed wherever they lead: the user has said so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from homeroom.models.folders import FolderModel, folder_models
from homeroom.models.neighbours.neighbour import Neighbour


def models(folders: tuple[Path, ...]) -> Iterator[Neighbour]:
    """Every GGUF model under *folders*, by its file's stem; by its path below the folder where others have that stem."""
    found = folder_models(folders)
    often = Counter(one.name.lower() for one in found)
    for one in found:
        below = one.path.relative_to(one.folder)
        name = one.name if often[one.name.lower()] == 1 else (below.parent / one.name).as_posix()
        yield Neighbour(name, "folder", one.paths, one.bytes, aliases=aliases(one))


def aliases(model: FolderModel) -> frozenset[str]:
    """Every name that a folder's model answers to, in lower case."""
    below = model.path.relative_to(model.folder)
    words = {
        model.name,
        model.path.name,
        f"{model.name}.gguf",
        below.as_posix(),
        below.with_suffix("").as_posix(),
    }
    if below.parent.parts:
        words |= {below.parent.as_posix(), (below.parent / model.name).as_posix()}
    return frozenset(word.lower() for word in words)
