"""What the user types for a model, and the file that it means.

Knows the forms of a name (a path, a stored model, a file in a folder of the settings, ``starter``); does not
open the file and fetches nothing.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homeroom.errors import AmbiguousModel, UnknownModel
from homeroom.models.store import FolderModel, Store, folder_models, shards

STARTER: Final = "starter"
_LATER: Final = re.compile(r"(hf|ms|ollama):|[A-Za-z][A-Za-z0-9+.-]*://", re.IGNORECASE)
_SECRET: Final = re.compile(r"(?<=://).*@|[?#].*")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model's file on this machine: for a split one its first shard. ``sha256`` where the store knows it."""

    name: str
    path: Path
    sha256: str | None


def resolve(model: str, store: Store, folders: tuple[Path, ...] = (), *, paths: bool = True) -> Resolved:
    """The file that *model* means. Without *paths* only names that are listed mean anything, and an error tells
    nothing of other files: for those who ask from elsewhere.

    A stored name comes first (in any case, ``:latest`` may follow), then a path, then a file in *folders* by
    its stem, its name, its path below the folder, or the folder it lies in where that holds one model
    (``publisher/repository``). Raises UnknownModel, AmbiguousModel, StoreFailure (a broken manifest).
    """
    wanted = model.strip()
    stored = store.get(wanted) or store.get(wanted.removesuffix(":latest"))
    if stored is not None:
        return Resolved(stored.name, stored.path, stored.sha256)
    if _LATER.match(wanted):
        raise UnknownModel("models.not_yet", model=_SECRET.sub("", wanted))
    if paths and (path := _file(wanted)) is not None:
        return _named(path, store, folders)
    known = folder_models(folders)
    found = [one for one in known if wanted.removesuffix(":latest").lower() in aliases(one)]
    if len(found) > 1:
        raise AmbiguousModel("models.ambiguous", model=model, choices=", ".join(str(one.path) for one in found))
    if found:
        return Resolved(found[0].name, found[0].path, None)
    if wanted.removesuffix(":latest").lower() == STARTER:
        raise UnknownModel("models.not_pulled", name=STARTER)
    if paths and _is_path(wanted):
        raise UnknownModel("models.no_file", path=wanted)
    if paths and _is_known(wanted):
        raise UnknownModel("models.known_only", model=wanted)
    raise _unknown(wanted, [STARTER, *(one.name for one in store.all()), *(one.name for one in known)])


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


def _is_known(wanted: str) -> bool:
    """Whether the catalogue describes a model of that name, which is not here."""
    from homeroom.models import catalogue

    return catalogue.find(wanted) is not None


def is_a_path(model: str) -> bool:
    """Whether *model* is the path of a file that is there, and not only the name of one."""
    return _file(model.strip()) is not None


def _is_path(wanted: str) -> bool:
    return wanted.lower().endswith(".gguf") or wanted.startswith(("~", ".", "/", "\\")) or "\\" in wanted


def _file(wanted: str) -> Path | None:
    """The existing file that *wanted* is the path of; the first shard of a split model, which must be whole."""
    if not wanted or not (_is_path(wanted) or "/" in wanted or os.sep in wanted):
        return None
    try:
        path = Path(wanted).expanduser().absolute()
        if path.is_dir():
            if _is_path(wanted):
                raise UnknownModel("models.is_folder", path=wanted)
            return None
        if not path.is_file():
            return None
    except (OSError, ValueError, RuntimeError):  # too long, a NUL byte, no such home
        return None
    parts = shards(path)
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        raise UnknownModel("models.shard_missing", path=wanted, missing=", ".join(missing))
    return parts[0]


def _named(path: Path, store: Store, folders: tuple[Path, ...]) -> Resolved:
    """A file by its best name: the store's, else its stem where that alone means it, else its path."""
    for stored in store.all():
        if stored.path == path:
            return Resolved(stored.name, path, stored.sha256)
    known = folder_models(folders)
    for one in known:
        if one.path.absolute() == path and sum(other.name.lower() == one.name.lower() for other in known) == 1:
            return Resolved(one.name, path, None)
    return Resolved(str(path), path, None)


def _unknown(wanted: str, known: Iterable[str]) -> UnknownModel:
    by_case = {name.lower(): name for name in known}
    close = difflib.get_close_matches(wanted.lower(), by_case, n=3, cutoff=0.5)
    if close:
        return UnknownModel("models.unknown_but", model=wanted, close=", ".join(by_case[name] for name in close))
    return UnknownModel("models.unknown", model=wanted)
