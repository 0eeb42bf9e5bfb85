"""What the user types for a model, and the file that it means.

Knows the forms of a name (a stored model, a path, another program's model, a file in a folder of the settings,
``starter``); does not open the file and fetches nothing.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeroom.errors import AmbiguousModel, BadModelFile, UnknownModel
from homeroom.models.addresses import ELSEWHERE, typed
from homeroom.models.folders import shards
from homeroom.models.gguf_reader import reason as reason_of
from homeroom.models.modelfile import Modelfile
from homeroom.models.modelfile import read as read_modelfile
from homeroom.models.store import Store, StoredModel

if TYPE_CHECKING:
    from homeroom.models.neighbours import Neighbour

STARTER: Final = "starter"
HOMEROOM: Final = "homeroom"
"""The keeper of what is in homeroom's own store."""
_OTHERS_FORM: Final = re.compile(r"(huggingface\.co|hf\.co)/", re.IGNORECASE)
_MOST_CHOICES: Final = 12


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model's file on this machine: for a split one its first shard. ``sha256`` where a store knows it."""

    name: str
    path: Path
    sha256: str | None
    keeper: str = ""
    """Whose store it is in: ``homeroom``, ``ollama``, ..., ``folder``; empty for a file by its path."""
    modelfile: Modelfile | None = None


Look = Callable[[], "Sequence[Neighbour]"]
"""Finds the models of other programs; only called where homeroom's own store has no such name."""


def resolve(model: str, store: Store, others: Look = lambda: (), *, paths: bool = True) -> Resolved:
    """The file that *model* means. Without *paths* only names that are listed mean anything, and an error tells
    nothing of other files: for those who ask from elsewhere.

    A stored name comes first (in any case, ``:latest`` may follow), then a path, the whole name of one of *others*, other
    words for a stored model (``pulled``), and last whatever else *others* answer to: ``deepseek-r1:7b`` for Ollama's, a
    file's stem, ``publisher/repository``. Raises UnknownModel, AmbiguousModel, StoreFailure (a broken manifest).
    """
    wanted = model.strip()
    plain = wanted.removesuffix(":latest")
    stored = store.get(wanted) or store.get(plain)
    if stored is not None:
        return of_stored(stored, store)
    if paths and not ELSEWHERE.match(wanted) and (path := _file(wanted)) is not None:
        return _named(path, store, others())
    known = others()
    spoken = {wanted.lower(), plain.lower()}
    found = [one for one in known if one.name.lower() in spoken]
    if not found and (pulled := _pulled(wanted, store)) is not None:
        return of_stored(pulled, store)
    found = found or [one for one in known if spoken & one.aliases]
    own = next((mine for one in found if (mine := store.get(one.name)) is not None), None)
    if own is not None:
        return of_stored(own, store)  # its whole name leads to it, and so do its other names
    if len(found) > 1:
        raise AmbiguousModel("models.ambiguous", model=typed(model), choices=_choices(found))
    if found:
        return of_neighbour(found[0])
    if ELSEWHERE.match(wanted) or _OTHERS_FORM.match(wanted):
        raise UnknownModel("models.not_yet", model=typed(wanted))
    if plain.lower() == STARTER:
        raise UnknownModel("models.not_pulled", name=STARTER)
    if paths and _is_path(wanted):
        raise UnknownModel("models.no_file", path=wanted)
    if paths and _is_known(wanted):
        raise UnknownModel("models.known_only", model=wanted)
    raise _unknown(wanted, [STARTER, *(one.name for one in store.all()), *(one.name for one in known)])


def _pulled(wanted: str, store: Store) -> StoredModel | None:
    from homeroom.models import pulled

    return pulled.stored(wanted, store)


def of_stored(stored: StoredModel, store: Store) -> Resolved:
    """One of homeroom's own, with what Ollama's registry sent along. Raises BadModelFile where that cannot be read."""
    try:
        told = read_modelfile((file.role, store.blob(file.sha256)) for file in stored.files if file.role != "model")
    except (OSError, ValueError) as error:
        path, reason = store.manifest(stored.name), reason_of(error)
        raise BadModelFile("neighbours.bad_manifest", name=stored.name, path=path, reason=reason) from None
    return Resolved(stored.name, stored.path, stored.sha256, HOMEROOM, told)


def of_neighbour(one: Neighbour) -> Resolved:
    """One of another program's."""
    return Resolved(one.name, one.path, one.sha256, one.keeper, one.modelfile)


def _choices(found: Sequence[Neighbour]) -> str:
    names = sorted(one.name for one in found)
    return ", ".join(names[:_MOST_CHOICES] + ["\u2026"] * (len(names) > _MOST_CHOICES))


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


def _named(path: Path, store: Store, known: Sequence[Neighbour]) -> Resolved:
    """A file by its best name: the store's, else the one that another program's store has for it, else its path."""
    for stored in store.all():
        if stored.path == path:
            return of_stored(stored, store)
    found = [one for one in known if one.path.absolute() == path]
    return of_neighbour(found[0]) if found else Resolved(str(path), path, None)


def _unknown(wanted: str, known: Iterable[str]) -> UnknownModel:
    by_case = {name.lower(): name for name in known}
    close = difflib.get_close_matches(wanted.lower(), by_case, n=3, cutoff=0.5)
    if close:
        return UnknownModel("models.unknown_but", model=typed(wanted), close=", ".join(by_case[name] for name in close))
    return UnknownModel("models.unknown", model=typed(wanted))
