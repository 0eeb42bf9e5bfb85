"""The models of other programs on this machine, read where they are: nothing in this package writes a byte.

Knows which stores there are and puts their models side by side; each store's own layout is in the module of its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from homeroom.errors import BadModelFile
from homeroom.models.modelfile import Modelfile
from homeroom.models.neighbours import huggingface, llama_cpp, lmstudio, modelscope, ollama, user_folders
from homeroom.models.neighbours.neighbour import Keeper, Neighbour

if TYPE_CHECKING:
    from homeroom.settings import Settings

__all__ = ["STORES", "TITLES", "Keeper", "Neighbour", "Survey", "neighbours", "survey"]


class Store(Protocol):
    """What the module of a store has."""

    def roots(self, environment: Mapping[str, str], /) -> tuple[Path, ...]: ...
    def models(self, environment: Mapping[str, str], /) -> Iterator[Neighbour | BadModelFile]: ...


STORES: Final[Mapping[str, Store]] = {
    "ollama": ollama,
    "lmstudio": lmstudio,
    "huggingface": huggingface,
    "llama.cpp": llama_cpp,
    "modelscope": modelscope,
}
TITLES: Final[Mapping[str, str]] = {
    "ollama": "Ollama",
    "lmstudio": "LM Studio",
    "huggingface": "Hugging Face",
    "llama.cpp": "llama.cpp",
    "modelscope": "ModelScope",
}


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found: each model once, no two of one name, and the error of what cannot be used."""

    models: tuple[Neighbour, ...] = ()
    broken: tuple[BadModelFile, ...] = ()


def neighbours(settings: Settings, environment: Mapping[str, str] | None = None) -> list[Neighbour]:
    """The models of all stores that the setting ``stores`` names and of the folders in ``model_folders``."""
    return list(survey(settings, environment).models)


def survey(settings: Settings, environment: Mapping[str, str] | None = None) -> Survey:
    """As ``neighbours``, and what is broken. No file of a model is opened; *environment* is by default this process's."""
    environment = os.environ if environment is None else environment
    stores = [store for name, store in STORES.items() if name in settings.stores]
    models: list[Neighbour] = []
    broken: list[BadModelFile] = []
    for one in (one for store in stores for one in store.models(environment)):
        if isinstance(one, BadModelFile):
            broken.append(one)
        else:
            models.append(one)
    within = _resolved([*settings.model_folders, *(root for store in stores for root in store.roots(environment))])
    for one in [one for one in models if not _inside(one.paths, within)]:
        models.remove(one)
        broken.append(BadModelFile("neighbours.leads_out", name=one.name, path=one.path))
    return Survey(tuple(_once([*models, *user_folders.models(settings.model_folders)])), tuple(broken))


def _resolved(folders: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        try:
            found.append(folder.resolve())
        except (OSError, RuntimeError, ValueError):  # a circle of links, a NUL
            continue
    return found


def _inside(paths: tuple[Path, ...], folders: list[Path]) -> bool:
    """Whether each of *paths* ends, links followed, in one of the stores: LM Studio's may lead into Ollama's."""
    try:
        ends = [path.resolve(strict=True) for path in paths]
    except (OSError, RuntimeError):
        return False
    return all(any(end.is_relative_to(folder) for folder in folders) for end in ends)


def _once(models: Iterable[Neighbour]) -> Iterator[Neighbour]:
    """*models* with every file once, which then answers to all its names, and every name once: the first has it. One
    whose name could do something to a terminal has none that anybody could type.

    Two names for one file are two models where their Modelfiles differ, and where only one of them puts in words.
    """
    found: dict[str, Neighbour] = {}
    by_file: dict[tuple[int, int], list[str]] = {}
    for one in models:
        try:
            status = one.path.stat()
        except OSError:  # gone since
            continue
        same = by_file.setdefault((status.st_dev, status.st_ino), [])
        twin = next((name for name in same if _alike(found[name].modelfile, one.modelfile)), None)
        if twin is not None:
            first = found[twin]
            found[twin] = replace(first, aliases=first.aliases | one.aliases | {one.name.lower()})
        elif one.name.lower() not in found and one.name.isprintable():
            found[one.name.lower()] = one
            same.append(one.name.lower())
    yield from found.values()


def _alike(first: Modelfile | None, second: Modelfile | None) -> bool:
    return first == second or (second is None and first is not None and not first.speaks)
