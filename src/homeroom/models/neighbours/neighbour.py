"""One model of another program, and what the readers of all stores share.

Knows how such a model is named and which files make it; does not know any program's folders.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from homeroom import kept
from homeroom.models import labels
from homeroom.models.folders import FolderModel, folder_models, model_stem
from homeroom.models.modelfile import Modelfile

Keeper = Literal["ollama", "lmstudio", "huggingface", "llama.cpp", "modelscope", "folder"]

LARGEST_JSON: Final = 1 << 20
_NO_MODELS: Final = ("mmproj", "mtp-", "eagle3-", "dflash-", "dspark-")
"""How files begin that only help a model: llama.cpp passes over the same (``common_list_cached_models``)."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A model that another program keeps; its files are read where they are and never written."""

    name: str
    """What the user types: ``ollama:deepseek-r1:7b``, ``hf:ORG/REPO:Q4_K_M``; a file's stem for one in a folder."""
    keeper: Keeper
    paths: tuple[Path, ...]
    """The GGUF, or all shards of a split one in order."""
    bytes: int
    sha256: str | None = None
    """Where the store's own file names say it."""
    modelfile: Modelfile | None = None
    aliases: frozenset[str] = frozenset()
    """Every name that it answers to, in lower case."""

    @property
    def path(self) -> Path:
        return self.paths[0]


def user_home(environment: Mapping[str, str]) -> Path:
    """The home of the user whose *environment* it is; a folder that does not exist where there is none."""
    given = environment.get("USERPROFILE" if os.name == "nt" else "HOME", "")
    try:
        return Path(given) if given else Path.home()
    except RuntimeError:
        return Path("/nonexistent")


def chosen(environment: Mapping[str, str], name: str) -> Path | None:
    """The folder that the variable *name* gives, ``~`` and other variables resolved; None where it gives none."""
    given = environment.get(name, "").strip()
    if not given:
        return None
    try:
        return Path(os.path.expandvars(given)).expanduser()
    except RuntimeError:
        return None


def read_json(path: Path) -> Any:
    """The JSON of a small file. Raises OSError, and ValueError for one that is none, too large or no file at all."""
    return kept.read_json(path, LARGEST_JSON)


def folders_in(folder: Path) -> Iterator[Path]:
    """The folders right under *folder* by name, links to folders last, but for hidden ones; none where it cannot be read."""
    try:
        found = [entry for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith(".")]
        found.sort(key=lambda entry: (entry.is_symlink(), entry.name))
    except (OSError, ValueError):  # a NUL in a path that a file of settings names
        return
    yield from (folder / entry.name for entry in found)


def models_in(folder: Path) -> list[FolderModel]:
    """The GGUF models under *folder*, whole ones, none in a hidden folder, none that only helps another."""
    found = folder_models((folder,))
    return [one for one in found if not _helps(one.path.name) and not _hidden(one.path.relative_to(folder))]


def _helps(name: str) -> bool:
    return name.lower().startswith(_NO_MODELS) or bool({"projector", "imatrix"} & set(labels.read(name).roles))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def of_repository(
    keeper: Keeper, prefix: str, repository: str, folder: Path, *, also: Sequence[str] = (), sha256: bool = False
) -> Iterator[Neighbour]:
    """The models of *repository* (``ORG/REPO``) that lie in *folder*, named ``PREFIX:ORG/REPO:CHOICE``.

    CHOICE is the quantization where that tells it from the others, else the file; none where it is all there is and its
    name does not say. *also*: other prefixes that it answers to. With *sha256* a file is a link to one named by its digest.
    """
    files = models_in(folder)
    kinds = [_kind(one.path.relative_to(folder)) for one in files]
    often = Counter(kinds)
    for one, kind in zip(files, kinds, strict=True):
        below = one.path.relative_to(folder)
        whole = below.with_name(f"{model_stem(one.path)}.gguf").as_posix()
        choice = kind if kind and often[kind] == 1 else whole if kind or len(files) > 1 else ""
        spoken = {
            choice,
            kind or "",
            below.name,
            below.as_posix(),
            whole,
            whole[: -len(".gguf")],
            model_stem(one.path),
            "",
        }
        names = {f"{repository}:{word}" if word else repository for word in spoken}
        names |= {f"{start}:{name}" for start in (prefix, *also) for name in names}
        names |= {f"{repository}/{below.as_posix()}", model_stem(one.path), below.name}
        yield Neighbour(
            name=f"{prefix}:{repository}" + (f":{choice}" if choice else ""),
            keeper=keeper,
            paths=one.paths,
            bytes=one.bytes,
            sha256=_digest(one.path) if sha256 and len(one.paths) == 1 else None,
            aliases=frozenset(name.lower() for name in names),
        )


def _kind(path: Path) -> str | None:
    """The quantization that a file's name says, else that of the folder it lies in, as hubs write them."""
    return labels.read(path.name).quantization or labels.read(path.parent.name).quantization


def _digest(path: Path) -> str | None:
    try:
        name = path.resolve().name
    except OSError:
        return None
    return name if len(name) == 64 and not set(name) - set("0123456789abcdef") else None
